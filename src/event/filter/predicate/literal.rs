//! A JSON scalar to compare with.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::Found;
use crate::json::read_string;

/// A value to compare with.
#[derive(Clone, Debug)]
pub(in crate::event) enum Literal {
    Null,
    Bool(bool),
    Whole(i128),
    Float(f64),
    Text(Box<str>),
}

impl Literal {
    /// Reads a JSON scalar that is one.
    pub(in crate::event) fn read(raw: &str) -> Option<Self> {
        Some(match raw.as_bytes().first()? {
            b'"' => Self::Text(string(raw)?.into()),
            b'n' => Self::Null,
            b't' => Self::Bool(true),
            b'f' => Self::Bool(false),
            b'-' | b'0'..=b'9' => number(raw)?,
            _ => return None,
        })
    }

    /// Compares a value found with this one; `None` where they are of different types.
    pub(super) fn order(&self, found: &Found<'_>) -> Option<Ordering> {
        let raw = match (found, self) {
            (Found::Text(text), Self::Text(wanted)) => return Some((**text).cmp(wanted)),
            (Found::Text(_), _) => return None,
            (Found::Json(raw), _) => *raw,
        };
        match (raw.as_bytes().first()?, self) {
            (b'"', Self::Text(wanted)) => Some((*string(raw)?).cmp(wanted)),
            (b'n', Self::Null) => Some(Ordering::Equal),
            (b't' | b'f', Self::Bool(wanted)) => Some(raw.starts_with('t').cmp(wanted)),
            (b'-' | b'0'..=b'9', Self::Whole(_) | Self::Float(_)) => compare(&number(raw)?, self),
            _ => None,
        }
    }

    fn as_float(&self) -> Option<f64> {
        match self {
            Self::Whole(whole) => Some(*whole as f64),
            Self::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// Returns the key by which predicates are compared.
    fn key(&self) -> (u8, i128, &str) {
        match self {
            Self::Null => (0, 0, ""),
            Self::Bool(value) => (1, i128::from(*value), ""),
            Self::Whole(value) => (2, *value, ""),
            // By bits, which can be ordered and hashed: 0.0 and -0.0 are two keys, which costs a class at most.
            Self::Float(value) => (3, i128::from(value.to_bits()), ""),
            Self::Text(text) => (4, 0, text),
        }
    }
}

fn compare(a: &Literal, b: &Literal) -> Option<Ordering> {
    match (a, b) {
        (Literal::Whole(a), Literal::Whole(b)) => Some(a.cmp(b)),
        _ => a.as_float()?.partial_cmp(&b.as_float()?),
    }
}

fn number(raw: &str) -> Option<Literal> {
    // First as a whole number: as floating point, ids beyond 2^53 would be equal to their neighbours.
    match raw.parse() {
        Ok(whole) => Some(Literal::Whole(whole)),
        // 1e999 is JSON, but as infinity it would equal everything that is too large.
        Err(_) => raw
            .parse()
            .ok()
            .filter(|float: &f64| float.is_finite())
            .map(Literal::Float),
    }
}

/// Returns the text that a JSON string stands for, `None` where it has no UTF-8 form.
fn string(raw: &str) -> Option<Cow<'_, str>> {
    read_string(raw).ok()
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Literal {}

impl Hash for Literal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for Literal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Literal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}
