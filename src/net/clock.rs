//! The only clock: everything else is told the time.
#![expect(clippy::disallowed_methods, reason = "this is the clock")]

use crate::time::{Instant, UnixMillis};
use std::time::{SystemTime, UNIX_EPOCH};

/// Reads the operating system's clocks. Copies agree with each other.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: std::time::Instant,
}

impl Clock {
    /// A clock whose [`Instant::ZERO`] is now.
    pub fn start() -> Self {
        Clock { started: std::time::Instant::now() }
    }

    /// Monotonic time, for deadlines.
    pub fn now(&self) -> Instant {
        Instant::ZERO + self.started.elapsed()
    }

    /// Wall-clock time, for what is stored or shown.
    pub fn unix(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// The same moment for the runtime's timers.
    pub(super) fn to_tokio(self, at: Instant) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.started + at.since(Instant::ZERO))
    }
}
