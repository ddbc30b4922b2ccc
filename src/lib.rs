#![doc = include_str!("ARCHITECTURE.md")]

// Values: types and parsing only.
pub mod entropy;
pub mod id;
pub mod number;
pub mod reason;
pub mod secret;
pub mod time;

// Core: deterministic rules and machines.
pub mod verify;

// Top: the terminal, the configuration, the loops.
pub mod config;

// Core: one call and all of them.
pub mod call;
pub mod sip;
