//! The configuration: three layers of text in, one typed and checked [`Config`] out.

mod types;

pub use types::*;
