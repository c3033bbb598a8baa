//! The course of a run: connect everybody, publish for a while, let everything arrive, judge.

use super::client::{Change, Client, Phase, Shared};
use super::error::BenchError;
use super::marker::Run;
use super::procfs::Process;
use super::progress::Progress;
use super::publisher::Publisher;
use super::report::{Report, Usage};
use super::tally::Tally;
use super::target::Target;
use super::timer::Timer;
use super::trouble::{self, Cuts};
use crate::cli::{BenchArgs, Rate};
use mio::{Events, Poll, Token};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PUBLISHER: Token = Token(usize::MAX - 1);
const TIMER: Token = Token(usize::MAX - 2);

/// Connections that are being made at once.
const CONNECTING_MAX: usize = 256;
/// Longest that all connections together may take.
const CONNECT: Duration = Duration::from_secs(60);
/// How long a client stays away after a cut, and after an attempt that failed.
const AWAY: Duration = Duration::from_millis(50);
const AWAY_LONGER: Duration = Duration::from_millis(500);
/// Longest that the last events may take, and longest silence among them.
const DRAIN: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_secs(5);
/// How long we look for duplicates once everything has come.
const LINGER: Duration = Duration::from_millis(200);
/// Longest wait of one turn.
const TURN: Duration = Duration::from_millis(20);
/// Bytes read at a time.
const READ: usize = 256 << 10;

