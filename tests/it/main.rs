//! Belfry as a stranger uses it: through its library, its sockets and its program.

mod cli;
mod store;
