//! The prompt set of one language: its manifest, its recordings, and what of them is refused.
//!
//! A set is a folder, given as bytes: `manifest.toml` and 16 kHz 16-bit mono WAV masters. All is
//! checked and encoded once, at start; a call only takes shared clips. A set with anything missing
//! or unusable is refused by the name of the file, with what would be right. Left out: overriding
//! single files of a set, several takes of a word.

use super::wav::{self, WavError};
use super::{Clip, ClipKey, resample};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The file that describes a set.
pub const MANIFEST_FILE: &str = "manifest.toml";

/// Shortest recording: no word is shorter.
const SECONDS_MIN: f64 = 0.1;
/// Longest recording: a call has no time for more.
const SECONDS_MAX: f64 = 30.0;
/// Loudest sample below which a recording is silent: 1 % of full scale, -40 dBFS.
const SILENT_PEAK: u16 = 328;
/// Samples at full scale in a row from which on a recording is clipped.
const CLIPPED_RUN: usize = 4;

/// How far a set may be trusted with people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// A synthetic voice made for this language.
    Native,
    /// Understandable, with a foreign accent or a robot's voice; to be replaced.
    Provisional,
    /// A person, recorded.
    Recorded,
}

/// What a manifest says of its set as a whole.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Language tag (RFC 5646), such as `en` or `pt-BR`.
    pub locale: String,
    /// The language in its own words.
    pub name: String,
    /// Whose voice it is.
    pub voice: String,
    /// What made the recordings.
    pub engine: String,
    /// Its version and models.
    pub engine_version: String,
    /// Licence of the recordings.
    pub licence: String,
    /// Who is to be named.
    pub attribution: String,
    /// How far the set may be trusted with people.
    pub quality: Quality,
    /// The sentence of every key.
    text: BTreeMap<String, String>,
    /// The word of every digit.
    digits: BTreeMap<String, String>,
    /// The recording of every key.
    files: BTreeMap<String, ManifestFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFile {
    file: String,
    /// Of the file once checked by ear; an operator's own set may leave it out.
    sha256: Option<String>,
    samples: Option<usize>,
}

/// Why a prompt set is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// There is no manifest.
    #[error("{MANIFEST_FILE} is missing; a prompt set is a folder with that file and WAV files")]
    NoManifest,
    /// The manifest cannot be read.
    #[error("{MANIFEST_FILE}: {0}")]
    Manifest(String),
    /// The manifest lacks an entry.
    #[error("{MANIFEST_FILE}: [{table}] lacks `{key}`; every clip needs its text and its file")]
    MissingKey {
        /// The table of the manifest.
        table: &'static str,
        /// The entry.
        key: &'static str,
    },
    /// The manifest has an entry nobody uses.
    #[error(
        "{MANIFEST_FILE}: [{table}] has `{key}`, which is no clip; those of [files] are: {known}"
    )]
    UnknownKey {
        /// The table of the manifest.
        table: &'static str,
        /// The entry.
        key: String,
        /// The entries that are used.
        known: String,
    },
    /// A file of the manifest is not there.
    #[error("{file} is missing; {MANIFEST_FILE} names it for `{key}`")]
    MissingFile {
        /// The file.
        file: String,
        /// The clip it is for.
        key: &'static str,
    },
    /// A file is not usable.
    #[error("{file} {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong, and what would be right.
        problem: RecordingError,
    },
}

