//! WAV files in memory: 16-bit mono PCM in, the same out. The only place naming hound.
//!
//! Left out: every other sample format. A recording of another kind is refused with what it is.

use std::io::Cursor;

/// Sound as it lies in a WAV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Samples per second.
    pub rate_hz: u32,
    /// The samples of the one channel.
    pub samples: Vec<i16>,
}

/// Why bytes are not a recording we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// No bytes or no samples.
    #[error("is empty; it must hold sound")]
    Empty,
    /// Not a WAV file, or one with a broken header.
    #[error("is not a WAV file ({0}); it must be 16-bit mono PCM in a RIFF/WAVE file")]
    NotWav(String),
    /// More than one channel.
    #[error("has {0} channels; it must be mono")]
    Channels(u16),
    /// Other samples than 16-bit integers.
    #[error("has {bits}-bit {kind} samples; they must be 16-bit integers")]
    Samples {
        /// Bits per sample.
        bits: u16,
        /// `integer` or `floating-point`.
        kind: &'static str,
    },
    /// Fewer samples than the header says.
    #[error("is cut short after {found} of {declared} samples; copy the whole file")]
    Truncated {
        /// Samples the header tells of.
        declared: u32,
        /// Samples there are.
        found: u32,
    },
}

/// Reads a WAV file.
///
/// # Errors
/// [`WavError`] if it is anything but a whole 16-bit mono PCM file with at least one sample; to be
/// shown with the file's name.
pub fn read(bytes: &[u8]) -> Result<Recording, WavError> {
    if bytes.is_empty() {
        return Err(WavError::Empty);
    }
    let not_wav = |error: hound::Error| WavError::NotWav(error.to_string());
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).map_err(not_wav)?;
    let spec = reader.spec();
    if spec.channels != 1 {
        return Err(WavError::Channels(spec.channels));
    }
    let kind = match spec.sample_format {
        hound::SampleFormat::Int => "integer",
        hound::SampleFormat::Float => "floating-point",
    };
    if spec.bits_per_sample != 16 || spec.sample_format != hound::SampleFormat::Int {
        return Err(WavError::Samples { bits: spec.bits_per_sample, kind });
    }
    let declared = reader.len();
    let samples: Vec<i16> = reader.samples::<i16>().map_while(Result::ok).collect();
    match u32::try_from(samples.len()).unwrap_or(u32::MAX) {
        0 if declared == 0 => Err(WavError::Empty),
        found if found < declared => Err(WavError::Truncated { declared, found }),
        _ => Ok(Recording { rate_hz: spec.sample_rate, samples }),
    }
}

/// Writes a 16-bit mono WAV file.
pub fn write(recording: &Recording) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: recording.rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let written = hound::WavWriter::new(&mut file, spec).and_then(|mut writer| {
        recording.samples.iter().try_for_each(|&sample| writer.write_sample(sample))?;
        writer.finalize()
    });
    written.expect("writing to memory does not fail");
    file.into_inner()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A WAV file of any kind hound can write, of `n` samples of a ramp.
    pub fn odd_wav(spec: hound::WavSpec, n: usize) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, spec).expect("a valid kind");
        for i in 0..n * usize::from(spec.channels) {
            match spec.sample_format {
                hound::SampleFormat::Int => writer.write_sample((i % 100) as i8),
                hound::SampleFormat::Float => writer.write_sample((i % 100) as f32 / 100.0),
            }
            .expect("memory");
        }
        writer.finalize().expect("memory");
        file.into_inner()
    }

    pub const PLAIN: hound::WavSpec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    pub const STEREO: hound::WavSpec = hound::WavSpec { channels: 2, ..PLAIN };
    pub const BYTE: hound::WavSpec = hound::WavSpec { bits_per_sample: 8, ..PLAIN };
    pub const FLOAT: hound::WavSpec =
        hound::WavSpec { bits_per_sample: 32, sample_format: hound::SampleFormat::Float, ..PLAIN };

    #[test]
    fn a_recording_reads_back_as_written() {
        let recording = Recording { rate_hz: 8_000, samples: vec![0, 1, -1, i16::MAX, i16::MIN] };
        assert_eq!(read(&write(&recording)), Ok(recording));
    }

    #[test]
    fn other_kinds_are_refused_with_what_they_are() {
        assert_eq!(read(&odd_wav(STEREO, 10)), Err(WavError::Channels(2)));
        let error = WavError::Samples { bits: 8, kind: "integer" };
        assert_eq!(read(&odd_wav(BYTE, 10)), Err(error));
        let error = WavError::Samples { bits: 32, kind: "floating-point" };
        assert_eq!(read(&odd_wav(FLOAT, 10)), Err(error));
    }

    #[test]
    fn empty_and_cut_files_are_refused() {
        assert_eq!(read(&[]), Err(WavError::Empty));
        let none = Recording { rate_hz: 16_000, samples: vec![] };
        assert_eq!(read(&write(&none)), Err(WavError::Empty));
        let whole = write(&Recording { rate_hz: 16_000, samples: vec![5; 100] });
        let error = WavError::Truncated { declared: 100, found: 90 };
        assert_eq!(read(&whole[..whole.len() - 20]), Err(error));
        let error = WavError::Truncated { declared: 100, found: 99 };
        assert_eq!(read(&whole[..whole.len() - 1]), Err(error), "cut inside a sample");
        assert!(matches!(read(&whole[..30]), Err(WavError::NotWav(_))), "cut inside the header");
        assert!(matches!(read(b"ID3\x03 not a WAV"), Err(WavError::NotWav(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn any_header_is_read_or_refused(
            edits in proptest::collection::vec((0..60_usize, any::<u8>()), 1..8),
        ) {
            let mut bytes = write(&Recording { rate_hz: 16_000, samples: vec![5; 20] });
            for (place, byte) in edits {
                bytes[place] = byte;
            }
            let _ = read(&bytes);
        }
    }
}
