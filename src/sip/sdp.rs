//! Session descriptions: our offer, the peer's answer, and the peer's later offers (RFC 3264, RFC
//! 8866).
//!
//! One audio stream of G.711 with telephone events. Of what a peer wrote only the lines that decide
//! the stream are read (`c=`, `m=`, `a=`), so that no odd `o=`, `t=` or `b=` line fails a call. The
//! only place that names `sdp-types`. Left out: SRTP, ICE, video, fax.

use sdp_types::{Attribute, Connection, Media, Origin, Session, Time};
use std::net::{IpAddr, SocketAddr};

/// The media type of a session description.
pub const CONTENT_TYPE: &str = "application/sdp";

/// The longest session description read, in bytes.
const SDP_BYTES_MAX: usize = 16_384;

/// A codec with a static payload type (RFC 3551 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// G.711 A-law, payload type 8.
    Pcma,
    /// G.711 µ-law, payload type 0.
    Pcmu,
}

impl Codec {
    /// The static RTP payload type.
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcma => 8,
            Codec::Pcmu => 0,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
        }
    }
}

/// What may flow, seen from our side: the mirror of the attribute the peer wrote (RFC 3264 §6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both send.
    SendRecv,
    /// We send, the peer only listens.
    SendOnly,
    /// The peer sends, we must be silent.
    RecvOnly,
    /// Nobody sends.
    Inactive,
}

impl Direction {
    /// Whether we may send.
    pub const fn may_send(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    const fn attribute(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// Our side of what the peer wrote.
    fn mirror(attribute: &str) -> Option<Self> {
        match attribute {
            "sendrecv" => Some(Direction::SendRecv),
            "sendonly" => Some(Direction::RecvOnly),
            "recvonly" => Some(Direction::SendOnly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        }
    }
}

/// The stream we offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Where the peer's RTP shall go.
    pub address: IpAddr,
    /// The RTP port.
    pub port: u16,
    /// Names the session in `o=`; any number.
    pub session_id: u64,
    /// The codecs, preferred first.
    pub codecs: Vec<Codec>,
    /// The payload type for RFC 4733 events, 96–127, if they are wanted. The peer sends us this
    /// one.
    pub telephone_event: Option<u8>,
    /// Milliseconds of audio in a packet.
    pub ptime_ms: u16,
}

/// What was agreed: the peer's side of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where our RTP goes. The address may be 0.0.0.0 in an old-style hold; the direction says so
    /// too.
    pub remote: SocketAddr,
    /// The codec to send: the peer's first choice among ours.
    pub codec: Codec,
    /// The payload type the peer wants events under, if it takes any. It sends them under the one
    /// we offered (RFC 3264 §5.1), which nearly always is the same.
    pub telephone_event: Option<u8>,
    /// Milliseconds of audio the peer wants in a packet; our own when it does not say.
    pub ptime_ms: u16,
    /// What may flow, seen from our side.
    pub direction: Direction,
}

/// Why a session description is of no use to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The message that must carry one carries none.
    #[error("no session description")]
    Missing,
    /// It cannot be read.
    #[error("an unreadable session description")]
    Malformed,
    /// No audio stream, or a refused one (port 0).
    #[error("no audio stream, or a refused one")]
    NoAudio,
    /// Not plain RTP: `RTP/SAVP` and others.
    #[error("a media transport we did not offer")]
    WrongTransport,
    /// None of the codecs we offered.
    #[error("no codec in common")]
    NoUsableCodec,
    /// A host name, or no address at all, where the address belongs.
    #[error("no usable address for the audio")]
    NoAddress,
}

