//! What a leg does by itself: its own requests, keys and sound, again and again until answered.

use super::leg;
use super::phone::{self, Act};
use super::{Carrier, GIVE_UP, Outgoing, STRANGER, T1, T2, Task};
use belfry::time::{Duration, Instant};

impl Carrier {
    pub(super) fn run_leg(&mut self, now: Instant, line: usize, leg: usize, task: leg::Task) {
        let known = &mut self.lines[line];
        let found = &mut known.legs[leg];
        let here = known.here;
        let mut again = None;
        match task {
            leg::Task::Answer { gap, until } => {
                if found.wants_ack() && now < until {
                    let bytes = found.answer.clone();
                    self.send(line, bytes);
                    let gap = (gap * 2).min(T2);
                    again = Some((gap, leg::Task::Answer { gap, until }));
                }
            }
            leg::Task::CopyOfAnswer => {
                let bytes = found.answer.clone();
                self.send(line, bytes);
            }
            leg::Task::Request { until, .. } if now >= until => found.give_up(),
            leg::Task::Request { gap, until } => {
                if let Some(bytes) = found.open_request() {
                    self.send(line, bytes);
                    let gap = (gap * 2).min(T2);
                    again = Some((gap, leg::Task::Request { gap, until }));
                }
            }
            leg::Task::Ask(what) => {
                if found.ask(what, here) {
                    let task = leg::Task::Request { gap: T1 / 2, until: now + GIVE_UP };
                    self.run_leg(now, line, leg, task);
                } else if !found.is_over() {
                    again = Some((T1, task));
                }
            }
            leg::Task::Act(Act::HangUp) => {
                self.run_leg(now, line, leg, leg::Task::Ask(leg::Ask::Bye));
            }
            leg::Task::Act(Act::Press(key)) => {
                self.run_leg(now, line, leg, leg::Task::Key { began: now, key, index: 0 });
            }
            sound => again = self.run_sound(now, line, leg, sound),
        }
        if let Some((delay, task)) = again {
            self.after(now, delay, line, Task::Leg { leg, task });
        }
    }

    /// What a leg sends besides signalling; gives what it sends next, and when.
    fn run_sound(
        &mut self,
        now: Instant,
        line: usize,
        leg: usize,
        task: leg::Task,
    ) -> Option<(Duration, leg::Task)> {
        let known = &mut self.lines[line];
        let found = &mut known.legs[leg];
        if found.is_over() {
            return None;
        }
        let (from, to) = (found.phone.here, found.phone.gateway);
        let (here, gateway) = (known.here, known.gateway);
        let mut send = |from, to, bytes| {
            self.outgoing.push(Outgoing::Datagram { from, to, bytes });
        };
        match task {
            leg::Task::Key { began, key, index } if index < phone::PACKETS_OF_A_PRESS => {
                send(from, to, found.phone.key(began, key, index));
                let next = leg::Task::Key { began, key, index: index + 1 };
                return Some((Duration::from_millis(20), next));
            }
            leg::Task::Silence { until } if now < until => {
                send(from, to, found.phone.silence(now));
                return Some((Duration::from_millis(200), task));
            }
            leg::Task::Stranger => {
                let stranger = STRANGER.parse().expect("an address");
                send(stranger, to, found.phone.silence(now));
                let bye = format!("BYE sip:x SIP/2.0\r\nCall-ID: {line}\r\n\r\n");
                send(stranger, gateway, bye.into_bytes());
            }
            leg::Task::Garbage => {
                // Never a version 2, so never RTP by accident.
                let bytes = (known.dice.u64() >> 2).to_be_bytes().repeat(9);
                send(from, to, bytes.clone());
                send(here, gateway, bytes);
            }
            _ => {}
        }
        None
    }
}
