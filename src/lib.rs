#![doc = include_str!("ARCHITECTURE.md")]

// Values: types and parsing only.
pub mod entropy;
pub mod id;
pub mod number;
pub mod reason;
pub mod secret;
pub mod time;

// Core: deterministic rules and machines.
pub mod call;
pub mod media;
pub mod sip;
pub mod verify;

// SQL.
pub mod store;

// Acts: what the product does, one verb a file.
pub mod gateway;

// Edges: HTTP, sockets, the clock.
pub mod api;
pub mod net;
pub mod robot;

// Top: the terminal, the configuration, the loops.
pub mod app;
pub mod cli;
pub mod config;
pub mod telemetry;
