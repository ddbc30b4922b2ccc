//! What a failing run prints: its messages in time, as between the lines of a ladder.

use super::text::Heard;
use belfry::time::Instant;
use std::cell::RefCell;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

/// The most rungs kept; the last ones tell what went wrong.
const RUNGS_MAX: usize = 400;

/// The messages of a run so far. Clones write on the same ladder, so that it outlives a panic.
#[derive(Clone, Default)]
pub struct Ladder(Rc<RefCell<Vec<String>>>);

impl Ladder {
    pub fn say(&self, now: Instant, what: impl fmt::Display) {
        let mut rungs = self.0.borrow_mut();
        if rungs.len() >= 2 * RUNGS_MAX {
            rungs.drain(..RUNGS_MAX);
        }
        rungs.push(format!("{now:?}  {what}"));
    }

    /// A SIP message; `arrow` is `-->` for one of the gateway's that was sent, `<--` for one that
    /// reached it.
    pub fn sip(&self, now: Instant, arrow: &str, peer: SocketAddr, bytes: &[u8]) {
        match Heard::read_any(bytes) {
            Ok(heard) => {
                let what = match heard.status() {
                    Some(_) => format!("{} ({})", heard.start, heard.header("CSeq")),
                    None => format!("{} {}", heard.header("CSeq"), heard.request_uri()),
                };
                let (call, to) = (heard.call_id(), heard.tag_of_to());
                let call = call.get(..6).unwrap_or(call);
                self.say(now, format_args!("{arrow} {peer} [{call} {to}] {what}"));
            }
            Err(_) => self.say(now, format_args!("{arrow} {peer} {} odd bytes", bytes.len())),
        }
    }

    pub fn text(&self) -> String {
        let rungs = self.0.borrow();
        rungs[rungs.len().saturating_sub(RUNGS_MAX)..].join("\n")
    }
}
