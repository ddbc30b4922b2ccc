//! Where in the sound something is being said: bursts of energy over the line's own noise.
//!
//! The noise floor follows the line. A hole of under 150 ms (the closed lips of a "k", a lost
//! packet) does not end a burst.

use super::spectrum::{BANDS, Frame};
use std::collections::VecDeque;

/// Quiet frames that end a burst: 150 ms.
const HOLE: u64 = 15;
/// Loud frames in a row that begin one: 30 ms, longer than a click.
const ONSET: u64 = 3;
/// How far above the floor sound must rise to be more than noise.
const ABOVE_FLOOR_DB: f32 = 4.0;
/// How far below the loudest recent sound it may be and still count.
const BELOW_PEAK_DB: f32 = 32.0;
/// Loudness is forgotten by this much a frame: 3 dB a second.
const PEAK_DECAY_DB: f32 = 0.03;
/// The floor is the level that a tenth of the last three seconds stayed under.
const FLOOR_FRAMES: usize = 300;

/// What the segmentation says about a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Nothing is being said.
    Quiet,
    /// A burst began at this frame.
    Began(u64),
    /// It goes on.
    Inside,
    /// The burst is over; its last loud frame was this one.
    Ended(u64),
}

enum State {
    Quiet { loud: u64 },
    Burst { last_loud: u64 },
}

/// Follows the noise floor and finds the bursts.
pub struct Segmenter {
    state: State,
    frame: u64,
    levels: VecDeque<f32>,
    peak_db: f32,
    noise: [f32; BANDS],
}

impl Segmenter {
    /// A segmenter for a line whose noise is not known yet.
    pub fn new() -> Self {
        Segmenter {
            state: State::Quiet { loud: 0 },
            frame: 0,
            levels: VecDeque::with_capacity(FLOOR_FRAMES),
            peak_db: -50.0,
            noise: [1e-8; BANDS],
        }
    }

    /// The line's own power per band, learnt while nothing was said.
    pub fn noise(&self) -> &[f32; BANDS] {
        &self.noise
    }

    /// Takes the next frame.
    pub fn push(&mut self, frame: &Frame) -> Edge {
        let now = self.frame;
        self.frame += 1;
        let loud = self.is_loud(frame);
        match &mut self.state {
            State::Quiet { loud: run } if loud => {
                *run += 1;
                if *run < ONSET {
                    return Edge::Quiet;
                }
                self.state = State::Burst { last_loud: now };
                Edge::Began(now + 1 - ONSET)
            }
            State::Quiet { loud: run } => {
                *run = 0;
                Edge::Quiet
            }
            State::Burst { last_loud } if loud => {
                *last_loud = now;
                Edge::Inside
            }
            State::Burst { last_loud } => {
                let last = *last_loud;
                if now - last < HOLE {
                    return Edge::Inside;
                }
                self.state = State::Quiet { loud: 0 };
                Edge::Ended(last)
            }
        }
    }

    fn is_loud(&mut self, frame: &Frame) -> bool {
        if frame.gap {
            return false;
        }
        let level = frame.level_db();
        if self.levels.len() == FLOOR_FRAMES {
            self.levels.pop_front();
        }
        self.levels.push_back(level);
        self.peak_db = (self.peak_db - PEAK_DECAY_DB).max(level);
        let floor = self.floor_db();
        let loud = level > (floor + ABOVE_FLOOR_DB).max(self.peak_db - BELOW_PEAK_DB);
        if !loud && matches!(self.state, State::Quiet { .. }) {
            for (noise, power) in self.noise.iter_mut().zip(&frame.bands) {
                *noise += 0.1 * (power - *noise);
            }
        }
        loud
    }

    fn floor_db(&self) -> f32 {
        let mut sorted: Vec<f32> = self.levels.iter().copied().collect();
        let tenth = sorted.len() / 10;
        *sorted.select_nth_unstable_by(tenth, f32::total_cmp).1
    }
}
