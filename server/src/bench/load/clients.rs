//! All clients and the publisher on one poller: connecting, reading, and coming back after a cut.

use super::client::{Change, Client, Phase, Shared};
use super::faults;
use super::payload::RunId;
use super::publisher::Publisher;
use crate::bench::connection::{Poller, Target};
use crate::bench::decode::Buffers;
use crate::bench::error::BenchError;
use crate::bench::measure::Totals;
use crate::bench::progress::Progress;
use crate::cli::BenchArgs;
use mio::Token;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const PUBLISHER: Token = Token(usize::MAX - 1);

/// Connections that are being made at once.
const CONNECTING_MAX: usize = 256;
/// Longest that all connections together may take.
const CONNECT: Duration = Duration::from_secs(60);
/// Times that a client stays away after a cut, and after an attempt that failed.
const AWAY: Duration = Duration::from_millis(50);
const AWAY_LONGER: Duration = Duration::from_millis(500);
/// Longest wait of one turn.
pub(crate) const TURN: Duration = Duration::from_millis(20);
/// Bytes read at a time.
pub(crate) const READ: usize = 256 << 10;

/// The clients and the publisher of a run.
pub(crate) struct Clients {
    target: Target,
    run_id: RunId,
    poller: Poller,
    pub(crate) all: Vec<Client>,
    pub(crate) publisher: Publisher,
    pub(crate) totals: Totals,
    pub(crate) progress: Progress,
    buffer: Vec<u8>,
    buffers: Buffers,
    /// Clients to connect again, by when, in nanoseconds of the run.
    away: BTreeSet<(u64, usize)>,
    /// Clients whose stream has been open.
    open: usize,
    connecting: bool,
    began: Instant,
}

impl Clients {
    /// So many clients, and the publisher, which is connected already.
    pub(crate) fn new(
        args: &BenchArgs,
        target: Target,
        connections: usize,
    ) -> Result<Clients, BenchError> {
        let poller = Poller::new()?;
        let run_id = RunId::new();
        // Connected first: an address where nobody listens fails here, once and in words.
        let mut publisher =
            Publisher::connect(&target, run_id, args.load.size).map_err(|error| {
                BenchError::Connect {
                    open: 0,
                    wanted: connections,
                    reason: format!("{}: {error}", target.address),
                }
            })?;
        publisher.register(poller.registry(), PUBLISHER)?;
        let slow = |index| faults::stalls(index, args.faults.slow_share);
        let clients = (0..connections).map(|index| Client::new(target.format, slow(index)));
        Ok(Clients {
            all: clients.collect(),
            target,
            run_id,
            poller,
            publisher,
            totals: Totals::new(),
            progress: Progress::new(),
            buffer: vec![0; READ],
            buffers: Buffers::new(),
            away: BTreeSet::new(),
            open: 0,
            connecting: true,
            began: Instant::now(),
        })
    }

    /// Nanoseconds of the run.
    pub(crate) fn now(&self) -> u64 {
        nanos(self.began.elapsed())
    }

    pub(crate) fn url(&self) -> &str {
        &self.target.url
    }

    /// Connects everybody.
    pub(crate) fn connect_all(&mut self) -> Result<(), BenchError> {
        let mut next = 0;
        while self.open < self.all.len() {
            // A listener drops a SYN beyond its backlog, and it is repeated a second later: that would pass for a slow server.
            while next < self.all.len() && next - self.open < CONNECTING_MAX {
                self.connect(next)
                    .map_err(|reason| self.not_connected(reason))?;
                next += 1;
            }
            if self.began.elapsed() > CONNECT {
                return Err(self.not_connected(format!("no more within {} s", CONNECT.as_secs())));
            }
            self.turn(TURN)?;
            self.progress.connecting(self.open, self.all.len());
        }
        self.connecting = false;
        Ok(())
    }

    fn not_connected(&self, reason: String) -> BenchError {
        BenchError::Connect {
            open: self.open,
            wanted: self.all.len(),
            reason,
        }
    }

    fn connect(&mut self, index: usize) -> Result<(), String> {
        let now = self.now();
        self.all[index]
            .connect(&self.target, self.poller.registry(), Token(index), now)
            .map_err(|error| error.to_string())
    }

