//! The phone on a virtual clock, called by literal text and recorded prompts.

use super::behaviour::{Behaviour, Challenge};
use super::call::{Call, Output};
use super::line::{ENGLISH, Line, Speech};
use super::message::Message;
use super::record::{CallRecord, Direction, End};
use super::settings::Settings;
use crate::entropy::Entropy;
use crate::media::{ClipKey, Codec, wav};
use crate::secret::Redacted;
use crate::time::{Duration, Instant, earliest};
use md5::{Digest, Md5};
use std::net::SocketAddr;
use std::sync::Arc;

const FRAME: Duration = Duration::from_millis(20);
const RING: Duration = Duration::from_secs(2);

/// A gateway that calls the phone.
struct World {
    call: Call,
    now: Instant,
    /// What the phone sent, and when.
    sip: Vec<(Instant, String)>,
    rtp: Vec<(Instant, Vec<u8>)>,
    record: Option<CallRecord>,
    /// What is still to be sent to it.
    sound: Vec<Vec<i16>>,
    next_frame: Option<Instant>,
    frames: u32,
    codec: Codec,
}

fn caller() -> SocketAddr {
    ([127, 0, 0, 1], 5060).into()
}

fn message(text: &str) -> Message {
    Message::parse(text.as_bytes()).expect("a sound message")
}

