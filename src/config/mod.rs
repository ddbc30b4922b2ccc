//! The configuration: layers of text in, one typed and checked [`Config`] out.
//!
//! The layers are the compiled-in `config/belfry.toml`, which holds every key, then a file, then
//! `BELFRY_SECTION__KEY` environment variables. An unknown key or a bad value is refused, all of
//! them at once, each with its place and what would be right. Secrets are never repeated.

mod agree;
mod environment;
mod error;
mod layers;
mod read;
mod section;
mod show;
mod syntax;
mod tree;
mod types;

pub use error::ConfigErrors;
pub use layers::{BUILT_IN, Layers, Loaded};
pub use types::*;

#[cfg(test)]
mod tests;
