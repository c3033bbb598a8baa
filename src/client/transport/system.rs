//! The system's sockets, clock and names, each wait for them ended by a stop.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use super::super::error::ConnectError;
use super::super::url::Url;
use super::network::{Network, Transport};
use super::stop::Stopper;
use crate::deadline;

/// Longest wait for one address to take the connection, and for its name to be found.
const CONNECT: Duration = Duration::from_secs(10);
/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 8;
/// The time between two looks, during a wait, whether it was stopped. A stop also shuts the socket down, which ends
/// the wait at once where the system has it so for one that is not connected yet.
const SLICE: Duration = Duration::from_millis(50);
/// The time between two tries of a Unix socket whose backlog is full: the system tells nobody when there is room.
const BACKLOG: Duration = Duration::from_millis(10);
/// Look-ups of names at a time, in this process: each has a thread, which nothing but the system ends.
const LOOKUPS_MAX: usize = 64;

static LOOKUPS: AtomicUsize = AtomicUsize::new(0);

/// The system as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::client) struct System;

impl Network for System {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn date(&self) -> SystemTime {
        SystemTime::now()
    }

    fn connect(&self, url: &Url, stopper: &Stopper) -> Result<Arc<dyn Transport>, ConnectError> {
        let failed = |source| ConnectError::Connect {
            authority: url.place(),
            source,
        };
        let mut failure = ConnectError::NoAddress {
            host: url.host.clone(),
        };
        // One after the other, in the system's order (RFC 6724); the last failure is the one told.
        for address in addresses(url, stopper)? {
            match connect(&address, stopper) {
                Ok(socket) => return Ok(socket),
                Err(source) => failure = failed(source),
            }
            if stopper.is_stopped() {
                break;
            }
        }
        Err(failure)
    }

    fn rest(&self, pause: Duration, stopper: &Stopper) {
        stopper.wait(pause);
    }
}

impl Transport for Socket {
    fn set_timeout(&self, wait: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(wait))?;
        self.set_write_timeout(Some(wait))
    }

    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut socket = self;
        Read::read(&mut socket, into)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut socket = self;
        Write::write(&mut socket, bytes)
    }

    fn shut_down(&self) {
        // One that is closed already needs no more.
        let _ = self.shutdown(Shutdown::Both);
    }

    fn is_quiet(&self) -> bool {
        // The socket has a timeout, which a look must not wait for.
        if self.set_nonblocking(true).is_err() {
            return false;
        }
        let peeked = self.peek(&mut [std::mem::MaybeUninit::uninit()]);
        let restored = self.set_nonblocking(false);
        let quiet = matches!(&peeked, Err(e) if e.kind() == ErrorKind::WouldBlock);
        quiet && restored.is_ok()
    }
}

/// Looks up the addresses of a server, in the order to try them.
fn addresses(url: &Url, stopper: &Stopper) -> Result<Vec<SockAddr>, ConnectError> {
    let lookup = |source| ConnectError::Lookup {
        host: url.host.clone(),
        source,
    };
    if let Some(path) = &url.socket {
        let address = SockAddr::unix(path).map_err(|source| ConnectError::Connect {
            authority: url.place(),
            source,
        })?;
        return Ok(vec![address]);
    }
    if let Ok(address) = url.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::from((address, url.port)).into()]);
    }
    let (host, port) = (url.host.clone(), url.port);
    let found = look_up(stopper, move || {
        let addresses = (host.as_str(), port).to_socket_addrs()?;
        Ok(addresses.take(ADDRESSES_MAX).collect())
    });
    let found: Vec<SocketAddr> = found.map_err(lookup)?;
    Ok(found.into_iter().map(SockAddr::from).collect())
}

/// Asks the system for the addresses of a name. That cannot be ended from outside, so a thread does it,
/// and is left alone with it when it takes too long or the client is stopped.
fn look_up<T: Send + 'static>(
    stopper: &Stopper,
    ask: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    // Relaxed: a count and nothing else.
    if LOOKUPS.fetch_add(1, Ordering::Relaxed) >= LOOKUPS_MAX {
        LOOKUPS.fetch_sub(1, Ordering::Relaxed);
        return Err(io::Error::other("too many look-ups are under way"));
    }
    // With room for the answer, so that the thread ends also where nobody takes it.
    let (sender, found) = sync_channel(1);
    let thread = std::thread::Builder::new().name("eventring-lookup".into());
    let spawned = thread.spawn(move || {
        let found = ask();
        // By the thread, not by who waits for it: a look-up that is given up still has one.
        LOOKUPS.fetch_sub(1, Ordering::Relaxed);
        // Who has given up does not want it any more.
        let _ = sender.send(found);
    });
    if let Err(error) = spawned {
        LOOKUPS.fetch_sub(1, Ordering::Relaxed);
        return Err(error);
    }
    // In slices: a stop has no way to wake a channel.
    let until = deadline::after(Instant::now(), CONNECT);
    while !stopper.is_stopped() && Instant::now() < until {
        match found.recv_timeout(SLICE) {
            Ok(found) => return found,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(ErrorKind::BrokenPipe.into()),
        }
    }
    Err(ErrorKind::TimedOut.into())
}

