//! Listening sockets: bound with a typed error, accepted a bounded number at a time.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use thiserror::Error;

use crate::net::io::transport::{Transport, set_up};
use crate::net::limits::Limits;
use crate::net::listen::addresses::Addresses;
use crate::net::listen::unix::{self, SocketFile, UnixAddress};

/// Connections that may wait in the kernel for us.
pub(in crate::net) const BACKLOG: i32 = 4096;
/// Connections accepted at most before others have their turn.
const ACCEPTS: usize = 64;

/// An address could not be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
#[non_exhaustive]
pub struct BindError {
    /// The address as it was asked for; `unix:` and the path of a Unix socket.
    pub address: String,
    /// The error of the system.
    pub source: io::Error,
}

#[derive(Default)]
pub(in crate::net) struct Listeners {
    sockets: Vec<Listener>,
    /// Sockets that may have more to accept.
    unaccepted: Vec<usize>,
    addresses: Vec<SocketAddr>,
    unix_addresses: Vec<UnixAddress>,
    /// Kept free so that a full descriptor table can still turn a connection away.
    reserve: Option<std::fs::File>,
}

enum Listener {
    Tcp(TcpListener),
    /// With the file that goes when we stop listening.
    Unix(
        UnixListener,
        #[expect(dead_code, reason = "held for its drop")] SocketFile,
    ),
}

impl Listener {
    fn accept(&self) -> io::Result<(Transport, SocketAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, mut peer) = listener.accept()?;
                // One that came over IPv4 to `[::]` is known by its own address.
                peer.set_ip(peer.ip().to_canonical());
                Ok((Transport::Tcp(stream), peer))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept()?;
                Ok((Transport::Unix(stream), UNIX_PEER))
            }
        }
    }
}

/// The stand-in for the address of a peer on a Unix socket, which has none.
pub(in crate::net) const UNIX_PEER: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));

/// The result of one accept.
pub(in crate::net) enum Accepted {
    Connection(Transport, SocketAddr),
    /// The process has no descriptor left: the connection was closed at once.
    TurnedAway,
}

impl Listeners {
    /// Binds all addresses or none.
    pub(in crate::net) fn bind(addresses: &Addresses, limits: &Limits) -> Result<Self, BindError> {
        let mut sockets = Vec::new();
        let mut bound = Vec::new();
        for address in &addresses.tcp {
            let fail = |source| BindError {
                address: address.to_string(),
                source,
            };
            // Both families there would make the same port of IPv4 busy.
            let apart = |other: &SocketAddr| other.is_ipv4() && other.port() == address.port();
            let only_v6 = addresses.only_v6 || addresses.tcp.iter().any(apart);
            let socket = listen(*address, only_v6, limits).map_err(fail)?;
            bound.push(socket.local_addr().map_err(fail)?);
            sockets.push(Listener::Tcp(socket));
        }
        for address in &addresses.unix {
            let (socket, file) = unix::listen(address).map_err(|source| BindError {
                address: format!("unix:{}", address.path.display()),
                source,
            })?;
            sockets.push(Listener::Unix(socket, file));
        }
        let reserve = std::fs::File::open("/dev/null").ok();
        Ok(Self {
            sockets,
            unaccepted: Vec::new(),
            addresses: bound,
            unix_addresses: addresses.unix.clone(),
            reserve,
        })
    }

    pub(in crate::net) fn unix_addresses(&self) -> &[UnixAddress] {
        &self.unix_addresses
    }

    pub(in crate::net) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Registers listener `n` under `token(n)`.
    pub(in crate::net) fn register(&mut self, registry: &Registry, first: usize) -> io::Result<()> {
        for (n, socket) in self.sockets.iter_mut().enumerate() {
            let token = Token(first + n);
            match socket {
                Listener::Tcp(socket) => registry.register(socket, token, Interest::READABLE)?,
                Listener::Unix(socket, _) => {
                    registry.register(socket, token, Interest::READABLE)?
                }
            }
        }
        Ok(())
    }

    /// Notes that listener `n` has connections waiting.
    pub(in crate::net) fn is_ready(&mut self, n: usize) {
        if n < self.sockets.len() && !self.unaccepted.contains(&n) {
            self.unaccepted.push(n);
        }
    }

    /// Returns whether connections may be waiting.
    pub(in crate::net) fn has_waiting(&self) -> bool {
        !self.unaccepted.is_empty()
    }

    /// Accepts what waits, a bounded number of connections.
    pub(in crate::net) fn accept(&mut self, mut take: impl FnMut(Accepted)) {
        let Some(n) = self.unaccepted.first().copied() else {
            return;
        };
        for _ in 0..ACCEPTS {
            match self.sockets[n].accept() {
                Ok((transport, peer)) => take(Accepted::Connection(transport, peer)),
                // That one is gone, those behind it are not.
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) if is_out_of_descriptors(&error) && self.turn_away(n) => {
                    take(Accepted::TurnedAway);
                }
                Err(_) => {
                    // It is empty, as a rule: the edge of the next connection brings it back.
                    self.unaccepted.remove(0);
                    return;
                }
            }
        }
        // It may have more, for which no edge comes, and the others are first now.
        self.unaccepted.rotate_left(1);
    }

    /// Takes one waiting connection with the reserved descriptor and drops it.
    fn turn_away(&mut self, n: usize) -> bool {
        // Frees a descriptor for the accept. A connection that stays in the backlog has had its edge, and would
        // wait until another one comes.
        self.reserve = None;
        let turned = self.sockets[n].accept().is_ok();
        self.reserve = std::fs::File::open("/dev/null").ok();
        turned && self.reserve.is_some()
    }

    /// Stops listening.
    pub(in crate::net) fn close(&mut self) {
        self.sockets.clear();
        self.unaccepted.clear();
    }
}

/// Listens at `address`; `only_v6`: `[::]` is not for IPv4, too.
fn listen(address: SocketAddr, only_v6: bool, limits: &Limits) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    // A restart must not wait for old connections; a port that somebody listens on stays an error.
    socket.set_reuse_address(true)?;
    set_up(SockRef::from(&socket), limits)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into()))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    code == Some(Errno::MFILE.raw_os_error()) || code == Some(Errno::NFILE.raw_os_error())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_accepted_is_set_up_as_its_listener() {
        let limits = Limits {
            notsent_lowat: 5000,
            write_timeout: Duration::from_secs(7),
            send_buffer: Some(40_000),
            ..Limits::default()
        };
        let listener = listen(([127, 0, 0, 1], 0).into(), false, &limits).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        };
        let socket = SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), 5000);
        // A silent peer that is sent nothing is asked whether it is there.
        assert!(socket.keepalive().unwrap());
        let (after, again) = (
            socket.tcp_keepalive_time().unwrap(),
            socket.tcp_keepalive_interval().unwrap(),
        );
        assert_eq!((after.as_secs(), again.as_secs()), (30, 10));
        let timeout = socket.tcp_user_timeout().unwrap();
        assert_eq!(timeout, Some(limits.write_timeout));
        // The kernel doubles what is asked for.
        assert_eq!(socket.send_buffer_size().unwrap(), 80_000);
    }
}
