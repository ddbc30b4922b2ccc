//! From a 16 kHz master to the 8 kHz telephone band of 150 to 3400 Hz, once, at load.
//!
//! A linear-phase low-pass (Kaiser window) passes 3400 Hz and stops what would fold back into the
//! band from 4000 Hz on by 60 dB; every second sample is kept. A fourth-order Butterworth
//! high-pass then takes away direct current, hum and rumble, which a telephone cannot carry.

use std::f64::consts::PI;

/// The rate of the masters.
pub const MASTER_RATE_HZ: u32 = 16_000;

/// Middle of the low-pass transition, from 3400 to 4000 Hz.
const LOW_PASS_HZ: f64 = 3_700.0;
/// Taps of the low-pass: what 60 dB and a transition of 600 Hz take at 16 kHz (Kaiser's formula).
const TAPS: usize = 101;
/// Shape of the Kaiser window for 60 dB.
const KAISER_BETA: f64 = 5.653;
/// Where the high-pass is at -3 dB.
const HIGH_PASS_HZ: f64 = 150.0;
/// Q of the two halves of a fourth-order Butterworth filter: 1 / (2 cos(π/8)), 1 / (2 cos(3π/8)).
const BUTTERWORTH_Q: [f64; 2] = [0.541_196_100_146_197, 1.306_562_964_876_376_5];

/// The telephone band of a master, at 8 kHz and without delay: half as many samples, rounded up.
pub fn to_telephone_band(master: &[i16]) -> Vec<i16> {
    let taps = low_pass();
    let mut samples: Vec<f64> =
        (0..master.len()).step_by(2).map(|center| convolve(master, center, &taps)).collect();
    for q in BUTTERWORTH_Q {
        high_pass(&mut samples, q);
    }
    samples.iter().map(|&sample| sample.round() as i16).collect()
}

/// One sample of the filtered master; beyond its ends there is silence.
fn convolve(master: &[i16], center: usize, taps: &[f64; TAPS]) -> f64 {
    let first_tap = (TAPS / 2).saturating_sub(center);
    let first = (center + first_tap).saturating_sub(TAPS / 2);
    let pairs = taps[first_tap..].iter().zip(&master[first..]);
    pairs.map(|(tap, &sample)| tap * f64::from(sample)).sum()
}

fn low_pass() -> [f64; TAPS] {
    let cutoff = LOW_PASS_HZ / f64::from(MASTER_RATE_HZ);
    let half = (TAPS / 2) as f64;
    let mut taps = std::array::from_fn(|tap| {
        let offset = tap as f64 - half;
        let sinc = if offset == 0.0 {
            2.0 * cutoff
        } else {
            (2.0 * PI * cutoff * offset).sin() / (PI * offset)
        };
        let edge = 1.0 - (offset / half).powi(2);
        sinc * bessel_i0(KAISER_BETA * edge.sqrt()) / bessel_i0(KAISER_BETA)
    });
    let gain: f64 = taps.iter().sum();
    taps.iter_mut().for_each(|tap| *tap /= gain);
    taps
}

/// The modified Bessel function of order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..=25 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

/// A second-order high-pass at 8 kHz (R. Bristow-Johnson, Audio EQ Cookbook), in place.
fn high_pass(samples: &mut [f64], q: f64) {
    let omega = 2.0 * PI * HIGH_PASS_HZ / 8_000.0;
    let (cos, alpha) = (omega.cos(), omega.sin() / (2.0 * q));
    let a0 = 1.0 + alpha;
    let b = (1.0 + cos) / 2.0 / a0;
    let (a1, a2) = (-2.0 * cos / a0, (1.0 - alpha) / a0);
    let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
    for sample in samples {
        let x = *sample;
        let y = b * (x - 2.0 * x1 + x2) - a1 * y1 - a2 * y2;
        (x2, x1) = (x1, x);
        (y2, y1) = (y1, y);
        *sample = y;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a tone of 10000 becomes, in dB: the steady middle of two seconds.
    fn gain_db(tone_hz: f64) -> f64 {
        let rate = f64::from(MASTER_RATE_HZ);
        let tone: Vec<i16> = (0..2 * MASTER_RATE_HZ)
            .map(|i| (10_000.0 * (2.0 * PI * tone_hz * f64::from(i) / rate).sin()).round() as i16)
            .collect();
        let band = to_telephone_band(&tone);
        let middle = &band[4_000..12_000];
        let power = middle.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / 8_000.0;
        10.0 * (power / (10_000.0_f64.powi(2) / 2.0)).max(1e-12).log10()
    }

    #[test]
    fn the_telephone_band_passes_unchanged() {
        for tone_hz in [300.0, 440.0, 1_000.0, 2_000.0, 3_000.0, 3_300.0, 3_400.0] {
            let gain = gain_db(tone_hz);
            assert!(gain.abs() < 0.1, "{tone_hz} Hz: {gain} dB");
        }
    }

    #[test]
    fn hum_and_what_would_fold_back_are_stopped() {
        for tone_hz in [4_050.0, 4_600.0, 5_000.0, 6_000.0, 7_900.0] {
            let gain = gain_db(tone_hz);
            assert!(gain < -60.0, "{tone_hz} Hz: {gain} dB");
        }
        assert!(gain_db(50.0) < -35.0, "{} dB", gain_db(50.0));
        assert!((-3.2..-2.8).contains(&gain_db(150.0)), "{} dB", gain_db(150.0));
        let direct_current = to_telephone_band(&[8_000; 16_000]);
        assert!(direct_current[4_000..7_900].iter().all(|&sample| sample == 0));
    }

    #[test]
    fn sound_stays_where_it_was_in_time() {
        let mut click = vec![0; 2_000];
        click[1_000] = 30_000;
        let band = to_telephone_band(&click);
        let loudest = (0..band.len()).max_by_key(|&i| i32::from(band[i]).abs());
        assert_eq!((band.len(), loudest), (1_000, Some(500)));
        let taps = low_pass();
        for offset in 0..60 {
            let (before, after) = (1_000 - offset, 1_000 + offset);
            let difference = convolve(&click, before, &taps) - convolve(&click, after, &taps);
            assert!(difference.abs() < 1e-6, "the low-pass delays nothing");
        }
    }

    #[test]
    fn any_length_works_down_to_one_sample() {
        for len in [1, 2, 3, 50, 51, 100, 101, 102] {
            assert_eq!(to_telephone_band(&vec![100; len]).len(), len.div_ceil(2));
        }
        assert!(to_telephone_band(&[]).is_empty());
    }

    #[test]
    fn full_scale_saturates_and_never_wraps() {
        let square: Vec<i16> =
            (0..4_000).map(|i| if i / 8 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let band = to_telephone_band(&square);
        // A sample that wrapped would jump across the whole scale inside half a period.
        let flipped = band.windows(3).filter(|w| w[0] > 20_000 && w[1] < -20_000 && w[2] > 20_000);
        assert_eq!(flipped.count(), 0);
    }
}
