//! One subscriber: connects, asks, reads, and after a cut comes back with what it had last.

use super::client_stats::ClientStats;
use super::payload::RunId;
use crate::bench::connection::{Stream, Target};
use crate::bench::decode::{Answer, Buffers};
use crate::bench::measure::Totals;
use crate::cli::WireFormat;
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind, Read, Write};

/// Receive buffer of a client that will not read, so that it is felt by the server soon.
const SLOW_BUFFER: usize = 16 << 10;

/// The phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not connected; another attempt is planned.
    Away,
    Connecting,
    /// Asked, no answer yet.
    Asked,
    Open,
}

/// The change that a look at its socket has made to a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    /// The stream is open, so many nanoseconds after the client began to connect.
    Opened {
        after: u64,
    },
    /// The connection is gone, for this reason.
    Lost(String),
}

/// The parts of a run that a client works with, lent to one at a time.
pub(crate) struct Shared<'a> {
    pub(crate) target: &'a Target,
    pub(crate) run_id: RunId,
    pub(crate) totals: &'a mut Totals,
    pub(crate) buffer: &'a mut [u8],
    pub(crate) buffers: &'a mut Buffers,
}

/// One of the clients.
pub(crate) struct Client {
    stream: Option<Stream>,
    pub(crate) phase: Phase,
    answer: Answer,
    pub(crate) stats: ClientStats,
    /// Reads nothing for now.
    pub(crate) stalled: bool,
    /// Start of the connecting, in nanoseconds of the run.
    began: u64,
}

impl Client {
    pub(crate) fn new(format: WireFormat, slow: bool) -> Client {
        Client {
            stream: None,
            phase: Phase::Away,
            answer: Answer::new(format),
            stats: ClientStats::new(slow),
            stalled: false,
            began: 0,
        }
    }

    /// Begins to connect.
    pub(crate) fn connect(
        &mut self,
        target: &Target,
        registry: &Registry,
        token: Token,
        now: u64,
    ) -> io::Result<()> {
        self.began = now;
        let receive = self.stats.slow.then_some(SLOW_BUFFER);
        let mut stream = Stream::connect(&target.address, receive)?;
        // mio reports edges: both interests are asked for once, and nothing is registered again.
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.stream = Some(stream);
        self.phase = Phase::Connecting;
        self.answer.restart();
        Ok(())
    }

    /// True when a cut would be followed by a resume.
    pub(crate) fn can_resume(&self) -> bool {
        self.phase == Phase::Open && !self.answer.last_id().is_empty()
    }

    /// Cuts the connection: with a reset, or with an orderly end.
    pub(crate) fn cut(&mut self, reset: bool) {
        if let (Some(stream), true) = (&self.stream, reset) {
            stream.end_with_reset();
        }
        self.leave();
    }

    /// Looks at the socket after the poller has named it, or after a stall.
    pub(crate) fn ready(&mut self, shared: &mut Shared<'_>, now: &dyn Fn() -> u64) -> Change {
        let change = match self.phase {
            Phase::Away => Ok(Change::None),
            Phase::Connecting => match self.ask(shared.target) {
                // An answer may be there already, and the poller names a socket only once for it.
                Ok(_) if self.phase == Phase::Asked => self.read(shared, now),
                other => other,
            },
            Phase::Asked => self.read(shared, now),
            // What it does not read stays in the kernel's buffers, until the server feels it.
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
        if !stream.is_connected()? {
            return Ok(Change::None);
        }
        stream.set_up();
        send(stream, target.subscribe(self.answer.last_id()).as_bytes())?;
        self.phase = Phase::Asked;
        Ok(Change::None)
    }

    /// Reads what is there.
    fn read(&mut self, shared: &mut Shared<'_>, now: &dyn Fn() -> u64) -> io::Result<Change> {
        let mut change = Change::None;
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
            // Taken behind the read: the time of arrival is when the bytes are there.
            let now = now();
            let opens = self.phase != Phase::Open;
            if let Err(reason) = self.take(shared, read, now) {
                return Ok(Change::Lost(reason));
            }
            if opens && self.phase == Phase::Open {
                let after = now.saturating_sub(self.began);
                change = Change::Opened { after };
            }
            // A stalled client reads its answer's head and no more; a short read has emptied the socket.
            if self.stalled && self.phase == Phase::Open || read < shared.buffer.len() {
                break;
            }
        }
        self.reply()?;
        Ok(change)
    }

    /// Takes `read` bytes of the buffer. The error is why the connection is of no more use.
    fn take(&mut self, shared: &mut Shared<'_>, read: usize, now: u64) -> Result<(), String> {
        let Shared {
            run_id,
            totals,
            buffer,
            buffers,
            ..
        } = shared;
        totals.bytes += read as u64;
        totals.reads += 1;
        let Client {
            answer,
            stats,
            phase,
            ..
        } = self;
        answer.take(&mut buffer[..read], buffers, &mut |message| {
            // Whatever comes, comes behind a head that is as it should be.
            *phase = Phase::Open;
            stats.record(message, *run_id, totals, now);
        })
    }

    fn reply(&mut self) -> io::Result<()> {
        let replies = self.answer.replies();
        match &mut self.stream {
            Some(stream) if !replies.is_empty() => send(stream, &replies),
            _ => Ok(()),
        }
    }
}

/// Sends a few hundred bytes, which a socket has room for; one that has not is broken.
fn send(stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    match stream.write(bytes)? {
        sent if sent < bytes.len() => Err(ErrorKind::WriteZero.into()),
        _ => Ok(()),
    }
}
