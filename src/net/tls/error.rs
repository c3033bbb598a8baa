//! A certificate or key that cannot be used, whatever features are on.

use std::path::PathBuf;

use thiserror::Error;

/// A certificate or key that cannot be used.
#[derive(Debug, Error)]
#[error("{}: {reason}", path.display())]
#[non_exhaustive]
pub struct TlsError {
    /// The file.
    pub path: PathBuf,
    /// The fault, as the end of a sentence that begins with the path. In a build without TLS it names the feature.
    pub reason: String,
}