/// One run.
pub(super) struct Course<'a> {
    args: &'a BenchArgs,
    target: Target,
    process: Option<Process>,
    run: Run,
    poll: Poll,
    events: Events,
    timer: Timer,
    clients: Vec<Client>,
    publisher: Publisher,
    tally: Tally,
    buffer: Vec<u8>,
    /// Clients to connect again, by when, in nanoseconds of the run.
    away: BTreeSet<(u64, usize)>,
    /// Clients whose stream has been open.
    open: usize,
    connecting: bool,
    began: Instant,
    progress: Progress,
    usage: Usage,
    stop: Arc<AtomicBool>,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        args: &'a BenchArgs,
        target: Target,
        process: Option<Process>,
    ) -> Result<Course<'a>, BenchError> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // A second one ends at once, as a shell would say.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&stop))?;
        }
        let poll = Poll::new()?;
        let timer = Timer::new(poll.registry(), TIMER)?;
        let run = Run::new();
        let mut publisher = Publisher::connect(&target, run, args.load.size).map_err(|error| {
            BenchError::Connect {
                open: 0,
                wanted: args.load.connections,
                reason: format!("{}: {error}", target.address),
            }
        })?;
        publisher.register(poll.registry(), PUBLISHER)?;
        let share = args.trouble.slow_share;
        let clients =
            (0..args.load.connections).map(|index| Client::new(trouble::stalls(index, share)));
        Ok(Course {
            args,
            target,
            process,
            run,
            poll,
            events: Events::with_capacity(1024),
            timer,
            clients: clients.collect(),
            publisher,
            tally: Tally::new(),
            buffer: vec![0; READ],
            away: BTreeSet::new(),
            open: 0,
            connecting: true,
            began: Instant::now(),
            progress: Progress::new(),
            usage: Usage::default(),
            stop,
        })
    }

    /// Runs it all.
    pub(super) fn run(mut self) -> Result<Report, BenchError> {
        self.connect_all()?;
        self.usage.connected(self.process.as_ref());
        let connected_s = self.began.elapsed().as_secs_f64();
        let start = self.now();
        self.publish(start)?;
        let published_s = seconds(self.now() - start);
        self.drain()?;
        self.usage.ended(self.process.as_ref());
        let delivered_s = seconds(self.now() - start);
        self.turns_for(LINGER)?;
        self.progress.finish();
        let published = self.publisher.next;
        for client in &mut self.clients {
            client.ledger.close(published);
        }
        let ledgers = self.clients.iter().map(|client| &client.ledger);
        let times = [connected_s, published_s, delivered_s];
        Ok(Report::new(
            self.args,
            &self.target,
            &self.publisher,
            &self.tally,
            ledgers,
            times,
        )
        .with_usage(self.usage, self.process.as_ref()))
    }

    fn now(&self) -> u64 {
        nanos(self.began.elapsed())
    }

    fn connect_all(&mut self) -> Result<(), BenchError> {
        let mut next = 0;
        while self.open < self.clients.len() {
            while next < self.clients.len() && next - self.open < CONNECTING_MAX {
                self.connect(next)
                    .map_err(|reason| self.not_connected(reason))?;
                next += 1;
            }
            if self.began.elapsed() > CONNECT {
                return Err(self.not_connected(format!("no more within {} s", CONNECT.as_secs())));
            }
            self.turn(TURN)?;
            self.progress.connecting(self.open, self.clients.len());
        }
        self.connecting = false;
        Ok(())
    }

    fn not_connected(&self, reason: String) -> BenchError {
        BenchError::Connect {
            open: self.open,
            wanted: self.clients.len(),
            reason,
        }
    }

    fn connect(&mut self, index: usize) -> Result<(), String> {
        let client = &mut self.clients[index];
        client
            .connect(&self.target, self.poll.registry(), Token(index))
            .map_err(|error| error.to_string())
    }

    fn publish(&mut self, start: u64) -> Result<(), BenchError> {
        let end = start + nanos(self.args.load.seconds);
        let fast = self.clients.iter().filter(|client| !client.stalled).count() as u64;
        let mut cuts = Cuts::new(self.clients.len(), self.args.trouble.cut_share, start);
        let mut sampled = start;
        loop {
            let now = self.now();
            if now >= end {
                return Ok(());
            }
            let due = self.publish_due(start, end, fast);
            self.publisher
                .flush()
                .map_err(|error| BenchError::Publish(error.to_string()))?;
            while let Some((from, reset)) = cuts.next(now, self.clients.len()) {
                self.cut(from, reset);
            }
            if now >= sampled {
                self.usage.sample(self.process.as_ref());
                sampled = now + nanos(Duration::from_secs(1));
            }
            self.progress
                .publishing(&self.tally, self.publisher.next, seconds(now - start));
            let events = [due, cuts.due(), Some(end)];
            let next = events.into_iter().flatten().min().unwrap_or(end);
            self.turn(Duration::from_nanos(next.saturating_sub(self.now())))?;
        }
    }

    /// Publishes what is due, and says when the next one is; `None`: when something has come.
    fn publish_due(&mut self, start: u64, end: u64, fast: u64) -> Option<u64> {
        let window = self.args.load.window as u64;
        loop {
            let now = self.now();
            let next = self.publisher.next;
            let due = match self.args.load.rate {
                Rate::Fixed(rate) => start + (next as f64 * 1e9 / rate) as u64,
                Rate::Max if next * fast >= self.tally.passed + window * fast.max(1) => {
                    return None;
                }
                Rate::Max => now,
            };
            if due > now || due >= end {
                return Some(due);
            }
            if !self.publisher.has_room() {
                return None;
            }
            self.publisher.push(due);
        }
    }

    /// Cuts the next client from `from` on that can come back.
    fn cut(&mut self, from: usize, reset: bool) {
        let all = self.clients.len();
        let victim = (0..all)
            .map(|step| (from + step) % all)
            .find(|&index| self.clients[index].can_resume());
        if let Some(index) = victim {
            self.clients[index].cut(reset);
            self.tally.cuts += 1;
            self.away.insert((self.now() + nanos(AWAY), index));
        }
    }

    /// Waits until everybody has everything, nothing comes any more, or it takes too long.
    fn drain(&mut self) -> Result<(), BenchError> {
        self.wake_all()?;
        let began = Instant::now();
        let (mut deliveries, mut last) = (self.tally.deliveries, began);
        while began.elapsed() < DRAIN {
            self.turn(TURN)?;
            self.progress.draining(&self.tally, self.publisher.next);
            if deliveries != self.tally.deliveries
                || !self.publisher.is_idle()
                || !self.away.is_empty()
            {
                (deliveries, last) = (self.tally.deliveries, Instant::now());
            }
            if self.is_complete() || last.elapsed() > QUIET {
                return Ok(());
            }
        }
        Ok(())
    }

    fn wake_all(&mut self) -> Result<(), BenchError> {
        for index in 0..self.clients.len() {
            if self.clients[index].stalled {
                let now = self.now();
                self.clients[index].wake(now);
                self.look(index)?;
            }
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        let (published, refused) = (self.publisher.next, &self.publisher.refused);
        let done = |client: &Client| client.ledger.is_complete(published, refused);
        self.publisher.is_idle() && self.away.is_empty() && self.clients.iter().all(done)
    }

    fn turns_for(&mut self, time: Duration) -> Result<(), BenchError> {
        let began = Instant::now();
        while began.elapsed() < time {
            self.turn(TURN)?;
        }
        Ok(())
    }

    /// Waits at most so long for sockets, and does what they are ready for.
    fn turn(&mut self, wait: Duration) -> Result<(), BenchError> {
        self.come_back();
        self.publisher
            .flush()
            .map_err(|error| BenchError::Publish(error.to_string()))?;
        self.timer.set(wait.min(TURN))?;
        match self.poll.poll(&mut self.events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => other?,
        }
        // Relaxed: nothing else is read because of it.
        if self.stop.load(Ordering::Relaxed) {
            return Err(BenchError::Interrupted);
        }
        let tokens: Vec<Token> = self.events.iter().map(mio::event::Event::token).collect();
        for token in tokens {
            match token {
                TIMER => {}
                PUBLISHER => self
                    .publisher
                    .read(&mut self.buffer)
                    .map_err(BenchError::Publish)?,
                Token(index) => self.look(index)?,
            }
        }
        Ok(())
    }

    /// Connects those again whose time has come.
    fn come_back(&mut self) {
        let now = self.now();
        while let Some((_, index)) = self.away.first().copied().filter(|(due, _)| *due <= now) {
            self.away.pop_first();
            if self.connect(index).is_err() {
                self.tally.refused += 1;
                self.away.insert((now + nanos(AWAY_LONGER), index));
            }
        }
    }

    fn look(&mut self, index: usize) -> Result<(), BenchError> {
        let began = self.began;
        let mut shared = Shared {
            target: &self.target,
            run: self.run,
            tally: &mut self.tally,
            buffer: &mut self.buffer,
        };
        let before = self.clients[index].phase;
        let change = self.clients[index].ready(&mut shared, &|| nanos(began.elapsed()));
        match change {
            Change::None => {}
            Change::Opened if self.connecting => self.open += 1,
            Change::Opened => self.tally.resumed += 1,
            Change::Lost(reason) if self.connecting => return Err(self.not_connected(reason)),
            Change::Lost(_) if before == Phase::Open => {
                self.tally.closed_by_server += 1;
                self.away.insert((self.now() + nanos(AWAY), index));
            }
            Change::Lost(_) => {
                self.tally.refused += 1;
                self.away.insert((self.now() + nanos(AWAY_LONGER), index));
            }
        }
        Ok(())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
