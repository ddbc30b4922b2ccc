//! The demo's timeline: what happened, in order of time, in words a newcomer understands.
//!
//! Events come from parts that each have their own pace, so lines wait a moment and are handed out
//! sorted. What is told here includes the code and the key, which a real gateway never prints: the
//! robot is a telephone, and this is what its person heard.

use crate::call::CallEventKind;
use crate::media;
use crate::robot::ear::Reading;
use crate::robot::{CallRecord, Direction, Step, What};
use crate::secret::Digits;
use crate::time::Duration;
use std::collections::BTreeMap;

/// Who does something to whom.
#[derive(Debug, Clone, Copy)]
enum Who {
    AppToGateway,
    GatewayToApp,
    GatewayToPhone,
    PhoneToGateway,
    Gateway,
    Phone,
}

impl Who {
    fn text(self) -> &'static str {
        match self {
            Who::AppToGateway => "app ───► gateway          ",
            Who::GatewayToApp => "app ◄─── gateway          ",
            Who::GatewayToPhone => "         gateway ───► phone",
            Who::PhoneToGateway => "         gateway ◄─── phone",
            Who::Gateway => "         gateway          ",
            Who::Phone => "                      phone",
        }
    }
}

/// Lines that wait to be told in order.
#[derive(Debug, Default)]
pub struct Timeline {
    waiting: BTreeMap<(Duration, usize), String>,
    count: usize,
    picked_up: bool,
}

impl Timeline {
    /// A timeline of which nothing has been told.
    pub fn new() -> Self {
        Timeline::default()
    }

    /// The lines of everything up to `until`, in order.
    pub fn take_until(&mut self, until: Duration) -> Vec<String> {
        let later = self.waiting.split_off(&(until, usize::MAX));
        std::mem::replace(&mut self.waiting, later).into_values().collect()
    }

    /// The application asks the gateway something.
    pub fn asked(&mut self, at: Duration, request: &str) {
        self.tell(at, Who::AppToGateway, "HTTP", request);
    }

    /// The gateway answers the application.
    pub fn answered(&mut self, at: Duration, response: &str) {
        self.tell(at, Who::GatewayToApp, "HTTP", response);
    }

    /// Something happened at the phone.
    pub fn phone(&mut self, at: Duration, what: &What) {
        match what {
            What::Sip(step) => self.sip(at, step),
            What::Audio => {
                let text = "the first packet of sound; one every 20 ms from now";
                self.tell(at, Who::GatewayToPhone, "RTP", text);
            }
            What::AskedForKeys { keys, confidence } => {
                let text =
                    format!("hears \"press {}\" ({})", spaced(keys.as_slice()), sure(*confidence));
                self.tell(at, Who::Phone, "sound", &text);
            }
            What::Presses(keys) => {
                let keys: Vec<String> = keys.expose().iter().map(|&key| key_name(key)).collect();
                let text = format!("presses {} (telephone-event, RFC 4733)", keys.join(", then "));
                self.tell(at, Who::PhoneToGateway, "RTP", &text);
            }
            What::CodeDigit(_) => {}
            What::Reading { number, code } => {
                let text = match code {
                    Some(code) => format!("{}, reading {number}", heard(code)),
                    None => format!("does not understand reading {number}"),
                };
                self.tell(at, Who::Phone, "sound", &text);
            }
        }
    }

    /// A call at the gateway went on.
    pub fn call(&mut self, at: Duration, kind: &CallEventKind) {
        let text = match kind {
            CallEventKind::Answered => {
                "plays a greeting and asks for a key, so that no voicemail gets the code".to_owned()
            }
            CallEventKind::HumanConfirmed => {
                "the right key: a person listens, so the code is read".to_owned()
            }
            CallEventKind::CodePlayed { readings } => format!("has read the code ({readings})"),
            CallEventKind::Ended(receipt) => {
                format!("writes the receipt: {}, {} readings", receipt.reason, receipt.readings)
            }
            // The SIP messages tell these.
            _ => return,
        };
        self.tell(at, Who::Gateway, "call", &text);
    }

