//! What stands for TLS where the feature is off: a session that there is never.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use mio::net::TcpStream;

use crate::net::tls::TlsError;

/// The reason why a certificate cannot be used, as the end of a sentence.
const OFF: &str = "is for TLS, and this build is without the feature `tls`";

pub(in crate::net) enum Session {}

impl Session {
    pub(in crate::net) fn end_preface(&mut self, _: &[u8]) {
        match *self {}
    }

    pub(in crate::net) fn read(&mut self, _: &mut TcpStream, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(in crate::net) fn write(&mut self, _: &mut TcpStream, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(in crate::net) fn finish(&mut self, _: &mut TcpStream) -> io::Result<bool> {
        match *self {}
    }

    pub(in crate::net) fn announce_end(&mut self, _: &mut TcpStream) {
        match *self {}
    }

    pub(in crate::net) fn is_plain(&self) -> bool {
        match *self {}
    }

    pub(in crate::net) fn wants_flush(&self) -> bool {
        match *self {}
    }

    pub(in crate::net) fn flush(&mut self, _: &mut TcpStream) -> io::Result<()> {
        match *self {}
    }
}

/// A certificate and its key, as connections use it from their beginning on.
///
/// There is none here, since the feature `tls` is off: [`from_pem_files`](Self::from_pem_files) says so.
#[derive(Clone, Debug)]
pub struct Tls(Never);

/// A value that there is never.
#[derive(Clone, Debug)]
enum Never {}

impl Tls {
    /// Refuses the files, since there is no code for them in this build.
    ///
    /// # Errors
    ///
    /// [`TlsError`] names the certificate's file and the feature.
    pub fn from_pem_files(
        certificates: impl Into<PathBuf>,
        _key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        Err(TlsError {
            path: certificates.into(),
            reason: OFF.to_owned(),
        })
    }

    /// Reads the files again.
    ///
    /// # Errors
    ///
    /// None: there is no certificate.
    pub fn reload(&self) -> Result<(), TlsError> {
        match self.0 {}
    }

    /// The same within a time.
    ///
    /// # Errors
    ///
    /// None: there is no certificate.
    pub fn reload_within(&self, _limit: Duration) -> Result<(), TlsError> {
        match self.0 {}
    }

    /// Returns the objection that clients will have to the certificate.
    pub fn warning(&self) -> Option<String> {
        match self.0 {}
    }

    /// Seconds until it expires.
    pub fn seconds_left(&self) -> Option<i64> {
        match self.0 {}
    }

    pub(in crate::net) fn session(&self, _: bool) -> Option<Box<Session>> {
        match self.0 {}
    }
}
