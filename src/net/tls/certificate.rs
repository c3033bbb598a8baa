//! The server's certificate: read from PEM files, and read again while the server runs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::ring;
use rustls::{Error, ServerConfig};

use super::pem;
use super::session::Session;
use super::validity::Validity;
use crate::net::tls::TlsError;

/// Readers that may be stuck in files at once; with more, nothing is read again.
const READERS_MAX: usize = 4;

/// A certificate and its key, as connections use it from their beginning on.
///
/// Clones share it: [`reload`](Self::reload) on one of them is for all. Where the feature `tls` is off there is no code
/// for it, and [`from_pem_files`](Self::from_pem_files) says so.
#[derive(Clone)]
pub struct Tls {
    files: Arc<(PathBuf, PathBuf)>,
    current: Arc<RwLock<Current>>,
    /// Threads that read the files anew.
    readers: Arc<AtomicUsize>,
}

struct Current {
    config: Arc<ServerConfig>,
    validity: Option<Validity>,
}

impl Tls {
    /// Reads a certificate chain, the server's own certificate first, and its private key.
    ///
    /// Waits for as long as the files make it wait: a FIFO for whoever writes it.
    ///
    /// # Errors
    ///
    /// [`TlsError`] names the file.
    pub fn from_pem_files(
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        let files = (certificates.into(), key.into());
        let current = read(&files.0, &files.1)?;
        Ok(Self {
            files: Arc::new(files),
            current: Arc::new(RwLock::new(current)),
            readers: Arc::default(),
        })
    }

    /// Reads the files again, and waits as [`from_pem_files`](Self::from_pem_files) does. Connections that are
    /// open stay as they are.
    ///
    /// # Errors
    ///
    /// [`TlsError`] names the file; then the certificate from before stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.replace(read(&self.files.0, &self.files.1)?);
        Ok(())
    }

    /// The same in a thread of its own, which is given up after `limit`: what it reads later is not taken.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload), and when time is up, or four such threads are stuck already.
    pub fn reload_within(&self, limit: Duration) -> Result<(), TlsError> {
        let (files, readers) = (self.files.clone(), self.readers.clone());
        let failed = |reason: String| pem::fault(&self.files.0, reason);
        // Relaxed: a count that orders nothing.
        if readers.fetch_add(1, Ordering::Relaxed) >= READERS_MAX {
            readers.fetch_sub(1, Ordering::Relaxed);
            return Err(failed("is still being read since earlier".to_owned()));
        }
        // Room for one, so that the thread ends also where nobody waits for it any more.
        let (tell, told) = sync_channel(1);
        let counted = readers.clone();
        let thread = std::thread::Builder::new().name("certificate".into());
        let started = thread.spawn(move || {
            // Nobody takes it any more when time is up.
            let _ = tell.send(read(&files.0, &files.1));
            counted.fetch_sub(1, Ordering::Relaxed);
        });
        if let Err(error) = started {
            readers.fetch_sub(1, Ordering::Relaxed);
            return Err(failed(format!("cannot start a thread to read it: {error}")));
        }
        let read = told.recv_timeout(limit).map_err(|_| {
            let key = self.files.1.display();
            failed(format!(
                "could not be read, with {key}, within {} s",
                limit.as_secs_f64()
            ))
        })?;
        self.replace(read?);
        Ok(())
    }

    /// Returns the objection that clients will have to the certificate: it has expired, or does not hold yet.
    pub fn warning(&self) -> Option<String> {
        let fault = self.validity()?.fault(SystemTime::now())?;
        Some(format!(
            "{}: the certificate {fault}",
            self.files.0.display()
        ))
    }

    /// Seconds until the server's own certificate expires; negative: it has.
    pub fn seconds_left(&self) -> Option<i64> {
        Some(self.validity()?.left(SystemTime::now()))
    }

    fn validity(&self) -> Option<Validity> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.validity
    }

    fn replace(&self, read: Current) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, read);
        drop(current);
        // If nobody uses it any more, it goes here, outside the lock.
        drop(old);
    }

    /// A session for a new connection; before it come bytes in the clear if there is a `preface`.
    pub(in crate::net) fn session(&self, preface: bool) -> Option<Box<Session>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let config = current.config.clone();
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

fn read(certificates: &Path, key: &Path) -> Result<Current, TlsError> {
    let chain = pem::chain(certificates)?;
    let validity = chain.first().and_then(|own| Validity::read(own));
    let private = pem::key(key)?;
    let provider = ring::default_provider();
    if provider
        .key_provider
        .load_private_key(private.clone_key())
        .is_err()
    {
        return Err(pem::fault(key, pem::unsupported(&private)));
    }
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| pem::fault(certificates, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| match error {
            Error::InconsistentKeys(_) => {
                let certificate = certificates.display();
                pem::fault(
                    key,
                    format!("is not the key of the certificate in {certificate}"),
                )
            }
            error => pem::fault(certificates, error.to_string()),
        })?;
    // Nothing else is spoken: who insists on h2 fails in the handshake, by an alert that says so.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Current {
        config: Arc::new(config),
        validity,
    })
}
