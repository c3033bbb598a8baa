//! A hub that is closed: streams get what is published, and end, as subscribers without a subscription do; new ones
//! are refused.

use crate::gateway::gateway::Gateway;
use crate::gateway::http::problem::Problem;
use crate::gateway::ws::Socket;
use crate::reactor::{DisconnectReason, Streams};

/// Slots that are looked at in a turn, and streams that are ended in one.
const LOOKED_AT: usize = 4096;
const ENDED: usize = 64;

impl Gateway {
    /// Refuses what would wait for events of a hub that takes none any more.
    pub(in crate::gateway) fn check_open(&self) -> Result<(), Problem> {
        match self.hub.is_closed() {
            true => Err(Problem::new(503, "the hub is closed").retry_after_s(1)),
            false => Ok(()),
        }
    }

    /// Ends streams of a closed hub that have everything, and who may subscribe to it, a turn's worth of them.
    pub(in crate::gateway) fn end_streams(&mut self, streams: &mut Streams<'_, Self>) {
        let somebody = self.classes > 0 || self.sessions > 0;
        if !somebody || !self.hub.is_closed() || streams.are_ending() {
            return;
        }
        let (mut ended, slots) = (0, streams.slots());
        for _ in 0..LOOKED_AT.min(slots) {
            if ended == ENDED {
                break;
            }
            let slot = self.closing % slots as u32;
            self.closing = slot + 1;
            self.closing_idle += 1;
            let whole = streams
                .at(slot)
                .filter(|info| !info.catching_up && info.lag == 0)
                .map(|info| info.id);
            let id = whole.or_else(|| match streams.socket_at(slot) {
                Some((id, Socket::Hub(_))) => Some(id),
                _ => None,
            });
            if let Some(id) = id {
                ended += usize::from(streams.end(id, DisconnectReason::HubClosed));
            }
        }
        if ended > 0 {
            self.closing_idle = 0;
        }
        // Who does not have everything yet is looked at when its socket takes more: once all were looked at in vain, the
        // poll may sleep.
        if self.closing_idle < slots {
            self.handle.notifier().notify();
        }
    }
}
