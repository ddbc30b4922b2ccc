//! A trunk: the account at a carrier or PBX over which calls are placed.

use crate::number::Number;
use crate::secret::Redacted;
use crate::sip::Credentials;
use crate::time::Duration;
use std::net::SocketAddr;

/// How to place calls on one trunk.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// The name the configuration gives it.
    pub name: String,
    /// Where its SIP requests go.
    pub target: SocketAddr,
    /// Host part of its SIP URIs, with the port if one was configured.
    pub host: String,
    /// Digest credentials, if it asks for them.
    pub credentials: Option<Credentials>,
    /// User part of our From header: the number shown to the person called, or the account name.
    pub caller_id: String,
    /// How it wants numbers written.
    pub number_format: NumberFormat,
    /// How long it may take to the first provisional response to an INVITE.
    pub setup_timeout: Duration,
    /// The most calls at once.
    pub channels_max: usize,
}

/// How a trunk wants the number called to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumberFormat {
    /// `+3225805000`
    #[default]
    E164Plus,
    /// `3225805000`
    E164,
    /// `003225805000`
    International00,
}

impl Trunk {
    /// The Request-URI of a call to `to`.
    pub fn request_uri(&self, to: &Number) -> Redacted<String> {
        let digits = &to.expose()[1..];
        let user = match self.number_format {
            NumberFormat::E164Plus => format!("+{digits}"),
            NumberFormat::E164 => digits.to_owned(),
            NumberFormat::International00 => format!("00{digits}"),
        };
        Redacted::new(format!("sip:{user}@{}", self.host))
    }

    /// The URI of our From header.
    pub fn from_uri(&self) -> String {
        format!("sip:{}@{}", self.caller_id, self.host)
    }
}
