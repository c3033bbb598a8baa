//! Accepted sockets become connections of one reactor or another, or are refused.

use std::net::SocketAddr;

use mio::Token;

use crate::net::conns::conn::Cold;
use crate::net::core::Core;
use crate::net::end::EndReason;
use crate::net::http::answer::{ClientIdentity, Refusal};
use crate::net::io::transport::Transport;
use crate::net::listen::listeners::Accepted;
use crate::net::reactor::Reactor;
use crate::net::service::Service;
use crate::net::set::clients::Entry;
use crate::net::set::inbox::Command;

/// Connections over the limit that are answered rather than dropped.
const REFUSING_MAX: u64 = 64;

impl<S: Service> Reactor<S> {
    /// Accepts what waits and hands it round: the reactors take turns.
    pub(in crate::net) fn accept(&mut self) {
        // Out of the way while `admit` borrows the reactor, and put back: accepting allocates nothing.
        let mut accepted = std::mem::take(&mut self.accepted);
        self.listeners.accept(|socket| accepted.push(socket));
        for socket in accepted.drain(..) {
            match socket {
                Accepted::TurnedAway => self.core.counters.refused.add(1),
                Accepted::Connection(transport, peer) => {
                    self.core.counters.accepted.add(1);
                    // A socket that cannot be set up is broken already.
                    if transport.set_up(&self.core.limits).is_ok() {
                        self.admit(transport, peer);
                    }
                }
            }
        }
        self.accepted = accepted;
    }

    fn admit(&mut self, transport: Transport, peer: SocketAddr) {
        let limit = self.core.limits.max_connections as u64;
        // Counted here, not in `adopt`: one on its way to another reactor has no slot anywhere yet, and counts.
        let open = self.core.reactors.enter();
        if open >= limit {
            self.core.counters.refused.add(1);
            // Each answer takes a slot and a timer: a flood is dropped instead.
            if open >= limit + REFUSING_MAX {
                return self.core.reactors.leave();
            }
            // Here, not handed on: it only lives to be told.
            if let Some(i) = self.adopt(transport, peer) {
                let answer = self.service.refuse(Refusal::TooManyConnections, None);
                self.core.out(i).bytes = answer;
                let (core, service) = (&mut self.core, &mut self.service);
                core.begin_closing(service, i, EndReason::Closed);
            }
            return;
        }
        let next = self.next_reactor;
        self.next_reactor = (next + 1) % self.core.reactors.len();
        let command = Command::Adopt(transport, peer);
        let kept = match next == self.number {
            true => Some(command),
            // One that does not keep up gets no more to do.
            false => self.core.reactors.get(next).inbox.put(command).err(),
        };
        if let Some(Command::Adopt(transport, peer)) = kept {
            self.adopt(transport, peer);
        }
    }

    /// Makes a counted socket a connection of this reactor, which awaits its first head.
    pub(in crate::net) fn adopt(
        &mut self,
        mut transport: Transport,
        peer: SocketAddr,
    ) -> Option<u32> {
        let client_identity = self.service.client_identity(peer);
        let core = &mut self.core;
        let preface = client_identity == ClientIdentity::Preface;
        let secured = match (&transport, &core.reactors.tls) {
            (Transport::Tcp(_), Some(tls)) => tls.session(preface),
            _ => None,
        };
        // Before it is registered: its slot is its token.
        let i = core.insert(Cold {
            peer: peer.into(),
            session: secured,
            ..Cold::free()
        });
        let token = Token(i as usize);
        if transport.register(self.poll.registry(), token).is_err() {
            core.close(&mut self.service, i, EndReason::Reset);
            return None;
        }
        core.hot(i).transport = Some(transport);
        let timeout = core.limits.head_timeout;
        // From the accept on, so that a TLS handshake and a client that says nothing are bounded as well.
        core.set_deadline(i, timeout);
        let entry = match client_identity {
            ClientIdentity::Peer => core.count_client(i, peer),
            // It is met when we know who it is.
            ClientIdentity::Preface | ClientIdentity::Requests => Entry::Within,
        };
        if entry == Entry::Within {
            return Some(i);
        }
        core.counters.refused.add(1);
        match entry {
            Entry::Turned => core.close(&mut self.service, i, EndReason::Closed),
            _ => self.refuse(i, Refusal::TooManyFromAddress),
        }
        None
    }

    /// Answers a connection that has not said anything yet, and closes it.
    fn refuse(&mut self, i: u32, why: Refusal<'_>) {
        self.core.out(i).bytes = self.service.refuse(why, None);
        let (core, service) = (&mut self.core, &mut self.service);
        core.begin_closing(service, i, EndReason::Closed);
    }
}

impl<S: Service> Core<S> {
    /// Notes who is behind connection `i`, and counts it there.
    pub(in crate::net) fn count_client(&mut self, i: u32, client: SocketAddr) -> Entry {
        let known = self.cold[i as usize].peer.ip() == client.ip().to_canonical();
        let Some(max) = self.limits.max_connections_per_address else {
            self.cold[i as usize].peer = client.into();
            return Entry::Within;
        };
        // The usual case, the next request of the same client: no lock is taken.
        if known && self.cold[i as usize].counted {
            self.cold[i as usize].peer = client.into();
            return Entry::Within;
        }
        // A proxy sends requests of many clients on one connection: its place moves to who asks now.
        self.uncount_client(i);
        let entry = self.reactors.clients.enter(client.ip(), max);
        let cold = &mut self.cold[i as usize];
        cold.peer = client.into();
        cold.counted = entry != Entry::Turned;
        entry
    }

    /// Counts connection `i` no longer.
    pub(in crate::net) fn uncount_client(&mut self, i: u32) {
        let cold = &mut self.cold[i as usize];
        if std::mem::take(&mut cold.counted) {
            self.reactors.clients.leave(cold.peer.ip());
        }
    }
}
