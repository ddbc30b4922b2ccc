//! Sound as a row of frames: every 10 ms, the power in 20 bands spaced as the ear hears (mel).
//!
//! A frame that overlaps a lost packet (a stretch of exact zeros) is marked as a gap, so that the
//! rest can step over it instead of taking it for silence.

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::f32::consts::TAU;
use std::sync::Arc;

/// Samples from one frame to the next: 10 ms at 8 kHz.
pub const HOP: usize = 80;
/// Number of mel bands.
pub const BANDS: usize = 20;

const SAMPLE_RATE: f32 = 8000.0;
const WINDOW: usize = 200;
const FFT: usize = 256;
/// Band edges: telephone speech without the mains hum and the codec's own roll-off.
const LOWEST_HZ: f32 = 150.0;
const HIGHEST_HZ: f32 = 3600.0;
/// This many zeros in a row (5 ms) are a lost packet: no codec gives them for sound.
const ZEROS_OF_A_GAP: usize = 40;

/// 25 ms of sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Power per band, relative to full scale.
    pub bands: [f32; BANDS],
    /// Whether part of it was lost on the way.
    pub gap: bool,
}

impl Frame {
    /// A frame without any sound.
    pub const SILENT: Frame = Frame { bands: [0.0; BANDS], gap: false };

    /// Level of the whole frame in decibel below full scale; -100 for silence.
    pub fn level_db(&self) -> f32 {
        decibel(self.bands.iter().sum())
    }
}

/// A power in decibel, with a bottom of -100.
pub fn decibel(power: f32) -> f32 {
    10.0 * (power + 1e-10).log10()
}

/// Turns samples into frames, in whatever portions they come.
pub struct Spectrum {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    filters: Vec<Filter>,
    pending: Vec<i16>,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

/// One triangular band: the first FFT bin and the weights from there on.
struct Filter {
    first: usize,
    weights: Vec<f32>,
}

impl Spectrum {
    /// An analyser with nothing heard yet.
    pub fn new() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(FFT);
        let window: Vec<f32> =
            (0..WINDOW).map(|n| 0.5 - 0.5 * (TAU * n as f32 / WINDOW as f32).cos()).collect();
        Spectrum {
            input: fft.make_input_vec(),
            output: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
            window,
            filters: mel_filters(),
            pending: Vec::new(),
        }
    }

    /// Takes 8 kHz samples and hands each frame that is complete to `each`.
    pub fn push(&mut self, samples: &[i16], mut each: impl FnMut(Frame)) {
        self.pending.extend_from_slice(samples);
        let mut start = 0;
        while start + WINDOW <= self.pending.len() {
            let frame = self.analyse(start);
            each(frame);
            start += HOP;
        }
        self.pending.drain(..start);
    }

    fn analyse(&mut self, start: usize) -> Frame {
        let samples = &self.pending[start..start + WINDOW];
        let gap = longest_zero_run(samples) >= ZEROS_OF_A_GAP;
        self.input.fill(0.0);
        for ((to, &sample), weight) in self.input.iter_mut().zip(samples).zip(&self.window) {
            *to = f32::from(sample) / 32768.0 * weight;
        }
        self.fft
            .process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch)
            .expect("the buffers were made by the plan itself");
        let scale = 2.0 / (WINDOW as f32 * FFT as f32 * 0.375);
        let mut bands = [0.0; BANDS];
        for (band, filter) in bands.iter_mut().zip(&self.filters) {
            let bins = &self.output[filter.first..];
            let power: f32 =
                filter.weights.iter().zip(bins).map(|(w, bin)| w * bin.norm_sqr()).sum();
            *band = power * scale;
        }
        Frame { bands, gap }
    }
}

fn longest_zero_run(samples: &[i16]) -> usize {
    let (mut run, mut longest) = (0, 0);
    for &sample in samples {
        run = if sample == 0 { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

fn mel_filters() -> Vec<Filter> {
    let mel = |hz: f32| 2595.0 * (1.0 + hz / 700.0).log10();
    let hertz = |mel: f32| 700.0 * (10_f32.powf(mel / 2595.0) - 1.0);
    let (low, high) = (mel(LOWEST_HZ), mel(HIGHEST_HZ));
    let step = (high - low) / (BANDS as f32 + 1.0);
    let edge_bin = |n: usize| hertz(low + step * n as f32) * FFT as f32 / SAMPLE_RATE;
    (0..BANDS)
        .map(|band| {
            let (left, top, right) = (edge_bin(band), edge_bin(band + 1), edge_bin(band + 2));
            let first = left.ceil() as usize;
            let weights = (first..=right.floor() as usize)
                .map(|bin| {
                    let bin = bin as f32;
                    ((bin - left) / (top - left)).min((right - bin) / (right - top))
                })
                .collect();
            Filter { first, weights }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, samples: usize) -> Vec<i16> {
        (0..samples).map(|n| ((TAU * hz * n as f32 / 8000.0).sin() * 16384.0) as i16).collect()
    }

    #[test]
    fn a_tone_lights_its_own_band_whatever_the_portions() {
        let sound = tone(1000.0, 1600);
        let mut whole = Vec::new();
        Spectrum::new().push(&sound, |frame| whole.push(frame));
        let mut pieces = Vec::new();
        let mut spectrum = Spectrum::new();
        for piece in sound.chunks(37) {
            spectrum.push(piece, |frame| pieces.push(frame));
        }
        assert_eq!(whole, pieces);
        assert_eq!(whole.len(), (1600 - 200) / 80 + 1);
        let loudest = (0..BANDS).max_by(|&a, &b| whole[3].bands[a].total_cmp(&whole[3].bands[b]));
        assert_eq!(loudest, Some(8));
    }

    #[test]
    fn the_level_of_a_sine_at_half_scale_is_9_db_below_full_scale() {
        let mut frames = Vec::new();
        Spectrum::new().push(&tone(1000.0, 800), |frame| frames.push(frame));
        let level = frames[2].level_db();
        assert!((-10.5..-8.0).contains(&level), "{level}");
    }

    #[test]
    fn a_zero_filled_packet_is_a_gap_and_nothing_else_is() {
        let mut sound = tone(440.0, 1600);
        sound[640..800].fill(0);
        let mut frames = Vec::new();
        Spectrum::new().push(&sound, |frame| frames.push(frame));
        let gaps: Vec<usize> = (0..frames.len()).filter(|&n| frames[n].gap).collect();
        assert_eq!(gaps, [6, 7, 8, 9]);
    }
}
