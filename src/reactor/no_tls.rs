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

    pub(super) fn finish(&mut self, _: &mut TcpStream) -> io::Result<()> {
        match *self {}
    }

    pub(super) fn wants_flush(&self) -> bool {
        match *self {}
    }

    pub(super) fn flush(&mut self, _: &mut TcpStream) -> io::Result<()> {
        match *self {}
    }
}

/// Cannot be made.
#[derive(Clone, Debug)]
pub(super) enum Tls {}

impl Tls {
    pub(super) fn session(&self, _: bool) -> Option<Box<Session>> {
        match *self {}
    }
}
