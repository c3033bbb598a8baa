//! From a handshake to a socket.

use super::{SocketPlan, WebSockets, Ws};
use crate::net::conns::phase::{Flags, Phase};
use crate::net::end::closing::Closing;
use crate::net::end::reason::EndReason;
use crate::net::service::Service;

impl<S: Service> WebSockets<'_, S> {
    /// Makes connection `i` a socket, sends what it can, and reads what came with the handshake.
    pub(in crate::net) fn start(&mut self, i: u32, plan: SocketPlan<S>) {
        let requests = self.core.conns.cold_mut(i).requests_mut().take();
        self.core.restart_deadline(i, plan.expires_at);
        self.core
            .conns
            .out_mut(i)
            .bytes()
            .extend_from_slice(&plan.head);
        let second = self.core.timers.second();
        self.core.conns.conn(i).reset_counts(second);
        let id = self.core.conns.name_stream(i);
        let mut socket = plan.socket;
        self.service.opened(&mut socket, id);
        let ws = Ws::new(socket, plan.inflate, plan.limits, second);
        *self.core.conns.cold_mut(i).ws_mut() = Some(Box::new(ws));
        let hot = self.core.conns.hot_mut(i);
        hot.start_heartbeat(plan.heartbeat, second);
        hot.set_phase(Phase::Socket);
        self.core.counters.sockets.add(1);
        if let Some(subscribed) = plan.subscribed {
            self.change_subscription(i, subscribed);
        }
        // Messages may have come in one read with the handshake: no edge tells of them any more.
        let mut early = requests.map_or_else(Vec::new, |requests| requests.into_input());
        self.input(i, &mut early);
        // Who has closed its half already sends nothing more, and waits for nothing.
        if self.core.conns.hot(i).has(Flags::EOF) && self.core.conns.is_socket(i) {
            Closing::new(self.core, self.service).begin_closing(i, EndReason::Closed);
        }
    }
}
