//! History for one stream: what the service writes, in the stream's codec, a bounded amount a turn.

use crate::net::conns::conn::{Flags, Phase};
use crate::net::core::Core;
use crate::net::end::EndReason;
use crate::net::form::Codec;
use crate::net::form::FormId;
use crate::net::io::send::Broken;
use crate::net::service::Service;
use crate::net::stream_plan::{CatchUp, CaughtUp, HistoryMode};

/// Bytes of history that all connections of a reactor get in a turn, together; some are over it. The rest waits its turn,
/// so that what is live need not wait for it: about a millisecond.
pub(in crate::net) const HISTORY_PER_TURN: u64 = 512 << 10;
/// Bytes that an event counts for that was looked at, wanted or not.
const LOOK_BYTES: u64 = 64;
/// Bytes that a byte counts for that is compressed for one connection.
const COMPRESSED_BYTES: u64 = 8;

impl<S: Service> Core<S> {
    /// Lets everybody who waits go on with history.
    pub(in crate::net) fn begin_history_turn(&mut self) {
        self.history_left = HISTORY_PER_TURN;
        let Self {
            ready,
            history_waits,
            ..
        } = self;
        ready.append(history_waits);
    }

    /// Returns whether connection `i` gets history in this turn. If not, it will in the next.
    pub(in crate::net) fn may_take_history(&mut self, i: u32) -> bool {
        if self.history_left > 0 {
            return true;
        }
        let hot = self.hot(i);
        if !hot.flags.has(Flags::READY) && hot.phase != Phase::Free {
            // As good as queued: nothing else may queue it before the next turn.
            hot.flags.set(Flags::READY);
            self.history_waits.push_back(i);
        }
        false
    }

    /// Takes from what is left of this turn's history what one part has cost.
    pub(in crate::net) fn spend_history(&mut self, form: FormId, bytes: usize, done: &CaughtUp) {
        let each = match S::codec(form) {
            Codec::Identity => 1,
            Codec::Gzip | Codec::Brotli | Codec::Messages { .. } => COMPRESSED_BYTES,
        };
        let looked_at = u64::from(done.looked_at);
        self.counters.looked_back.add(looked_at);
        let cost = bytes as u64 * each + looked_at * LOOK_BYTES;
        // Never free, so that a turn ends also where nothing comes of it.
        self.history_left = self.history_left.saturating_sub(cost.max(1));
    }

    /// Has `write` make what comes next for stream `i`, which reads no log, and moves the stream on.
    pub(in crate::net) fn take_history(
        &mut self,
        i: u32,
        mode: HistoryMode,
        budget: &mut u64,
        write: impl FnOnce(CatchUp<'_, S::Key>, &mut Vec<u8>) -> CaughtUp,
    ) -> Result<CaughtUp, Broken> {
        let (id, from) = (self.hot(i).class, self.hot(i).cursor);
        let Some(class) = self.classes.get(id) else {
            return Err(Broken(EndReason::Reset));
        };
        // So history is made as fast as the socket takes it, and never lies here by the megabyte.
        let max = self.limits.private_bytes.min(*budget as usize);
        let form = class.form;
        let key = class.key.clone();
        let part = CatchUp {
            key: &key,
            form,
            mode,
            from,
            to: self.fed,
            max,
        };
        let out = self.cold[i as usize].out.get_or_insert_default();
        out.sent = 0;
        let mut bytes = std::mem::take(&mut out.bytes);
        let waiting = bytes.len();
        // The key may not be borrowed while the account of the stream changes: cloning it costs a few
        // reference counts a part.
        let mut plain = 0;
        let done = self.write_history(i, form, &mut bytes, |out| {
            let before = out.len();
            let done = write(part, out);
            plain = out.len() - before;
            done
        });
        debug_assert!(done.next >= from);
        // A quarter at least: parts in which the filter takes nothing would cost no budget and go on for ever.
        *budget = budget.saturating_sub((bytes.len() - waiting).max(max / 4) as u64);
        self.spend_history(form, plain, &done);
        self.out(i).bytes = bytes;
        let cold = &mut self.cold[i as usize];
        cold.missed = cold.missed.saturating_add(done.missed);
        let second = self.second();
        self.count_events(i, done.events, second);
        self.hot(i).cursor = done.next;
        Ok(done)
    }
}
