//! What the reactors of one server share: inboxes, counters, and the bounds that hold for all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::net::http::unfinished::Unfinished;
use crate::net::set::clients::Clients;
use crate::net::set::inbox::{Command, Inbox};
use crate::net::set::latency::Latency;
use crate::net::set::stats::{Counters, NetStats};
use crate::net::tls::Tls;

/// One reactor, as the others see it.
pub(in crate::net) struct ReactorEntry {
    pub(in crate::net) inbox: Arc<Inbox>,
    pub(in crate::net) counters: Arc<Counters>,
    /// Set when it has stopped, or its thread is gone.
    ended: AtomicBool,
}

/// The reactors of a server. Number 0 accepts and hands connections round.
pub(in crate::net) struct ReactorSet {
    reactors: Box<[ReactorEntry]>,
    /// Connections of all reactors, those that are being handed over too.
    open: AtomicU64,
    pub(in crate::net) clients: Clients,
    pub(in crate::net) unfinished: Unfinished,
    /// The certificate that connections over TCP are secured with.
    pub(in crate::net) tls: Option<Tls>,
}

impl ReactorSet {
    pub(in crate::net) fn new(
        inboxes: Vec<Inbox>,
        unfinished_bytes: usize,
        tls: Option<Tls>,
    ) -> Self {
        let reactors = inboxes.into_iter().map(|inbox| ReactorEntry {
            inbox: Arc::new(inbox),
            counters: Arc::default(),
            ended: AtomicBool::new(false),
        });
        Self {
            reactors: reactors.collect(),
            open: AtomicU64::new(0),
            clients: Clients::default(),
            unfinished: Unfinished::new(unfinished_bytes),
            tls,
        }
    }

    pub(in crate::net) fn len(&self) -> usize {
        self.reactors.len()
    }

    pub(in crate::net) fn get(&self, n: usize) -> &ReactorEntry {
        &self.reactors[n]
    }

    pub(in crate::net) fn stats(&self) -> NetStats {
        let all = self.reactors.iter().map(|reactor| reactor.counters.read());
        all.fold(NetStats::default(), NetStats::with)
    }

    pub(in crate::net) fn latency(&self) -> Latency {
        let all = self.reactors.iter();
        let all = all.map(|reactor| reactor.counters.latency.read());
        all.fold(Latency::default(), Latency::with)
    }

    // -- Bounds. Relaxed throughout: counts that order nothing.

    /// Counts a connection; returns how many there were before it.
    pub(in crate::net) fn enter(&self) -> u64 {
        self.open.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts a connection that is gone.
    pub(in crate::net) fn leave(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    // -- The end

    /// Tells all reactors but the first to stop, behind what they were handed before.
    pub(in crate::net) fn stop_others(&self, timeout: Duration) {
        for reactor in &self.reactors[1..] {
            reactor.inbox.put_last(Command::Stop(timeout));
        }
    }

    /// Notes that reactor `n` has ended, and wakes the first one, which waits for that.
    pub(in crate::net) fn end(&self, n: usize) {
        // Release: pairs with the Acquire in `others_have_ended`.
        self.reactors[n].ended.store(true, Ordering::Release);
        self.reactors[0].inbox.wake();
    }

    pub(in crate::net) fn has_ended(&self, n: usize) -> bool {
        // Acquire: pairs with the Release in `end`.
        self.reactors[n].ended.load(Ordering::Acquire)
    }

    pub(in crate::net) fn others_have_ended(&self) -> bool {
        let mut others = self.reactors[1..].iter();
        // Acquire: pairs with the Release in `end`.
        others.all(|reactor| reactor.ended.load(Ordering::Acquire))
    }
}
