//! Accepted sockets become connections of one reactor or another, or are refused.

use std::net::SocketAddr;

use mio::Token;

use super::conn::Cold;
use super::end::EndReason;
use super::inbox::Command;
use super::listeners::Accepted;
use super::requests::Requests;
use super::service::{Refusal, Service};
use super::transport::Transport;
use super::turn::Reactor;

/// Connections over the limit that are answered rather than dropped.
const REFUSING_MAX: u64 = 64;

impl<S: Service> Reactor<S> {
    /// Accepts what waits and hands it round: the reactors take turns.
    pub(super) fn accept(&mut self) {
        let mut accepted = std::mem::take(&mut self.accepted);
        self.listeners.accept(|socket| accepted.push(socket));
        for socket in accepted.drain(..) {
            match socket {
                Accepted::TurnedAway => self.core.counters.refused.add(1),
                Accepted::Connection(stream, peer) => {
                    self.core.counters.accepted.add(1);
                    let Ok(transport) = Transport::accepted(stream, &self.core.limits) else {
                        continue;
                    };
                    self.admit(transport, peer);
                }
            }
        }
        self.accepted = accepted;
    }

    fn admit(&mut self, transport: Transport, peer: SocketAddr) {
        let limit = self.core.limits.max_connections as u64;
        let open = self.core.group.enter();
        if open >= limit {
            self.core.counters.refused.add(1);
            if open >= limit + REFUSING_MAX {
                return self.core.group.leave();
            }
            if let Some(i) = self.adopt(transport, peer) {
                let answer = self.service.refuse_for(Refusal::TooManyConnections, None);
                self.core.out(i).bytes = answer;
                let (core, service) = (&mut self.core, &mut self.service);
                core.begin_closing(service, i, EndReason::Closed);
            }
            return;
        }
        let next = self.next_reactor;
        self.next_reactor = (next + 1) % self.core.group.len();
        let command = Command::Adopt(transport, peer);
        let kept = match next == self.number {
            true => Some(command),
            // One that does not keep up gets no more to do.
            false => self.core.group.member(next).inbox.put(command).err(),
        };
        if let Some(Command::Adopt(transport, peer)) = kept {
            self.adopt(transport, peer);
        }
    }

    /// Makes a counted socket a connection of this reactor, which awaits its first head.
    pub(super) fn adopt(&mut self, mut transport: Transport, peer: SocketAddr) -> Option<u32> {
        let core = &mut self.core;
        let requests = Box::new(Requests::new(peer, &core.limits));
        let i = core.insert(Cold {
            requests: Some(requests),
            peer,
            ..Cold::free()
        });
        let token = Token(i as usize);
        if transport.register(self.poll.registry(), token).is_err() {
            core.close(&mut self.service, i, EndReason::Reset);
            return None;
        }
        core.hot(i).transport = Some(transport);
        let timeout = core.limits.head_timeout;
        core.set_deadline(i, timeout);
        Some(i)
    }
}
