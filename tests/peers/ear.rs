//! Finds the prompts in what a telephone recorded, by likeness to the masters' waveform. Knows
//! nothing of how Belfry plays them, and is never told what to expect.

use std::path::Path;

use realfft::RealFftPlanner;

use crate::wav;

/// Below this likeness (1 is equal) a place does not hold the clip. Measured on the English set in
/// a telephone's recording: a clip comes to 0.96 at least, another one of the same voice to 0.21.
const LIKENESS_MIN: f32 = 0.7;

/// One clip that was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The clip's name: its file name without `.wav`.
    pub clip: String,
    /// Where it begins, in samples of 8 kHz.
    pub at: usize,
    /// How like the master it is, at most 1.
    pub likeness: f32,
}

/// The masters of one locale, at 8 kHz.
pub struct Ear {
    clips: Vec<(String, Vec<f32>)>,
}

impl Ear {
    /// Loads `prompts/LOCALE`.
    pub fn of(locale: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts").join(locale);
        let files = std::fs::read_dir(folder).expect("the locale has prompts");
        let mut files: Vec<_> = files.map(|entry| entry.expect("readable").path()).collect();
        files.sort();
        let clips = files.iter().filter(|path| path.extension().is_some_and(|e| e == "wav"));
        let clips = clips.map(|path| {
            let name = path.file_stem().expect("a file has a name").to_string_lossy();
            (name.into_owned(), halved(&wav::read(path, 16_000)))
        });
        Self { clips: clips.collect() }
    }

    /// A master as a telephone may say it.
    pub fn clip(&self, name: &str) -> Vec<i16> {
        let clip = self.clips.iter().find(|(known, _)| known == name);
        let (_, samples) = clip.unwrap_or_else(|| panic!("no clip {name}"));
        samples.iter().map(|sample| *sample as i16).collect()
    }

    /// All clips that stand whole in the recording, in order.
    pub fn listen(&self, recording: &[i16]) -> Vec<Heard> {
        let recording: Vec<f32> = recording.iter().map(|sample| f32::from(*sample)).collect();
        let recording = sharpened(&recording);
        let mut heard: Vec<_> = self
            .clips
            .iter()
            .filter(|(_, clip)| clip.len() <= recording.len())
            .flat_map(|(name, clip)| places(name, &sharpened(clip), &recording))
            .collect();
        heard.sort_by_key(|place| place.at);
        heard
    }

    /// The clips that were heard, by name, in order.
    pub fn words(&self, recording: &[i16]) -> Vec<String> {
        self.listen(recording).into_iter().map(|heard| heard.clip).collect()
    }
}

/// The second difference: what makes one clip unlike another, without the lowest octaves, whose
/// waveform a line's filter against hum bends although nobody hears it.
fn sharpened(samples: &[f32]) -> Vec<f32> {
    samples.windows(3).map(|window| window[0] - 2.0 * window[1] + window[2]).collect()
}

/// Where the clip stands in the recording: the peaks of the normalised cross-correlation.
fn places(name: &str, clip: &[f32], recording: &[f32]) -> Vec<Heard> {
    let products = correlation(clip, recording);
    let energy = |samples: &[f32]| samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let (own, mut window) = (energy(clip), energy(&recording[..clip.len()]));
    let mut found: Vec<Heard> = Vec::new();
    for at in 0..=recording.len() - clip.len() {
        let likeness = (f64::from(products[at]) / (own * window.max(1.0)).sqrt()) as f32;
        if likeness >= LIKENESS_MIN {
            let place = Heard { clip: name.to_owned(), at, likeness };
            match found.last_mut() {
                // The same utterance, a few samples on.
                Some(last) if at - last.at < clip.len() / 2 => {
                    if likeness > last.likeness {
                        *last = place;
                    }
                }
                _ => found.push(place),
            }
        }
        if let Some(next) = recording.get(at + clip.len()) {
            window += f64::from(*next).powi(2) - f64::from(recording[at]).powi(2);
        }
    }
    found
}

/// The sum of products of the clip with the recording, for each place in it.
fn correlation(clip: &[f32], recording: &[f32]) -> Vec<f32> {
    let size = (clip.len() + recording.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, backward) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let spectrum = |samples: &[f32]| {
        let mut padded = samples.to_vec();
        padded.resize(size, 0.0);
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut padded, &mut spectrum).expect("the sizes are the plan's own");
        spectrum
    };
    let mut product = spectrum(recording);
    for (value, other) in product.iter_mut().zip(spectrum(clip)) {
        *value *= other.conj() / size as f32;
    }
    // A real signal's spectrum is real at both ends; rounding may leave a trace of more.
    let last = product.len() - 1;
    product[0].im = 0.0;
    product[last].im = 0.0;
    let mut sums = backward.make_output_vec();
    backward.process(&mut product, &mut sums).expect("the sizes are the plan's own");
    sums
}

/// Half the sampling rate: a windowed sinc that passes up to 3.6 kHz, then every second sample.
fn halved(samples: &[i16]) -> Vec<f32> {
    use std::f32::consts::PI;
    const REACH: isize = 32;
    const CUTOFF: f32 = 0.235; // of the sampling rate
    let tap = |n: isize| {
        let x = n as f32;
        let sinc = if n == 0 { 2.0 * CUTOFF } else { (2.0 * PI * CUTOFF * x).sin() / (PI * x) };
        sinc * (0.5 + 0.5 * (PI * x / (REACH as f32 + 1.0)).cos())
    };
    let taps: Vec<(isize, f32)> = (-REACH..=REACH).map(|n| (n, tap(n))).collect();
    let at = |index: isize| {
        let index = usize::try_from(index).ok();
        index.and_then(|index| samples.get(index)).map_or(0.0, |sample| f32::from(*sample))
    };
    let centres = (0..samples.len() as isize).step_by(2);
    centres.map(|centre| taps.iter().map(|(n, tap)| tap * at(centre + n)).sum()).collect()
}
