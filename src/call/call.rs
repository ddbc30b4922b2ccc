//! One outgoing call from order to receipt: dialog, media and script under one set of transitions.
//!
//! The order at the end is fixed: the media stops first, then BYE or CANCEL goes out, so that no
//! RTP follows a BYE. The receipt is given once the media is closed and the far end has been told.

use super::order::{CallEventKind, CallOrder};
use super::outcome::reason_of_failure;
use super::receipt::{Delivery, Receipt};
use super::script::{Script, ScriptInput, ScriptOutput};
use crate::entropy::Entropy;
use crate::media::{self, Key, MediaCommand, PromptSet, StreamConfig, StreamEvent, StreamStats};
use crate::reason::Reason;
use crate::sip::{CallSignal, Failure, FailureKind, sdp};
use crate::time::{Duration, Instant, earliest};
use std::collections::VecDeque;
use std::sync::Arc;

/// The payload type our offers give telephone-event (RFC 4733): the one everybody uses.
pub(super) const TELEPHONE_EVENT: u8 = 101;
/// How many ports are tried before a call is given up because none can be bound.
const PORT_TRIES_MAX: u8 = 8;

/// Something a call wants done.
#[derive(Debug)]
pub(super) enum CallOutput {
    /// Send the INVITE, offering the port the media was opened on.
    Invite,
    /// Take another port: this one is used by another program.
    OpenNext,
    /// End the dialog: CANCEL or BYE.
    HangUp,
    Media(MediaCommand),
    Event(CallEventKind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The RTP port is being bound.
    Opening { tries: u8 },
    /// The INVITE is out, no final response yet.
    Dialing,
    /// CANCEL was asked for; the dialog's end is awaited.
    Canceling { reason: Reason },
    /// Answered; the script runs until the deadline.
    Talking { until: Instant },
    /// The media is being closed; `hang_up` if the far end must be told after that.
    Closing { hang_up: bool },
    /// The receipt was given.
    Over,
}

/// One outgoing call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) order: CallOrder,
    pub(super) port: u16,
    state: State,
    script: Script,
    entropy: Entropy,
    reason: Option<Reason>,
    rang: bool,
    forwarded: bool,
    audio_received: bool,
    failure: Option<Failure>,
    far_end_cause: Option<u8>,
    dialed_at: Instant,
    answered_at: Option<Instant>,
    ended_at: Option<Instant>,
    outputs: VecDeque<CallOutput>,
}