    /// Cuts the next client from `from` on that can come back.
    pub(crate) fn cut(&mut self, from: usize, reset: bool) {
        let all = self.all.len();
        let victim = (0..all)
            .map(|step| (from + step) % all)
            .find(|&index| self.all[index].can_resume());
        if let Some(index) = victim {
            self.all[index].cut(reset);
            self.totals.cuts += 1;
            self.away.insert((self.now() + nanos(AWAY), index));
        }
    }

    /// Stops the slow clients from reading.
    pub(crate) fn stall(&mut self) {
        for client in &mut self.all {
            client.stalled = client.stats.slow;
        }
    }

    /// Lets the stalled clients read again, what has piled up first.
    pub(crate) fn resume_stalled(&mut self) -> Result<(), BenchError> {
        for index in 0..self.all.len() {
            if self.all[index].stalled {
                self.all[index].stalled = false;
                // What came during the stall was named once already and is not named again.
                self.handle_ready(index)?;
            }
        }
        Ok(())
    }

    /// Shows what is still to come.
    pub(crate) fn show_draining(&mut self) {
        self.progress.draining(&self.totals, self.publisher.next);
    }

    /// True while something is on its way that nobody can say is missing.
    pub(crate) fn is_busy(&self) -> bool {
        !self.publisher.is_idle() || !self.away.is_empty()
    }

    /// True when all who read now have everything.
    pub(crate) fn is_complete(&self) -> bool {
        let (published, refused) = (self.publisher.next, &self.publisher.refused);
        let mut reading = self.all.iter().filter(|client| !client.stalled);
        !self.is_busy()
            && reading.all(|client| client.stats.sequences.is_complete(published, refused))
    }

    /// Takes turns for so long.
    pub(crate) fn turns_for(&mut self, time: Duration) -> Result<(), BenchError> {
        let began = Instant::now();
        while began.elapsed() < time {
            self.turn(time.saturating_sub(began.elapsed()))?;
        }
        Ok(())
    }

    /// Waits at most so long for sockets, and does what they are ready for.
    pub(crate) fn turn(&mut self, wait: Duration) -> Result<(), BenchError> {
        self.reconnect_due();
        // Before the wait: what is due leaves now, not after the poller has returned.
        self.publisher
            .flush()
            .map_err(|error| BenchError::Publish(error.to_string()))?;
        // Bounded, so that reconnects that fall due meanwhile do not wait for an event.
        for token in self.poller.wait(wait.min(TURN))? {
            match token {
                PUBLISHER => self
                    .publisher
                    .read(&mut self.buffer)
                    .map_err(BenchError::Publish)?,
                Token(index) => self.handle_ready(index)?,
            }
        }
        Ok(())
    }

    /// Connects those again whose time has come.
    fn reconnect_due(&mut self) {
        let now = self.now();
        while let Some((_, index)) = self.away.first().copied().filter(|(due, _)| *due <= now) {
            self.away.pop_first();
            if self.connect(index).is_err() {
                self.totals.refused += 1;
                self.away.insert((now + nanos(AWAY_LONGER), index));
            }
        }
    }

    fn handle_ready(&mut self, index: usize) -> Result<(), BenchError> {
        let began = self.began;
        let mut shared = Shared {
            target: &self.target,
            run_id: self.run_id,
            totals: &mut self.totals,
            buffer: &mut self.buffer,
            buffers: &mut self.buffers,
        };
        let before = self.all[index].phase;
        let change = self.all[index].ready(&mut shared, &|| nanos(began.elapsed()));
        match change {
            Change::None => {}
            Change::Opened { after } if self.connecting => {
                self.open += 1;
                self.totals.connect.record(after);
            }
            Change::Opened { after } => {
                self.totals.resumed += 1;
                self.totals.resume.record(after);
            }
            // A server that loses clients while nothing is published has nothing to be measured.
            Change::Lost(reason) if self.connecting => return Err(self.not_connected(reason)),
            Change::Lost(_) if before == Phase::Open => {
                self.totals.closed_by_server += 1;
                self.away.insert((self.now() + nanos(AWAY), index));
            }
            Change::Lost(_) => {
                self.totals.refused += 1;
                self.away.insert((self.now() + nanos(AWAY_LONGER), index));
            }
        }
        Ok(())
    }
}

/// A duration in nanoseconds, of which 64 bits hold five centuries.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds in seconds.
pub(crate) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
