//! History that is read elsewhere: what a stream asks for is made at that moment, and comes with a later operation.

use crate::fanout::oracle::events::Events;
use crate::fanout::{CatchUp, CaughtUp, HistoryMode};

/// Parts of history on their way, at most one for each stream.
pub(super) struct Elsewhere(Vec<Option<Part>>);

/// A part on its way.
struct Part {
    key: usize,
    from: u64,
    bytes: Vec<u8>,
    done: CaughtUp,
    has_come: bool,
}

impl Elsewhere {
    pub(super) fn new(streams: usize) -> Self {
        Self((0..streams).map(|_| None).collect())
    }

    /// Writes a part of history, at once or once it [has come](Self::come).
    pub(super) fn history(
        &mut self,
        events: &Events,
        part: &CatchUp<'_, usize>,
        out: &mut Vec<u8>,
    ) -> Option<CaughtUp> {
        let asked = &mut self.0[part.number as usize];
        // Whoever has moved meanwhile wants something else.
        asked.take_if(|asked| asked.from != part.from || asked.key != *part.key);
        match asked {
            Some(asked) if !asked.has_come => return None,
            Some(_) => {}
            None => {
                let now = part.mode != HistoryMode::All || (part.from / 8).is_multiple_of(2);
                if now {
                    return Some(events.history(part, out));
                }
                let mut bytes = Vec::new();
                let max = part.max.saturating_sub(out.len()).max(1);
                let done = events.history(&CatchUp { max, ..*part }, &mut bytes);
                *asked = Some(Part {
                    key: *part.key,
                    from: part.from,
                    bytes,
                    done,
                    has_come: false,
                });
                return None;
            }
        }
        let part = asked.take()?;
        out.extend_from_slice(&part.bytes);
        Some(part.done)
    }

    /// Brings what a stream has asked for; `false`: it waits for nothing.
    pub(super) fn come(&mut self, stream: usize) -> bool {
        let part = self.0[stream].as_mut();
        part.map(|part| part.has_come = true).is_some()
    }

    /// Forgets what a stream has asked for.
    pub(super) fn forget(&mut self, stream: usize) {
        self.0[stream] = None;
    }
}
