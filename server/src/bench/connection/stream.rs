//! A socket of the bench, of TCP or of Unix, and where it goes.

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Longest that a connection may take that is waited for.
const CONNECT: Duration = Duration::from_secs(10);

/// The address of a server.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A socket that does not block.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Begins to connect; `receive` is the size of the receive buffer if it is not the system's.
    pub(crate) fn connect(address: &Address, receive: Option<usize>) -> io::Result<Stream> {
        match (address, receive) {
            (Address::Tcp(address), None) => TcpStream::connect(*address).map(Stream::Tcp),
            (Address::Tcp(address), Some(bytes)) => connect_small(*address, bytes).map(Stream::Tcp),
            // What is in flight there is in the sender's buffer.
            (Address::Unix(path), _) => UnixStream::connect(path).map(Stream::Unix),
        }
    }

    /// Connects and waits for it.
    pub(crate) fn connected(address: &Address) -> io::Result<Stream> {
        let Address::Tcp(address) = address else {
            // Over a Unix socket a connect is done at once, or fails at once.
            return Stream::connect(address, None);
        };
        let stream = std::net::TcpStream::connect_timeout(address, CONNECT)?;
        stream.set_nonblocking(true)?;
        let stream = Stream::Tcp(TcpStream::from_std(stream));
        stream.set_up();
        Ok(stream)
    }

    /// Returns whether the connection is there; the error is why it does not come about.
    pub(crate) fn is_connected(&self) -> io::Result<bool> {
        // Writable alone is no proof: a refused connection is that, too.
        let (error, peer) = match self {
            Stream::Tcp(stream) => (stream.take_error()?, stream.peer_addr().map(drop)),
            Stream::Unix(stream) => (stream.take_error()?, stream.peer_addr().map(drop)),
        };
        match (error, peer) {
            (Some(error), _) => Err(error),
            // Still under way: the poller names the socket again when it is decided.
            (None, Err(error)) if error.kind() == ErrorKind::NotConnected => Ok(false),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Ok(true),
        }
    }

    /// Has requests leave as they are written.
    pub(crate) fn set_up(&self) {
        if let Stream::Tcp(stream) = self {
            // Without it they leave later, that is all.
            let _ = stream.set_nodelay(true);
        }
    }

    /// Has the end of it be a reset, where there is such a thing.
    pub(crate) fn end_with_reset(&self) {
        if let Stream::Tcp(stream) = self {
            // With a linger of zero, close(2) sends a reset and drops what is unsent.
            let _ = sockopt::set_socket_linger(stream, Some(Duration::ZERO));
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(into),
            Stream::Unix(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for Stream {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.source().register(registry, token, interest)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.source().reregister(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.source().deregister(registry)
    }
}

/// Connects with a small receive buffer. It must be small from the start: the kernel drops what comes
/// in a window that it has offered before, and the other end takes seconds to send it again.
fn connect_small(address: SocketAddr, bytes: usize) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
    match net::connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(TcpStream::from_std(socket.into())),
        Err(error) => Err(error.into()),
    }
}
