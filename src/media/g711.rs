//! G.711 A-law and µ-law (ITU-T G.711), in the 16-bit scale of its reference code (ITU-T G.191).
//!
//! A 16-bit sample is the 13-bit (A-law) or 14-bit (µ-law) value of the tables of G.711, shifted to
//! the left. Decoding is a table; encoding runs once, when prompts are loaded, and in the robot.

/// A G.711 law and its static payload type (RFC 3551 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// A-law, the law of Europe and of most of the world.
    Pcma,
    /// µ-law, the law of North America and Japan.
    Pcmu,
}

impl Codec {
    /// Both laws.
    pub const ALL: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

    /// The static RTP payload type: 8 or 0.
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcma => 8,
            Codec::Pcmu => 0,
        }
    }

    /// The law of a static RTP payload type.
    pub const fn from_payload_type(payload_type: u8) -> Option<Codec> {
        match payload_type {
            8 => Some(Codec::Pcma),
            0 => Some(Codec::Pcmu),
            _ => None,
        }
    }

    /// The code of one sample.
    pub const fn encode(self, sample: i16) -> u8 {
        match self {
            Codec::Pcma => encode_alaw(sample),
            Codec::Pcmu => encode_ulaw(sample),
        }
    }

    /// The sample of one code, in the 16-bit scale.
    pub const fn decode(self, code: u8) -> i16 {
        match self {
            Codec::Pcma => ALAW[code as usize],
            Codec::Pcmu => ULAW[code as usize],
        }
    }
}

static ALAW: [i16; 256] = table(Codec::Pcma);
static ULAW: [i16; 256] = table(Codec::Pcmu);

const fn table(codec: Codec) -> [i16; 256] {
    let mut samples = [0; 256];
    let mut code = 0;
    while code < 256 {
        samples[code] = match codec {
            Codec::Pcma => expand_alaw(code as u8),
            Codec::Pcmu => expand_ulaw(code as u8),
        };
        code += 1;
    }
    samples
}

/// The bits that A-law inverts on the line (G.711 §3.1: the even bits).
const ALAW_INVERTED: u8 = 0x55;
/// What µ-law adds before it takes the logarithm, in its 14-bit scale.
const ULAW_BIAS: u16 = 33;
/// The largest biased µ-law magnitude, in its 14-bit scale.
const ULAW_MAX: u16 = 0x1FFF;

const fn encode_alaw(sample: i16) -> u8 {
    let positive = sample >= 0;
    // 12 bits of magnitude; negative values by one's complement: -1 is the smallest of them.
    let magnitude = (if positive { sample } else { !sample }) as u16 >> 4;
    let low_bits = if magnitude < 32 {
        magnitude
    } else {
        // Five significant bits: the leading one is told by the segment, four follow.
        let segment = 12 - (magnitude.leading_zeros() as u16);
        (segment << 4) + ((magnitude >> (segment - 1)) & 0x0F)
    };
    let sign = if positive { 0x80 } else { 0 };
    (low_bits as u8 | sign) ^ ALAW_INVERTED
}

