//! Comfort noise: what is sent when nothing is said, so that a line never sounds dead.
//!
//! About -65 dBov, white, made once from a fixed seed and encoded once per law: equal calls send
//! equal bytes. It is sent as ordinary audio; RFC 3389 packets are left out.

use super::{Codec, Frame, SAMPLES_PER_FRAME};
use std::sync::LazyLock;

/// Frames before the noise repeats: two seconds, too long for the ear to hear a rhythm.
pub const PERIOD_FRAMES: usize = 101;

/// Root mean square of the samples: 32768 · 10^(-65/20), where 0 dBov is a full-scale square wave.
const RMS: f64 = 18.43;

static NOISE: LazyLock<[Vec<Frame>; 2]> = LazyLock::new(|| Codec::ALL.map(encoded));

/// The noise of frame `index` of a stream; it repeats after [`PERIOD_FRAMES`].
pub fn frame(codec: Codec, index: u32) -> &'static Frame {
    &NOISE[codec as usize][index as usize % PERIOD_FRAMES]
}

fn encoded(codec: Codec) -> Vec<Frame> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..PERIOD_FRAMES)
        .map(|_| {
            let mut frame = [0; SAMPLES_PER_FRAME];
            for code in &mut frame {
                *code = codec.encode((RMS * normal(&mut state)).round() as i16);
            }
            frame
        })
        .collect()
}

/// A draw close to a normal distribution of mean 0 and variance 1: the sum of twelve even ones.
fn normal(state: &mut u64) -> f64 {
    let mut sum = 0.0;
    for _ in 0..12 {
        // xorshift64*, Vigna 2014. Sound, not secrecy: nothing else is drawn from it.
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        let draw = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        sum += draw as f64 / 4_294_967_296.0;
    }
    sum - 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_is_at_minus_65_dbov_in_both_laws() {
        for codec in Codec::ALL {
            let mut power = 0.0;
            let mut sum = 0.0;
            for index in 0..PERIOD_FRAMES as u32 {
                for &code in frame(codec, index) {
                    let sample = f64::from(codec.decode(code));
                    power += sample * sample;
                    sum += sample;
                }
            }
            let samples = (PERIOD_FRAMES * SAMPLES_PER_FRAME) as f64;
            let level_dbov = 10.0 * (power / samples / 32768.0_f64.powi(2)).log10();
            assert!((-66.0..=-64.0).contains(&level_dbov), "{codec:?} {level_dbov} dBov");
            assert!((sum / samples).abs() < 1.0, "{codec:?} has an offset of {}", sum / samples);
        }
    }

    #[test]
    fn the_noise_repeats_after_its_period_and_not_before() {
        for codec in Codec::ALL {
            assert_eq!(frame(codec, 3), frame(codec, 3 + PERIOD_FRAMES as u32));
            assert_ne!(frame(codec, 3), frame(codec, 4));
        }
    }
}
