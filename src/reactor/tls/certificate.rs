//! The server's certificate: read from PEM files, and read again while the server runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use super::session::Session;

/// A certificate and its key, as connections use it from their beginning on.
///
/// Clones share it: [`reload`](Self::reload) on one of them is for all.
#[derive(Clone)]
pub struct Tls {
    files: Arc<(PathBuf, PathBuf)>,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

/// A certificate or key that cannot be used.
#[derive(Debug, Error)]
#[error("{}: {reason}", path.display())]
pub struct TlsError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl Tls {
    /// Reads a certificate chain, the server's own certificate first, and its private key.
    ///
    /// # Errors
    ///
    /// [`TlsError`] names the file.
    pub fn from_pem_files(
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        let files = (certificates.into(), key.into());
        let config = read(&files.0, &files.1)?;
        Ok(Self {
            files: Arc::new(files),
            current: Arc::new(RwLock::new(config)),
        })
    }

    /// Reads the files again. Connections that are open stay as they are.
    ///
    /// # Errors
    ///
    /// [`TlsError`] names the file; then the certificate from before stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = read(&self.files.0, &self.files.1)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, config);
        drop(current);
        // If nobody uses it any more, it goes here, outside the lock.
        drop(old);
        Ok(())
    }

    /// A session for a new connection; before it come bytes in the clear if there is a `preface`.
    pub(in crate::reactor) fn session(&self, preface: bool) -> Option<Box<Session>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let config = current.clone();
        drop(current);
        Session::new(config, preface).ok().map(Box::new)
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

fn read(certificates: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let fault = |path: &Path, reason: String| TlsError {
        path: path.to_owned(),
        reason,
    };
    let chain = CertificateDer::pem_file_iter(certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| fault(certificates, error.to_string()))?;
    if chain.is_empty() {
        return Err(fault(certificates, "holds no certificate".to_owned()));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| fault(key, error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(certificates, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| fault(key, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
