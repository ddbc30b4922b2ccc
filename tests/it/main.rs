//! Belfry as a stranger uses it: through its library, its sockets and its program.

mod api;
mod cli;
mod sim;
mod store;
mod wire;