impl Call {
    /// A call that first asks for `port` to be opened.
    pub(super) fn new(
        now: Instant,
        order: CallOrder,
        port: u16,
        prompts: Arc<PromptSet>,
        mut entropy: Entropy,
    ) -> Self {
        let code = order.code.clone();
        let extension = keys_of(&order);
        let script = Script::new(order.script.clone(), prompts, code, extension, &mut entropy);
        let mut call = Call {
            order,
            port,
            state: State::Opening { tries: 1 },
            script,
            entropy,
            reason: None,
            rang: false,
            forwarded: false,
            audio_received: false,
            failure: None,
            far_end_cause: None,
            dialed_at: now,
            answered_at: None,
            ended_at: None,
            outputs: VecDeque::new(),
        };
        call.open();
        call
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    pub(super) fn poll_output(&mut self) -> Option<CallOutput> {
        self.outputs.pop_front()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Talking { until } => earliest(Some(until), self.script.poll_timeout()),
            _ => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let State::Talking { until } = self.state else { return };
        if now >= until {
            self.end(now, self.script.reason_if_cut(), true);
        } else {
            self.run(now, ScriptInput::Timeout);
        }
    }

    /// Ends the call for `reason` from whatever state it is in. Harmless when it is already ending.
    pub(super) fn cancel(&mut self, now: Instant, reason: Reason) {
        match self.state {
            State::Opening { .. } => self.end(now, reason, false),
            State::Talking { .. } => self.end(now, reason, true),
            State::Dialing => {
                self.outputs.push_back(CallOutput::HangUp);
                self.state = State::Canceling { reason };
            }
            State::Canceling { .. } | State::Closing { .. } | State::Over => {}
        }
    }

    /// Another port to try after [`CallOutput::OpenNext`], or `None` if there is none left.
    pub(super) fn open_on(&mut self, now: Instant, port: Option<u16>) {
        match port {
            Some(port) => {
                self.port = port;
                self.open();
            }
            None => self.give_receipt(now, Reason::Interrupted, &StreamStats::default()),
        }
    }

    fn open(&mut self) {
        let open = MediaCommand::Open { call: self.order.attempt, port: self.port };
        self.outputs.push_back(CallOutput::Media(open));
    }

    pub(super) fn handle_media(&mut self, now: Instant, event: StreamEvent) {
        match (self.state, event) {
            (State::Opening { .. }, StreamEvent::Opened) => {
                self.state = State::Dialing;
                self.dialed_at = now;
                self.outputs.push_back(CallOutput::Invite);
                self.outputs.push_back(CallOutput::Event(CallEventKind::Dialing));
            }
            (State::Opening { tries }, StreamEvent::PortUnavailable) => {
                if tries < PORT_TRIES_MAX {
                    self.state = State::Opening { tries: tries + 1 };
                    self.outputs.push_back(CallOutput::OpenNext);
                } else {
                    self.give_receipt(now, Reason::Interrupted, &StreamStats::default());
                }
            }
            (State::Closing { hang_up }, StreamEvent::Closed(stats)) => {
                if hang_up {
                    self.outputs.push_back(CallOutput::HangUp);
                }
                let reason = self.reason.unwrap_or(Reason::Interrupted);
                self.give_receipt(now, reason, &stats);
            }
            (State::Talking { .. }, StreamEvent::MarkPassed(mark)) => {
                self.run(now, ScriptInput::MarkPassed(mark));
            }
            (State::Talking { .. }, StreamEvent::TrackEnded(track)) => {
                self.run(now, ScriptInput::TrackEnded(track));
            }
            (State::Talking { .. }, StreamEvent::Key(key)) => {
                self.run(now, ScriptInput::KeyPressed(key));
            }
            (_, StreamEvent::AudioReceived) => self.audio_received = true,
            // What the stream still says while it is being closed.
            _ => {}
        }
    }

    pub(super) fn handle_signal(&mut self, now: Instant, signal: CallSignal) {
        match (self.state, signal) {
            (State::Dialing, CallSignal::Trying) => self.tell(CallEventKind::Proceeding),
            (State::Dialing, CallSignal::Ringing) => {
                self.rang = true;
                self.tell(CallEventKind::Ringing);
            }
            (State::Dialing, CallSignal::EarlyMedia(_)) => {
                self.rang = true;
                self.tell(CallEventKind::EarlyMedia);
            }
            (State::Dialing, CallSignal::Forwarded) => {
                self.forwarded = true;
                self.tell(CallEventKind::Forwarded);
            }
            (State::Dialing, CallSignal::Answered(answer)) => self.answered(now, answer),
            (State::Talking { .. }, CallSignal::MediaChanged(answer)) => {
                let config = self.redirect(&answer);
                self.outputs.push_back(CallOutput::Media(config));
            }
            (State::Talking { .. }, CallSignal::ByeReceived(cause)) => {
                self.far_end_cause = cause.q850;
                self.end(now, self.script.reason_if_hung_up(), false);
            }
            (State::Dialing, CallSignal::Failed(failure)) => {
                let reason = reason_of_failure(&failure, self.rang);
                self.failure = Some(failure);
                self.end(now, reason, false);
            }
            (State::Canceling { reason }, CallSignal::Failed(failure)) => {
                // A busy signal that crossed our CANCEL says more than "canceled".
                let crossed = failure.kind == FailureKind::Status && failure.status != Some(487);
                let reason = if crossed { reason_of_failure(&failure, self.rang) } else { reason };
                self.failure = Some(failure);
                self.end(now, reason, false);
            }
            (State::Canceling { reason }, CallSignal::Ended | CallSignal::ByeReceived(_)) => {
                self.end(now, reason, false);
            }
            (State::Closing { .. }, CallSignal::ByeReceived(_) | CallSignal::Ended) => {
                self.state = State::Closing { hang_up: false };
            }
            (State::Talking { .. }, CallSignal::Ended) => {
                // The dialog is gone without a BYE: its transport failed.
                self.end(now, Reason::Interrupted, false);
            }
            _ => {}
        }
    }

    fn answered(&mut self, now: Instant, answer: Result<sdp::Answer, sdp::AnswerError>) {
        self.rang = true;
        self.answered_at = Some(now);
        self.tell(CallEventKind::Answered);
        match answer {
            // Without keys there is no way to the extension.
            Ok(answer) if self.order.extension.is_some() && answer.telephone_event.is_none() => {
                self.end(now, Reason::MediaIncompatible, true);
            }
            Ok(answer) => {
                let start = self.start(&answer);
                self.outputs.push_back(CallOutput::Media(start));
                self.state = State::Talking { until: now + self.order.script.call_max };
                self.run(now, ScriptInput::Started);
            }
            Err(_) => self.end(now, Reason::MediaIncompatible, true),
        }
    }

    fn run(&mut self, now: Instant, input: ScriptInput) {
        self.script.handle(now, input);
        while let Some(output) = self.script.poll_output() {
            match output {
                ScriptOutput::Play(track) => {
                    let play = MediaCommand::Play { call: self.order.attempt, track };
                    self.outputs.push_back(CallOutput::Media(play));
                }
                ScriptOutput::HumanConfirmed => self.tell(CallEventKind::HumanConfirmed),
                ScriptOutput::CodePlayed(readings) => {
                    self.tell(CallEventKind::CodePlayed { readings });
                }
                ScriptOutput::HangUp(reason) => self.end(now, reason, true),
            }
        }
    }

    /// Closes the media; the receipt follows when it is closed.
    fn end(&mut self, now: Instant, reason: Reason, hang_up: bool) {
        self.reason = Some(reason);
        self.ended_at = Some(now);
        self.state = State::Closing { hang_up };
        let close = MediaCommand::Close { call: self.order.attempt };
        self.outputs.push_back(CallOutput::Media(close));
    }

    fn tell(&mut self, kind: CallEventKind) {
        self.outputs.push_back(CallOutput::Event(kind));
    }

    fn give_receipt(&mut self, now: Instant, reason: Reason, stats: &StreamStats) {
        let progress = self.script.progress();
        let answered = self.answered_at.is_some();
        let audio_received = self.audio_received || stats.packets_received > 0;
        let silent = answered && !audio_received && stats.keys_seen == 0;
        let reason = match reason {
            Reason::NoHuman if silent => Reason::OneWayAudio,
            reason => reason,
        };
        let delivery = match progress {
            p if p.readings > 0 => Delivery::Full,
            p if p.any_digit => Delivery::Partial,
            _ => Delivery::None,
        };
        let ended_at = self.ended_at.unwrap_or(now);
        let failure = self.failure.take();
        let of_failure = failure.as_ref();
        let receipt = Receipt {
            reason,
            rang: self.rang,
            answered,
            forwarded: self.forwarded,
            human_confirmed: answered && progress.human_confirmed,
            delivery,
            readings: progress.readings,
            last_digit_index: (progress.digits_started > 0).then_some(progress.digits_started),
            audio_received,
            keys_seen: stats.keys_seen,
            sip_status: of_failure.and_then(|f| f.status).or(answered.then_some(200)),
            q850_cause: of_failure.and_then(|f| f.cause.q850).or(self.far_end_cause),
            detail: of_failure.and_then(|f| f.warning.clone().or(f.cause.text.clone())),
            retry_after: of_failure.and_then(|f| f.retry_after),
            packets_sent: stats.packets_sent,
            packets_received: stats.packets_received,
            packets_lost: stats.packets_lost,
            setup_time: self.answered_at.unwrap_or(ended_at).since(self.dialed_at),
            talk_time: self.answered_at.map_or(Duration::ZERO, |at| ended_at.since(at)),
        };
        self.tell(CallEventKind::Ended(Box::new(receipt)));
        self.state = State::Over;
    }

    fn start(&mut self, answer: &sdp::Answer) -> MediaCommand {
        let config = StreamConfig {
            codec: media_codec(answer.codec),
            payload_type: answer.codec.payload_type(),
            telephone_event: answer.telephone_event,
            telephone_event_offered: Some(TELEPHONE_EVENT),
            remote: answer.remote,
            may_send: answer.direction.may_send(),
            ssrc: self.entropy.u32(),
            sequence: self.entropy.u16(),
            timestamp: self.entropy.u32(),
        };
        MediaCommand::Start { call: self.order.attempt, config }
    }

    fn redirect(&self, answer: &sdp::Answer) -> MediaCommand {
        MediaCommand::Redirect {
            call: self.order.attempt,
            remote: answer.remote,
            codec: media_codec(answer.codec),
            payload_type: answer.codec.payload_type(),
            may_send: answer.direction.may_send(),
        }
    }
}

/// The keys that reach the order's extension.
fn keys_of(order: &CallOrder) -> Vec<Key> {
    let digits = order.extension.as_ref().map_or("", |extension| extension.expose().as_str());
    digits.bytes().filter(u8::is_ascii_digit).map(|digit| Key::Digit(digit - b'0')).collect()
}

fn media_codec(codec: sdp::Codec) -> media::Codec {
    match codec {
        sdp::Codec::Pcma => media::Codec::Pcma,
        sdp::Codec::Pcmu => media::Codec::Pcmu,
    }
}
