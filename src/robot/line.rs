//! For tests: what a gateway's call sounds like at the far end of a line, good or bad.

use super::ear::{Templates, sound};
use crate::entropy::Entropy;
use crate::media::{ClipKey, Codec, PromptSet};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// Samples in a millisecond.
const MS: usize = 8;

/// The English prompts and what the ear learnt from them, loaded once.
pub static ENGLISH: LazyLock<(PromptSet, Arc<Templates>)> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts/en");
    let files: BTreeMap<String, Vec<u8>> = std::fs::read_dir(folder)
        .expect("the folder of the prompts")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(path).expect("a file"))
        })
        .collect();
    let prompts = PromptSet::load(&files).expect("the committed prompts are sound");
    let templates = Arc::new(Templates::learn(&prompts));
    (prompts, templates)
});

/// Sound in the making.
#[derive(Default)]
pub struct Speech(pub Vec<i16>);

impl Speech {
    pub fn pause(mut self, millis: usize) -> Self {
        self.0.resize(self.0.len() + millis * MS, 0);
        self
    }

    pub fn say(mut self, key: ClipKey) -> Self {
        self.0.extend(sound(&ENGLISH.0.clip(key)));
        self
    }

    /// The digits 3+3, with the pauses of a gateway.
    pub fn code(mut self, code: &[u8]) -> Self {
        for (place, &digit) in code.iter().enumerate() {
            let pause = [0, 260, 560][usize::from(place > 0) + usize::from(place == 3)];
            self = self.pause(pause).say(ClipKey::Digit(digit));
        }
        self
    }

    /// A whole call: greeting, human check, and two readings of the code.
    pub fn call(key: u8, code: &[u8]) -> Self {
        let speech = Speech::default().pause(900).say(ClipKey::Greeting).pause(500);
        let speech = speech.say(ClipKey::Gate).pause(300).say(ClipKey::Digit(key)).pause(300);
        let speech = speech.say(ClipKey::GateReport).pause(1500).say(ClipKey::CodeIntro);
        let speech = speech.pause(1200).code(code).pause(1200).say(ClipKey::CodeAgain);
        speech.pause(1200).code(code).pause(1200).say(ClipKey::Goodbye).pause(200)
    }
}

/// A line's faults.
#[derive(Clone, Copy)]
pub struct Line {
    pub codec: Codec,
    /// Of a hundred packets.
    pub lost: u32,
    /// Power of white noise; 260 is 20 dB under the prompts, 18 is comfort noise.
    pub noise: f32,
}

impl Line {
    /// The samples as they come out of the line's far end.
    pub fn carry(&self, speech: &Speech, entropy: &mut Entropy) -> Vec<i16> {
        let mut samples = speech.0.clone();
        for packet in samples.chunks_mut(20 * MS) {
            for sample in packet.iter_mut() {
                let noisy = f32::from(*sample) + gauss(entropy) * self.noise;
                *sample = self.codec.decode(self.codec.encode(noisy as i16));
            }
            if entropy.below(100) < self.lost {
                packet.fill(0);
            }
        }
        samples
    }
}

/// Four even draws: near enough to a normal distribution of deviation 1.
fn gauss(entropy: &mut Entropy) -> f32 {
    let sum: f32 = entropy.bytes::<4>().iter().map(|&byte| f32::from(byte) / 256.0 - 0.498).sum();
    sum * 3.0_f32.sqrt()
}
