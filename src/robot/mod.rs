//! The built-in scripted answering phone, and its ear.

pub mod ear;
#[cfg(test)]
mod line;
