//! From a handshake to a socket.

use super::{SocketPlan, Ws};
use crate::net::conns::conn::{Flags, Phase};
use crate::net::core::Core;
use crate::net::end::EndReason;
use crate::net::service::Service;
use crate::wire::ws::{ControlRate, MessageDecoder, Peer};

impl<S: Service> Core<S> {
    /// Makes connection `i` a socket, sends what it can, and reads what came with the handshake.
    pub(in crate::net) fn start_socket(&mut self, service: &mut S, i: u32, plan: SocketPlan<S>) {
        let requests = self.cold[i as usize].requests.take();
        self.clear_deadline(i);
        if let Some(at) = plan.expires_at {
            let tick = self.tick_of(at) + 1;
            self.set_deadline_tick(i, tick);
        }
        self.out(i).bytes.extend_from_slice(&plan.head);
        let second = self.reset_counts(i);
        self.name_stream(i);
        let mut socket = plan.socket;
        service.opened(&mut socket, self.stream_id(i));
        self.cold[i as usize].ws = Some(Box::new(Ws {
            decoder: MessageDecoder::new(Peer::Client, plan.inflate, plan.limits.frames),
            limits: plan.limits,
            socket,
            rate: ControlRate::default(),
            heard: second,
            pinged: 0,
            begun: 0,
            unfinished: 0,
            inflates: 0,
            busy: None,
        }));
        let hot = self.hot(i);
        hot.heartbeat = plan.heartbeat.as_secs().min(u64::from(u16::MAX)) as u16;
        hot.active = second;
        hot.phase = Phase::Socket;
        self.counters.sockets.add(1);
        if let Some(subscribed) = plan.subscribed {
            self.change_subscription(service, i, Some(subscribed));
        }
        // Messages may have come in one read with the handshake: no edge tells of them any more.
        let mut early = requests.map_or_else(Vec::new, |requests| requests.into_input());
        self.socket_input(service, i, &mut early);
        // Who has closed its half already sends nothing more, and waits for nothing.
        if self.hot(i).flags.has(Flags::EOF) && self.is_socket(i) {
            self.begin_closing(service, i, EndReason::Closed);
        }
    }

    /// Returns whether connection `i` is a socket, with or without a subscription.
    pub(in crate::net) fn is_socket(&self, i: u32) -> bool {
        self.cold[i as usize].ws.is_some()
    }
}
