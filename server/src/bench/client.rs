//! One subscriber: connects, asks, reads, and after a cut comes back with what it had last.

use super::ledger::{Ledger, Seen};
use super::marker::Run;
use super::tally::Tally;
use super::target::Target;
use eventring::wire::http::{Limits, ResponseDecoder, Step};
use eventring::wire::sse::{Decoder, Event};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// Receive buffer of a client that does not read, so that it is felt by the server soon.
const SLOW_BUFFER: usize = 16 << 10;
/// Longest text of a refusal that is shown.
const SHOWN: usize = 300;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not connected; another attempt is planned.
    Away,
    Connecting,
    /// Asked, no answer yet.
    Asked,
    Open,
}

/// What became of a client after its socket was looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// The stream is open.
    Opened,
    /// The connection is gone, for this reason.
    Lost(String),
}

/// What a client needs of everybody else.
pub(super) struct Shared<'a> {
    pub(super) target: &'a Target,
    pub(super) run: Run,
    pub(super) tally: &'a mut Tally,
    pub(super) buffer: &'a mut [u8],
}

/// One of the clients.
#[derive(Debug)]
pub(super) struct Client {
    stream: Option<TcpStream>,
    pub(super) phase: Phase,
    http: ResponseDecoder,
    /// Bytes of the answer's framing that were not complete.
    left: Vec<u8>,
    sse: Decoder,
    pub(super) ledger: Ledger,
    /// Reads nothing for now.
    pub(super) stalled: bool,
    /// Since when it has listened, in nanoseconds of the run: what was due before came from history.
    listening: u64,
}

impl Client {
    pub(super) fn new(stalled: bool) -> Client {
        Client {
            stream: None,
            phase: Phase::Away,
            http: decoder(),
            left: Vec::new(),
            sse: Decoder::default(),
            ledger: Ledger::default(),
            stalled,
            listening: 0,
        }
    }

    /// Begins to connect.
    pub(super) fn connect(
        &mut self,
        target: &Target,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        let mut stream = match self.stalled {
            true => connect_small(target.address)?,
            false => TcpStream::connect(target.address)?,
        };
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.stream = Some(stream);
        self.phase = Phase::Connecting;
        self.http = decoder();
        self.left.clear();
        self.sse.reconnect();
        Ok(())
    }

    /// True when a cut would be followed by a resume.
    pub(super) fn can_resume(&self) -> bool {
        self.phase == Phase::Open && !self.sse.last_event_id().is_empty()
    }

    /// Cuts the connection: with a reset, or with an orderly end.
    pub(super) fn cut(&mut self, reset: bool) {
        if let (Some(stream), true) = (&self.stream, reset) {
            let _ = sockopt::set_socket_linger(stream, Some(Duration::ZERO));
        }
        self.leave();
    }

    /// Looks at the socket after the poller has named it, or after a stall.
    pub(super) fn ready(&mut self, shared: &mut Shared<'_>, now: &dyn Fn() -> u64) -> Change {
        let change = match self.phase {
            Phase::Away => Ok(Change::None),
            Phase::Connecting => match self.ask(shared.target) {
                // An answer may be there already, and the poller names a socket only once for it.
                Ok(_) if self.phase == Phase::Asked => self.read(shared, now),
                other => other,
            },
            Phase::Asked => self.read(shared, now),
            Phase::Open if self.stalled => Ok(Change::None),
            Phase::Open => self.read(shared, now),
        };
        let change = change.unwrap_or_else(|error| Change::Lost(error.to_string()));
        if matches!(change, Change::Lost(_)) {
            self.leave();
        }
        change
    }

    fn leave(&mut self) {
        self.stream = None;
        self.phase = Phase::Away;
    }

    fn ask(&mut self, target: &Target) -> io::Result<Change> {
        let Some(stream) = &mut self.stream else {
            return Ok(Change::None);
        };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(Change::None),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let _ = stream.set_nodelay(true);
        let request = target.subscribe(self.sse.last_event_id());
        // A new socket takes a few hundred bytes; one that does not is broken.
        if stream.write(request.as_bytes())? < request.len() {
            return Err(ErrorKind::WriteZero.into());
        }
        self.phase = Phase::Asked;
        Ok(Change::None)
    }

