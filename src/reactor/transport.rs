//! The seam between a connection and its socket: bytes accepted are not yet bytes on the wire.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::limits::Limits;
use super::tls::Session;

/// The TLS of a connection that has it.
pub(super) type Secured = Option<Box<Session>>;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// The longest time that Linux takes for a peer's silence: a signed number of milliseconds.
#[cfg(target_os = "linux")]
const USER_TIMEOUT_MAX: std::time::Duration = std::time::Duration::from_millis(i32::MAX as u64);

/// What carries a connection's bytes.
pub(super) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Transport {
    /// Sets up an accepted socket, where it has not inherited all from its listener: see [`set_up`].
    pub(super) fn set_up(&self, limits: &Limits) -> io::Result<()> {
        match self {
            Self::Tcp(_) if cfg!(target_os = "linux") => Ok(()),
            Self::Tcp(stream) => set_up(SockRef::from(stream), limits),
            // It has no such bounds; its send buffer is small, and its peer is on this machine.
            Self::Unix(stream) => match limits.send_buffer {
                Some(bytes) => SockRef::from(stream).set_send_buffer_size(bytes),
                None => Ok(()),
            },
        }
    }

    /// Registers once, for both directions; edges are all the reactor needs.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.register(registry, token, BOTH),
            Self::Unix(stream) => stream.register(registry, token, BOTH),
        }
    }

    pub(super) fn read(&mut self, session: &mut Secured, buffer: &mut [u8]) -> io::Result<usize> {
        match (self, session) {
            (Self::Tcp(stream), Some(session)) => session.read(stream, buffer),
            (Self::Tcp(stream), None) => stream.read(buffer),
            (Self::Unix(stream), _) => stream.read(buffer),
        }
    }

    pub(super) fn write(&mut self, session: &mut Secured, bytes: &[u8]) -> io::Result<usize> {
        match (self, session) {
            (Self::Tcp(stream), Some(session)) => session.write(stream, bytes),
            (Self::Tcp(stream), None) => stream.write(bytes),
            (Self::Unix(stream), _) => stream.write(bytes),
        }
    }

    /// Sends what was accepted and waits for the socket; `false`: some of it still does.
    pub(super) fn flush(&mut self, session: &mut Secured) -> io::Result<bool> {
        match (self, session) {
            (Self::Tcp(stream), Some(session)) => {
                session.flush(stream)?;
                Ok(!session.wants_flush())
            }
            _ => Ok(true),
        }
    }

    /// Sends FIN after all that was accepted.
    pub(super) fn finish(&mut self, session: &mut Secured) -> io::Result<()> {
        match (self, session) {
            (Self::Tcp(stream), Some(session)) => session.finish(stream),
            (Self::Tcp(stream), None) => stream.shutdown(Shutdown::Write),
            (Self::Unix(stream), _) => stream.shutdown(Shutdown::Write),
        }
    }
}

/// Sets up a socket of TCP: no Nagle, few unsent bytes in the kernel, dead peers noticed. On Linux what a
/// listener accepts inherits all of it, which saves three calls a connection.
pub(super) fn set_up(socket: SockRef<'_>, limits: &Limits) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_notsent_lowat(limits.notsent_lowat)?;
        socket.set_tcp_user_timeout(Some(limits.write_timeout.min(USER_TIMEOUT_MAX)))?;
    }
    match limits.send_buffer {
        Some(bytes) => socket.set_send_buffer_size(bytes),
        None => Ok(()),
    }
}

/// Whether bytes that were accepted wait for the socket: never without TLS.
pub(super) fn wants_flush(session: &Secured) -> bool {
    session
        .as_ref()
        .is_some_and(|session| session.wants_flush())
}
