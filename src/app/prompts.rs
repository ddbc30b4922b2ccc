//! The prompt sets: those inside the binary, with the operator's own folder over them.

use crate::media::{LibraryError, PromptError, PromptLibrary, PromptSet};
use rust_embed::RustEmbed;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The locale spoken when nothing closer was asked for or is there.
const DEFAULT_LOCALE: &str = "en";

#[derive(RustEmbed)]
#[folder = "prompts/"]
#[include = "*/manifest.toml"]
#[include = "*/*.wav"]
struct Shipped;

type Files = BTreeMap<String, Vec<u8>>;

/// Why the prompts cannot be used. The gateway must not start: a call would be silent.
#[derive(Debug, thiserror::Error)]
pub enum PromptsError {
    /// A file of the operator's folder cannot be read.
    #[error(
        "cannot read the prompts in {path}: {source}; correct `prompts.dir` or its permissions"
    )]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A set is incomplete or a recording is not usable.
    #[error("the prompt set `{folder}` cannot be used: {source}")]
    Set {
        /// The folder of the set.
        folder: String,
        /// What is wrong, by file name.
        source: PromptError,
    },
    /// The sets do not go together.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

/// Loads every set; a folder in `own` replaces the shipped set of the same name.
///
/// # Errors
/// [`PromptsError`] names the file and says what is wrong with it.
pub fn load(own: Option<&Path>) -> Result<PromptLibrary, PromptsError> {
    let mut folders = shipped();
    if let Some(own) = own {
        folders.extend(read_folders(own)?);
    }
    let sets = folders
        .into_iter()
        .map(|(folder, files)| {
            PromptSet::load(&files).map_err(|source| PromptsError::Set { folder, source })
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(PromptLibrary::new(sets, DEFAULT_LOCALE)?)
}

fn shipped() -> BTreeMap<String, Files> {
    let mut folders: BTreeMap<String, Files> = BTreeMap::new();
    for path in Shipped::iter() {
        if let Some((folder, name)) = path.split_once('/')
            && let Some(file) = Shipped::get(&path)
        {
            let files = folders.entry(folder.to_owned()).or_default();
            files.insert(name.to_owned(), file.data.into_owned());
        }
    }
    folders.retain(|_, files| files.contains_key("manifest.toml"));
    folders
}

/// The folders inside `own` that hold a manifest, each with its files.
fn read_folders(own: &Path) -> Result<BTreeMap<String, Files>, PromptsError> {
    let mut folders = BTreeMap::new();
    for folder in entries(own)? {
        if folder.join("manifest.toml").is_file() {
            folders.insert(name_of(&folder), read_files(&folder)?);
        }
    }
    Ok(folders)
}

fn read_files(folder: &Path) -> Result<Files, PromptsError> {
    let mut files = BTreeMap::new();
    for path in entries(folder)? {
        if path.is_file() {
            let bytes = std::fs::read(&path)
                .map_err(|source| PromptsError::Read { path: path.clone(), source })?;
            files.insert(name_of(&path), bytes);
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, PromptsError> {
    let error = |source| PromptsError::Read { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(error)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(error)).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy_of_english() -> tempfile::TempDir {
        let own = tempfile::tempdir().expect("a temporary folder");
        let english = own.path().join("en");
        std::fs::create_dir(&english).expect("a folder");
        for (name, bytes) in &shipped()["en"] {
            std::fs::write(english.join(name), bytes).expect("written");
        }
        own
    }

    #[test]
    fn english_is_in_the_binary() {
        let library = load(None).expect("the shipped prompts are sound");
        assert_eq!(library.lookup("xx").locale(), "en");
    }

    #[test]
    fn a_bad_recording_is_refused_by_name() {
        let own = copy_of_english();
        std::fs::remove_file(own.path().join("en/7.wav")).expect("removed");
        let error = load(Some(own.path())).expect_err("a digit is missing").to_string();
        assert!(error.contains("`en`") && error.contains("7.wav"), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = load(Some(Path::new("/no/such/folder"))).expect_err("missing").to_string();
        assert!(error.contains("/no/such/folder") && error.contains("prompts.dir"), "{error}");
    }
}
