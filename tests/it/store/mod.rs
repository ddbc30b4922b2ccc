//! The conformance suite of the store: what every database under it must do.

mod flow;
mod world;
