//! Accepted sockets become connections, or are refused.

use mio::Token;

use super::conn::Cold;
use super::end::EndReason;
use super::listeners::Accepted;
use super::requests::Requests;
use super::service::{Refusal, Service};
use super::transport::Transport;
use super::turn::Reactor;

/// Connections over the limit that are answered rather than dropped.
const REFUSING_MAX: u64 = 64;

impl<S: Service> Reactor<S> {
    pub(super) fn accept(&mut self) {
        let Self {
            listeners,
            core,
            service,
            poll,
            ..
        } = self;
        listeners.accept(|accepted| match accepted {
            Accepted::TurnedAway => core.counters.refused.add(1),
            Accepted::Connection(stream, peer) => {
                core.counters.accepted.add(1);
                let open = core.counters.connections.get();
                let limit = core.limits.max_connections as u64;
                if open >= limit + REFUSING_MAX {
                    core.counters.refused.add(1);
                    return;
                }
                let Ok(mut transport) = Transport::accepted(stream, &core.limits) else {
                    return;
                };
                let requests = Box::new(Requests::new(peer, &core.limits));
                let i = core.insert(Cold {
                    requests: Some(requests),
                    peer,
                    ..Cold::free()
                });
                if transport
                    .register(poll.registry(), Token(i as usize))
                    .is_err()
                {
                    return core.close(service, i, EndReason::Reset);
                }
                core.hot(i).transport = Some(transport);
                let timeout = core.limits.head_timeout;
                core.set_deadline(i, timeout);
                if open >= limit {
                    core.counters.refused.add(1);
                    let answer = service.refuse_for(Refusal::TooManyConnections, None);
                    core.out(i).bytes = answer;
                    core.begin_closing(service, i, EndReason::Closed);
                }
            }
        });
    }
}
