//! Subscriptions that change: what a socket receives from then on is another stream.

use super::WebSockets;
use crate::net::conns::phase::Phase;
use crate::net::end::closing::Closing;
use crate::net::end::reason::EndReason;
use crate::net::service::Service;

impl<S: Service> WebSockets<'_, S> {
    /// Lets socket `i` receive what `change` says from here on. What its last subscription has
    /// brought up to here goes out first.
    pub(super) fn change_subscription(&mut self, i: u32, change: S::Change) {
        let receives = self.core.conns.phase(i) == Phase::Stream;
        let ended = receives.then(|| self.core.ended(i, EndReason::Closed));
        // With a name and figures of its own, but not before it is there: one that has to be cut is the last one still.
        let id = self.core.conns.next_id(i);
        let readers = &mut self.core.readers();
        match self.service.change(readers, id, change, ended) {
            Ok(receives) => {
                self.core.conns.name_stream(i);
                let second = self.core.timers.second();
                let mut conn = self.core.conns.conn(i);
                conn.reset_counts(second);
                conn.hot().set_phase(match receives {
                    true => Phase::Stream,
                    false => Phase::Socket,
                });
            }
            Err(why) => Closing::new(self.core, self.service).close(i, why),
        }
    }
}