impl Offer {
    /// The session description to send with an INVITE.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes_of(0)
    }

    /// The same offer made again later in the session; `version` counts our descriptions from 0.
    pub fn to_bytes_of(&self, version: u64) -> Vec<u8> {
        let mut formats: Vec<u8> = self.codecs.iter().map(|codec| codec.payload_type()).collect();
        formats.extend(self.telephone_event);
        let audio = self.audio(&self.codecs, &formats, self.telephone_event, Direction::SendRecv);
        self.session(version, vec![audio])
    }

    /// Answers an offer of the peer's inside the dialog (RFC 3264 §6, §8): what was agreed, and the
    /// session description to answer with. `version` counts our descriptions, the first being 0.
    ///
    /// # Errors
    /// Says why the offer cannot be taken; the caller refuses with 488 and keeps the session as it
    /// is.
    pub fn answer_to(&self, offer: &[u8], version: u64) -> Result<(Answer, Vec<u8>), AnswerError> {
        let session = parse(offer)?;
        let chosen = audio_of(&session)?;
        let answer = self.read_media(&session, chosen)?;
        let mut medias = Vec::with_capacity(session.medias.len());
        for media in &session.medias {
            medias.push(if std::ptr::eq(media, chosen) {
                let mut formats = vec![answer.codec.payload_type()];
                formats.extend(answer.telephone_event);
                let event = answer.telephone_event;
                let direction = answer.direction;
                self.audio(&[answer.codec], &formats, event, direction)
            } else {
                refused(media)
            });
        }
        Ok((answer, self.session(version, medias)))
    }

    /// Reads the peer's answer to this offer.
    ///
    /// # Errors
    /// Says why there can be no audio; the call must be given up.
    pub fn read_answer(&self, body: &[u8]) -> Result<Answer, AnswerError> {
        let session = parse(body)?;
        self.read_media(&session, audio_of(&session)?)
    }

    fn read_media(&self, session: &Session, media: &Media) -> Result<Answer, AnswerError> {
        let formats: Vec<u8> = media.fmt.split_whitespace().flat_map(str::parse).collect();
        let codec = formats
            .iter()
            .find_map(|pt| self.codecs.iter().find(|codec| codec.payload_type() == *pt))
            .ok_or(AnswerError::NoUsableCodec)?;
        let connection = media.connections.first().or(session.connection.as_ref());
        let address = connection.ok_or(AnswerError::NoAddress)?.connection_address.as_str();
        let address = address.split('/').next().unwrap_or(address);
        let address: IpAddr = address.parse().map_err(|_| AnswerError::NoAddress)?;
        let direction = direction(&media.attributes)
            .or_else(|| direction(&session.attributes))
            .unwrap_or(Direction::SendRecv);
        Ok(Answer {
            remote: SocketAddr::new(address, media.port),
            codec: *codec,
            telephone_event: self.telephone_event.and_then(|_| event_payload_type(media, &formats)),
            ptime_ms: ptime(media).unwrap_or(self.ptime_ms),
            direction: if address.is_unspecified() { held(direction) } else { direction },
        })
    }

    fn session(&self, version: u64, medias: Vec<Media>) -> Vec<u8> {
        let id = self.session_id;
        let origin = Origin::with_ip_addr(id, id.wrapping_add(version), self.address);
        let mut session = Session::new(origin, "-");
        session.connection = Some(Connection::from_ip_addr(self.address));
        session.times = vec![Time { start_time: 0, stop_time: 0, repeats: Vec::new() }];
        session.medias = medias;
        let mut bytes = Vec::with_capacity(300);
        session.write(&mut bytes).expect("writing to memory does not fail");
        bytes
    }

    fn audio(
        &self,
        codecs: &[Codec],
        formats: &[u8],
        event: Option<u8>,
        direction: Direction,
    ) -> Media {
        let formats: Vec<String> = formats.iter().map(u8::to_string).collect();
        let mut media = blank("audio", self.port, "RTP/AVP", formats.join(" "));
        let mut attribute = |name: &str, value: Option<String>| {
            media.attributes.push(Attribute { attribute: name.to_owned(), value });
        };
        for codec in codecs {
            let map = format!("{} {}/8000", codec.payload_type(), codec.name());
            attribute("rtpmap", Some(map));
        }
        if let Some(event) = event {
            attribute("rtpmap", Some(format!("{event} telephone-event/8000")));
            attribute("fmtp", Some(format!("{event} 0-15")));
        }
        attribute("ptime", Some(self.ptime_ms.to_string()));
        attribute(direction.attribute(), None);
        media
    }
}

