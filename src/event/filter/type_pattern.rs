//! A pattern over event types: `*` is one segment, `User*` what starts so, `>` or `**` the rest.

use std::fmt;
use std::str::FromStr;

use super::pattern::PatternError;
use crate::event::topic::{self, TOPIC_BYTES_MAX};

/// An expression over event types, which are names with dots as topics are.
///
/// `*` stands for one segment; at the end of a segment it stands for the rest of that segment, so that `User*` takes
/// `UserCreated`. It never crosses a dot. `>` (or `**`) stands for one segment or more and only at the end.
///
/// # Examples
///
/// ```
/// use eventring::event::TypePattern;
///
/// let pattern = TypePattern::parse("User*").unwrap();
/// assert!(pattern.matches("UserCreated") && pattern.matches("User"));
/// assert!(!pattern.matches("Order") && !pattern.matches("User.Created"));
/// assert!(TypePattern::parse("issue.**").unwrap().matches("issue.created.v2"));
/// assert_eq!(TypePattern::parse("a.*b").unwrap_err().to_string(), "\"*\" is only allowed at the end of a segment at column 3");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypePattern(Box<str>);

impl TypePattern {
    /// Reads a pattern. `**` is read as `>`.
    ///
    /// # Errors
    ///
    /// [`PatternError`] names the column: empty segments, control characters, more than 255 bytes, `>` before the end
    /// or inside a segment, `*` before the end of a segment.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let wrong = |reason, column| PatternError { reason, column };
        if text.is_empty() {
            return Err(wrong("it is empty", 1));
        }
        if text.len() > TOPIC_BYTES_MAX {
            return Err(wrong("longer than 255 bytes", TOPIC_BYTES_MAX + 1));
        }
        if let Some(at) = text.chars().position(topic::is_unprintable) {
            return Err(wrong("unprintable character", at + 1));
        }
        let last = text.split('.').count();
        for (number, (column, segment)) in (1..).zip(topic::segments(text)) {
            check_segment(segment, column, number == last)?;
        }
        // One text for both, so that filters which mean the same are equal and share a class.
        match text.strip_suffix("**") {
            Some(start) => Ok(Self(format!("{start}>").into())),
            None => Ok(Self(text.into())),
        }
    }

    /// Returns whether it takes this type.
    pub fn matches(&self, ty: &str) -> bool {
        let mut wanted = self.0.split('.');
        let mut given = ty.split('.');
        loop {
            match (wanted.next(), given.next()) {
                (Some(">"), Some(_)) => return true,
                (Some(pattern), Some(segment)) if takes(pattern, segment) => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// Returns the text, with `>` for `**`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TypePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

fn takes(pattern: &str, segment: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => segment.starts_with(start),
        None => pattern == segment,
    }
}

fn check_segment(segment: &str, column: usize, last: bool) -> Result<(), PatternError> {
    let wrong = |reason, inside| {
        Err(PatternError {
            reason,
            column: column + inside,
        })
    };
    match segment {
        "" => wrong("empty segment", 0),
        ">" | "**" if last => Ok(()),
        ">" | "**" => wrong("\">\" and \"**\" are only allowed at the end", 0),
        _ => {
            let name = segment.strip_suffix('*').unwrap_or(segment);
            match name
                .chars()
                .enumerate()
                .find(|(_, c)| matches!(c, '*' | '>'))
            {
                Some((at, '*')) => wrong("\"*\" is only allowed at the end of a segment", at),
                Some((at, _)) => wrong("\">\" must be a whole segment", at),
                None => Ok(()),
            }
        }
    }
}