/// Connects to one address; whoever stops the client gets at the socket from the first moment on.
fn connect(address: &SockAddr, stopper: &Stopper) -> io::Result<Arc<Socket>> {
    let socket = Arc::new(Socket::new(address.domain(), Type::STREAM, None)?);
    // Only while it connects: a blocking connect would wait for minutes, and a stop could not end it everywhere.
    socket.set_nonblocking(true)?;
    // Before it connects, so that a stop finds a socket to shut down.
    stopper.watch(Some(socket.clone()));
    let until = deadline::after(Instant::now(), CONNECT);
    loop {
        match socket.connect(address) {
            Ok(()) => break,
            Err(error) if is_under_way(&error) => {
                wait_until_connected(&socket, until, stopper)?;
                break;
            }
            Err(error) if is_full_backlog(&error, address) && Instant::now() < until => {
                // Linux fails such a connect at once (EAGAIN, connect(2)), and no poll tells when there is room.
                stopper.wait(BACKLOG);
            }
            Err(error) => return Err(error),
        }
        if stopper.is_stopped() {
            return Err(ErrorKind::Interrupted.into());
        }
    }
    socket.set_nonblocking(false)?;
    if address.domain() != Domain::UNIX {
        // Requests are small and wait for their answers.
        socket.set_tcp_nodelay(true)?;
    }
    Ok(socket)
}

fn is_under_way(error: &io::Error) -> bool {
    // A connect that a signal interrupts goes on by itself: to call it again would fail.
    let under_way = [Errno::INPROGRESS, Errno::INTR];
    under_way
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn is_full_backlog(error: &io::Error, address: &SockAddr) -> bool {
    address.domain() == Domain::UNIX && error.kind() == ErrorKind::WouldBlock
}

fn wait_until_connected(socket: &Socket, until: Instant, stopper: &Stopper) -> io::Result<()> {
    loop {
        if stopper.is_stopped() {
            return Err(ErrorKind::Interrupted.into());
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        // The width of its fields differs from system to system.
        let wait = Timespec::try_from(left.min(SLICE)).map_err(io::Error::other)?;
        let mut watched = [PollFd::new(socket, PollFlags::OUT)];
        match poll(&mut watched, Some(&wait)) {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        return match socket.take_error()? {
            Some(error) => Err(error),
            // Fails for one that was shut down meanwhile.
            None => socket.peer_addr().map(drop),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, MutexGuard};

    /// The look-ups of this process are counted: one test at a time.
    static ALONE: Mutex<()> = Mutex::new(());

    fn alone() -> MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    /// Nothing ends a look-up of a name, so nobody waits for one.
    #[test]
    fn a_stop_ends_the_wait_for_a_look_up() {
        let _alone = alone();
        let (release, held) = sync_channel::<()>(0);
        let stopper = Stopper::default();
        let stopping = stopper.clone();
        let began = Instant::now();
        let looked_up = look_up(&stopper, move || {
            stopping.stop();
            // As long as the test.
            let _ = held.recv();
            Ok(())
        });
        assert!(looked_up.is_err());
        assert!(began.elapsed() < CONNECT / 2);
        drop(release);
    }

    #[test]
    fn look_ups_have_a_bound() {
        let _alone = alone();
        let stopper = Stopper::default();
        stopper.stop();
        let mut held = Vec::new();
        let full = loop {
            let (release, waits) = sync_channel::<()>(0);
            held.push(release);
            let looked_up = look_up(&stopper, move || {
                let _ = waits.recv();
                Ok(())
            });
            match looked_up {
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                other => break other,
            }
            assert!(held.len() <= LOOKUPS_MAX);
        };
        assert!(full.is_err_and(|error| error.to_string().contains("too many")));
        drop(held);
        let until = Instant::now() + 2 * CONNECT;
        while LOOKUPS.load(Ordering::Relaxed) > 0 {
            assert!(Instant::now() < until);
            std::thread::yield_now();
        }
    }
}