    fn sip(&mut self, at: Duration, step: &Step) {
        let line = step.line.strip_prefix("SIP/2.0 ").unwrap_or(&step.line);
        let word = line.split(' ').next().unwrap_or_default();
        let request = !step.line.starts_with("SIP/2.0 ");
        let shown = if request { word } else { line };
        let meaning = match (word, self.picked_up) {
            ("INVITE", _) => "calls",
            ("100", _) => "will see to it",
            ("180", _) => "rings",
            ("181", _) => "the call is forwarded",
            ("200", false) => "picked up",
            ("ACK", _) => "understood, the call is up",
            ("BYE", _) => "hangs up",
            ("CANCEL", _) => "gives up before the answer",
            ("200", true) => "understood, the call is over",
            _ => "",
        };
        self.picked_up |= word == "200";
        let who = match step.direction {
            Direction::Received => Who::GatewayToPhone,
            Direction::Sent => Who::PhoneToGateway,
        };
        let text =
            if meaning.is_empty() { shown.to_owned() } else { format!("{shown}: {meaning}") };
        self.tell(at, who, "SIP", &text);
    }

    fn tell(&mut self, at: Duration, who: Who, channel: &str, text: &str) {
        let (seconds, who) = (at.as_secs_f64(), who.text());
        let line = format!("{seconds:>7.3} s  {channel:<5}  {who}  {text}");
        self.waiting.insert((at, self.count), line);
        self.count += 1;
    }
}

/// What came of the call, below the timeline: how the sound came, and what was heard.
pub fn summary(record: &CallRecord, code: &Reading) -> String {
    let rtp = &record.rtp;
    let millis = |per_mille: usize| rtp.deviation(per_mille).as_secs_f64() * 1_000.0;
    let talk = record.ended.since(record.answered.unwrap_or(record.ended)).as_secs_f64();
    let mut text = format!(
        "\x20 call      {talk:.1} s from answer to goodbye, {} SIP messages, {} faults\n\
         \x20 packets   {} of 20 ms sound received, {} lost, {} out of step, {} left out\n\
         \x20 timing    off the 20 ms grid by {:.2} ms (half of them within), {:.2} ms \
         (99 of 100), {:.2} ms (worst)\n",
        record.ladder.len(),
        record.faults.len(),
        rtp.packets,
        rtp.lost,
        rtp.timestamp_errors + rtp.ssrc_changes + rtp.duplicates,
        rtp.skipped,
        millis(500),
        millis(990),
        millis(1_000),
    );
    if let Some(asked) = &record.asked {
        let key = spaced(asked.keys.as_slice());
        text +=
            &format!("  key       {key}, understood from the sound ({})\n", sure(asked.confidence));
    }
    let (digits, readings) = (grouped(&code.digits), code.repetitions);
    text + &format!(
        "  code      {digits}, understood from the sound ({}, {readings} readings)\n",
        sure(code.confidence)
    )
}

fn heard(code: &Reading) -> String {
    format!("hears the code: {} ({})", grouped(&code.digits), sure(code.confidence))
}

/// A code in the groups it is spoken in: 482 913.
fn grouped(code: &Digits) -> String {
    let mut digits = code.as_slice();
    let mut groups = Vec::new();
    for &size in media::groups(code.len()) {
        let (group, rest) = digits.split_at(size);
        groups.push(group.iter().map(u8::to_string).collect::<String>());
        digits = rest;
    }
    groups.join(" ")
}

fn spaced(digits: &[u8]) -> String {
    digits.iter().map(u8::to_string).collect::<Vec<_>>().join(" ")
}

fn key_name(key: u8) -> String {
    match key {
        10 => "star".to_owned(),
        11 => "hash".to_owned(),
        digit => digit.to_string(),
    }
}

