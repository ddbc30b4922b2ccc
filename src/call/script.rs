//! The course of an answered call: greeting, human check, readings, goodbye.
//!
//! Nothing of the code is played before the right key came. A key that comes before it was asked
//! for, or a wrong one, ends the call: a voicemail greeting may hold tones, a person listens first.

use super::order::ScriptPolicy;
use super::track::{Composer, Passed};
use crate::entropy::Entropy;
use crate::media::{ClipKey, Key, Mark, PromptSet, Track};
use crate::reason::Reason;
use crate::secret::Digits;
use crate::time::Instant;
use std::collections::VecDeque;
use std::sync::Arc;

/// Something that happened in the answered call.
#[derive(Debug, Clone)]
pub enum ScriptInput {
    /// The media stream runs.
    Started,
    /// A mark of the track was passed.
    MarkPassed(Mark),
    /// The track with this number was played to its end.
    TrackEnded(u32),
    /// The person pressed a key.
    KeyPressed(Key),
    /// The deadline of [`Script::poll_timeout`] may have come.
    Timeout,
}

/// Something the script wants done or known.
#[derive(Debug, Clone)]
pub enum ScriptOutput {
    /// Play this instead of what plays now.
    Play(Track),
    /// The right key(s) came.
    HumanConfirmed,
    /// One more complete reading; how many there are now.
    CodePlayed(u8),
    /// Nothing more to say: hang up, for this reason.
    HangUp(Reason),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// The extension's keys are being pressed; nobody listens yet.
    Extending {
        track: u32,
    },
    /// The human check is being spoken.
    Asking {
        prompt: u8,
        track: u32,
        spoken: usize,
        right: usize,
    },
    /// The human check was spoken; a key may still come.
    Awaiting {
        prompt: u8,
        right: usize,
        until: Instant,
    },
    Reading {
        number: u8,
        track: u32,
        again: bool,
    },
    Offering {
        number: u8,
        track: u32,
    },
    AwaitingRepeat {
        number: u8,
        until: Instant,
    },
    Closing {
        reason: Reason,
        track: u32,
    },
    Over,
}

/// What has been played and pressed so far, for the receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Whether the human check was passed or is off.
    pub human_confirmed: bool,
    /// Complete readings.
    pub readings: u8,
    /// Digits started in the reading under way; zero between readings.
    pub digits_started: u8,
    /// Whether any digit of the code was ever started.
    pub any_digit: bool,
}

/// The script of one answered call.
#[derive(Debug)]
pub struct Script {
    policy: ScriptPolicy,
    prompts: Arc<PromptSet>,
    code: Digits,
    check: Option<Digits>,
    extension: Vec<Key>,
    state: State,
    progress: Progress,
    tracks: u32,
    outputs: VecDeque<ScriptOutput>,
}

impl Script {
    /// A script that will speak `code`, asking for random keys first if the policy says so, and
    /// pressing the keys of `extension` before that.
    pub fn new(
        policy: ScriptPolicy,
        prompts: Arc<PromptSet>,
        code: Digits,
        extension: Vec<Key>,
        entropy: &mut Entropy,
    ) -> Self {
        let keys = usize::from(policy.human_check_digits);
        let check = (keys > 0).then(|| Digits::draw_without_zero(keys, entropy));
        let outputs = VecDeque::new();
        let progress = Progress { human_confirmed: check.is_none(), ..Progress::default() };
        let state = State::Idle;
        Script { policy, prompts, code, check, extension, state, progress, tracks: 0, outputs }
    }

    /// How far it has got.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The reason this call would have if the far end hung up now.
    pub fn reason_if_hung_up(&self) -> Reason {
        match self.state {
            State::Closing { reason, .. } => reason,
            _ if self.progress.readings > 0 => Reason::HungUp,
            _ => Reason::HungUpEarly,
        }
    }

    /// The reason this call has if its time is up now.
    pub fn reason_if_cut(&self) -> Reason {
        match self.state {
            State::Closing { reason, .. } => reason,
            _ if self.progress.readings > 0 => Reason::Completed,
            State::Idle
            | State::Extending { .. }
            | State::Asking { .. }
            | State::Awaiting { .. } => Reason::NoHuman,
            _ => Reason::Interrupted,
        }
    }

