//! A pattern over topic names: `*` is one segment, `>` the rest.

use std::fmt;
use std::str::FromStr;

use crate::event::topic::{self, TopicError};

/// An expression over topic names.
///
/// `*` stands for exactly one segment, `>` for one or more and only at the end; both are whole segments.
/// A pattern without either is the name itself. A wildcard in the first segment does not take names that begin with `$`:
/// see [`topic`].
///
/// # Examples
///
/// ```
/// use eventring::event::Pattern;
///
/// let pattern = Pattern::parse("orders.*.created").unwrap();
/// assert!(pattern.matches("orders.eu.created"));
/// assert!(!pattern.matches("orders.eu.north.created"));
/// assert!(Pattern::parse("orders.>").unwrap().matches("orders.eu.created"));
/// assert!(!Pattern::parse("*.created").unwrap().matches("$sys.created"));
/// assert_eq!(Pattern::parse("orders.>.x").unwrap_err().column, 8);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(Box<str>);

/// Says why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at column {column}")]
#[non_exhaustive]
pub struct PatternError {
    /// The fault, as a fragment of a sentence.
    pub reason: &'static str,
    /// The character concerned, counted from 1.
    pub column: usize,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// [`PatternError`] names the column: empty segments, unprintable characters, more than 255 bytes, `>` before
    /// the end, and `*` or `>` inside a segment.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        topic::check_text(text).map_err(|error| from_topic(error, text))?;
        let last = text.split('.').count();
        for (number, (column, segment)) in (1..).zip(topic::segments(text)) {
            check_segment(segment, column, number == last)?;
        }
        Ok(Self(text.into()))
    }

    /// Returns the pattern `>`, which takes every topic that does not begin with `$`.
    pub fn all() -> Self {
        Self(">".into())
    }

    /// Returns whether it is `>`, which takes every topic that does not begin with `$`.
    pub fn is_all(&self) -> bool {
        &*self.0 == ">"
    }

    /// Returns whether it has no wildcard.
    pub fn is_literal(&self) -> bool {
        !self
            .0
            .split('.')
            .any(|segment| matches!(segment, "*" | ">"))
    }

    /// Returns whether it takes this topic.
    pub fn matches(&self, topic: &str) -> bool {
        // First: what follows takes every topic for `>`.
        if topic::is_reserved(topic) && self.begins_with_wildcard() {
            return false;
        }
        if self.is_all() {
            return true;
        }
        let mut wanted = self.0.split('.');
        let mut given = topic.split('.');
        loop {
            match (wanted.next(), given.next()) {
                (Some(">"), Some(_)) => return true,
                (Some("*"), Some(_)) => {}
                (Some(a), Some(b)) if a == b => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// Returns whether it takes everything that `other` takes.
    pub fn covers(&self, other: &Pattern) -> bool {
        if topic::is_reserved(&other.0) && self.begins_with_wildcard() {
            return false;
        }
        let mut wide = self.0.split('.');
        let mut narrow = other.0.split('.');
        loop {
            match (wide.next(), narrow.next()) {
                (Some(">"), Some(_)) => return true,
                // `>` may be several segments, `*` is one.
                (Some("*"), Some(segment)) if segment != ">" => {}
                (Some(a), Some(b)) if a == b => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// Returns whether there may be a topic that both take.
    pub fn overlaps(&self, other: &Pattern) -> bool {
        let takes_no =
            |wild: &Self, name: &Self| wild.begins_with_wildcard() && topic::is_reserved(&name.0);
        if takes_no(self, other) || takes_no(other, self) {
            return false;
        }
        let (mut ours, mut theirs) = (self.0.split('.'), other.0.split('.'));
        loop {
            match (ours.next(), theirs.next()) {
                (Some(">"), Some(_)) | (Some(_), Some(">")) | (None, None) => return true,
                (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
                _ => return false,
            }
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn begins_with_wildcard(&self) -> bool {
        // A wildcard is a whole segment, so its first byte is enough: `parse` refuses `*a`.
        matches!(self.0.as_bytes().first(), Some(b'*' | b'>'))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

fn check_segment(segment: &str, column: usize, last: bool) -> Result<(), PatternError> {
    match segment {
        "*" => Ok(()),
        ">" if last => Ok(()),
        ">" => Err(PatternError {
            reason: "\">\" is only allowed at the end",
            column,
        }),
        _ => match segment.chars().position(|c| c == '*' || c == '>') {
            Some(inside) => Err(PatternError {
                reason: "a wildcard must be a whole segment",
                column: column + inside,
            }),
            None => Ok(()),
        },
    }
}

fn from_topic(error: TopicError, text: &str) -> PatternError {
    let (reason, column) = match error {
        TopicError::Empty => ("it is empty", 1),
        TopicError::TooLong { .. } => ("longer than 255 bytes", first_column_past_the_limit(text)),
        TopicError::EmptySegment { column } => ("empty segment", column),
        TopicError::Unprintable { column } => ("unprintable character", column),
        TopicError::Wildcard { column } => ("wildcard segment", column),
    };
    PatternError { reason, column }
}

fn first_column_past_the_limit(text: &str) -> usize {
    text.char_indices()
        .take_while(|(at, c)| at + c.len_utf8() <= topic::TOPIC_BYTES_MAX)
        .count()
        + 1
}
