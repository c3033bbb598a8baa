//! The seam between a connection and its socket: bytes accepted are not yet bytes on the wire.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::limits::Limits;

/// What carries a connection's bytes. TLS and Unix sockets join here.
pub(super) enum Transport {
    Tcp(TcpStream),
}

impl Transport {
    /// Sets up an accepted socket: no Nagle, few unsent bytes in the kernel, dead peers noticed.
    pub(super) fn accepted(stream: TcpStream, limits: &Limits) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        #[cfg(target_os = "linux")]
        {
            socket.set_tcp_notsent_lowat(limits.notsent_lowat)?;
            socket.set_tcp_user_timeout(Some(limits.write_timeout))?;
        }
        if let Some(bytes) = limits.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        Ok(Self::Tcp(stream))
    }

    /// Registers once, for both directions; edges are all the reactor needs.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => {
                stream.register(registry, token, Interest::READABLE | Interest::WRITABLE)
            }
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
        }
    }

    /// Whether bytes that were accepted still wait here for the socket. Never with plain TCP.
    pub(super) fn wants_flush(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
        }
    }

    /// Sends FIN after all that was accepted.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}