    /// When [`ScriptInput::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Awaiting { until, .. } | State::AwaitingRepeat { until, .. } => Some(until),
            _ => None,
        }
    }

    /// The next thing wanted, until `None`.
    pub fn poll_output(&mut self) -> Option<ScriptOutput> {
        self.outputs.pop_front()
    }

    /// Takes one thing that happened.
    #[expect(clippy::too_many_lines, reason = "one match holds all transitions")]
    pub fn handle(&mut self, now: Instant, input: ScriptInput) {
        use ScriptInput as In;
        self.state = match (self.state, input) {
            (State::Idle, In::Started) if self.extension.is_empty() => self.begin(),
            (State::Idle, In::Started) => self.extend(),
            (State::Extending { track }, In::TrackEnded(ended)) if ended == track => self.begin(),

            (State::Asking { prompt, track, spoken, right }, In::MarkPassed(mark)) => {
                let spoken = match Passed::of(mark) {
                    Some(Passed::CheckDigit(place)) => place + 1,
                    _ => spoken,
                };
                State::Asking { prompt, track, spoken, right }
            }
            (State::Asking { prompt, track, right, .. }, In::TrackEnded(ended))
                if ended == track =>
            {
                State::Awaiting { prompt, right, until: now + self.policy.human_check_wait }
            }
            (State::Asking { prompt, track, spoken, right }, In::KeyPressed(key)) => {
                // After the first prompt the person has heard the digits once.
                let heard = if prompt > 1 { usize::MAX } else { spoken };
                match self.judge(key, heard, right) {
                    Judged::Right(right) => State::Asking { prompt, track, spoken, right },
                    other => self.conclude(other),
                }
            }
            (State::Awaiting { prompt, right, .. }, In::KeyPressed(key)) => {
                match self.judge(key, usize::MAX, right) {
                    Judged::Right(right) => {
                        let until = now + self.policy.human_check_wait;
                        State::Awaiting { prompt, right, until }
                    }
                    other => self.conclude(other),
                }
            }
            (State::Awaiting { prompt, until, .. }, In::Timeout) if now >= until => {
                if prompt < self.policy.human_check_prompts {
                    self.ask(prompt + 1)
                } else {
                    self.close(Reason::NoHuman, ClipKey::NoKey)
                }
            }

            (
                State::Reading { .. } | State::Offering { .. } | State::AwaitingRepeat { .. },
                In::KeyPressed(Key::Star),
            ) => self.close(Reason::FraudReported, ClipKey::Reported),
            (State::Reading { number, track, again }, In::MarkPassed(mark)) => {
                self.note(Passed::of(mark));
                State::Reading { number, track, again }
            }
            (State::Reading { number, track, .. }, In::KeyPressed(Key::Hash)) => {
                State::Reading { number, track, again: true }
            }
            (State::Reading { number, track, again }, In::TrackEnded(ended)) if ended == track => {
                self.after_reading(number, again)
            }
            (State::Offering { number, .. }, In::KeyPressed(Key::Hash)) => self.read(number + 1),
            (State::Offering { number, track }, In::TrackEnded(ended)) if ended == track => {
                State::AwaitingRepeat { number, until: now + self.policy.repeat_wait }
            }
            (State::AwaitingRepeat { number, .. }, In::KeyPressed(Key::Hash)) => {
                self.read(number + 1)
            }
            (State::AwaitingRepeat { until, .. }, In::Timeout) if now >= until => {
                self.close(Reason::Completed, ClipKey::Goodbye)
            }

            (State::Closing { reason, track }, In::TrackEnded(ended)) if ended == track => {
                self.outputs.push_back(ScriptOutput::HangUp(reason));
                State::Over
            }
            // Marks and ends of tracks that were replaced, keys without a meaning, early timeouts.
            (state, _) => state,
        };
    }

    fn begin(&mut self) -> State {
        if self.check.is_some() { self.ask(1) } else { self.read(1) }
    }

    fn extend(&mut self) -> State {
        let track = self.next_track();
        let cues = self.composer().extension(track, &self.extension);
        self.outputs.push_back(ScriptOutput::Play(cues));
        State::Extending { track }
    }

    fn ask(&mut self, prompt: u8) -> State {
        let track = self.next_track();
        let keys = self.check.as_ref().expect("only a script with a human check asks");
        let cues = self.composer().human_check(track, prompt == 1, keys);
        self.outputs.push_back(ScriptOutput::Play(cues));
        State::Asking { prompt, track, spoken: 0, right: 0 }
    }

    fn read(&mut self, number: u8) -> State {
        let track = self.next_track();
        let cues = self.composer().reading(track, number, &self.code);
        self.outputs.push_back(ScriptOutput::Play(cues));
        self.progress.digits_started = 0;
        State::Reading { number, track, again: false }
    }

    /// What follows a complete reading; `again` if the repeat key was pressed during it.
    fn after_reading(&mut self, number: u8, again: bool) -> State {
        let most = self.policy.readings.saturating_add(self.policy.repeats_on_request);
        if number < self.policy.readings || (again && number < most) {
            self.read(number + 1)
        } else if number < most {
            let track = self.next_track();
            let cues = self.composer().repeat_offer(track);
            self.outputs.push_back(ScriptOutput::Play(cues));
            State::Offering { number, track }
        } else {
            self.close(Reason::Completed, ClipKey::Goodbye)
        }
    }

    fn close(&mut self, reason: Reason, sentence: ClipKey) -> State {
        let track = self.next_track();
        let cues = self.composer().closing(track, sentence);
        self.outputs.push_back(ScriptOutput::Play(cues));
        State::Closing { reason, track }
    }

    /// `heard` is how many keys of the check the person can have heard; `right` how many came.
    fn judge(&self, key: Key, heard: usize, right: usize) -> Judged {
        let keys = self.check.as_ref().expect("only a script with a human check judges keys");
        if heard == 0 || right >= heard {
            Judged::Machine
        } else if key == Key::Star {
            Judged::Report
        } else if key != Key::Digit(keys.as_slice()[right]) {
            Judged::Machine
        } else if right + 1 == keys.len() {
            Judged::Confirmed
        } else {
            Judged::Right(right + 1)
        }
    }

    fn conclude(&mut self, judged: Judged) -> State {
        match judged {
            Judged::Report => self.close(Reason::FraudReported, ClipKey::Reported),
            Judged::Confirmed => {
                self.progress.human_confirmed = true;
                self.outputs.push_back(ScriptOutput::HumanConfirmed);
                self.read(1)
            }
            Judged::Machine | Judged::Right(_) => {
                self.close(Reason::MachineSuspected, ClipKey::WrongKey)
            }
        }
    }

    fn note(&mut self, passed: Option<Passed>) {
        match passed {
            Some(Passed::CodeDigit(place)) => {
                self.progress.any_digit = true;
                self.progress.digits_started = u8::try_from(place + 1).unwrap_or(u8::MAX);
            }
            Some(Passed::ReadingEnd) => {
                self.progress.digits_started = 0;
                self.progress.readings = self.progress.readings.saturating_add(1);
                self.outputs.push_back(ScriptOutput::CodePlayed(self.progress.readings));
            }
            Some(Passed::CheckDigit(_)) | None => {}
        }
    }

    fn next_track(&mut self) -> u32 {
        self.tracks += 1;
        self.tracks
    }

    fn composer(&self) -> Composer<'_> {
        Composer { prompts: &self.prompts, policy: &self.policy }
    }
}

