//! A hub that is closed: streams get what is published, and end, as subscribers without a subscription do; new ones
//! are refused.

use crate::gateway::delivery::OpenStreams;
use crate::gateway::gateway::Gateway;
use crate::net::{DisconnectReason, Sockets};
use crate::ring::Notify;

/// Slots that are looked at in a turn.
const LOOKED_AT: usize = 4096;
/// Streams that are ended in a turn: ending one writes to its socket.
const ENDED: usize = 64;

/// The walk that ends the streams of a closed hub.
#[derive(Default)]
pub(super) struct ClosedHub {
    /// The slot that is next.
    slot: u32,
    /// Slots that were looked at since one was ended.
    idle: usize,
}

impl ClosedHub {
    /// Ends streams that have everything, and sockets that may subscribe, a turn's worth of them. `wake` ends the next
    /// sleep of the reactor.
    pub(super) fn end_streams(
        &mut self,
        streams: &mut OpenStreams<'_, '_>,
        may_subscribe: impl Fn(&<Gateway as Sockets>::Socket) -> bool,
        wake: &dyn Notify,
    ) {
        if streams.are_ending() {
            return;
        }
        let (mut ended, slots) = (0, streams.slots());
        for _ in 0..LOOKED_AT.min(slots) {
            if ended == ENDED {
                break;
            }
            // Goes on where the last turn stopped, so that each slot has its turn however many there are.
            let slot = self.slot % slots as u32;
            self.slot = slot + 1;
            self.idle += 1;
            // Who is behind gets the rest first: closing a hub takes nothing back that was published.
            let whole = streams
                .at(slot)
                .filter(|info| !info.catching_up && info.lag == 0)
                .map(|info| info.id);
            let id = whole.or_else(|| match streams.socket_at(slot) {
                Some((id, socket)) if may_subscribe(socket) => Some(id),
                _ => None,
            });
            if let Some(id) = id {
                ended += usize::from(streams.end(id, DisconnectReason::HubClosed));
            }
        }
        if ended > 0 {
            self.idle = 0;
        }
        // Who does not have everything yet is looked at when its socket takes more: once all were looked at in vain, the
        // poll may sleep.
        if self.idle < slots {
            wake.notify();
        }
    }
}
