//! How a phone is set up.

use super::behaviour::{Behaviour, Challenge};
use super::ear::Templates;
use crate::media::Codec;
use crate::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

/// What holds for all calls of one phone.
pub struct Settings {
    /// The address of its SIP socket.
    pub sip: SocketAddr,
    /// The script of each call; `None` to let the called number choose.
    pub behaviour: Option<Behaviour>,
    /// How long it rings before it is picked up.
    pub ring: Duration,
    /// The password callers must know, if any.
    pub challenge: Option<Challenge>,
    /// The law it prefers; `None` for what is offered first.
    pub codec: Option<Codec>,
    /// What the ten recordings sound like.
    pub templates: Arc<Templates>,
}
