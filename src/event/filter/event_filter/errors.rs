//! The faults of a filter.

use std::fmt;

/// One thing that is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterFault {
    /// The part concerned, as the setter or the JSON member is called.
    pub field: String,
    /// The number of the entry in the part, from 0, where it can have several.
    pub index: Option<usize>,
    /// The fault, as a fragment of a sentence.
    pub reason: String,
    /// The character concerned, counted from 1, where the entry is a pattern or a predicate; in JSON, the byte.
    pub column: Option<usize>,
    /// The bound that was passed: entries or bytes.
    pub limit: Option<usize>,
}

/// Everything that is wrong with a filter: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterErrors(pub(super) Box<[FilterFault]>);

impl FilterErrors {
    /// Returns them, in the order in which they were met.
    pub fn faults(&self) -> &[FilterFault] {
        &self.0
    }

    pub(in crate::event) fn one(reason: &str, column: Option<usize>) -> Self {
        Self(Box::new([FilterFault {
            field: String::new(),
            index: None,
            reason: reason.to_owned(),
            column,
            limit: None,
        }]))
    }
}

impl fmt::Display for FilterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if let Some(index) = self.index {
            write!(f, " {index}")?;
        }
        if !self.field.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.reason)?;
        match self.column {
            Some(column) => write!(f, " at column {column}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for FilterErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for FilterErrors {}
