//! Streams that begin with an event which is not in the logs yet: they wait for it, and nobody looks after them.

use std::collections::BTreeSet;

/// The streams, by the offset that each begins with. One that has left may still stand here: its wake is for nothing.
#[derive(Debug, Default)]
pub(in crate::fanout) struct EarlyStreams(BTreeSet<(u64, u32)>);

impl EarlyStreams {
    /// Has the stream of a number woken when everything before `offset` is in the logs.
    pub(in crate::fanout) fn wait(&mut self, offset: u64, number: u32) {
        self.0.insert((offset, number));
    }

    /// Takes the number of a stream to be woken, now that everything before `fed` is in the logs.
    #[inline]
    pub(in crate::fanout) fn next(&mut self, fed: u64) -> Option<u32> {
        let (offset, _) = self.0.first()?;
        if *offset > fed {
            return None;
        }
        self.0.pop_first().map(|(_, number)| number)
    }
}
