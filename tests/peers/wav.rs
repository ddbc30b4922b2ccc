//! WAV files of 16-bit mono samples, read also while somebody is still writing them.

use std::path::Path;

/// The bytes before the samples in a file of the plain kind.
const HEADER: usize = 44;

/// Writes samples of 8 kHz.
pub fn write(path: &Path, samples: &[i16]) {
    let size = u32::try_from(samples.len() * 2).expect("minutes of audio");
    let mut file = Vec::with_capacity(HEADER + samples.len() * 2);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(size + 36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend_from_slice(&8000_u32.to_le_bytes());
    file.extend_from_slice(&16_000_u32.to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&size.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    std::fs::write(path, file).expect("the test's folder is writable");
}

/// Reads the samples of a plain file. Its length is taken from the file, not from the header, which
/// is right only once the writer has closed it.
pub fn read(path: &Path, rate_hz: u32) -> Vec<i16> {
    let file = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if file.len() < HEADER {
        return Vec::new();
    }
    let plain = &file[..4] == b"RIFF" && &file[12..24] == b"fmt \x10\0\0\0\x01\0\x01\0";
    let plain = plain && file[24..28] == rate_hz.to_le_bytes() && &file[36..40] == b"data";
    assert!(plain, "{} is no plain 16-bit mono WAV of {rate_hz} Hz", path.display());
    file[HEADER..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}