/// What is left of `direction` when the peer's address is 0.0.0.0 (RFC 3264 §8.4, old style hold).
fn held(direction: Direction) -> Direction {
    match direction {
        Direction::SendRecv | Direction::RecvOnly => Direction::RecvOnly,
        Direction::SendOnly | Direction::Inactive => Direction::Inactive,
    }
}

fn blank(media: &str, port: u16, proto: &str, fmt: String) -> Media {
    Media {
        media: media.to_owned(),
        port,
        num_ports: None,
        proto: proto.to_owned(),
        fmt,
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

/// The answer to a stream we do not take: its line again with port 0 (RFC 3264 §6).
fn refused(media: &Media) -> Media {
    blank(&media.media, 0, &media.proto, media.fmt.clone())
}

fn parse(body: &[u8]) -> Result<Session, AnswerError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(AnswerError::Missing);
    }
    if body.len() > SDP_BYTES_MAX {
        return Err(AnswerError::Malformed);
    }
    let text = super::wire::text(body);
    let mut lines = text.lines().map(str::trim).skip_while(|line| line.is_empty());
    if lines.next() != Some("v=0") {
        return Err(AnswerError::Malformed);
    }
    let mut kept = String::from("v=0\r\n");
    for line in lines.filter(|line| ["c=", "m=", "a="].iter().any(|key| line.starts_with(key))) {
        kept.push_str(line);
        kept.push_str("\r\n");
    }
    Session::parse(kept.as_bytes()).map_err(|_| AnswerError::Malformed)
}

fn audio_of(session: &Session) -> Result<&Media, AnswerError> {
    let is_audio = |media: &&Media| media.media == "audio" && media.port != 0;
    let plain = |media: &&Media| matches!(media.proto.as_str(), "RTP/AVP" | "RTP/AVPF");
    let mut audio = session.medias.iter().filter(is_audio);
    match audio.clone().find(plain) {
        Some(media) => Ok(media),
        None if audio.next().is_some() => Err(AnswerError::WrongTransport),
        None => Err(AnswerError::NoAudio),
    }
}

fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().find_map(|a| Direction::mirror(&a.attribute))
}

fn event_payload_type(media: &Media, formats: &[u8]) -> Option<u8> {
    media.attributes.iter().filter(|a| a.attribute == "rtpmap").find_map(|a| {
        let (number, encoding) = a.value.as_deref()?.trim().split_once(char::is_whitespace)?;
        let number: u8 = number.parse().ok()?;
        let encoding = encoding.trim().to_ascii_lowercase();
        let rate_fits = matches!(encoding.as_str(), "telephone-event/8000" | "telephone-event");
        (rate_fits && number < 128 && formats.contains(&number)).then_some(number)
    })
}

