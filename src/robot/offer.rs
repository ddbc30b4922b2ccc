//! The phone's own reading of an SDP offer and its answer in literal text (RFC 3264, RFC 4566).

use super::message::Message;
use crate::media::Codec;
use std::net::{IpAddr, SocketAddr};

/// What was agreed for the audio of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Where the caller wants its RTP.
    pub remote: SocketAddr,
    /// The law of the audio.
    pub codec: Codec,
    /// The payload type of RFC 4733 events at 8 kHz, if offered.
    pub telephone_event: Option<u8>,
}

impl Agreed {
    /// Picks from the offer in an INVITE: `prefer` if it is offered, else the first G.711.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the offer.
    pub fn from_offer(invite: &Message, prefer: Option<Codec>) -> Result<Self, String> {
        if invite.header("Content-Type") != Some("application/sdp") {
            return Err("the INVITE has no SDP".to_owned());
        }
        let text = std::str::from_utf8(&invite.body).map_err(|_| "the SDP is not UTF-8")?;
        let lines = || text.split("\r\n");
        if !text.starts_with("v=0\r\no=") || !text.ends_with("\r\n") {
            return Err("the SDP does not start with v= and o=, or does not end a line".to_owned());
        }
        let address = lines().filter_map(|line| line.strip_prefix("c=IN IP4 ")).last();
        let address: IpAddr =
            address.and_then(|text| text.parse().ok()).ok_or("the SDP has no c= with IPv4")?;
        let media = lines().find_map(|line| line.strip_prefix("m=audio ")).ok_or("no m=audio")?;
        let mut words = media.split(' ');
        let port: u16 = words.next().and_then(|port| port.parse().ok()).ok_or("no audio port")?;
        if words.next() != Some("RTP/AVP") {
            return Err("the audio is not RTP/AVP".to_owned());
        }
        let offered: Vec<u8> = words.filter_map(|word| word.parse().ok()).collect();
        let wanted = prefer.filter(|codec| offered.contains(&codec.payload_type()));
        let codec = wanted.or_else(|| offered.iter().find_map(|&o| Codec::from_payload_type(o)));
        let event = lines().find_map(|line| {
            let (payload_type, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
            (name == "telephone-event/8000").then(|| payload_type.parse().ok())?
        });
        Ok(Agreed {
            remote: SocketAddr::new(address, port),
            codec: codec.ok_or("no G.711 is offered")?,
            telephone_event: event.filter(|event| offered.contains(event)),
        })
    }

    /// The answer that says so, from a phone that wants its RTP at `local`.
    pub fn answer(&self, local: SocketAddr) -> String {
        let (ip, port, codec) = (local.ip(), local.port(), self.codec.payload_type());
        let name = match self.codec {
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
        };
        let (list, lines) = match self.telephone_event {
            Some(event) => (
                format!("{codec} {event}"),
                format!("a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-15\r\n"),
            ),
            None => (codec.to_string(), String::new()),
        };
        format!(
            "v=0\r\no=robot 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {list}\r\na=rtpmap:{codec} {name}/8000\r\n{lines}\
             a=ptime:20\r\na=sendrecv\r\n"
        )
    }
}
