//! Making reactors: addresses are had, inboxes and polls made, before anything runs.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::{Events, Poll, Waker};

use crate::net::core::Core;
use crate::net::limits::Limits;
use crate::net::listen::listeners::{BindError, Listeners};
use crate::net::listen::unix::UnixAddress;
use crate::net::reactor::{EVENTS, FIRST_LISTENER, Polled, Reactor, WAKER, WakeState};
use crate::net::service::Service;
use crate::net::set::handle::Handle;
use crate::net::set::inbox::Inbox;
use crate::net::set::reactor_set::ReactorSet;
use crate::net::time::clock::SystemClock;
use crate::net::time::date::DateCache;
use crate::net::tls::Tls;

/// The addresses to listen on, and what secures them.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// Addresses of TCP; port 0 lets the system pick one.
    pub tcp: Vec<SocketAddr>,
    /// `true`: `[::]` takes no connections over IPv4. It takes none either where an address of IPv4 with
    /// the same port is listed.
    pub only_v6: bool,
    /// Unix sockets.
    pub unix: Vec<UnixAddress>,
    /// The certificate that connections over TCP are secured with; `None`: they are not.
    pub tls: Option<Tls>,
}

impl<S: Service> Reactor<S> {
    /// Listens on `addresses` and makes `count` reactors, whose logs begin at offset `fed`, each with a
    /// service of its own. The first one accepts and hands the connections round.
    ///
    /// What the limits say of connections and half-sent frames holds for all together; the bytes of a
    /// frame log are divided among them.
    ///
    /// # Errors
    ///
    /// [`BindError`] names the address that could not be had; then none is listened on.
    ///
    /// # Panics
    ///
    /// When `count` is 0.
    pub fn bind(
        addresses: &Addresses,
        mut limits: Limits,
        count: usize,
        fed: u64,
        mut service: impl FnMut(&Handle) -> S,
    ) -> Result<Vec<Self>, BindError> {
        assert!(count > 0, "a server has a reactor");
        let fail = |source: io::Error| BindError {
            address: "a poll".into(),
            source,
        };
        // First, since it is what fails in practice: a busy port is an error before anything was made.
        let mut listeners = Some(Listeners::bind(addresses, &limits)?);
        limits.frame_log_bytes = part_of_log(limits.frame_log_bytes, count);
        let (mut polls, mut inboxes) = (Vec::new(), Vec::new());
        // All inboxes before any reactor: each reaches all others from its first turn on.
        for _ in 0..count {
            let poll = Poll::new().map_err(fail)?;
            let waker = Waker::new(poll.registry(), WAKER).map_err(fail)?;
            polls.push(poll);
            inboxes.push(Inbox::new(waker));
        }
        let tls = addresses.tls.clone();
        let reactors = Arc::new(ReactorSet::new(inboxes, limits.unfinished_bytes, tls));
        let mut made = Vec::with_capacity(count);
        for (number, poll) in polls.into_iter().enumerate() {
            let handle = Handle {
                reactors: reactors.clone(),
                number,
            };
            // The first one gets all of them, the others none: it accepts for everybody.
            let mut listeners = listeners.take().unwrap_or_default();
            listeners
                .register(poll.registry(), FIRST_LISTENER)
                .map_err(fail)?;
            let service = service(&handle);
            made.push(Self::new(
                poll,
                listeners,
                &handle,
                limits.clone(),
                fed,
                service,
            ));
        }
        Ok(made)
    }

    fn new(
        poll: Poll,
        listeners: Listeners,
        handle: &Handle,
        limits: Limits,
        fed: u64,
        service: S,
    ) -> Self {
        // A read into no room returns 0, which is how an end looks.
        let read_bytes = limits.read_bytes.max(1);
        Self {
            number: handle.number,
            poll,
            events: Events::with_capacity(EVENTS),
            listeners,
            accepted: Vec::new(),
            next_reactor: 0,
            inbox: handle.reactors.get(handle.number).inbox.clone(),
            commands: VecDeque::new(),
            core: Core::new(limits, handle, Instant::now(), fed),
            service,
            read_buffer: vec![0; read_bytes].into_boxed_slice(),
            encoded: Vec::new(),
            due: Vec::new(),
            sweep: None,
            cut: Vec::new(),
            next_sweep: 1,
            batch_since: None,
            looked: Instant::now(),
            polled: Polled::new(Instant::now()),
            unsettled: 0,
            since: Instant::now(),
            clock: Box::new(SystemClock),
            date: DateCache::new(Instant::now()),
            stop_later: None,
            stop_at: None,
            stop_next: 0,
            stop_goes_on: false,
            report: None,
            wake_state: WakeState::Awake,
        }
    }
}

/// The share of one of `count` reactors: a power of two, so that all together stay within `bytes`.
fn part_of_log(bytes: usize, count: usize) -> usize {
    match (bytes / count).checked_ilog2() {
        Some(log) if count > 1 => 1 << log,
        _ => bytes,
    }
}