/// What a key pressed during the human check means.
enum Judged {
    /// Too early or wrong.
    Machine,
    /// The person did not ask for this call.
    Report,
    /// Right so far; this many.
    Right(usize),
    /// All of them right.
    Confirmed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::track::tests::{CHECK_1, CHECK_2, CODE_1, CODE_6, END, prompts};
    use crate::time::Duration;

    const START: Instant = Instant::ZERO;

    struct Run {
        script: Script,
        check: Digits,
        now: Instant,
    }

    impl Run {
        fn new(policy: ScriptPolicy) -> Self {
            Run::behind(policy, Vec::new())
        }

        fn behind(policy: ScriptPolicy, extension: Vec<Key>) -> Self {
            let code = Digits::parse("048392").expect("six digits");
            let mut entropy = Entropy::from_seed(5);
            let mut script = Script::new(policy, prompts(), code, extension, &mut entropy);
            let check = script.check.clone().unwrap_or(Digits::parse("1").expect("one digit"));
            script.handle(START, ScriptInput::Started);
            Run { script, check, now: START }
        }

        fn with_check(digits: u8) -> Self {
            let policy = ScriptPolicy { human_check_digits: digits, ..ScriptPolicy::default() };
            Run::new(policy)
        }

        fn give(&mut self, input: ScriptInput) -> Vec<String> {
            self.script.handle(self.now, input);
            self.said()
        }

