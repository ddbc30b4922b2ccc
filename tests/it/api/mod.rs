//! The HTTP API over the real router and a real SQLite file, under a clock that tests move.

mod check;
mod start;
mod world;
