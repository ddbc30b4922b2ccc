//! The HTTP API over the real router and a real SQLite file, under a clock that tests move.

mod access;
mod calls;
mod check;
mod idempotency;
mod leaks;
mod reading;
mod shape;
mod sockets;
mod start;
mod world;
