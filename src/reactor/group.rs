//! What the reactors of one server share: inboxes, counters, and the bounds that hold for all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::clients::Clients;
use super::inbox::{Command, Inbox};
use super::latency::Latency;
use super::stats::{Counters, Stats};
use super::tls::Tls;
use super::unfinished::Unfinished;

/// One reactor, as the others see it.
pub(super) struct Member {
    pub(super) inbox: Arc<Inbox>,
    pub(super) counters: Arc<Counters>,
    /// It has stopped, or its thread is gone.
    ended: AtomicBool,
}

/// All reactors of a server. Number 0 accepts and hands connections round.
pub(super) struct Group {
    members: Box<[Member]>,
    /// Connections of all reactors, those that are being handed over too.
    open: AtomicU64,
    /// Bytes of half-sent frames that all reactors keep.
    half_sent: AtomicUsize,
    /// Streams with a compressor of their own.
    solos: AtomicUsize,
    pub(super) clients: Clients,
    pub(super) unfinished: Unfinished,
    /// What connections over TCP are secured with.
    pub(super) tls: Option<Tls>,
}

impl Group {
    pub(super) fn new(inboxes: Vec<Inbox>, unfinished_bytes: usize, tls: Option<Tls>) -> Self {
        let members = inboxes.into_iter().map(|inbox| Member {
            inbox: Arc::new(inbox),
            counters: Arc::default(),
            ended: AtomicBool::new(false),
        });
        Self {
            members: members.collect(),
            open: AtomicU64::new(0),
            half_sent: AtomicUsize::new(0),
            solos: AtomicUsize::new(0),
            clients: Clients::default(),
            unfinished: Unfinished::new(unfinished_bytes),
            tls,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn member(&self, n: usize) -> &Member {
        &self.members[n]
    }

    pub(super) fn stats(&self) -> Stats {
        let all = self.members.iter().map(|member| member.counters.read());
        all.fold(Stats::default(), Stats::with)
    }

    pub(super) fn latency(&self) -> Latency {
        let all = self.members.iter();
        let all = all.map(|member| member.counters.latency.read());
        all.fold(Latency::default(), Latency::with)
    }

    // -- Bounds. Relaxed throughout: counts that order nothing.

    /// Counts a connection; returns how many there were before it.
    pub(super) fn enter(&self) -> u64 {
        self.open.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts a connection that is gone.
    pub(super) fn leave(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes `bytes` for half-sent frames, unless all together would have more than `max`.
    #[must_use]
    pub(super) fn hold_half_sent(&self, bytes: usize, max: usize) -> bool {
        let before = self.half_sent.fetch_add(bytes, Ordering::Relaxed);
        let fits = before + bytes <= max;
        if !fits {
            self.release_half_sent(bytes);
        }
        fits
    }

    pub(super) fn release_half_sent(&self, bytes: usize) {
        self.half_sent.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts a stream with a compressor of its own.
    pub(super) fn enter_solo(&self) {
        self.solos.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave_solo(&self) {
        self.solos.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn solos(&self) -> usize {
        self.solos.load(Ordering::Relaxed)
    }

    // -- The end

    /// Tells all reactors but the first to stop, behind what they were handed before.
    pub(super) fn stop_others(&self, timeout: Duration) {
        for member in &self.members[1..] {
            member.inbox.put_last(Command::Stop(timeout));
        }
    }

    /// Notes that reactor `n` has ended, and wakes the first one, which waits for that.
    pub(super) fn end(&self, n: usize) {
        // Release: pairs with the Acquire in `others_have_ended`.
        self.members[n].ended.store(true, Ordering::Release);
        self.members[0].inbox.wake();
    }

    pub(super) fn has_ended(&self, n: usize) -> bool {
        // Acquire: pairs with the Release in `end`.
        self.members[n].ended.load(Ordering::Acquire)
    }

    pub(super) fn others_have_ended(&self) -> bool {
        let mut others = self.members[1..].iter();
        // Acquire: pairs with the Release in `end`.
        others.all(|member| member.ended.load(Ordering::Acquire))
    }
}
