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

/// Whether `tag` has the shape of RFC 5646 §2.1: subtags of 1 to 8 letters or digits, letters first.
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
