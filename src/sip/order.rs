//! What the owner of the user agent orders, and how the agent is set up.

use super::sdp::Offer;
use crate::id::AttemptId;
use crate::secret::Redacted;
use crate::time::Duration;
use std::net::{IpAddr, SocketAddr};

/// The base timers of RFC 3261 §17 (table 4); all others follow from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerConfig {
    /// The estimate of a round trip: first retransmission.
    pub t1: Duration,
    /// The longest gap between retransmissions of anything but an INVITE.
    pub t2: Duration,
    /// How long a message may stay in the network.
    pub t4: Duration,
}

impl Default for TimerConfig {
    fn default() -> Self {
        let (t1, t2, t4) = (500, 4_000, 5_000);
        TimerConfig {
            t1: Duration::from_millis(t1),
            t2: Duration::from_millis(t2),
            t4: Duration::from_millis(t4),
        }
    }
}

impl TimerConfig {
    /// 64·T1: how long a transaction waits for its other side.
    pub fn give_up(&self) -> Duration {
        self.t1 * 64
    }
}

/// How the user agent presents itself.
#[derive(Debug, Clone)]
pub struct UserAgentConfig {
    /// The address peers reach us at: written into Via and Contact.
    pub local: SocketAddr,
    /// The `User-Agent` we send, such as `Belfry/0.1`.
    pub user_agent: String,
    /// Retransmission timers.
    pub timers: TimerConfig,
    /// Addresses whose requests are refused politely even while no call goes there, such as a PBX
    /// that checks on us with OPTIONS. Everyone else's are dropped silently.
    pub trunk_addresses: Vec<IpAddr>,
}

/// Name and password of an account, for digest authentication.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account at the trunk.
    pub username: String,
    /// Its password.
    pub password: Redacted<String>,
}

/// One outgoing call.
#[derive(Debug, Clone)]
pub struct InviteOrder {
    /// Names the call in everything that follows.
    pub call: AttemptId,
    /// Where datagrams go: the trunk, already resolved.
    pub target: SocketAddr,
    /// Whom to call, such as `sip:+3225805000@pbx.example;user=phone`.
    pub request_uri: Redacted<String>,
    /// Who calls: a URI, or `"Name" <URI>`, without tag.
    pub from: String,
    /// Who is called: a URI, or `"Name" <URI>`, without tag.
    pub to: Redacted<String>,
    /// The account, if the trunk asks for one.
    pub credentials: Option<Credentials>,
    /// Further header fields of the INVITE, such as `P-Asserted-Identity` or a preset `Route`.
    /// Names the user agent writes itself are left out.
    pub headers: Vec<(String, String)>,
    /// The audio stream we offer.
    pub offer: Offer,
    /// How long to wait for any provisional response.
    pub setup_timeout: Duration,
    /// How long it may ring: from the first 18x (or, while there is none, the 100) to the final
    /// response. Then the call is cancelled.
    pub ring_timeout: Duration,
}