/// Why a recording is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// Not a WAV file of the right kind.
    #[error(transparent)]
    Wav(#[from] WavError),
    /// Another sample rate.
    #[error("is recorded at {rate_hz} Hz; it must be at {} Hz", resample::MASTER_RATE_HZ)]
    Rate {
        /// Its rate.
        rate_hz: u32,
    },
    /// Too short or too long.
    #[error("lasts {millis} ms; it must last 100 ms to 30 s")]
    Length {
        /// How long it is.
        millis: u64,
    },
    /// Nothing is heard.
    #[error("is silent: its loudest sample is {peak} of 32767; speech reaches {SILENT_PEAK}")]
    Silent {
        /// The loudest sample.
        peak: u16,
    },
    /// The recording was too loud.
    #[error("is clipped: it is at full scale at {at_ms} ms; record it at a lower level")]
    Clipped {
        /// Where it first is.
        at_ms: u64,
    },
    /// Not as long as the manifest says.
    #[error("has {found} samples, but {MANIFEST_FILE} says {wanted}; restore the file")]
    SampleCount {
        /// Samples in the file.
        found: usize,
        /// Samples in the manifest.
        wanted: usize,
    },
    /// Not the file the manifest was written for.
    #[error(
        "is not the recording {MANIFEST_FILE} was written for: sha256 is {found}, not {wanted}; \
         restore the file, or listen to it and write its sha256 into the manifest"
    )]
    Hash {
        /// Of the file.
        found: String,
        /// Of the manifest.
        wanted: String,
    },
}

/// The prompts of one language, ready to be played.
pub struct PromptSet {
    manifest: Manifest,
    /// By [`ClipKey::index`].
    clips: Vec<Arc<Clip>>,
}

impl PromptSet {
    /// Reads a set from its files, by name.
    ///
    /// Files the manifest does not name are ignored.
    ///
    /// # Errors
    /// [`PromptError`] for the first thing that is missing or unusable; to be shown with the name
    /// of the set's folder.
    pub fn load(files: &BTreeMap<String, Vec<u8>>) -> Result<PromptSet, PromptError> {
        let manifest = read_manifest(files)?;
        let clips = ClipKey::all().map(|key| load_clip(&manifest, files, key));
        let clips = clips.collect::<Result<_, _>>()?;
        Ok(PromptSet { manifest, clips })
    }

    /// The language tag of the set.
    pub fn locale(&self) -> &str {
        &self.manifest.locale
    }

    /// Where the set comes from, and whom to thank for it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// One clip, shared.
    pub fn clip(&self, key: ClipKey) -> Arc<Clip> {
        Arc::clone(&self.clips[key.index()])
    }

    /// The words of one clip.
    pub fn text(&self, key: ClipKey) -> &str {
        let words = match key {
            ClipKey::Digit(_) => &self.manifest.digits,
            _ => &self.manifest.text,
        };
        words.get(key.name()).expect("a set without the words of a clip is refused")
    }
}

impl fmt::Debug for PromptSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PromptSet({})", self.locale())
    }
}

fn read_manifest(files: &BTreeMap<String, Vec<u8>>) -> Result<Manifest, PromptError> {
    let bytes = files.get(MANIFEST_FILE).ok_or(PromptError::NoManifest)?;
    let text = std::str::from_utf8(bytes)
        .map_err(|_| PromptError::Manifest("is not UTF-8 text; save it as UTF-8".to_owned()))?;
    let manifest: Manifest =
        toml::from_str(text).map_err(|error| PromptError::Manifest(error.to_string()))?;
    if !is_language_tag(&manifest.locale) {
        let problem = format!("`{}` is no language tag; such as `en` or `pt-BR`", manifest.locale);
        return Err(PromptError::Manifest(problem));
    }
    let keys = |digits: bool| {
        let wanted = move |key: &ClipKey| matches!(key, ClipKey::Digit(_)) == digits;
        ClipKey::all().filter(wanted).map(ClipKey::name)
    };
    check_keys("digits", &manifest.digits, keys(true).collect())?;
    check_keys("text", &manifest.text, keys(false).collect())?;
    check_keys("files", &manifest.files, ClipKey::all().map(ClipKey::name).collect())?;
    Ok(manifest)
}

fn check_keys<T>(
    table: &'static str,
    entries: &BTreeMap<String, T>,
    known: Vec<&'static str>,
) -> Result<(), PromptError> {
    if let Some(key) = known.iter().find(|key| !entries.contains_key(**key)) {
        return Err(PromptError::MissingKey { table, key });
    }
    match entries.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => {
            Err(PromptError::UnknownKey { table, key: key.clone(), known: known.join(", ") })
        }
        None => Ok(()),
    }
}

