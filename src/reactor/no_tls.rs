//! What stands for TLS where the feature is off: a session that there is never.

use std::io;

use mio::net::TcpStream;

pub(super) enum Session {}

impl Session {
    pub(super) fn end_preface(&mut self, _: &[u8]) {
        match *self {}
    }

    pub(super) fn read(&mut self, _: &mut TcpStream, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(super) fn write(&mut self, _: &mut TcpStream, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(super) fn finish(&mut self, _: &mut TcpStream) -> io::Result<bool> {
        match *self {}
    }

    pub(super) fn announce_end(&mut self, _: &mut TcpStream) {
        match *self {}
    }

    pub(super) fn is_plain(&self) -> bool {
        match *self {}
    }

    pub(super) fn wants_flush(&self) -> bool {
        match *self {}
    }

    pub(super) fn flush(&mut self, _: &mut TcpStream) -> io::Result<()> {
        match *self {}
    }
}

/// Stands for a certificate where the feature `tls` is off, and cannot be made.
///
/// With the feature it is read by `Tls::from_pem_files`.
#[derive(Clone, Debug)]
pub enum Tls {}

impl Tls {
    /// Returns the objection that clients will have to the certificate.
    pub fn warning(&self) -> Option<String> {
        match *self {}
    }

    /// Seconds until it expires.
    pub fn seconds_left(&self) -> Option<i64> {
        match *self {}
    }

    pub(super) fn session(&self, _: bool) -> Option<Box<Session>> {
        match *self {}
    }
}
