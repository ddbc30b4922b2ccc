//! What one client may cost: sizes, times and connections of the HTTP edge.

use crate::time::Duration;

/// Bounds of the HTTP edge; every one holds for each client alone or for all together as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// How long a client may take to send a request's head; also how long a connection may idle.
    pub header_timeout: Duration,
    /// How long a client may take to send a request's body.
    pub body_timeout: Duration,
    /// How many connections may be open at once; further ones wait to be accepted.
    pub connections_max: usize,
    /// How long a connection may live; then it is closed after the request it is at.
    pub connection_age_max: Duration,
    /// How long requests that are running may go on once the gateway stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_bytes_max: 64 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            connections_max: 1_024,
            connection_age_max: Duration::from_secs(600),
            drain: Duration::from_secs(10),
        }
    }
}
