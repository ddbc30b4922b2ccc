//! One outgoing call and all of them: dialog, media and script put together, sans-IO.
//!
//! [`Engine`] takes a [`CallOrder`] and gives events that end in one [`Receipt`]. What is left out:
//! which call to place and what follows from its end (`gateway`, `verify`), sockets and clock
//! (`net`).

#[expect(clippy::module_inception, reason = "the call is what this folder is about")]
mod call;
mod engine;
mod order;
mod outcome;
mod ports;
mod receipt;
mod script;
mod track;
mod trunk;

pub use engine::{Engine, EngineConfig, EngineOutput};
pub use order::{CallEvent, CallEventKind, CallOrder, EngineCommand, Pauses, ScriptPolicy};
pub use receipt::{Delivery, Receipt};
pub use trunk::{NumberFormat, Trunk};
