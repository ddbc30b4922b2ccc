//! Values that must never be printed: codes, keys pressed, key material.
//!
//! Their types have no `Display` and no `Serialize`, their `Debug` says nothing, and their memory
//! is wiped when they are dropped.

use crate::entropy::Entropy;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A value that can be used but not printed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Redacted(value)
    }

    /// The value itself. Each call is a place a reviewer looks at.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The fewest digits a code may have (a code of ours has at least six, NIST SP 800-63B-4 §3.1.3).
pub const DIGITS_MIN: usize = 1;
/// The most digits a code may have.
pub const DIGITS_MAX: usize = 10;

/// A string of decimal digits to be spoken or pressed: a code, or the keys of a human check.
///
/// At most [`DIGITS_MAX`] digits, leading zeros kept, wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Digits {
    digits: [u8; DIGITS_MAX],
    len: usize,
}

/// Text that is not a string of 1 to 10 decimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code is 1 to 10 decimal digits")]
pub struct ParseDigitsError;

impl Digits {
    /// Draws `len` digits, each of 0–9 equally likely.
    ///
    /// # Panics
    /// If `len` is not in 1..=10: lengths are checked where the configuration is read.
    pub fn draw(len: usize, entropy: &mut Entropy) -> Self {
        Self::draw_from(0, len, entropy)
    }

    /// Draws `len` digits, each of 1–9 equally likely, for a human check.
    ///
    /// # Panics
    /// If `len` is not in 1..=10.
    pub fn draw_without_zero(len: usize, entropy: &mut Entropy) -> Self {
        Self::draw_from(1, len, entropy)
    }

    fn draw_from(least: u8, len: usize, entropy: &mut Entropy) -> Self {
        assert!((DIGITS_MIN..=DIGITS_MAX).contains(&len), "a code has 1 to 10 digits");
        let mut digits = [0; DIGITS_MAX];
        for digit in &mut digits[..len] {
            *digit = least + u8::try_from(entropy.below(u32::from(10 - least))).unwrap_or(0);
        }
        Digits { digits, len }
    }

    /// Reads what a person typed or a caller gave.
    ///
    /// # Errors
    /// [`ParseDigitsError`] if it is not 1 to 10 ASCII digits.
    pub fn parse(text: &str) -> Result<Self, ParseDigitsError> {
        let bytes = text.as_bytes();
        let all_digits = bytes.iter().all(u8::is_ascii_digit);
        if !(DIGITS_MIN..=DIGITS_MAX).contains(&bytes.len()) || !all_digits {
            return Err(ParseDigitsError);
        }
        let mut digits = [0; DIGITS_MAX];
        for (to, from) in digits.iter_mut().zip(bytes) {
            *to = from - b'0';
        }
        Ok(Digits { digits, len: bytes.len() })
    }

    /// The digits as numbers 0–9, in order.
    pub fn as_slice(&self) -> &[u8] {
        &self.digits[..self.len]
    }

    /// How many digits there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one digit")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The digits as ASCII text, for a MAC or for a caller that owns the code. Wiped when dropped.
    pub fn expose(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.as_slice().iter().map(|digit| digit + b'0').collect())
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} digits]", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_says_nothing() {
        let code = Digits::parse("048392").expect("six digits");
        assert_eq!(format!("{code:?} {:?}", Redacted::new("048392")), "[6 digits] [redacted]");
    }

    #[test]
    fn leading_zeros_are_kept() {
        let code = Digits::parse("0070").expect("four digits");
        assert_eq!(code.as_slice(), [0, 0, 7, 0]);
        assert_eq!(code.expose().as_slice(), b"0070");
    }

    #[test]
    fn only_one_to_ten_ascii_digits_are_read() {
        for text in ["", "12345678901", "12 34", "12345x", "１２３４５６", "-12345"] {
            assert_eq!(Digits::parse(text), Err(ParseDigitsError), "{text}");
        }
        assert!(Digits::parse("1234567890").is_ok());
    }

    #[test]
    fn a_human_check_never_asks_for_zero() {
        let mut entropy = Entropy::from_seed(3);
        for _ in 0..200 {
            let digits = Digits::draw_without_zero(2, &mut entropy);
            assert!(digits.as_slice().iter().all(|d| (1..=9).contains(d)));
        }
    }
}