        fn said(&mut self) -> Vec<String> {
            std::iter::from_fn(|| self.script.poll_output())
                .map(|output| match output {
                    ScriptOutput::Play(track) => format!("play {}", track.id),
                    ScriptOutput::HumanConfirmed => "confirmed".to_owned(),
                    ScriptOutput::CodePlayed(readings) => format!("read {readings}"),
                    ScriptOutput::HangUp(reason) => format!("hang up: {reason}"),
                })
                .collect()
        }

        fn mark(&mut self, mark: Mark) -> Vec<String> {
            self.give(ScriptInput::MarkPassed(mark))
        }

        fn ended(&mut self, track: u32) -> Vec<String> {
            self.give(ScriptInput::TrackEnded(track))
        }

        fn press(&mut self, key: Key) -> Vec<String> {
            self.give(ScriptInput::KeyPressed(key))
        }

        fn press_right(&mut self, place: usize) -> Vec<String> {
            let digit = self.check.as_slice()[place];
            self.press(Key::Digit(digit))
        }

        fn wrong(&self) -> Key {
            Key::Digit(self.check.as_slice()[0] % 9 + 1)
        }

        fn wait(&mut self, span: Duration) -> Vec<String> {
            self.now += span;
            self.give(ScriptInput::Timeout)
        }
    }

    #[test]
    fn the_right_key_opens_the_code_and_two_readings_follow() {
        let mut run = Run::with_check(1);
        assert_eq!(run.said(), ["play 1"]);
        run.mark(CHECK_1);
        assert_eq!(run.press_right(0), ["confirmed", "play 2"]);
        run.mark(CODE_1);
        assert_eq!(run.mark(END), ["read 1"]);
        assert_eq!(run.ended(2), ["play 3"]);
        assert_eq!(run.mark(END), ["read 2"]);
        assert_eq!(run.ended(3), ["play 4"], "the offer to repeat");
        assert!(run.ended(4).is_empty());
        assert!(run.wait(Duration::from_millis(3_999)).is_empty());
        assert_eq!(run.wait(Duration::from_millis(1)), ["play 5"], "goodbye");
        assert_eq!(run.ended(5), ["hang up: completed"]);
    }

    #[test]
    fn a_key_before_the_digit_was_spoken_is_a_machine() {
        let mut run = Run::with_check(1);
        run.said();
        assert_eq!(run.press_right(0), ["play 2"]);
        assert_eq!(run.script.reason_if_hung_up(), Reason::MachineSuspected);
        assert!(run.press_right(0).is_empty(), "nothing opens it any more");
        assert_eq!(run.ended(2), ["hang up: machine_suspected"]);
        assert_eq!(run.script.progress(), Progress::default());
    }

    #[test]
    fn a_wrong_key_ends_the_call_before_the_code() {
        let mut run = Run::with_check(1);
        run.said();
        run.mark(CHECK_1);
        run.ended(1);
        assert_eq!(run.press(run.wrong()), ["play 2"]);
        assert_eq!(run.ended(2), ["hang up: machine_suspected"]);
    }