const fn expand_alaw(code: u8) -> i16 {
    let code = code ^ ALAW_INVERTED;
    let segment = (code & 0x70) >> 4;
    let step = ((code & 0x0F) as i16) << 4;
    // The middle of the interval; from segment 1 on the leading one returns.
    let magnitude = match segment {
        0 => step + 8,
        _ => (step + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

const fn encode_ulaw(sample: i16) -> u8 {
    let positive = sample >= 0;
    let biased = ((if positive { sample } else { !sample }) as u16 >> 2) + ULAW_BIAS;
    let biased = if biased > ULAW_MAX { ULAW_MAX } else { biased };
    let segment = 10 - biased.leading_zeros() as u16;
    let low_bits = (segment << 4) | ((biased >> (segment + 1)) & 0x0F);
    let sign = if positive { 0x80 } else { 0 };
    // µ-law sends every magnitude bit inverted.
    (!(low_bits as u8) & 0x7F) | sign
}

const fn expand_ulaw(code: u8) -> i16 {
    let low_bits = !code & 0x7F;
    let segment = low_bits >> 4;
    let biased = ((((low_bits & 0x0F) as i16) << 1) + 33) << segment;
    let magnitude = (biased - ULAW_BIAS as i16) << 2;
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::approx_constant, reason = "a load capacity of 3.14 dBm0, not pi")]
    fn the_digital_milliwatt_is_a_1_khz_tone_at_0_dbm0() {
        // G.711 tables 5 and 6. A full-scale sine is 3.14 (A-law) or 3.17 dBm0 (µ-law).
        let tones = [
            (Codec::Pcma, [0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4], 32768.0, 3.14),
            (Codec::Pcmu, [0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E], 8159.0 * 4.0, 3.17),
        ];
        for (codec, codes, full_scale, load_capacity_dbm0) in tones {
            let samples: Vec<f64> = codes.iter().map(|&c| f64::from(codec.decode(c))).collect();
            let power = samples.iter().map(|s| s * s).sum::<f64>() / 8.0;
            let sine_power: f64 = full_scale * full_scale / 2.0;
            let level_dbm0 = 10.0 * (power / sine_power).log10() + load_capacity_dbm0;
            assert!(level_dbm0.abs() < 0.03, "{codec:?} {level_dbm0} dBm0");
            assert_eq!(codes.map(|c| codec.encode(codec.decode(c))), codes);
        }
    }

    #[test]
    fn the_values_of_the_tables_of_g711() {
        // Tables 1 and 2: value at the decoder output for the first and last interval of every
        // segment, here times 8 (A-law, 4096 = overload) and times 4 (µ-law, 8159 = overload).
        let alaw = [
            (0xD5, 1),
            (0xDA, 31),
            (0xC5, 33),
            (0xCA, 63),
            (0xF5, 66),
            (0xFA, 126),
            (0xE5, 132),
            (0xEA, 252),
            (0x95, 264),
            (0x9A, 504),
            (0x85, 528),
            (0x8A, 1008),
            (0xB5, 1056),
            (0xBA, 2016),
            (0xA5, 2112),
            (0xAA, 4032),
        ];
        for (code, value) in alaw {
            assert_eq!(Codec::Pcma.decode(code), value * 8, "{code:#x}");
            assert_eq!(Codec::Pcma.decode(code ^ 0x80), -value * 8, "{code:#x}");
        }
        let ulaw = [
            (0xFF, 0),
            (0xFE, 2),
            (0xF0, 30),
            (0xEF, 33),
            (0xE0, 93),
            (0xDF, 99),
            (0xD0, 219),
            (0xCF, 231),
            (0xC0, 471),
            (0xBF, 495),
            (0xB0, 975),
            (0xAF, 1023),
            (0xA0, 1983),
            (0x9F, 2079),
            (0x90, 3999),
            (0x8F, 4191),
            (0x80, 8031),
        ];
        for (code, value) in ulaw {
            assert_eq!(Codec::Pcmu.decode(code), value * 4, "{code:#x}");
            assert_eq!(Codec::Pcmu.decode(code ^ 0x80), -value * 4, "{code:#x}");
        }
    }

    #[test]
    fn the_codes_of_silence_and_of_full_scale() {
        let pairs =
            [(0, 0xD5, 0xFF), (-1, 0x55, 0x7F), (i16::MAX, 0xAA, 0x80), (i16::MIN, 0x2A, 0)];
        for (sample, alaw, ulaw) in pairs {
            assert_eq!(Codec::Pcma.encode(sample), alaw, "{sample}");
            assert_eq!(Codec::Pcmu.encode(sample), ulaw, "{sample}");
        }
    }

    #[test]
    fn every_code_survives_decoding_and_encoding() {
        for code in 0..=255 {
            assert_eq!(Codec::Pcma.encode(Codec::Pcma.decode(code)), code);
            // µ-law has a negative zero, which decodes to the same 0 as the positive one.
            let again = if code == 0x7F { 0xFF } else { code };
            assert_eq!(Codec::Pcmu.encode(Codec::Pcmu.decode(code)), again);
        }
    }

    #[test]
    fn every_sample_falls_into_the_interval_around_its_value() {
        // Half an interval: 1 in the units of the tables for the first segments, then doubling.
        let half_interval = |codec: Codec, code: u8| match codec {
            Codec::Pcma => 8 << (((code ^ ALAW_INVERTED) >> 4 & 7).max(1) - 1),
            Codec::Pcmu => 4 << (!code >> 4 & 7),
        };
        for (codec, largest) in [(Codec::Pcma, i16::MAX), (Codec::Pcmu, 8158 * 4)] {
            let mut before = i16::MIN;
            for sample in -largest..=largest {
                let code = codec.encode(sample);
                let value = codec.decode(code);
                let error = (i32::from(value) - i32::from(sample)).abs();
                assert!(error <= half_interval(codec, code), "{codec:?} {sample}: {value}");
                assert!(value >= before, "{codec:?} {sample}: louder in, softer out");
                before = value;
            }
        }
    }
}
