//! Faults of settings, each with the place where it stands.

use std::fmt;
use std::io;

/// The layer that a value comes from, from the weakest to the strongest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File { path: String, line: usize },
    Environment,
    Flag,
}

impl Origin {
    /// Orders layers by their strength.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Origin::Default => 0,
            Origin::File { .. } => 1,
            Origin::Environment => 2,
            Origin::Flag => 3,
        }
    }
}

/// A reason not to start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{said} {path}: cannot be read: {source}")]
    Read {
        /// The flag or variable that named the file.
        said: &'static str,
        path: String,
        source: io::Error,
    },
    #[error("{said} {path}: more than {limit} bytes: not a settings file")]
    TooLong {
        said: &'static str,
        path: String,
        limit: u64,
    },
    #[error("{path}:{line}: {message}")]
    Syntax {
        path: String,
        line: usize,
        message: String,
    },
    #[error("{path}:{line}: {key}: unknown setting{}", Hint(suggestion))]
    Unknown {
        path: String,
        line: usize,
        key: String,
        suggestion: Option<String>,
    },
    #[error("{path}:{line}: [{key}]: settings stand at the top level, without sections")]
    Section {
        path: String,
        line: usize,
        key: String,
    },
    #[error("{0}")]
    Value(Box<BadValue>),
    #[error("{0}")]
    Together(String),
}

/// A value that cannot be.
#[derive(Debug)]
pub(crate) struct BadValue {
    pub(super) origin: Origin,
    pub(super) setting: String,
    pub(super) env: String,
    pub(super) value: String,
    pub(super) allowed: String,
}

impl fmt::Display for BadValue {
    /// Names the place in the words of whoever gave the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BadValue {
            setting,
            env,
            value,
            allowed,
            ..
        } = self;
        match &self.origin {
            Origin::Default | Origin::Flag => write!(f, "--{setting} {value:?}: {allowed}"),
            Origin::Environment => write!(f, "{env}={value:?} (as --{setting}): {allowed}"),
            Origin::File { path, line } => {
                write!(f, "{path}:{line}: {setting} = {value}: {allowed}")
            }
        }
    }
}

struct Hint<'a>(&'a Option<String>);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "; did you mean {name}?"),
            None => f.write_str("; `eventring check-config` lists them all"),
        }
    }
}
