//! What a call needs from its user agent to act: the time, the configuration, randomness, the way
//! out.

use super::counters::Counters;
use super::order::UserAgentConfig;
use super::transaction::Outbox;
use crate::entropy::Entropy;
use crate::time::Instant;

/// The methods we understand, as `Allow` lists them (RFC 3261 §20.5).
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE";

pub(super) struct Context<'a> {
    pub now: Instant,
    pub config: &'a UserAgentConfig,
    pub entropy: &'a mut Entropy,
    pub out: &'a mut Outbox,
    pub counters: &'a mut Counters,
}

impl Context<'_> {
    /// A new branch, with the mark of RFC 3261 §8.1.1.7 in front.
    pub fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.entropy.token::<10>())
    }

    /// The Via value of a request of ours (RFC 3581 §3).
    pub fn via(&self, branch: &str) -> String {
        format!("SIP/2.0/UDP {};branch={branch};rport", self.config.local)
    }

    /// The Contact value of our requests and responses.
    pub fn contact(&self) -> String {
        format!("<sip:belfry@{}>", self.config.local)
    }
}
