//! What the user agent tells its owner: messages to send, and what became of each call.

use super::sdp;
use super::wire::Cause;
use crate::id::AttemptId;
use crate::time::Duration;
use std::fmt;
use std::net::SocketAddr;

/// Something for the owner to do or to know.
#[derive(Clone, PartialEq, Eq)]
pub enum UserAgentOutput {
    /// Send this datagram from our SIP socket.
    Transmit {
        /// Where to.
        destination: SocketAddr,
        /// What. Holds the number called; never log it.
        datagram: Vec<u8>,
    },
    /// Something happened to a call.
    Event {
        /// Which call.
        call: AttemptId,
        /// What happened.
        event: CallSignal,
    },
}

impl fmt::Debug for UserAgentOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UserAgentOutput::Transmit { destination, datagram } => {
                write!(f, "Transmit({} bytes to {destination})", datagram.len())
            }
            UserAgentOutput::Event { call, event } => write!(f, "Event({call}, {event:?})"),
        }
    }
}

/// How a call goes. `Failed` and `Ended` are the last word on it; exactly one of them comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallSignal {
    /// The peer has our INVITE (100, or any other first provisional response). Once.
    Trying,
    /// It rings (180). Once.
    Ringing,
    /// Audio may come before the answer (a session description in a provisional response).
    EarlyMedia(sdp::Answer),
    /// The call goes elsewhere (181). Once.
    Forwarded,
    /// Somebody answered: the 2xx was seen and acknowledged. On an error the owner must hang up.
    Answered(Result<sdp::Answer, sdp::AnswerError>),
    /// The peer changed the stream (re-INVITE or UPDATE), and was answered 200.
    MediaChanged(sdp::Answer),
    /// The peer hung up, and was answered 200. `Ended` follows at once.
    ByeReceived(Cause),
    /// No dialog came to be. Nothing follows.
    Failed(Failure),
    /// The answered call is over on both sides; its name may be forgotten.
    Ended,
}

/// How a call failed before it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of end it was.
    pub kind: FailureKind,
    /// The final response, if one came.
    pub status: Option<u16>,
    /// What the far end's network says about it.
    pub cause: Cause,
    /// The text of a `Warning`.
    pub warning: Option<String>,
    /// How long the peer asks us to stay away.
    pub retry_after: Option<Duration>,
}

/// What kind of end an unanswered call had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// A final response of the peer's: see its status.
    Status,
    /// Nothing was heard at all.
    SetupTimeout,
    /// It rang for the whole ring timeout, and we cancelled.
    RingTimeout,
    /// The owner hung up before the answer.
    Canceled,
    /// The network says that the peer cannot be reached.
    Transport,
    /// The credentials were not taken, or there are none.
    AuthRejected,
    /// The peer asks for a kind of authentication we do not have.
    UnsupportedAuth,
}
