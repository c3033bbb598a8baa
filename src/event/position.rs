//! The position of an event: the epoch of its log and its offset in it.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

/// Crockford's base 32, lower case: no i, l, o, u.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Digits that 64 bits take.
const EPOCH_DIGITS: usize = 13;

/// The identity of the log that an offset belongs to. A memory hub makes a new one at each start.
///
/// # Examples
///
/// ```
/// use eventring::event::Epoch;
///
/// assert_eq!(Epoch(0x1234).to_string(), "00000000004hm");
/// assert_ne!(Epoch::random(), Epoch::random());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// The place of an event in a hub's one total order: epoch and offset.
///
/// The text is `<epoch>-<offset>`, at most 34 printable ASCII characters, and opaque to clients.
///
/// # Examples
///
/// ```
/// use eventring::event::{Epoch, Position};
///
/// let position = Position { epoch: Epoch(0x1234), offset: 42 };
/// assert_eq!(position.to_string(), "00000000004hm-42");
/// assert_eq!(position.to_string().parse(), Ok(position));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The log.
    pub epoch: Epoch,
    /// The event's number in it, from 1; 0 stands before the first.
    pub offset: u64,
}

/// Says why a text is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PositionError {
    /// There is no `-` between epoch and offset.
    #[error("no \"-\" between epoch and offset")]
    NoDash,
    /// The epoch is not 13 base-32 digits of 64 bits.
    #[error("the epoch is not 13 base-32 digits")]
    Epoch,
    /// The offset is not a decimal number below 2^64 without sign or leading zeros.
    #[error("the offset is not a decimal number")]
    Offset,
}

impl Epoch {
    /// Makes a new epoch from the operating system's randomness; never 0.
    pub fn random() -> Self {
        // RandomState draws its keys from the operating system once a thread and steps them for each instance.
        let value = RandomState::new().hash_one(std::time::SystemTime::now());
        Self(value.max(1))
    }

    fn digits(self) -> [u8; EPOCH_DIGITS] {
        let mut digits = [0; EPOCH_DIGITS];
        let mut rest = self.0;
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[(rest & 31) as usize];
            rest >>= 5;
        }
        digits
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits()
            .iter()
            .try_for_each(|digit| fmt::Write::write_char(f, *digit as char))
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Epoch {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        if text.len() != EPOCH_DIGITS {
            return Err(PositionError::Epoch);
        }
        let mut value: u64 = 0;
        for (index, byte) in text.bytes().enumerate() {
            let digit = DIGITS
                .iter()
                .position(|d| *d == byte)
                .ok_or(PositionError::Epoch)? as u64;
            // 13 digits are 65 bits: the first may only be 0 to f.
            if index == 0 && digit > 15 {
                return Err(PositionError::Epoch);
            }
            value = value << 5 | digit;
        }
        Ok(Self(value))
    }
}

impl Position {
    /// Appends the text to `out`; nothing is allocated where `out` has room for 34 bytes.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.epoch.digits());
        out.push(b'-');
        // 2^64 - 1 has 20 digits.
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = self.offset;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        out.extend_from_slice(&digits[at..]);
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let (epoch, offset) = text.split_once('-').ok_or(PositionError::NoDash)?;
        let epoch = epoch.parse()?;
        // `parse` takes a plus sign and leading zeros, too, but each position has one text only.
        let canonical = offset == "0" || !offset.starts_with(['0', '+']);
        match offset.parse() {
            Ok(offset) if canonical => Ok(Self { epoch, offset }),
            _ => Err(PositionError::Offset),
        }
    }
}
