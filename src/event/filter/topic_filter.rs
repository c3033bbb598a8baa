//! A set of patterns in canonical form: equal interests are equal values.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::pattern::{Pattern, PatternError};

/// Most patterns that one filter may hold.
pub const PATTERNS_MAX: usize = 64;

/// A set of 1 to 64 patterns: it takes a topic that any of them takes.
///
/// Every filter is canonical (sorted, without patterns that another one covers), so that two filters with the same interest
/// written differently usually compare equal and share one class. Cloning costs one reference count.
///
/// # Examples
///
/// ```
/// use eventring::Filter;
///
/// let a = Filter::parse(["orders.>", "orders.created", "users.*"]).unwrap();
/// let b = Filter::parse(["users.*", "orders.>"]).unwrap();
/// assert_eq!(a, b);
/// assert!(a.matches("orders.created") && !a.matches("users"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Filter(Arc<[Pattern]>);

/// Says why patterns do not make a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// No pattern was given.
    #[error("no pattern given")]
    Empty,
    /// More patterns than a filter may hold.
    #[error("{given} patterns is over the limit of {PATTERNS_MAX}")]
    TooMany {
        /// The number of patterns that were given.
        given: usize,
    },
    /// One of them is not a pattern.
    #[error("pattern {index}: {error}")]
    Pattern {
        /// The number of the pattern, from 0.
        index: usize,
        /// The fault of that pattern.
        error: PatternError,
    },
}

impl Filter {
    /// Returns the filter `>`, which takes every topic that does not begin with `$`.
    pub fn all() -> Self {
        /// One for all who take everything, which are many: it costs a reference count and no memory.
        static ALL: OnceLock<Filter> = OnceLock::new();
        ALL.get_or_init(|| Self::from(Pattern::all())).clone()
    }

    /// Creates a filter from patterns.
    ///
    /// # Errors
    ///
    /// [`FilterError::Empty`] for none and [`FilterError::TooMany`] for more than 64.
    pub fn new(patterns: impl IntoIterator<Item = Pattern>) -> Result<Self, FilterError> {
        let mut given: Vec<Pattern> = Vec::new();
        let mut count = 0;
        for pattern in patterns {
            count += 1;
            if count <= PATTERNS_MAX {
                given.push(pattern);
            }
        }
        match count {
            0 => Err(FilterError::Empty),
            1..=PATTERNS_MAX => Ok(Self(canonical(given).into())),
            given => Err(FilterError::TooMany { given }),
        }
    }

    /// Reads a filter from the texts of its patterns.
    ///
    /// # Errors
    ///
    /// As [`Filter::new`], and [`FilterError::Pattern`] for the first text that is not a pattern.
    pub fn parse<S: AsRef<str>>(
        patterns: impl IntoIterator<Item = S>,
    ) -> Result<Self, FilterError> {
        let mut parsed = Vec::new();
        let mut given = 0;
        for (index, text) in patterns.into_iter().enumerate() {
            given += 1;
            // Counted and not kept beyond the bound: the error says how many there were, and memory stays bounded.
            if given <= PATTERNS_MAX {
                let pattern = Pattern::parse(text.as_ref());
                parsed.push(pattern.map_err(|error| FilterError::Pattern { index, error })?);
            }
        }
        if given > PATTERNS_MAX {
            return Err(FilterError::TooMany { given });
        }
        Self::new(parsed)
    }

    /// Returns whether any pattern takes this topic.
    pub fn matches(&self, topic: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(topic))
    }

    /// Returns whether it takes every topic that does not begin with `$`, and no other.
    pub fn is_all(&self) -> bool {
        // Canonical: `>` covers everything but reserved names, which sort before it.
        self.0[0].is_all()
    }

    /// Returns whether it takes everything that `other` takes, as far as one pattern of it says so: two that do so only
    /// together are not noticed.
    pub fn covers(&self, other: &Self) -> bool {
        let mut narrow = other.0.iter();
        narrow.all(|narrow| self.0.iter().any(|wide| wide.covers(narrow)))
    }

    /// Returns whether there may be a topic that both take.
    pub fn overlaps(&self, other: &Self) -> bool {
        let mut ours = self.0.iter();
        ours.any(|ours| other.0.iter().any(|theirs| ours.overlaps(theirs)))
    }

    /// Returns the patterns, sorted.
    pub fn patterns(&self) -> &[Pattern] {
        &self.0
    }
}

impl From<Pattern> for Filter {
    fn from(pattern: Pattern) -> Self {
        Self(Arc::new([pattern]))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{pattern}")?;
        }
        Ok(())
    }
}

/// Sorts, and drops what another pattern covers. Equal patterns are gone after `dedup`, so two that cover each
/// other cannot both vanish.
fn canonical(mut patterns: Vec<Pattern>) -> Vec<Pattern> {
    patterns.sort_unstable();
    patterns.dedup();
    // Judged before any is dropped: while `retain` runs, the others cannot be looked at.
    let kept: Vec<bool> = patterns
        .iter()
        .map(|one| {
            !patterns
                .iter()
                .any(|other| other != one && other.covers(one))
        })
        .collect();
    let mut kept = kept.into_iter();
    patterns.retain(|_| kept.next().unwrap_or(true));
    patterns
}
