//! What is said in a call, as tracks of clips and silences, with marks that tell how far it got.
//!
//! The pauses are whole frames, so that the timing is exact and can be tested.

use crate::call::order::{Pauses, ScriptPolicy};
use crate::media::{ClipKey, Cue, Key, Mark, PromptSet, Track, frames, groups};
use crate::secret::Digits;
use crate::time::Duration;

/// An auto-attendant is given this long to be ready for keys, and to put the call through.
const EXTENSION_WAIT: Duration = Duration::from_secs(2);
/// How long a key is down; every exchange takes 100 ms.
const PRESS_FRAMES: u32 = 5;
const PRESS_GAP: Duration = Duration::from_millis(120);

/// Passed when a digit of the human check starts; its 0-based place is added.
const CHECK_DIGIT: u16 = 0x0100;
/// Passed when a digit of the code starts; its 0-based place is added.
const CODE_DIGIT: u16 = 0x0200;
/// Passed when the last digit of a reading has been played to its end.
const READING_END: u16 = 0x0300;

/// How far a track has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    /// The digit of the human check at this 0-based place has started.
    CheckDigit(usize),
    /// The digit of the code at this 0-based place has started.
    CodeDigit(usize),
    /// The reading is complete.
    ReadingEnd,
}

impl Passed {
    /// Reads a mark of one of our tracks.
    pub(super) fn of(mark: Mark) -> Option<Passed> {
        let place = usize::from(mark.0 & 0xff);
        match mark.0 & 0xff00 {
            CHECK_DIGIT => Some(Passed::CheckDigit(place)),
            CODE_DIGIT => Some(Passed::CodeDigit(place)),
            READING_END => Some(Passed::ReadingEnd),
            _ => None,
        }
    }

    fn mark(self) -> Mark {
        let at = |base: u16, place: usize| Mark(base + u16::try_from(place).unwrap_or(0xff));
        match self {
            Passed::CheckDigit(place) => at(CHECK_DIGIT, place),
            Passed::CodeDigit(place) => at(CODE_DIGIT, place),
            Passed::ReadingEnd => Mark(READING_END),
        }
    }
}

/// Builds the tracks of one call from its prompt set and policy.
#[derive(Debug)]
pub(super) struct Composer<'a> {
    pub(super) prompts: &'a PromptSet,
    pub(super) policy: &'a ScriptPolicy,
}

impl Composer<'_> {
    /// Lead-in silence and greeting: what every answered call starts with.
    fn greeting(&self) -> Vec<Cue> {
        let pauses = &self.policy.pauses;
        vec![pause(self.policy.lead_in), self.say(ClipKey::Greeting), pause(pauses.sentence)]
    }

    /// The keys that reach an extension behind an auto-attendant, after it had time to listen.
    pub(super) fn extension(&self, id: u32, keys: &[Key]) -> Track {
        let mut cues = vec![pause(EXTENSION_WAIT)];
        for &key in keys {
            cues.push(Cue::Press { key, frames: PRESS_FRAMES });
            cues.push(pause(PRESS_GAP));
        }
        cues.push(pause(EXTENSION_WAIT));
        Track { id, cues }
    }

    /// "To hear your code, press 7. If you did not ask for this call, press star."
    pub(super) fn human_check(&self, id: u32, first: bool, keys: &Digits) -> Track {
        let pauses = &self.policy.pauses;
        let mut cues = if first { self.greeting() } else { Vec::new() };
        cues.push(self.say(ClipKey::Gate));
        for (place, &digit) in keys.as_slice().iter().enumerate() {
            cues.push(pause(pauses.around_check_digit));
            cues.push(self.digit(digit, Passed::CheckDigit(place), None));
        }
        cues.push(pause(pauses.around_check_digit));
        cues.push(self.say(ClipKey::GateReport));
        Track { id, cues }
    }

    /// One reading of the code; `number` counts from 1. Later readings pause longer.
    pub(super) fn reading(&self, id: u32, number: u8, code: &Digits) -> Track {
        let pauses = self.pauses_of_reading(number);
        let mut cues = Vec::new();
        if number == 1 {
            if self.policy.human_check_digits == 0 {
                cues.extend(self.greeting());
            } else {
                cues.push(pause(pauses.sentence));
            }
            cues.push(self.say(ClipKey::CodeIntro));
        } else {
            cues.push(pause(pauses.reading));
            cues.push(self.say(ClipKey::CodeAgain));
        }
        cues.push(pause(pauses.before_code));
        let mut place = 0;
        for (index, &size) in groups(code.len()).iter().enumerate() {
            for within in 0..size {
                if within > 0 {
                    cues.push(pause(pauses.digit));
                } else if index > 0 {
                    cues.push(pause(pauses.group));
                }
                let end = (place + 1 == code.len()).then_some(Passed::ReadingEnd);
                cues.push(self.digit(code.as_slice()[place], Passed::CodeDigit(place), end));
                place += 1;
            }
        }
        Track { id, cues }
    }

    /// "To hear the code again, press hash."
    pub(super) fn repeat_offer(&self, id: u32) -> Track {
        let pauses = &self.policy.pauses;
        Track { id, cues: vec![pause(pauses.reading), self.say(ClipKey::RepeatOffer)] }
    }

    /// The last sentence of a call.
    pub(super) fn closing(&self, id: u32, sentence: ClipKey) -> Track {
        let pauses = &self.policy.pauses;
        // Nothing may follow the last digit of a code so closely that it sounds like one more.
        let before = if sentence == ClipKey::Goodbye { pauses.reading } else { pauses.sentence };
        Track { id, cues: vec![pause(before), self.say(sentence), pause(pauses.sentence)] }
    }

    fn pauses_of_reading(&self, number: u8) -> Pauses {
        let pauses = self.policy.pauses;
        if number == 1 {
            return pauses;
        }
        Pauses { digit: pauses.digit * 5 / 4, group: pauses.group * 5 / 4, ..pauses }
    }

    fn say(&self, key: ClipKey) -> Cue {
        Cue::Clip { clip: self.prompts.clip(key), mark_start: None, mark_end: None }
    }

    fn digit(&self, digit: u8, start: Passed, end: Option<Passed>) -> Cue {
        Cue::Clip {
            clip: self.prompts.clip(ClipKey::Digit(digit)),
            mark_start: Some(start.mark()),
            mark_end: end.map(Passed::mark),
        }
    }
}