/// The packet time the peer asks for, if it is one that G.711 is sent in.
fn ptime(media: &Media) -> Option<u16> {
    let attribute = media.attributes.iter().find(|a| a.attribute == "ptime")?;
    let written: u16 = attribute.value.as_deref()?.trim().parse().ok()?;
    (10..=200).contains(&written).then_some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Offer {
        Offer {
            address: IpAddr::from([192, 0, 2, 10]),
            port: 40_000,
            session_id: 77,
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            telephone_event: Some(101),
            ptime_ms: 20,
        }
    }

    fn answer(lines: &str) -> Result<Answer, AnswerError> {
        offer()
            .read_answer(format!("v=0\r\no=- 1 1 IN IP4 a\r\ns=-\r\nt=0 0\r\n{lines}").as_bytes())
    }

    #[test]
    fn the_offer_is_written_as_carriers_expect_it() {
        let expected = "v=0\r\no=- 77 77 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\n\
            t=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n\
            a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
            a=ptime:20\r\na=sendrecv\r\n";
        assert_eq!(String::from_utf8(offer().to_bytes()).expect("text"), expected);
    }

    #[test]
    fn the_answerers_first_codec_and_event_number_are_taken() {
        let lines = "c=IN IP4 198.51.100.7\r\nm=audio 5004 RTP/AVP 18 0 8 96\r\n\
            a=rtpmap:96 telephone-event/8000\r\na=ptime:30\r\n";
        let expected = Answer {
            remote: "198.51.100.7:5004".parse().expect("an address"),
            codec: Codec::Pcmu,
            telephone_event: Some(96),
            ptime_ms: 30,
            direction: Direction::SendRecv,
        };
        assert_eq!(answer(lines), Ok(expected));
    }

    #[test]
    fn an_answer_we_cannot_use_says_why() {
        let c = "c=IN IP4 198.51.100.7\r\n";
        let cases = [
            ("", AnswerError::NoAudio),
            ("m=audio 0 RTP/AVP 8\r\n", AnswerError::NoAudio),
            ("m=image 5000 udptl t38\r\n", AnswerError::NoAudio),
            ("m=audio 5004 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n", AnswerError::NoUsableCodec),
            ("m=audio 5004 RTP/SAVP 8\r\n", AnswerError::WrongTransport),
            ("m=audio x RTP/AVP 8\r\n", AnswerError::Malformed),
            ("m=audio 70000 RTP/AVP 8\r\n", AnswerError::Malformed),
            ("m=audio 5004\r\n", AnswerError::Malformed),
        ];
        for (lines, error) in cases {
            assert_eq!(answer(&format!("{c}{lines}")), Err(error), "{lines}");
        }
        let named = "c=IN IP4 pbx.example\r\nm=audio 5004 RTP/AVP 8\r\n";
        assert_eq!(answer(named), Err(AnswerError::NoAddress));
        assert_eq!(answer("m=audio 5004 RTP/AVP 8\r\n"), Err(AnswerError::NoAddress));
        assert_eq!(offer().read_answer(b"\r\n"), Err(AnswerError::Missing));
        assert_eq!(offer().read_answer(b"v=1\r\n"), Err(AnswerError::Malformed));
        assert_eq!(offer().read_answer(&vec![b'a'; 20_000]), Err(AnswerError::Malformed));
    }

    #[test]
    fn odd_lines_of_real_carriers_do_not_matter() {
        let body = b"\r\nv=0\no=Jos\xe9 x y IN IP4\ns=\nb=AS:6.5\nt=0\nz=?\n\
            c=IN IP4 198.51.100.7/127 \nm=image 0 udptl t38\nm=audio 5004/1 RTP/AVP 8 101\n\
            a=rtpmap:101 TELEPHONE-EVENT/8000 \n";
        let read = offer().read_answer(body).expect("usable");
        assert_eq!(read.remote, "198.51.100.7:5004".parse().expect("an address"));
        assert_eq!((read.codec, read.telephone_event), (Codec::Pcma, Some(101)));
    }

    #[test]
    fn a_hold_is_answered_with_its_mirror_and_other_streams_are_refused() {
        let hold = b"v=0\r\nc=IN IP4 198.51.100.7\r\na=sendonly\r\nm=video 6000 RTP/AVP 31\r\n\
            m=audio 5006 RTP/AVP 8 0 97\r\na=rtpmap:97 telephone-event/8000\r\n";
        let (agreed, text) = offer().answer_to(hold, 1).expect("usable");
        assert_eq!(agreed.direction, Direction::RecvOnly);
        let expected = "v=0\r\no=- 77 78 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\n\
            t=0 0\r\nm=video 0 RTP/AVP 31\r\nm=audio 40000 RTP/AVP 8 97\r\na=rtpmap:8 PCMA/8000\r\n\
            a=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-15\r\na=ptime:20\r\na=recvonly\r\n";
        assert_eq!(String::from_utf8(text).expect("text"), expected);
    }

    #[test]
    fn an_old_style_hold_silences_us() {
        let read = answer("c=IN IP4 0.0.0.0\r\nm=audio 5004 RTP/AVP 8\r\n").expect("usable");
        assert!(!read.direction.may_send());
    }

    #[test]
    fn an_ipv6_answer_is_read() {
        let read = answer("c=IN IP6 2001:db8::7\r\nm=audio 5004 RTP/AVP 8\r\n").expect("usable");
        assert_eq!(read.remote, "[2001:db8::7]:5004".parse().expect("an address"));
    }
}