    #[test]
    fn two_keys_must_come_in_order_and_none_early() {
        let mut run = Run::with_check(2);
        run.said();
        run.mark(CHECK_1);
        assert!(run.press_right(0).is_empty());
        run.mark(CHECK_2);
        assert_eq!(run.press_right(1), ["confirmed", "play 2"]);

        let mut early = Run::with_check(2);
        early.said();
        early.mark(CHECK_1);
        early.press_right(0);
        assert_eq!(early.press_right(1), ["play 2"], "the second was not spoken yet");
        assert_eq!(early.script.reason_if_hung_up(), Reason::MachineSuspected);
    }

    #[test]
    fn nobody_pressing_is_asked_twice_and_then_let_go() {
        let mut run = Run::with_check(1);
        run.said();
        run.mark(CHECK_1);
        run.ended(1);
        assert!(run.wait(Duration::from_millis(7_999)).is_empty());
        assert_eq!(run.wait(Duration::from_millis(1)), ["play 2"], "asked again");
        run.ended(2);
        assert_eq!(run.wait(Duration::from_secs(8)), ["play 3"]);
        assert_eq!(run.ended(3), ["hang up: no_human"]);
    }

    #[test]
    fn the_second_prompt_may_be_answered_from_the_first() {
        let mut run = Run::with_check(1);
        run.said();
        run.ended(1);
        run.wait(Duration::from_secs(8));
        assert_eq!(run.press_right(0), ["confirmed", "play 3"]);
    }

    #[test]
    fn the_report_key_ends_the_call_at_any_time_after_the_check_was_spoken() {
        let mut asked = Run::with_check(1);
        asked.said();
        asked.mark(CHECK_1);
        assert_eq!(asked.press(Key::Star), ["play 2"]);
        assert_eq!(asked.ended(2), ["hang up: fraud_reported"]);

        let mut reading = Run::with_check(0);
        assert_eq!(reading.said(), ["play 1"]);
        reading.mark(CODE_1);
        assert_eq!(reading.press(Key::Star), ["play 2"]);
        assert_eq!(reading.ended(2), ["hang up: fraud_reported"]);
    }

    #[test]
    fn an_extension_is_dialled_before_anything_is_said() {
        let keys = vec![Key::Digit(4), Key::Digit(2)];
        let mut run = Run::behind(ScriptPolicy::default(), keys);
        assert_eq!(run.said(), ["play 1"], "the keys");
        assert!(run.press_right(0).is_empty(), "tones of the auto-attendant mean nothing");
        assert_eq!(run.ended(1), ["play 2"], "the human check");
        run.mark(CHECK_1);
        assert_eq!(run.press_right(0), ["confirmed", "play 3"]);
    }

    #[test]
    fn the_repeat_key_during_a_reading_repeats_without_an_offer() {
        let policy = ScriptPolicy { human_check_digits: 0, readings: 1, ..ScriptPolicy::default() };
        let mut run = Run::new(policy);
        run.said();
        run.press(Key::Hash);
        run.mark(END);
        assert_eq!(run.said(), Vec::<String>::new());
        assert_eq!(run.ended(1), ["play 2"]);
        assert_eq!(run.mark(END), ["read 2"]);
        assert_eq!(run.ended(2), ["play 3"], "goodbye: no further repeat is allowed");
    }

    #[test]
    fn the_receipt_knows_the_digit_at_which_the_line_went_dead() {
        let mut run = Run::with_check(0);
        run.said();
        run.mark(CODE_1);
        assert_eq!(run.script.progress().digits_started, 1);
        assert_eq!(run.script.reason_if_hung_up(), Reason::HungUpEarly);
        run.mark(CODE_6);
        assert_eq!(run.script.progress().digits_started, 6);
        run.mark(END);
        assert_eq!(run.script.progress().digits_started, 0);
        assert_eq!(run.script.progress().readings, 1);
        assert_eq!(run.script.reason_if_hung_up(), Reason::HungUp);
        assert_eq!(run.script.reason_if_cut(), Reason::Completed);
    }
}