/// Whether `tag` has the shape of RFC 5646 §2.1: subtags of 1 to 8 letters or digits.
fn is_language_tag(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let language = subtags.next().unwrap_or_default();
    let fits = |subtag: &str| (1..=8).contains(&subtag.len());
    language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && (2..=8).contains(&language.len())
        && subtags.all(|tag| fits(tag) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn load_clip(
    manifest: &Manifest,
    files: &BTreeMap<String, Vec<u8>>,
    key: ClipKey,
) -> Result<Arc<Clip>, PromptError> {
    let entry = &manifest.files[key.name()];
    let Some(bytes) = files.get(&entry.file) else {
        return Err(PromptError::MissingFile { file: entry.file.clone(), key: key.name() });
    };
    let master = read_master(entry, bytes)
        .map_err(|problem| PromptError::File { file: entry.file.clone(), problem })?;
    Ok(Arc::new(Clip::encode(&resample::to_telephone_band(&master))))
}

fn read_master(entry: &ManifestFile, bytes: &[u8]) -> Result<Vec<i16>, RecordingError> {
    let wav::Recording { rate_hz, samples } = wav::read(bytes)?;
    if rate_hz != resample::MASTER_RATE_HZ {
        return Err(RecordingError::Rate { rate_hz });
    }
    check_sound(&samples)?;
    if let Some(wanted) = entry.samples.filter(|&wanted| wanted != samples.len()) {
        return Err(RecordingError::SampleCount { found: samples.len(), wanted });
    }
    let found = hex::encode(Sha256::digest(bytes));
    match &entry.sha256 {
        Some(wanted) if !wanted.eq_ignore_ascii_case(&found) => {
            Err(RecordingError::Hash { found, wanted: wanted.clone() })
        }
        _ => Ok(samples),
    }
}

fn check_sound(samples: &[i16]) -> Result<(), RecordingError> {
    let at_ms = |sample: usize| sample as u64 * 1_000 / u64::from(resample::MASTER_RATE_HZ);
    let seconds = samples.len() as f64 / f64::from(resample::MASTER_RATE_HZ);
    if !(SECONDS_MIN..=SECONDS_MAX).contains(&seconds) {
        return Err(RecordingError::Length { millis: at_ms(samples.len()) });
    }
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    if peak < SILENT_PEAK {
        return Err(RecordingError::Silent { peak });
    }
    let full_scale = |sample: &i16| sample.unsigned_abs() >= i16::MAX.unsigned_abs();
    match samples.windows(CLIPPED_RUN).position(|run| run.iter().all(full_scale)) {
        Some(sample) => Err(RecordingError::Clipped { at_ms: at_ms(sample) }),
        None => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::wav::tests::{BYTE, FLOAT, STEREO, odd_wav};
    use super::super::{Codec, SAMPLES_PER_FRAME};
    use super::*;
    use std::f64::consts::PI;

    /// A tone of so many frames, as a master.
    fn tone(tone_hz: f64, frames: usize, peak: f64) -> Vec<i16> {
        let rate_hz = f64::from(resample::MASTER_RATE_HZ);
        let sample = |i: usize| (peak * (2.0 * PI * tone_hz * i as f64 / rate_hz).sin()) as i16;
        (0..frames * 2 * SAMPLES_PER_FRAME).map(sample).collect()
    }

    fn wav_of(rate_hz: u32, samples: Vec<i16>) -> Vec<u8> {
        wav::write(&wav::Recording { rate_hz, samples })
    }

    /// Frames of a clip of the synthetic set: `10 + digit` for digits, `20 + n` for sentences.
    pub(crate) fn synthetic_frames(key: ClipKey) -> u32 {
        10 + key.index() as u32
    }

    /// The files of a set in which every clip is a tone of its own.
    pub(crate) fn synthetic_files(locale: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let (mut text, mut digits, mut table) = (String::new(), String::new(), String::new());
        for key in ClipKey::all() {
            let name = key.name();
            let master = tone(400.0 + 100.0 * key.index() as f64, key.index() + 10, 8_000.0);
            let (samples, wav) = (master.len(), wav_of(16_000, master));
            let words = if matches!(key, ClipKey::Digit(_)) { &mut digits } else { &mut text };
            *words += &format!("{name} = \"the words of {name}\"\n");
            let sha256 = hex::encode(Sha256::digest(&wav));
            table += &format!(
                "{name} = {{ file = \"{name}.wav\", sha256 = \"{sha256}\", samples = {samples} }}\n"
            );
            files.insert(format!("{name}.wav"), wav);
        }
        let manifest = format!(
            "locale = \"{locale}\"\nname = \"Tones\"\nvoice = \"sine\"\nengine = \"test\"\n\
             engine_version = \"1\"\nlicence = \"Apache-2.0\"\nattribution = \"\"\n\
             quality = \"provisional\"\n[text]\n{text}[digits]\n{digits}[files]\n{table}"
        );
        files.insert(MANIFEST_FILE.to_owned(), manifest.into_bytes());
        files
    }

    /// A set in which every clip is a tone of its own length.
    pub(crate) fn synthetic_set(locale: &str) -> PromptSet {
        PromptSet::load(&synthetic_files(locale)).expect("the synthetic set is whole")
    }

    #[test]
    fn a_whole_set_is_loaded_with_its_clips_and_words() {
        let set = synthetic_set("en");
        assert_eq!((set.locale(), set.manifest().quality), ("en", Quality::Provisional));
        for key in ClipKey::all() {
            assert_eq!(set.clip(key).len_frames(), synthetic_frames(key), "{}", key.name());
            assert_eq!(set.text(key), format!("the words of {}", key.name()));
        }
    }

    #[test]
    fn a_clip_sounds_like_its_master_in_both_laws() {
        let clip = synthetic_set("en").clip(ClipKey::Greeting);
        for codec in Codec::ALL {
            let middle = (5..15).flat_map(|frame| clip.frame(codec, frame));
            let power: f64 = middle.map(|&code| f64::from(codec.decode(code)).powi(2)).sum();
            let rms = (power / (10.0 * SAMPLES_PER_FRAME as f64)).sqrt();
            // A tone of peak 8000 has an effective value of 5657; G.711 adds 38 dB less of noise.
            assert!((5_600.0..5_720.0).contains(&rms), "{codec:?} {rms}");
        }
    }

    #[test]
    fn the_shipped_english_set_is_whole() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/en");
        let entries = std::fs::read_dir(folder).expect("the folder is there");
        let files = entries.map(|entry| {
            let entry = entry.expect("a readable folder");
            let name = entry.file_name().into_string().expect("a plain name");
            (name, std::fs::read(entry.path()).expect("a readable file"))
        });
        let set = PromptSet::load(&files.collect()).expect("the shipped set is whole");
        assert_eq!((set.locale(), set.text(ClipKey::Digit(7))), ("en", "seven"));
    }

    /// What the set says when one file is replaced.
    fn refusal(file: &str, bytes: Vec<u8>) -> String {
        let mut files = synthetic_files("en");
        assert!(files.insert(file.to_owned(), bytes).is_some(), "{file} is of the set");
        PromptSet::load(&files).expect_err("the set is refused").to_string()
    }

    #[test]
    fn each_unusable_recording_is_refused_by_name_with_what_would_be_right() {
        let good = synthetic_files("en").remove("3.wav").expect("a file of the set");
        let mut clipped = tone(500.0, 13, 8_000.0);
        clipped[1_600..1_604].fill(i16::MIN);
        let mut louder = tone(700.0, 13, 8_000.0);
        louder[0] += 1;
        let cases = [
            (vec![], "is empty; it must hold sound"),
            (wav_of(16_000, vec![]), "is empty; it must hold sound"),
            (b"hello".to_vec(), "is not a WAV file"),
            (good[..40].to_vec(), "is not a WAV file"),
            (good[..good.len() - 2].to_vec(), "is cut short after 4159 of 4160 samples"),
            (wav_of(8_000, tone(500.0, 13, 8e3)), "is recorded at 8000 Hz; it must be at 16000 Hz"),
            (wav_of(44_100, tone(500.0, 13, 8e3)), "is recorded at 44100 Hz"),
            (odd_wav(STEREO, 4_160), "has 2 channels; it must be mono"),
            (odd_wav(BYTE, 4_160), "has 8-bit integer samples; they must be 16-bit integers"),
            (odd_wav(FLOAT, 4_160), "has 32-bit floating-point samples; they must be 16-bit"),
            (wav_of(16_000, vec![0; 4_160]), "is silent: its loudest sample is 0 of 32767"),
            (wav_of(16_000, tone(500.0, 13, 300.0)), "is silent: its loudest sample is 300"),
            (wav_of(16_000, tone(500.0, 4, 8e3)), "lasts 80 ms; it must last 100 ms to 30 s"),
            (wav_of(16_000, tone(500.0, 1_501, 8e3)), "lasts 30020 ms; it must last"),
            (wav_of(16_000, clipped), "is clipped: it is at full scale at 100 ms"),
            (wav_of(16_000, tone(700.0, 12, 8e3)), "has 3840 samples, but manifest.toml says 4160"),
            (wav_of(16_000, louder), "is not the recording manifest.toml was written for: sha256"),
        ];
        for (bytes, problem) in cases {
            let refusal = refusal("3.wav", bytes);
            assert!(refusal.starts_with(&format!("3.wav {problem}")), "{refusal}");
        }
    }

    #[test]
    fn a_missing_file_is_named_with_the_clip_it_is_for() {
        let mut files = synthetic_files("en");
        files.remove("gate.wav");
        let refusal = PromptSet::load(&files).expect_err("refused").to_string();
        assert_eq!(refusal, "gate.wav is missing; manifest.toml names it for `gate`");
        files.remove(MANIFEST_FILE);
        assert_eq!(PromptSet::load(&files).expect_err("refused"), PromptError::NoManifest);
    }

    #[test]
    fn a_wrong_manifest_is_refused_with_the_entry_and_its_line() {
        let files = synthetic_files("en");
        let manifest = String::from_utf8(files[MANIFEST_FILE].clone()).expect("text");
        let without = |start: &str| {
            let lines = manifest.lines().filter(|line| !line.starts_with(start));
            lines.map(|line| format!("{line}\n")).collect::<String>()
        };
        let cases = [
            (without("voice"), "missing field `voice`"),
            (format!("colour = \"red\"\n{manifest}"), "unknown field `colour`"),
            (format!("colour = \"red\"\n{manifest}"), "line 1"),
            (manifest.replace("provisional", "perfect"), "unknown variant `perfect`"),
            (manifest.replace("\"en\"", "\"../en\""), "`../en` is no language tag"),
            (manifest.replace("samples = 4160", "samples = -1"), "invalid value"),
            (without("7 = \"the words"), "[digits] lacks `7`"),
            (without("goodbye = \"the words"), "[text] lacks `goodbye`"),
            (without("goodbye = {"), "[files] lacks `goodbye`"),
            (manifest.replace("[digits]", "welcome = \"Hi\"\n[digits]"), "[text] has `welcome`"),
            ("locale = ".to_owned(), "line 1"),
        ];
        for (manifest, problem) in cases {
            let refusal = refusal(MANIFEST_FILE, manifest.into_bytes());
            assert!(refusal.starts_with("manifest.toml: "), "{refusal}");
            assert!(refusal.contains(problem), "{problem} is not in: {refusal}");
        }
        assert!(refusal(MANIFEST_FILE, vec![0xFF]).contains("is not UTF-8 text"));
    }

    #[test]
    fn a_set_of_ones_own_may_leave_out_hashes_and_lengths() {
        let mut files = synthetic_files("nl-BE");
        let manifest = String::from_utf8(files[MANIFEST_FILE].clone()).expect("text");
        let plain = |line: &str| match line.split_once(", sha256") {
            Some((start, _)) => format!("{start} }}\n"),
            None => format!("{line}\n"),
        };
        let manifest: String = manifest.lines().map(plain).collect();
        files.insert(MANIFEST_FILE.to_owned(), manifest.into_bytes());
        files.insert("3.wav".to_owned(), wav_of(16_000, tone(500.0, 20, 8_000.0)));
        let set = PromptSet::load(&files).expect("an unhashed set is whole");
        assert_eq!(set.clip(ClipKey::Digit(3)).len_frames(), 20);
    }
}