    /// Reads what is there.
    fn read(&mut self, shared: &mut Shared<'_>, now: &dyn Fn() -> u64) -> io::Result<Change> {
        let mut opened = false;
        loop {
            let Some(stream) = &mut self.stream else {
                return Ok(Change::None);
            };
            let read = match stream.read(shared.buffer) {
                Ok(0) => return Ok(Change::Lost("the server closed the stream".into())),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            shared.tally.bytes += read as u64;
            let now = now();
            let before = self.phase;
            if let Some(refusal) = self.take(shared, read, now)? {
                return Ok(Change::Lost(refusal));
            }
            opened |= before != self.phase;
            // A stalled client reads its answer's head and no more; a short read has emptied the socket.
            if self.stalled && self.phase == Phase::Open || read < shared.buffer.len() {
                break;
            }
        }
        Ok(if opened { Change::Opened } else { Change::None })
    }

    /// Takes `read` bytes of the buffer; answers with the server's refusal if that is what came.
    fn take(
        &mut self,
        shared: &mut Shared<'_>,
        read: usize,
        now: u64,
    ) -> io::Result<Option<String>> {
        let Shared {
            run, tally, buffer, ..
        } = shared;
        let left = std::mem::take(&mut self.left);
        let joined;
        let mut input: &[u8] = if left.is_empty() {
            &buffer[..read]
        } else {
            joined = [&left, &buffer[..read]].concat();
            &joined
        };
        loop {
            let (used, step) = self.http.decode(input).map_err(io::Error::other)?;
            match step {
                Step::Head(head) => {
                    let stream = head
                        .header("content-type")
                        .is_some_and(|kind| kind.starts_with(b"text/event-stream"));
                    if head.status() != 200 || !stream {
                        return Ok(Some(refusal(head.status(), &input[used..])));
                    }
                    self.phase = Phase::Open;
                    self.listening = now;
                }
                Step::Body(bytes) => {
                    let (ledger, listening, stalled) =
                        (&mut self.ledger, self.listening, self.stalled);
                    let each = |event: Event<'_>| match run.read(event.data) {
                        Some(mark) => {
                            let seen = ledger.see(mark.sequence);
                            count(tally, seen, stalled);
                            if seen != Seen::Twice && mark.due >= listening && !stalled {
                                tally
                                    .latency
                                    .saturating_record(now.saturating_sub(mark.due));
                            }
                        }
                        None => notice(event, ledger, tally),
                    };
                    self.sse.push(bytes, each).map_err(io::Error::other)?;
                }
                Step::End => return Ok(Some("the server ended the stream".into())),
                _ => {
                    self.left.extend_from_slice(&input[used..]);
                    return Ok(None);
                }
            }
            input = &input[used..];
        }
    }

    /// Reads from now on; what has piled up was due before.
    pub(super) fn wake(&mut self, now: u64) {
        self.stalled = false;
        self.listening = now;
    }
}

/// Connects with a small receive buffer. It must be small from the start: the kernel drops what comes
/// in a window that it has offered before, and the other end takes seconds to send it again.
fn connect_small(address: SocketAddr) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_recv_buffer_size(&socket, SLOW_BUFFER)?;
    match net::connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(TcpStream::from_std(socket.into())),
        Err(error) => Err(error.into()),
    }
}

fn decoder() -> ResponseDecoder {
    // A stream has no end to bound.
    ResponseDecoder::new(Limits {
        body_bytes: u64::MAX,
        ..Limits::default()
    })
}

fn count(tally: &mut Tally, seen: Seen, stalled: bool) {
    match seen {
        Seen::New(passed) => {
            tally.deliveries += 1;
            tally.passed += if stalled { 0 } else { passed };
        }
        Seen::Late => tally.deliveries += 1,
        Seen::Twice => {}
    }
}

/// An event that is not of this run: the server's own, or somebody else's.
fn notice(event: Event<'_>, ledger: &mut Ledger, tally: &mut Tally) {
    match event.event {
        "gap" => {
            let data = serde_json::from_str::<serde_json::Value>(event.data).unwrap_or_default();
            ledger.gap(data["missing"].as_u64().unwrap_or(0));
            tally.gaps += 1;
        }
        "reset" => {
            ledger.reset();
            tally.resets += 1;
        }
        _ => tally.foreign += 1,
    }
}

fn refusal(status: u16, body: &[u8]) -> String {
    let body = &body[..body.len().min(SHOWN)];
    let problem = crate::client::Problem::read(status, body);
    problem.to_string()
}