/// Silence of at least `span`, in whole frames.
fn pause(span: Duration) -> Cue {
    Cue::Pause { frames: frames(span) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::{Arc, LazyLock};

    pub(in crate::call) const CHECK_1: Mark = Mark(CHECK_DIGIT);
    pub(in crate::call) const CHECK_2: Mark = Mark(CHECK_DIGIT + 1);
    pub(in crate::call) const CODE_1: Mark = Mark(CODE_DIGIT);
    pub(in crate::call) const CODE_6: Mark = Mark(CODE_DIGIT + 5);
    pub(in crate::call) const END: Mark = Mark(READING_END);

    static PROMPTS: LazyLock<Arc<PromptSet>> = LazyLock::new(|| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/en");
        let files = std::fs::read_dir(folder)
            .expect("the English prompts are in the repository")
            .map(|entry| {
                let path = entry.expect("a readable folder").path();
                let name = path.file_name().expect("a file").to_string_lossy().into_owned();
                (name, std::fs::read(path).expect("a readable file"))
            })
            .collect();
        Arc::new(PromptSet::load(&files).expect("the English prompts are sound"))
    });

    /// The English prompts of the repository.
    pub(in crate::call) fn prompts() -> Arc<PromptSet> {
        Arc::clone(&PROMPTS)
    }

    /// Clips as `#`, pauses as their length in frames, marks in brackets.
    fn shape(track: &Track) -> String {
        let cue = |cue: &Cue| match cue {
            Cue::Pause { frames } => frames.to_string(),
            Cue::Clip { mark_start, mark_end, .. } => {
                let mark = |mark: &Option<Mark>| match mark.map(Passed::of) {
                    None => String::new(),
                    Some(Some(Passed::CheckDigit(place))) => format!("[check {place}]"),
                    Some(Some(Passed::CodeDigit(place))) => format!("[{place}]"),
                    Some(Some(Passed::ReadingEnd)) => "[end]".to_owned(),
                    Some(None) => panic!("an unknown mark"),
                };
                format!("{}#{}", mark(mark_start), mark(mark_end))
            }
            Cue::Press { frames, .. } => format!("key{frames}"),
        };
        track.cues.iter().map(cue).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_reading_is_three_and_three_with_whole_frames_of_silence() {
        let policy = ScriptPolicy::default();
        let prompts = prompts();
        let composer = Composer { prompts: &prompts, policy: &policy };
        let code = Digits::parse("048392").expect("six digits");
        assert_eq!(
            shape(&composer.reading(1, 1, &code)),
            "20 # 60 [0]# 13 [1]# 13 [2]# 28 [3]# 13 [4]# 13 [5]#[end]"
        );
        assert_eq!(
            shape(&composer.reading(2, 2, &code)),
            "60 # 60 [0]# 17 [1]# 17 [2]# 35 [3]# 17 [4]# 17 [5]#[end]",
            "a repeated reading pauses a quarter longer"
        );
    }

    #[test]
    fn the_human_check_starts_with_silence_and_greeting_only_once() {
        let policy = ScriptPolicy::default();
        let prompts = prompts();
        let composer = Composer { prompts: &prompts, policy: &policy };
        let key = Digits::parse("7").expect("one digit");
        assert_eq!(shape(&composer.human_check(1, true, &key)), "45 # 20 # 15 [check 0]# 15 #");
        assert_eq!(shape(&composer.human_check(2, false, &key)), "# 15 [check 0]# 15 #");
    }

    #[test]
    fn an_extension_is_pressed_key_by_key() {
        let policy = ScriptPolicy::default();
        let prompts = prompts();
        let composer = Composer { prompts: &prompts, policy: &policy };
        let keys = [Key::Digit(4), Key::Digit(2)];
        assert_eq!(shape(&composer.extension(1, &keys)), "100 key5 6 key5 6 100");
    }
}
