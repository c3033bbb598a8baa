//! Accepted sockets become connections of one reactor or another, or are refused.

use std::net::SocketAddr;

use mio::{Registry, Token};

use crate::net::conns::conn::Cold;
use crate::net::core::Core;
use crate::net::end::closing::Closing;
use crate::net::end::reason::EndReason;
use crate::net::http::answer::{ClientIdentity, Refusal};
use crate::net::io::input::refuse;
use crate::net::io::transport::Transport;
use crate::net::listen::listeners::{Accepted, Listeners};
use crate::net::service::Service;
use crate::net::set::clients::Entry;
use crate::net::set::inbox::Command;

/// Connections over the limit that are answered rather than dropped.
const REFUSING_MAX: u64 = 64;

/// Accepts, and hands round what is accepted: the reactors take turns.
pub(in crate::net) struct Acceptor {
    /// The reactor that accepts.
    number: usize,
    listeners: Listeners,
    /// Sockets of the last accept; the buffer is kept.
    accepted: Vec<Accepted>,
    /// The reactor that gets the next connection.
    next_reactor: usize,
}

impl Acceptor {
    pub(in crate::net) fn new(number: usize, listeners: Listeners) -> Self {
        Self {
            number,
            listeners,
            accepted: Vec::new(),
            next_reactor: 0,
        }
    }

    pub(in crate::net) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    pub(in crate::net) fn listeners_mut(&mut self) -> &mut Listeners {
        &mut self.listeners
    }

    /// Accepts what waits and hands it round.
    pub(in crate::net) fn accept<S: Service>(&mut self, mut admission: Admission<'_, S>) {
        // Out of the way while `admit` borrows it, and put back: accepting allocates nothing.
        let mut accepted = std::mem::take(&mut self.accepted);
        self.listeners.accept(|socket| accepted.push(socket));
        for socket in accepted.drain(..) {
            match socket {
                Accepted::TurnedAway => admission.core.counters.refused.add(1),
                Accepted::Connection(transport, peer) => {
                    admission.core.counters.accepted.add(1);
                    // A socket that cannot be set up is broken already.
                    if transport.set_up(&admission.core.limits).is_ok() {
                        self.admit(&mut admission, transport, peer);
                    }
                }
            }
        }
        self.accepted = accepted;
    }

    fn admit<S: Service>(
        &mut self,
        admission: &mut Admission<'_, S>,
        transport: Transport,
        peer: SocketAddr,
    ) {
        let core = &*admission.core;
        let limit = core.limits.max_connections as u64;
        // Counted here, not in `adopt`: one on its way to another reactor has no slot anywhere yet, and counts.
        let open = core.reactors.enter();
        if open >= limit {
            core.counters.refused.add(1);
            // Each answer takes a slot and a timer: a flood is dropped instead.
            if open >= limit + REFUSING_MAX {
                return core.reactors.leave();
            }
            // Here, not handed on: it only lives to be told.
            if let Some(i) = admission.adopt(transport, peer) {
                admission.refuse(i, Refusal::TooManyConnections);
            }
            return;
        }
        let next = self.next_reactor;
        self.next_reactor = (next + 1) % core.reactors.len();
        let command = Command::Adopt(transport, peer);
        let kept = match next == self.number {
            true => Some(command),
            // One that does not keep up gets no more to do.
            false => core.reactors.get(next).inbox.put(command).err(),
        };
        if let Some(Command::Adopt(transport, peer)) = kept {
            admission.adopt(transport, peer);
        }
    }
}

/// Lets sockets into the table of connections, for as long as it borrows that and the service.
pub(in crate::net) struct Admission<'a, S: Service> {
    core: &'a mut Core<S>,
    service: &'a mut S,
    registry: &'a Registry,
}

impl<'a, S: Service> Admission<'a, S> {
    pub(in crate::net) fn new(
        core: &'a mut Core<S>,
        service: &'a mut S,
        registry: &'a Registry,
    ) -> Self {
        Self {
            core,
            service,
            registry,
        }
    }

    /// Makes a counted socket a connection of this reactor, which awaits its first head.
    pub(in crate::net) fn adopt(
        &mut self,
        mut transport: Transport,
        peer: SocketAddr,
    ) -> Option<u32> {
        let client_identity = self.service.client_identity(peer);
        let preface = client_identity == ClientIdentity::Preface;
        let secured = match (&transport, &self.core.reactors.tls) {
            (Transport::Tcp(_), Some(tls)) => tls.session(preface),
            _ => None,
        };
        // Before it is registered: its slot is its token.
        let second = self.core.timers.second();
        let i = self.core.conns.insert(Cold::new(peer, secured), second);
        self.core.counters.connections.add(1);
        let token = Token(i as usize);
        if transport.register(self.registry, token).is_err() {
            self.close(i, EndReason::Reset);
            return None;
        }
        self.core.conns.conn(i).set_transport(transport);
        let timeout = self.core.limits.head_timeout;
        // From the accept on, so that a TLS handshake and a client that says nothing are bounded as well.
        self.core.set_deadline(i, timeout);
        let entry = match client_identity {
            ClientIdentity::Peer => self.core.count_client(i, peer),
            // It is met when we know who it is.
            ClientIdentity::Preface | ClientIdentity::Requests => Entry::Within,
        };
        if entry == Entry::Within {
            return Some(i);
        }
        self.core.counters.refused.add(1);
        match entry {
            Entry::Turned => self.close(i, EndReason::Closed),
            _ => self.refuse(i, Refusal::TooManyFromAddress),
        }
        None
    }

    fn refuse(&mut self, i: u32, why: Refusal<'_>) {
        refuse(self.core, self.service, i, why);
    }

    fn close(&mut self, i: u32, why: EndReason) {
        Closing::new(self.core, self.service).close(i, why);
    }
}
