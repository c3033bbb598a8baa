//! The paths that endpoints may have, and the errors of making and removing one.

use thiserror::Error;

use crate::gateway::http::router::Router;
use crate::hub::TransactError;

/// Longest path of an endpoint, bytes.
const PATH_BYTES: usize = 256;

/// Why an endpoint could not be made, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The path is none.
    #[error("path {path:?} {reason}")]
    Path {
        /// The path as it came.
        path: String,
        /// The reason.
        reason: &'static str,
    },
    /// There is an endpoint of that path.
    #[error("there is an endpoint {path:?} already")]
    Exists {
        /// The path.
        path: String,
    },
    /// There is no endpoint of that path.
    #[error("there is no endpoint {path:?}")]
    Unknown {
        /// The path.
        path: String,
    },
    /// An option is out of its range.
    #[error("{field} {reason}")]
    Option {
        /// The option.
        field: &'static str,
        /// Its range.
        reason: &'static str,
    },
    /// An option asks for what this build is without.
    #[error("{field} needs the feature `{feature}`, which this build is without")]
    Feature {
        /// The option.
        field: &'static str,
        /// The feature of the crate.
        feature: &'static str,
    },
    /// The filters of all endpoints and connections that were made are as long as they may be together.
    #[error(
        "the filters of all endpoints and connections take {limit} bytes already, which is the limit"
    )]
    TooLong {
        /// The limit, bytes.
        limit: usize,
    },
    /// The hub's journal could not keep it. What was to be made is not there; what was to go is gone, and comes back
    /// when the server starts again.
    #[error("it cannot be kept: {0}")]
    NotKept(TransactError),
    /// There are as many as there may be.
    #[error("there are {limit} already, which is the limit")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

impl EndpointError {
    /// The field of a request that is to blame.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Option { field, .. } | Self::Feature { field, .. } => field,
            Self::TooLong { .. } => "filter",
            _ => "path",
        }
    }
}

/// Says why a path is not one for an endpoint.
pub(in crate::gateway) fn check_path(path: &str) -> Result<(), EndpointError> {
    let reason = match form_fault(path) {
        Some(reason) => reason,
        None if Router::get().is_reserved(path) => "is one of the server's own",
        None => return Ok(()),
    };
    let path = shown(path);
    Err(EndpointError::Path { path, reason })
}

/// As much of a path as errors show.
pub(in crate::gateway) fn shown(path: &str) -> String {
    path.chars().take(PATH_BYTES).collect()
}

/// Says why a text is no path for a route; `None`: it is one.
pub(in crate::gateway) fn form_fault(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("does not begin with /");
    }
    if path.len() > PATH_BYTES {
        return Some("is longer than 256 bytes");
    }
    if path.bytes().any(|b| matches!(b, b'?' | b'#')) {
        return Some("holds a query or a fragment");
    }
    // RFC 3986, 3.3: what a segment holds without being encoded.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&b);
    if !path.bytes().all(plain) {
        return Some("holds characters that a path cannot have unencoded");
    }
    if path.contains("//") || path.split('/').any(|part| matches!(part, "." | "..")) {
        return Some("holds empty segments or dots");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_are_none_are_refused() {
        for (path, why) in [
            ("orders", "does not begin with /"),
            ("/a?b", "query"),
            ("/a#b", "query"),
            ("/a b", "unencoded"),
            ("/a\u{7f}", "unencoded"),
            ("/a\nb", "unencoded"),
            ("/ü", "unencoded"),
            ("/a%20b", "unencoded"),
            ("/a//b", "empty"),
            ("/a/../b", "dots"),
            ("/", "own"),
            ("/api/v1/events/stream", "own"),
            ("/metrics", "own"),
        ] {
            let error = check_path(path).unwrap_err().to_string();
            assert!(error.contains(why), "{path:?}: {error}");
        }
        assert!(check_path(&format!("/{}", "a".repeat(PATH_BYTES))).is_err());
        assert_eq!(check_path("/live/orders-1.0"), Ok(()));
    }
}
