//! One outgoing call and all of them: dialog, media and script put together, sans-IO.
//!
//! The engine takes a [`CallOrder`] and gives events that end in one [`Receipt`]. What is left out:
//! which call to place and what follows from its end (`gateway`, `verify`), sockets and clock (`net`).

mod order;
mod receipt;

pub use order::{CallEvent, CallEventKind, CallOrder, EngineCommand, Pauses, ScriptPolicy};
pub use receipt::{Delivery, Receipt};