fn request(method: &str, branch: &str, sequence: u32, extra: &str, body: &str) -> Message {
    message(&format!(
        "{method} sip:+32470000067@127.0.0.1:5070;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:belfry@127.0.0.1>;tag=f\r\nTo: <sip:+32470000067@127.0.0.1>\r\n\
         Call-ID: c1\r\nCSeq: {sequence} {method}\r\nContact: <sip:belfry@127.0.0.1:5060>\r\n\
         {extra}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

fn invite(branch: &str, sequence: u32, extra: &str) -> Message {
    let extra = format!("{extra}Content-Type: application/sdp\r\n");
    request("INVITE", branch, sequence, &extra, OFFER)
}

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

fn settings(behaviour: Behaviour) -> Settings {
    Settings {
        sip: ([127, 0, 0, 1], 5070).into(),
        behaviour: Some(behaviour),
        ring: RING,
        challenge: None,
        codec: None,
        templates: ENGLISH.1.clone(),
    }
}

impl World {
    fn new(behaviour: Behaviour) -> Self {
        Self::with(settings(behaviour))
    }

    fn with(settings: Settings) -> Self {
        let codec = settings.codec.unwrap_or(Codec::Pcma);
        let rtp = ([127, 0, 0, 1], 41_000).into();
        let (invite, entropy) = (invite("1", 1, ""), Entropy::from_seed(5));
        let call = Call::new(Instant::ZERO, Arc::new(settings), entropy, rtp, invite, caller());
        let mut world = World {
            call,
            now: Instant::ZERO,
            sip: Vec::new(),
            rtp: Vec::new(),
            record: None,
            sound: Vec::new(),
            next_frame: None,
            frames: 0,
            codec,
        };
        world.drain();
        world
    }

    fn drain(&mut self) {
        while let Some(output) = self.call.poll_output() {
            match output {
                Output::Sip(to, datagram) => {
                    assert_eq!(to, caller());
                    let text = String::from_utf8(datagram).expect("text");
                    message(&text);
                    self.sip.push((self.now, text));
                }
                Output::Rtp(to, packet) => {
                    assert_eq!(to, ([127, 0, 0, 1], 40_000).into());
                    self.rtp.push((self.now, packet));
                }
                Output::Happened(_) => {}
                Output::Ended(record) => self.record = Some(*record),
            }
        }
    }

    fn send(&mut self, message: Message) {
        self.call.handle_sip(self.now, caller(), message);
        self.drain();
    }

    /// Sends this sound as RTP from now on.
    fn speak(&mut self, speech: &Speech) {
        let line = Line { codec: self.codec, lost: 0, noise: 18.0 };
        let sound = line.carry(speech, &mut Entropy::from_seed(6));
        self.sound = sound.chunks_exact(160).rev().map(<[i16]>::to_vec).collect();
        self.next_frame = Some(self.now);
    }

    fn send_frame(&mut self) {
        let Some(samples) = self.sound.pop() else {
            self.next_frame = None;
            return;
        };
        let mut packet = vec![0x80, self.codec.payload_type()];
        packet.extend((self.frames as u16).to_be_bytes());
        packet.extend((self.frames * 160).to_be_bytes());
        packet.extend([0, 0, 0, 7]);
        packet.extend(samples.iter().map(|&sample| self.codec.encode(sample)));
        self.frames += 1;
        self.next_frame = Some(self.now + FRAME);
        self.call.handle_rtp(self.now, &packet);
    }

    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(next) = earliest(self.call.poll_timeout(self.now), self.next_frame)
            && next <= end
        {
            self.now = self.now.max(next);
            if self.next_frame.is_some_and(|at| at <= self.now) {
                self.send_frame();
            }
            self.call.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// Lets it ring, acknowledges the answer and plays a whole call.
    fn talk(&mut self, key: u8, code: &[u8]) {
        self.run(2_000);
        self.send(request("ACK", "2", 1, "", ""));
        let speech = Speech::call(key, code);
        let millis = speech.0.len() as u64 / 8;
        self.speak(&speech);
        self.run(millis);
    }

    fn hang_up(&mut self) -> CallRecord {
        self.send(request("BYE", "9", 2, "", ""));
        self.record.clone().expect("the call is over")
    }

    /// Times and start lines of what the phone sent.
    fn sent(&self) -> Vec<(u64, &str)> {
        let line = |text: &'_ str| text.split_once("\r\n").expect("a line").0.len();
        let each = |(at, text): &'_ (Instant, String)| (at.as_nanos() / 1_000_000, line(text));
        let lines = self.sip.iter().map(|sent| (each(sent), sent.1.as_str()));
        lines.map(|((at, length), text)| (at, &text[..length])).collect()
    }

    /// The keys pressed, each as event, packets, and the duration its end tells.
    fn keys(&self) -> Vec<(u8, usize, u16)> {
        let events: Vec<&Vec<u8>> =
            self.rtp.iter().map(|(_, packet)| packet).filter(|packet| packet.len() == 16).collect();
        let presses = events.chunk_by(|a, b| a[4..8] == b[4..8]);
        presses
            .map(|press| {
                let last = press.last().expect("a chunk");
                let ends = press.iter().filter(|packet| packet[13] & 0x80 != 0).count();
                assert_eq!(ends, 3, "the end is sent three times");
                assert!(press[0][1] & 0x80 != 0, "the first packet has the marker");
                (last[12], press.len(), u16::from_be_bytes([last[14], last[15]]))
            })
            .collect()
    }
}

#[test]
fn a_human_presses_the_key_it_hears_and_hears_the_code() {
    for codec in Codec::ALL {
        let mut settings = settings(Behaviour::Human);
        settings.codec = Some(codec);
        let mut world = World::with(settings);
        world.talk(7, &[0, 0, 4, 9, 1, 1]);
        let record = world.hang_up();
        assert_eq!(record.faults, Vec::<String>::new());
        assert_eq!(record.end, End::GatewayHungUp);
        assert_eq!(record.asked.as_ref().expect("a key was asked for").keys.as_slice(), [7]);
        assert_eq!(world.keys(), [(7, 8, 800)]);
        let code = record.code(6).expect("the code is heard");
        assert_eq!(code.digits.as_slice(), [0, 0, 4, 9, 1, 1]);
        assert_eq!(code.repetitions, 2);
        assert_eq!(record.rtp.packets, u64::from(world.frames));
        assert_eq!((record.rtp.lost, record.rtp.foreign), (0, 0));
        assert_eq!(record.rtp.deviation(1000), Duration::ZERO);
        let wav = wav::read(&record.wav()).expect("a WAV file");
        assert_eq!((wav.rate_hz, wav.samples.len()), (8_000, world.frames as usize * 160));
    }
}

#[test]
fn a_reading_is_heard_although_a_sentence_follows_close() {
    let mut world = World::new(Behaviour::Human);
    world.run(2_000);
    world.send(request("ACK", "2", 1, "", ""));
    let speech = Speech::default().pause(900).say(ClipKey::CodeIntro).pause(1_200);
    let speech = speech.code(&[3, 1, 4, 1, 5, 9]).pause(400).say(ClipKey::Goodbye);
    world.speak(&speech);
    world.run(speech.0.len() as u64 / 8);
    let code = world.hang_up().code(6).expect("heard");
    assert_eq!(code.digits.as_slice(), [3, 1, 4, 1, 5, 9]);
}

#[test]
fn the_phone_sends_a_packet_each_20_ms_without_a_break() {
    let mut world = World::new(Behaviour::Human);
    world.talk(3, &[1, 2, 3, 4, 5, 6]);
    world.hang_up();
    for (n, pair) in world.rtp.windows(2).enumerate() {
        assert_eq!(pair[1].0.since(pair[0].0), FRAME, "packet {n}");
        let sequence = |packet: &[u8]| u16::from_be_bytes([packet[2], packet[3]]);
        assert_eq!(sequence(&pair[1].1), sequence(&pair[0].1).wrapping_add(1), "packet {n}");
    }
}

#[test]
fn the_ladder_of_an_answered_call() {
    let mut world = World::new(Behaviour::Human);
    world.talk(5, &[1, 2, 3, 4, 5, 6]);
    let record = world.hang_up();
    let ladder: Vec<_> =
        record.ladder.iter().map(|step| (step.direction, step.line.as_str())).collect();
    assert_eq!(
        ladder,
        [
            (Direction::Received, "INVITE sip:••67@127.0.0.1:5070;user=phone SIP/2.0"),
            (Direction::Sent, "SIP/2.0 100 Trying"),
            (Direction::Sent, "SIP/2.0 180 Ringing"),
            (Direction::Sent, "SIP/2.0 200 OK"),
            (Direction::Received, "ACK sip:••67@127.0.0.1:5070;user=phone SIP/2.0"),
            (Direction::Received, "BYE sip:••67@127.0.0.1:5070;user=phone SIP/2.0"),
            (Direction::Sent, "SIP/2.0 200 OK"),
        ]
    );
    assert_eq!(record.answered, Some(Instant::from_millis(2_000)));
}

#[test]
fn other_people_press_other_keys() {
    for (behaviour, keys) in [
        (Behaviour::WrongKey, vec![(1, 8, 800)]),
        (Behaviour::ReportKey, vec![(10, 8, 800)]),
        (Behaviour::Voicemail, vec![]),
        (Behaviour::Forwarded, vec![(9, 8, 800)]),
    ] {
        let mut world = World::new(behaviour);
        world.talk(9, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(world.keys(), keys, "{behaviour:?}");
        assert_eq!(world.hang_up().end, End::GatewayHungUp);
    }
}

#[test]
fn an_early_key_is_pressed_before_any_is_asked_for() {
    let mut world = World::new(Behaviour::EarlyKey);
    world.run(2_000);
    world.send(request("ACK", "2", 1, "", ""));
    world.run(500);
    assert_eq!(world.keys(), [(5, 8, 800)]);
}

#[test]
fn a_phone_without_rtp_sends_none() {
    let mut world = World::new(Behaviour::NoRtp);
    world.talk(9, &[1, 2, 3, 4, 5, 6]);
    assert!(world.rtp.is_empty());
    assert!(world.hang_up().code(6).is_some());
}

#[test]
fn hanging_up_at_a_digit_sends_a_bye_after_it() {
    let mut world = World::new(Behaviour::HangUpAtDigit(3));
    world.talk(2, &[4, 5, 6, 7, 8, 9]);
    let bye = world.sip.iter().find(|(_, text)| text.starts_with("BYE ")).expect("a BYE");
    let text = bye.1.clone();
    assert!(text.starts_with("BYE sip:belfry@127.0.0.1:5060 SIP/2.0\r\n"), "{text}");
    assert!(text.contains("\r\nTo: <sip:belfry@127.0.0.1>;tag=f\r\n"), "{text}");
    let ok = text.replacen("BYE sip:belfry@127.0.0.1:5060 SIP/2.0", "SIP/2.0 200 OK", 1);
    world.send(message(&ok));
    let record = world.record.expect("over");
    assert_eq!(record.end, End::PhoneHungUp);
    let digits = record.words.iter().rev().map_while(|word| word.digit()).count();
    assert_eq!(digits, 3);
}

#[test]
fn a_busy_phone_repeats_itself_until_it_is_acknowledged() {
    let mut world = World::new(Behaviour::Busy);
    world.run(4_000);
    world.send(request("ACK", "1", 1, "", ""));
    world.run(4_000);
    let busy = "SIP/2.0 486 Busy Here";
    let expected =
        [(0, "SIP/2.0 100 Trying"), (0, busy), (500, busy), (1_500, busy), (3_500, busy)];
    assert_eq!(world.sent(), expected);
    assert_eq!(world.record.expect("over").end, End::Refused);
}

#[test]
fn an_answer_that_is_never_acknowledged_is_given_up_after_32_s() {
    let mut world = World::new(Behaviour::Human);
    world.run(60_000);
    let answers: Vec<u64> =
        world.sent().iter().filter(|s| s.1.contains("200")).map(|s| s.0).collect();
    let waits: Vec<u64> = answers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000, 4_000, 4_000, 4_000]);
    let record = world.record.expect("over");
    assert_eq!(record.end, End::Abandoned);
    assert_eq!(record.faults, ["a message was never acknowledged"]);
}

#[test]
fn a_phone_nobody_answers_rings_until_the_caller_cancels() {
    let mut world = World::new(Behaviour::NoAnswer);
    world.run(30_000);
    world.send(request("CANCEL", "1", 1, "", ""));
    world.send(request("ACK", "1", 1, "", ""));
    let lines: Vec<&str> = world.sent().iter().map(|(_, line)| *line).collect();
    assert_eq!(
        lines,
        [
            "SIP/2.0 100 Trying",
            "SIP/2.0 180 Ringing",
            "SIP/2.0 200 OK",
            "SIP/2.0 487 Request Terminated"
        ]
    );
    let record = world.record.expect("over");
    assert_eq!((record.end, record.faults), (End::Canceled, vec![]));
}

#[test]
fn a_repeated_invite_gets_the_last_response_again() {
    let mut world = World::new(Behaviour::NoAnswer);
    world.send(invite("1", 1, ""));
    assert_eq!(world.sip.len(), 3);
    assert_eq!(world.sip[1].1, world.sip[2].1);
}

#[test]
fn a_forwarded_call_says_181_and_a_silent_phone_nothing() {
    let world = World::new(Behaviour::Forwarded);
    assert_eq!(world.sent()[1], (0, "SIP/2.0 181 Call Is Being Forwarded"));
    let mut world = World::new(Behaviour::Silent);
    world.run(40_000);
    assert_eq!(world.sent(), []);
}

#[test]
fn a_redirection_has_a_contact() {
    let world = World::new(Behaviour::Status(302));
    assert!(world.sip[1].1.starts_with("SIP/2.0 302 Moved Temporarily\r\n"));
    assert!(world.sip[1].1.contains("\r\nContact: <sip:"));
}

fn hash(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}

#[test]
fn only_the_right_password_makes_it_ring() {
    for (status, header) in [(401, "Authorization"), (407, "Proxy-Authorization")] {
        for (password, rings) in [("right", true), ("wrong", false)] {
            let mut settings = settings(Behaviour::Human);
            let (username, right) = ("gw".to_owned(), Redacted::new("right".to_owned()));
            settings.challenge = Some(Challenge { status, username, password: right });
            let mut world = World::with(settings);
            let challenge = world.sip[1].1.clone();
            let nonce = challenge.split("nonce=\"").nth(1).expect("a nonce");
            let nonce = nonce.split('"').next().expect("a nonce");
            let uri = "sip:+32470000067@127.0.0.1:5070;user=phone";
            let (secret, what) =
                (hash(&format!("gw:robot:{password}")), hash(&format!("INVITE:{uri}")));
            let response = hash(&format!("{secret}:{nonce}:00000001:abc:auth:{what}"));
            world.send(request("ACK", "1", 1, "", ""));
            world.send(invite(
                "5",
                2,
                &format!(
                    "{header}: Digest username=\"gw\", realm=\"robot\", nonce=\"{nonce}\", \
                     uri=\"{uri}\", response=\"{response}\", algorithm=MD5, cnonce=\"abc\", \
                     qop=auth, nc=00000001\r\n"
                ),
            ));
            let last = world.sent().last().expect("an answer").1.to_owned();
            assert_eq!(last.contains("180"), rings, "{last}");
        }
    }
}

#[test]
fn an_offer_without_g711_is_refused() {
    let mut world = World::new(Behaviour::Human);
    let offer = OFFER.replace("RTP/AVP 8 0 101", "RTP/AVP 18 101");
    let extra = "Content-Type: application/sdp\r\n";
    let invite = request("INVITE", "1", 1, extra, &offer);
    let settings = Arc::new(settings(Behaviour::Human));
    let rtp = ([127, 0, 0, 1], 41_000).into();
    world.call = Call::new(Instant::ZERO, settings, Entropy::from_seed(1), rtp, invite, caller());
    world.run(2_000);
    assert_eq!(world.sent().last(), Some(&(2_000, "SIP/2.0 488 Not Acceptable Here")));
}

#[test]
fn what_is_no_sip_is_refused_with_a_sentence() {
    let sound = "OPTIONS sip:a SIP/2.0\r\nVia: v\r\nFrom: f\r\nTo: t\r\nCall-ID: c\r\n\
                 CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    assert!(Message::parse(sound.as_bytes()).is_ok());
    for (what, fault) in [
        ("", "there is no empty line after the header fields"),
        (&sound.replace("Via: v\r\n", ""), "there is no Via"),
        (&sound.replace("Via:", "Via"), "a header line has no colon"),
        (&sound.replace(": 0", ": 1"), "Content-Length is not the length of the body"),
        (&sound.replace("Content-Length: 0\r\n", ""), "there is no Content-Length"),
    ] {
        assert_eq!(Message::parse(what.as_bytes()).err().as_deref(), Some(fault));
    }
}
