//! The file of the secret keys: made on the first start, readable by its owner alone.

use crate::entropy::Entropy;
use crate::verify::keys::{ParseKeysError, SecretKeys};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Nothing larger is a key file.
const BYTES_MAX: u64 = 64 * 1024;

/// Why there are no keys. The gateway must not start.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system refuses.
    #[error("the key file {path} cannot be {doing}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Others than the owner may read or change it.
    #[error("others may read or change the key file {path} (mode {mode:03o}): run chmod 600 on it")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is no key file.
    #[error("the key file {path} is unusable: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ParseKeysError,
    },
    /// A folder, a device, or something far too large.
    #[error("the key file {path} is not a small regular file")]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the keys at `path`, or makes a first one there.
///
/// # Errors
/// See [`KeyFileError`]; each says what to do.
pub fn load_or_create(path: &Path, entropy: &mut Entropy) -> Result<SecretKeys, KeyFileError> {
    match fs::symlink_metadata(path) {
        Ok(_) => load(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path, entropy),
        Err(source) => Err(io_error(path, "read", source)),
    }
}

fn load(path: &Path) -> Result<SecretKeys, KeyFileError> {
    let read = |source| io_error(path, "read", source);
    let file = fs::File::open(path).map_err(read)?;
    // Of the file that is open, not of the path: it cannot be exchanged in between.
    let metadata = file.metadata().map_err(read)?;
    if !metadata.is_file() || metadata.len() > BYTES_MAX {
        return Err(KeyFileError::NotAFile { path: path.to_owned() });
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
    }
    let text = io::read_to_string(file).map(Zeroizing::new).map_err(read)?;
    SecretKeys::parse(&text)
        .map_err(|source| KeyFileError::Malformed { path: path.to_owned(), source })
}

/// Writes beside `path` and links the complete file into place: a crash never leaves half a key,
/// and of two gateways that start at once the second takes the first one's.
fn create(path: &Path, entropy: &mut Entropy) -> Result<SecretKeys, KeyFileError> {
    let created = |source| io_error(path, "created", source);
    let keys = SecretKeys::generate(entropy);
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", entropy.token::<8>()));
    let draft = PathBuf::from(draft);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(created)?;
    let written = file.write_all(keys.to_text().as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load(path),
        Err(source) => Err(created(source)),
        Ok(()) => {
            removed.map_err(created)?;
            sync_folder(path).map_err(created)?;
            Ok(keys)
        }
    }
}

/// The new name is on the disk only once its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn io_error(path: &Path, doing: &'static str, source: io::Error) -> KeyFileError {
    KeyFileError::Io { path: path.to_owned(), doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    #[test]
    fn the_first_start_makes_a_key_that_later_starts_read() {
        let folder = folder();
        let path = folder.path().join("belfry.key");
        let made = load_or_create(&path, &mut Entropy::from_seed(1)).expect("made");
        let read = load_or_create(&path, &mut Entropy::from_seed(2)).expect("read");
        assert_eq!(made.check_values(), read.check_values());
        let mode = fs::metadata(&path).expect("there").mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "no draft is left");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = folder();
        let path = folder.path().join("belfry.key");
        load_or_create(&path, &mut Entropy::from_seed(1)).expect("made");
        for mode in [0o640, 0o604, 0o620, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            let error = load_or_create(&path, &mut Entropy::from_seed(1)).expect_err("exposed");
            assert!(matches!(error, KeyFileError::Exposed { .. }), "{error}");
        }
    }

    #[test]
    fn what_is_no_key_file_is_refused_without_its_text() {
        let folder = folder();
        let path = folder.path().join("belfry.key");
        fs::write(&path, "1 secret").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        let error = load_or_create(&path, &mut Entropy::from_seed(1)).expect_err("malformed");
        assert!(error.to_string().contains("line 1") && !error.to_string().contains("secret"));
        let error = load_or_create(folder.path(), &mut Entropy::from_seed(1)).expect_err("folder");
        assert!(matches!(error, KeyFileError::NotAFile { .. }), "{error}");
        let missing = folder.path().join("no/such/folder/key");
        let error = load_or_create(&missing, &mut Entropy::from_seed(1)).expect_err("no folder");
        assert!(matches!(error, KeyFileError::Io { .. }), "{error}");
    }
}