fn sure(confidence: f32) -> String {
    format!("{:.0} % sure", confidence * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Redacted;
    use crate::time::Instant;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn digits(text: &str) -> Digits {
        Digits::parse(text).expect("digits")
    }

    fn sip(direction: Direction, line: &str) -> What {
        What::Sip(Step { at: Instant::ZERO, direction, line: line.to_owned() })
    }

    #[test]
    fn a_call_reads_like_a_story() {
        let mut timeline = Timeline::new();
        timeline.asked(ms(12), "POST /v1/verifications: please verify +1 202 ••• •• 43");
        timeline.answered(ms(19), "201 Created: pending");
        use Direction::{Received, Sent};
        for (at, what) in [
            (30, sip(Received, "INVITE sip:••43@127.0.0.1:5070 SIP/2.0")),
            (31, sip(Sent, "SIP/2.0 100 Trying")),
            (31, sip(Sent, "SIP/2.0 180 Ringing")),
            (1_532, sip(Sent, "SIP/2.0 200 OK")),
            (1_533, sip(Received, "ACK sip:robot@127.0.0.1:5070 SIP/2.0")),
            (1_536, What::Audio),
            (9_000, What::AskedForKeys { keys: digits("7"), confidence: 0.994 }),
            (9_400, What::Presses(Redacted::new(vec![7]))),
            (12_000, What::CodeDigit(0)),
            (
                20_000,
                What::Reading {
                    number: 1,
                    code: Some(Reading {
                        digits: digits("048391"),
                        confidence: 0.998,
                        repetitions: 1,
                    }),
                },
            ),
            (30_000, sip(Received, "BYE sip:robot@127.0.0.1:5070 SIP/2.0")),
            (30_001, sip(Sent, "SIP/2.0 200 OK")),
        ] {
            timeline.phone(ms(at), &what);
        }
        // These come late, and are told in their place.
        timeline.call(ms(1_534), &CallEventKind::Answered);
        timeline.call(ms(9_440), &CallEventKind::HumanConfirmed);
        timeline.call(ms(19_000), &CallEventKind::CodePlayed { readings: 1 });
        let told = timeline.take_until(ms(60_000)).join("\n");
        let expected = "  \
  0.012 s  HTTP   app ───► gateway            POST /v1/verifications: please verify +1 202 ••• •• 43
  0.019 s  HTTP   app ◄─── gateway            201 Created: pending
  0.030 s  SIP             gateway ───► phone  INVITE: calls
  0.031 s  SIP             gateway ◄─── phone  100 Trying: will see to it
  0.031 s  SIP             gateway ◄─── phone  180 Ringing: rings
  1.532 s  SIP             gateway ◄─── phone  200 OK: picked up
  1.533 s  SIP             gateway ───► phone  ACK: understood, the call is up
  1.534 s  call            gateway            plays a greeting and asks for a key, so that no \
voicemail gets the code
  1.536 s  RTP             gateway ───► phone  the first packet of sound; one every 20 ms from now
  9.000 s  sound                        phone  hears \"press 7\" (99 % sure)
  9.400 s  RTP             gateway ◄─── phone  presses 7 (telephone-event, RFC 4733)
  9.440 s  call            gateway            the right key: a person listens, so the code is read
 19.000 s  call            gateway            has read the code (1)
 20.000 s  sound                        phone  hears the code: 048 391 (100 % sure), reading 1
 30.000 s  SIP             gateway ───► phone  BYE: hangs up
 30.001 s  SIP             gateway ◄─── phone  200 OK: understood, the call is over";
        assert_eq!(told.trim_start(), expected.trim_start());
    }

    #[test]
    fn only_what_is_old_enough_is_told() {
        let mut timeline = Timeline::new();
        timeline.asked(ms(10), "a");
        timeline.asked(ms(30), "b");
        assert_eq!(timeline.take_until(ms(10)).len(), 1);
        assert_eq!(timeline.take_until(ms(20)).len(), 0);
        assert_eq!(timeline.take_until(ms(40)).len(), 1);
    }
}
