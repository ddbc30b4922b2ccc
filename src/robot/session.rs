//! The answered part of a call: what is heard, understood, said and pressed.

use super::behaviour::{BEEP, Behaviour, EARLY_KEY_AFTER, GREETING, REACTION};
use super::ear::Templates;
use super::listener::{Listener, Understood};
use super::offer::Agreed;
use super::receiver::Receiver;
use super::record::{Asked, CallRecord, What};
use super::speaker::{Sound, Speaker};
use crate::entropy::Entropy;
use crate::secret::Redacted;
use crate::time::{Duration, Instant, earliest};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

const FRAME: Duration = Duration::from_millis(20);
/// How long a person says "hello?" for.
const HELLO: Duration = Duration::from_millis(500);
/// The star, as RFC 4733 counts keys.
const STAR: u8 = 10;
/// Sound kept of one call: three minutes.
const AUDIO_MAX: usize = 180 * 8000;
/// Words kept of one call.
const WORDS_MAX: usize = 1000;
/// RTP packets sent at once after a late wake-up.
const BURST_MAX: u32 = 10;

/// Media of one answered call.
pub struct Session {
    behaviour: Behaviour,
    agreed: Agreed,
    began: Instant,
    receiver: Receiver,
    listener: Listener,
    speaker: Speaker,
    /// When the next packet is due; `None` for a phone that sends none.
    next_packet: Option<Instant>,
    press_at: Option<(Instant, Vec<u8>)>,
    asked: Option<Asked>,
    hang_up: bool,
    pressed: Vec<(Instant, usize)>,
    words: Vec<super::ear::Word>,
    audio: Vec<i16>,
    packets: VecDeque<Vec<u8>>,
    happenings: VecDeque<What>,
}

impl Session {
    /// The session of a call that was answered at `now`.
    pub fn new(
        now: Instant,
        behaviour: Behaviour,
        agreed: Agreed,
        templates: Arc<Templates>,
        entropy: Entropy,
    ) -> Self {
        let early = behaviour == Behaviour::EarlyKey;
        Session {
            behaviour,
            agreed,
            began: now,
            receiver: Receiver::new(agreed.codec),
            listener: Listener::new(templates),
            speaker: Speaker::new(agreed.codec, agreed.telephone_event, entropy),
            next_packet: (behaviour != Behaviour::NoRtp).then_some(now),
            press_at: early.then(|| (now + EARLY_KEY_AFTER, vec![5])),
            asked: None,
            hang_up: false,
            pressed: Vec::new(),
            words: Vec::new(),
            audio: Vec::new(),
            packets: VecDeque::new(),
            happenings: VecDeque::new(),
        }
    }

    /// Takes an RTP datagram that came at `now`.
    pub fn handle_rtp(&mut self, now: Instant, datagram: &[u8]) {
        let first = self.receiver.statistics().first.is_none();
        let samples = self.receiver.take(now, datagram);
        if first && self.receiver.statistics().first.is_some() {
            self.happenings.push_back(What::Audio);
        }
        self.hear(now, &samples);
    }

    /// Sends what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some((_, keys)) = self.press_at.take_if(|(at, _)| now >= *at) {
            keys.iter().for_each(|&key| self.speaker.press(key));
            self.pressed.push((now, keys.len()));
            self.happenings.push_back(What::Presses(Redacted::new(keys)));
        }
        for _ in 0..BURST_MAX {
            let Some(at) = self.next_packet.filter(|&at| now >= at) else { break };
            self.next_packet = Some(at + FRAME);
            let sound = self.sound(at.since(self.began));
            self.packets.push_back(self.speaker.packet(sound));
        }
    }

    /// When [`Session::handle_timeout`] must be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        earliest(self.next_packet, self.press_at.as_ref().map(|(at, _)| *at))
    }

    /// The next RTP packet to send, and where to.
    pub fn poll_packet(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        Some((self.agreed.remote, self.packets.pop_front()?))
    }

    /// The next thing that happened.
    pub fn poll_happening(&mut self) -> Option<What> {
        self.happenings.pop_front()
    }

    /// Whether the script says that it is time to hang up.
    pub fn wants_to_hang_up(&self) -> bool {
        self.hang_up
    }

    /// Hears what still waited for a late packet, and takes the silence that follows for a pause.
    pub fn finish(&mut self, now: Instant) {
        let samples = self.receiver.finish();
        self.hear(now, &samples);
        let rest = self.listener.finish();
        self.understand(now, rest);
    }

    /// Writes into the record what came of the session.
    pub fn close(self, record: &mut CallRecord) {
        record.rtp = self.receiver.statistics().clone();
        record.asked = self.asked;
        record.pressed = self.pressed;
        record.words = self.words;
        record.readings = self.listener.into_readings();
        record.audio = Redacted::new(self.audio);
    }

    fn hear(&mut self, now: Instant, samples: &[i16]) {
        let room = AUDIO_MAX - self.audio.len();
        self.audio.extend(&samples[..samples.len().min(room)]);
        let understood = self.listener.hear(samples);
        self.understand(now, understood);
    }

    fn understand(&mut self, now: Instant, understood: Vec<Understood>) {
        for each in understood {
            match each {
                Understood::Word(word) if self.words.len() < WORDS_MAX => self.words.push(word),
                Understood::Word(_) => {}
                Understood::AskedForKeys { keys, confidence } => {
                    let react = self.reaction(keys.as_slice());
                    self.press_at = react.map(|keys| (now + REACTION, keys));
                    self.asked = Some(Asked { keys: keys.clone(), confidence, at: now });
                    self.happenings.push_back(What::AskedForKeys { keys, confidence });
                }
                Understood::CodeDigit(index) => {
                    let enough = Behaviour::HangUpAtDigit(index + 1);
                    self.hang_up |= self.behaviour == enough;
                    self.happenings.push_back(What::CodeDigit(index));
                }
                Understood::Reading { length, number } => {
                    let code = self.listener.code(length);
                    self.happenings.push_back(What::Reading { number, code });
                }
            }
        }
    }

    /// The keys that this phone presses when asked for `keys`.
    fn reaction(&self, keys: &[u8]) -> Option<Vec<u8>> {
        match self.behaviour {
            Behaviour::Human | Behaviour::Forwarded | Behaviour::HangUpAtDigit(_) => {
                Some(keys.to_vec())
            }
            // Each key moved on by one, within 1–9.
            Behaviour::WrongKey => Some(keys.iter().map(|key| key % 9 + 1).collect()),
            Behaviour::ReportKey => Some(vec![STAR]),
            _ => None,
        }
    }

    fn sound(&self, since: Duration) -> Sound {
        match self.behaviour {
            Behaviour::Voicemail | Behaviour::EarlyKey if since < GREETING => Sound::Talk,
            Behaviour::Voicemail | Behaviour::EarlyKey if since < GREETING + BEEP => Sound::Beep,
            Behaviour::Voicemail | Behaviour::EarlyKey => Sound::Room,
            _ if since < HELLO => Sound::Talk,
            _ => Sound::Room,
        }
    }
}
