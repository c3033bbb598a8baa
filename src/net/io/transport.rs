//! The seam between a connection and its socket: bytes accepted are not yet bytes on the wire.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};

use crate::net::limits::Limits;
use crate::net::tls::Session;

/// The TLS of a connection that has it.
pub(in crate::net) type Secured = Option<Box<Session>>;

/// Silence after which the kernel asks whether a peer is still there. One that takes heartbeats is never asked.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
/// Time to answer, and until it is asked again. With the write timeout of 30 s, one question that is not
/// answered is enough: a peer that is gone is noticed 40 s after the last byte that came from it.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Questions, where the write timeout does not bound them (it does on Linux).
#[cfg(not(target_os = "linux"))]
const KEEPALIVE_PROBES: u32 = 3;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// The longest time that Linux takes for a peer's silence: a signed number of milliseconds.
#[cfg(target_os = "linux")]
const USER_TIMEOUT_MAX: Duration = Duration::from_millis(i32::MAX as u64);

/// The socket that carries a connection's bytes.
pub(in crate::net) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Transport {
    /// Sets up an accepted socket, where it has not inherited all from its listener: see [`set_up`].
    pub(in crate::net) fn set_up(&self, limits: &Limits) -> io::Result<()> {
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
    pub(in crate::net) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.register(registry, token, BOTH),
            Self::Unix(stream) => stream.register(registry, token, BOTH),
        }
    }

    pub(in crate::net) fn read(
        &mut self,
        session: &mut Secured,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        match (self, session) {
            (Self::Tcp(stream), Some(session)) => session.read(stream, buffer),
            (Self::Tcp(stream), None) => stream.read(buffer),
            (Self::Unix(stream), _) => stream.read(buffer),
        }
    }

    pub(in crate::net) fn write(
        &mut self,
        session: &mut Secured,
        bytes: &[u8],
    ) -> io::Result<usize> {
        match (self, session) {
            (Self::Tcp(stream), Some(session)) => session.write(stream, bytes),
            (Self::Tcp(stream), None) => stream.write(bytes),
            (Self::Unix(stream), _) => stream.write(bytes),
        }
    }

    /// Sends what was accepted and waits for the socket; `false`: some of it still does.
    pub(in crate::net) fn flush(&mut self, session: &mut Secured) -> io::Result<bool> {
        match (self, session) {
            (Self::Tcp(stream), Some(session)) => {
                session.flush(stream)?;
                Ok(!session.wants_flush())
            }
            _ => Ok(true),
        }
    }

    /// Sends FIN after all that was accepted; `false`: some of that waits for the socket first.
    pub(in crate::net) fn finish(&mut self, session: &mut Secured) -> io::Result<bool> {
        match (self, session) {
            (Self::Tcp(stream), Some(session)) => return session.finish(stream),
            (Self::Tcp(stream), None) => stream.shutdown(Shutdown::Write)?,
            (Self::Unix(stream), _) => stream.shutdown(Shutdown::Write)?,
        }
        Ok(true)
    }

    /// Says at once that no more comes, where that needs more than closing the socket and as far as it
    /// takes that.
    pub(in crate::net) fn announce_end(&mut self, session: &mut Secured) {
        if let (Self::Tcp(stream), Some(session)) = (self, session) {
            session.announce_end(stream);
        }
    }
}

/// Sets up a socket of TCP: no Nagle, few unsent bytes in the kernel, dead peers noticed, also where nothing
/// is sent to them. On Linux what a listener accepts inherits all of it, which saves six calls a connection.
pub(in crate::net) fn set_up(socket: SockRef<'_>, limits: &Limits) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_INTERVAL);
    #[cfg(not(target_os = "linux"))]
    let keepalive = keepalive.with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
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

/// Returns whether bytes that were accepted wait for the socket: never without TLS.
pub(in crate::net) fn wants_flush(session: &Secured) -> bool {
    session
        .as_ref()
        .is_some_and(|session| session.wants_flush())
}
