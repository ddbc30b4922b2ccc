//! The prompts of the simulated calls: the repository's English, and a quick set of short noises.
//!
//! Most calls are made with the quick set, so that thousands of them take seconds: each clip is a
//! noise of its own, five or ten frames long, and every frame differs from every other.

use belfry::media::{ClipKey, PromptLibrary, PromptSet};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// The locale of the quick set.
pub const QUICK: &str = "quick";
/// The locale of the real set.
pub const ENGLISH: &str = "en";

static LIBRARY: LazyLock<Arc<PromptLibrary>> = LazyLock::new(|| {
    let sets = vec![quick(), english()];
    Arc::new(PromptLibrary::new(sets, ENGLISH).expect("two sets, one of them English"))
});

/// Both sets, read once.
pub fn library() -> Arc<PromptLibrary> {
    Arc::clone(&LIBRARY)
}

fn english() -> PromptSet {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts/en");
    let files = std::fs::read_dir(folder).expect("the prompts are in the repository");
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        (name, std::fs::read(path).expect("a readable file"))
    };
    PromptSet::load(&files.map(file).collect()).expect("the English prompts are sound")
}

fn quick() -> PromptSet {
    let mut files = BTreeMap::new();
    let (mut text, mut digits, mut names) = (String::new(), String::new(), String::new());
    for (index, key) in ClipKey::all().enumerate() {
        let name = key.name();
        let is_digit = matches!(key, ClipKey::Digit(_));
        let table = if is_digit { &mut digits } else { &mut text };
        let _ = writeln!(table, "{name} = \"{name}\"");
        let _ = writeln!(names, "[files.{name}]\nfile = \"{name}.wav\"");
        let frames = if is_digit { 5 } else { 10 };
        files.insert(format!("{name}.wav"), noise(index as u32, frames));
    }
    let manifest = format!(
        "locale = \"{QUICK}\"\nname = \"Noises\"\nvoice = \"none\"\nengine = \"none\"\n\
         engine_version = \"1\"\nlicence = \"Apache-2.0\"\nattribution = \"nobody\"\n\
         quality = \"provisional\"\n[text]\n{text}[digits]\n{digits}{names}"
    );
    files.insert("manifest.toml".to_owned(), manifest.into_bytes());
    PromptSet::load(&files).expect("the quick prompts are sound")
}

/// A WAV file (RIFF, 16 kHz, 16 bits, one channel) of `frames` times 20 ms of noise.
fn noise(seed: u32, frames: u32) -> Vec<u8> {
    let samples = frames * 320;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + samples * 2).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend(32_000_u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend((samples * 2).to_le_bytes());
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    for _ in 0..samples {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let sample = (state >> 18) as i16 - 8_192;
        wav.extend(sample.to_le_bytes());
    }
    wav
}
