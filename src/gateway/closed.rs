//! A hub that is closed: streams get what is published, and end; new ones are refused.

use super::problem::Problem;
use super::state::Gateway;
use crate::reactor::{Farewell, Streams};

/// Slots that are looked at in a turn, and streams that are ended in one.
const LOOKED_AT: usize = 4096;
const ENDED: usize = 64;

impl Gateway {
    /// Refuses what would wait for events of a hub that takes none any more.
    pub(super) fn check_open(&self) -> Result<(), Problem> {
        match self.hub.is_closed() {
            true => Err(Problem::new(503, "the hub is closed").retry_after_s(1)),
            false => Ok(()),
        }
    }

    /// Ends streams of a closed hub that have everything, a turn's worth of them.
    pub(super) fn end_streams(&mut self, streams: &mut Streams<'_, Self>) {
        if self.classes == 0 || !self.hub.is_closed() {
            return;
        }
        let mut ended = 0;
        for _ in 0..LOOKED_AT.min(streams.slots()) {
            if ended == ENDED {
                break;
            }
            let slot = self.closing % streams.slots() as u32;
            self.closing = slot + 1;
            let whole = streams
                .at(slot)
                .filter(|info| !info.catching_up && info.lag == 0);
            if let Some(id) = whole.map(|info| info.id) {
                ended += usize::from(streams.end(id, Farewell::HubClosed));
            }
        }
        // Who does not have everything yet is looked at when its socket takes more.
        if ended > 0 {
            self.handle.notifier().notify();
        }
    }
}
