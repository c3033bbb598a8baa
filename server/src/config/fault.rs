//! What can be wrong with settings, each with the place where it stands.

use std::fmt;
use std::io;

/// Where a value comes from, from the weakest to the strongest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File { path: String, line: usize },
    Environment,
    Flag,
}

/// A reason not to start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{said} {path}: cannot be read: {source}")]
    Read {
        /// What named the file.
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
    #[error("{path}:{line}: {key}: unknown setting{}", Hint(nearest))]
    Unknown {
        path: String,
        line: usize,
        key: String,
        nearest: Option<String>,
    },
    #[error("{path}:{line}: [{key}]: settings stand at the top level, without sections")]
    Section {
        path: String,
        line: usize,
        key: String,
    },
    #[error("{}: {allowed}", Given { origin, setting, env, value })]
    Value {
        origin: Origin,
        setting: String,
        env: String,
        value: String,
        allowed: String,
    },
    #[error("{0}")]
    Together(String),
}

/// A value and its place, in the words of whoever gave it.
struct Given<'a> {
    origin: &'a Origin,
    setting: &'a str,
    env: &'a str,
    value: &'a str,
}

impl fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Given {
            setting,
            env,
            value,
            ..
        } = self;
        match self.origin {
            Origin::Default | Origin::Flag => write!(f, "--{setting} {value:?}"),
            Origin::Environment => write!(f, "{env}={value:?} (as --{setting})"),
            Origin::File { path, line } => write!(f, "{path}:{line}: {setting} = {value}"),
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
