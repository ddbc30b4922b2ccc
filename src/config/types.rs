//! What the configuration says, as types: every value checked, every unit in its type.
//!
//! Plain data, made once at start by [`super::load`]. `config/belfry.toml` says for each field what
//! it is for, in which range, and why the default is what it is.

use crate::secret::Redacted;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The whole configuration of one gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The HTTP API.
    pub http: Http,
    /// Where everything is kept.
    pub database: Database,
    /// Key material kept outside the database.
    pub secrets: Secrets,
    /// The SIP user agent.
    pub sip: Sip,
    /// The audio of the calls.
    pub rtp: Rtp,
    /// Accounts at carriers or PBXs, by name. At least one.
    pub trunks: BTreeMap<String, Trunk>,
    /// Applications that ask for verifications, by name. At least one.
    pub services: BTreeMap<String, Service>,
    /// The course of every call.
    pub calls: Calls,
    /// The recorded clips.
    pub prompts: Prompts,
    /// What is logged, and how.
    pub log: Log,
    /// How the gateway stops.
    pub shutdown: Shutdown,
}

/// The HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// How long a client may take to send its request's head.
    pub header_timeout: Duration,
    /// How long a client may take to send its request's body.
    pub body_timeout: Duration,
    /// How many connections may be open at once.
    pub connections_max: usize,
    /// How long a connection may live.
    pub connection_age_max: Duration,
}

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// `sqlite:PATH`.
    pub url: Redacted<String>,
    /// How long a writer waits for its turn.
    pub busy_timeout: Duration,
    /// Connections that read.
    pub connections: u32,
}

/// Key material kept outside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The file of the master key; created on first start.
    pub key_file: PathBuf,
}

/// The SIP user agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sip {
    /// The local UDP address.
    pub listen: SocketAddr,
    /// The address told to peers, or `None` to use the local one a trunk is reached from.
    pub advertised: Option<SocketAddr>,
    /// RFC 3261 T1, the round-trip estimate.
    pub t1: Duration,
    /// RFC 3261 T2, the longest interval between retransmissions.
    pub t2: Duration,
    /// RFC 3261 T4, how long a message may stay in the network.
    pub t4: Duration,
    /// The `User-Agent` header.
    pub user_agent: String,
}

/// The audio of the calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rtp {
    /// The local address audio is sent from and received on.
    pub listen: IpAddr,
    /// The address told to peers in SDP, or `None` to use the one SIP tells them.
    pub advertised: Option<IpAddr>,
    /// The lowest port, even.
    pub port_min: u16,
    /// The highest port.
    pub port_max: u16,
    /// How long a port rests after a call before the next call may have it.
    pub quarantine: Duration,
    /// How many threads send and receive audio.
    pub workers: usize,
}

/// An account at a carrier or PBX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// Where calls are sent.
    pub uri: TrunkUri,
    /// What digest challenges are answered with.
    pub credentials: Option<TrunkCredentials>,
    /// The user part of `From`: what the called person sees.
    pub caller_id: String,
    /// How the called number is written.
    pub number_format: NumberFormat,
    /// How long to wait for any sign of life after the INVITE.
    pub setup_timeout: Duration,
    /// How many calls may be up at once.
    pub channels_max: usize,
}

/// `sip:HOST[:PORT]` of a trunk; UDP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkUri {
    /// A domain name or an IP address, without the brackets of IPv6.
    pub host: String,
    /// The UDP port.
    pub port: u16,
}

impl fmt::Display for TrunkUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "sip:[{}]:{}", self.host, self.port)
        } else {
            write!(f, "sip:{}:{}", self.host, self.port)
        }
    }
}

/// User name and password of a trunk, for digest authentication (RFC 3261 §22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkCredentials {
    /// The user name the trunk knows us by.
    pub username: String,
    /// Its password.
    pub password: Redacted<String>,
}

/// How a trunk wants the called number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFormat {
    /// `+3225805000`.
    E164Plus,
    /// `3225805000`.
    E164,
}

impl NumberFormat {
    /// Every format with its word in the configuration.
    pub const WORDS: &[(&str, NumberFormat)] =
        &[("e164_plus", NumberFormat::E164Plus), ("e164", NumberFormat::E164)];
}

/// An application that asks for verifications, and its policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The name people know the application by.
    pub brand: String,
    /// The language of its calls when a request names none, a BCP 47 tag.
    pub locale: String,
    /// The country national numbers are read in, or `None` to take international ones only.
    pub default_region: Option<String>,
    /// The names of its trunks in the order they are tried; never empty.
    pub trunks: Vec<String>,
    /// The countries it may call, ISO 3166-1 alpha-2; never empty.
    pub countries: Vec<String>,
    /// Digits in a code, 6 to 10.
    pub code_length: u8,
    /// How long a verification may be approved.
    pub ttl: Duration,
    /// How many codes a person may enter, 1 to 5.
    pub checks_max: u8,
    /// How many calls one verification may cause, the first included.
    pub sends_max: u8,
    /// How long after a call's end the next may follow: after the first, the second and so on; the
    /// last holds for all that follow.
    pub resend_after: Vec<Duration>,
    /// How many digits a person presses before the code is read; 0 reads it to whoever answers.
    pub human_check_digits: u8,
    /// How many times the code is read.
    pub readings: u8,
    /// How many more times it is read to a person who presses the repeat key.
    pub repeats_on_request: u8,
    /// How long it rings.
    pub ring_timeout: Duration,
    /// The silences of a call.
    pub pauses: Pauses,
}

/// The silences of a call, each a whole number of 20 ms frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// Between two digits.
    pub digit: Duration,
    /// Between two groups of digits.
    pub group: Duration,
    /// Between two sentences.
    pub sentence: Duration,
    /// Before and after the key that the human check asks for.
    pub around_check_digit: Duration,
    /// Between "your code is" and the first digit.
    pub before_code: Duration,
    /// Between two readings.
    pub between_readings: Duration,
}

/// The course of every call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    /// The most calls at once on this gateway.
    pub calls_max: usize,
    /// Silence between the answer and the first word.
    pub lead_in: Duration,
    /// How long to wait for a key after each prompt of the human check.
    pub human_check_timeout: Duration,
    /// How many times the human check is asked.
    pub human_check_prompts: u8,
    /// How long to wait for the repeat key after it was offered.
    pub repeat_wait: Duration,
    /// The longest a call may last from its answer.
    pub call_max: Duration,
}

/// The recorded clips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompts {
    /// A folder of prompt sets that replace or add to the shipped ones.
    pub dir: Option<PathBuf>,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Lines for people or for machines.
    pub format: LogFormat,
    /// `LEVEL[,MODULE=LEVEL…]`.
    pub level: String,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A line a person reads.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Every format with its word in the configuration.
    pub const WORDS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];
}

/// How the gateway stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shutdown {
    /// How long live calls may go on after SIGTERM before they are hung up.
    pub drain: Duration,
}
