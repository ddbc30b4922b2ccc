//! What was thrown away or refused, and why: counted, never answered with an error of ours.

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Datagrams that are no SIP message we can work with.
    pub garbage: u64,
    /// Empty datagrams: keep-alives.
    pub keep_alives: u64,
    /// Requests from an address that is no trunk's: dropped silently.
    pub strangers: u64,
    /// Requests of a trunk outside any dialog: refused.
    pub refused: u64,
    /// Requests of a trunk not even refused, because there were too many in one second.
    pub refusals_spared: u64,
    /// Responses that belong to no transaction of ours.
    pub stray_responses: u64,
    /// Requests inside a dialog that were answered with a failure.
    pub dialog_refusals: u64,
    /// Forks, early dialogs or requests beyond what one call may have.
    pub over_limit: u64,
    /// Session descriptions in provisional responses or requests that we could not use.
    pub unusable_sdp: u64,
}
