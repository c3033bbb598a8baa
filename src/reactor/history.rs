//! History for one stream: what the service writes, in the stream's codec.

use super::core::Core;
use super::end::EndReason;
use super::send::Broken;
use super::service::{CatchUp, CaughtUp, Service};

impl<S: Service> Core<S> {
    /// Has `write` make what comes next for stream `i`, which reads no log, and moves the stream on.
    pub(super) fn take_history(
        &mut self,
        i: u32,
        budget: &mut u64,
        write: impl FnOnce(CatchUp<'_, S::Key>, &mut Vec<u8>) -> CaughtUp,
    ) -> Result<CaughtUp, Broken> {
        let (id, from) = (self.hot(i).class, self.hot(i).cursor);
        let Some(class) = self.classes.get(id) else {
            return Err(Broken(EndReason::Reset));
        };
        let max = self.limits.private_bytes.min(*budget as usize);
        let form = class.form;
        let key = class.key.clone();
        let part = CatchUp {
            key: &key,
            form,
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
        let done = self.write_history(i, form, &mut bytes, |out| write(part, out));
        debug_assert!(done.next >= from);
        *budget = budget.saturating_sub((bytes.len() - waiting).max(max / 4) as u64);
        self.out(i).bytes = bytes;
        let cold = &mut self.cold[i as usize];
        cold.missed = cold.missed.saturating_add(done.missed);
        let second = self.second();
        self.count_events(i, done.events, second);
        self.hot(i).cursor = done.next;
        Ok(done)
    }
}
