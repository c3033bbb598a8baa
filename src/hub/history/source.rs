//! Reading the past in either direction: the ring, and below it the journal and what topics retain.

use std::ops::Range;
use std::sync::Arc;

use super::{HistoryError, HistoryOrder};
use crate::event::{AsEvent, EventFilter, EventRef, Filter};
use crate::hub::journal_read::{Piece, ReadJob};
use crate::hub::shared::Shared;
use crate::hub::subscribe::Cursor;
use crate::hub::topics::{Recalled, RetainedEvent};
use crate::journal::Hole;

/// Events that are looked at in one go, one by one.
const EVENTS: usize = 1_024;
/// Bytes of a journal's records that are read in one go.
const BYTES: usize = 256 << 10;
/// Offsets of the ring in which topics are looked up from the end back in one go: at first, and at most.
const WINDOW_FIRST: u64 = EVENTS as u64;
const WINDOW_MAX: u64 = 65_536;

/// Reads the past of a hub for one question.
pub(super) struct Source {
    shared: Arc<Shared>,
    cursor: Cursor,
    filter: EventFilter,
    piece: Piece,
    window: u64,
    offsets: Vec<u64>,
}

/// The outcome of one look.
pub(super) struct Looked {
    /// The offsets of which everything that is wanted was shown.
    pub(super) at: Range<u64>,
    pub(super) holes: Vec<Hole>,
    /// Those of which only what is kept outside of the ring was there to look at, and not every event was kept by its topic.
    pub(super) is_kept_only: bool,
    /// Events that were looked at.
    pub(super) events: usize,
}

/// Shows an event that is wanted: its offset, when it was taken where that is known, and the event.
pub(super) type Each<'e> = dyn FnMut(u64, Option<i64>, EventRef<'_>) + 'e;

impl Source {
    pub(super) fn new(shared: &Arc<Shared>, filter: EventFilter) -> Result<Self, HistoryError> {
        let cursor = Cursor::open(&shared.ring).map_err(|_| HistoryError::Busy)?;
        Ok(Self {
            shared: shared.clone(),
            cursor,
            filter,
            piece: Piece::default(),
            window: WINDOW_FIRST,
            offsets: Vec::new(),
        })
    }

    pub(super) fn topics(&self) -> &Filter {
        self.filter.topics()
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Looks at a bounded part of a range, from its beginning or its end on, and shows what is wanted in that order, `want`
    /// at most. The range must not be empty; at least one offset of it is looked at.
    pub(super) fn look(
        &mut self,
        range: Range<u64>,
        order: HistoryOrder,
        want: usize,
        each: &mut Each<'_>,
    ) -> Result<Looked, HistoryError> {
        loop {
            let floor = self.shared.ring.oldest() + 1;
            let below = match order {
                HistoryOrder::Ascending => range.start < floor,
                HistoryOrder::Descending => range.end <= floor,
            };
            if below {
                let range = range.start..range.end.min(floor);
                return self.look_below(range, order, want, each);
            }
            let range = range.start.max(floor)..range.end;
            if let Some(looked) = self.look_in_ring(range, order, want, each) {
                return Ok(looked);
            }
            // Overwritten meanwhile: then it is below.
        }
    }

    /// Looks at what the ring has no more.
    fn look_below(
        &mut self,
        range: Range<u64>,
        order: HistoryOrder,
        want: usize,
        each: &mut Each<'_>,
    ) -> Result<Looked, HistoryError> {
        let is_descending = order == HistoryOrder::Descending;
        let Self {
            shared,
            filter,
            piece,
            ..
        } = self;
        match shared.read_side.journal() {
            Some(journal) => {
                // Where topics are all that is asked for, what is wanted is all that is read.
                let events_max = match filter.is_topics_only() {
                    true => want.clamp(1, EVENTS),
                    false => EVENTS,
                };
                let job = ReadJob {
                    filter: filter.topics().clone(),
                    range,
                    descending: is_descending,
                    events_max,
                    bytes_max: BYTES,
                };
                journal.read_into(piece, &job)?;
            }
            // Only what topics retain is there.
            None => piece.pass(range),
        }
        let look_back = shared.look_back();
        let recalled = look_back.recall(filter.topics(), piece.looked_at(), |event| {
            filter.matches_beside_topic(event)
        });
        let Recalled {
            events: mut retained,
            is_complete,
        } = recalled;
        if is_descending {
            retained.reverse();
        }
        let mut retained = retained.iter().peekable();
        let (mut shown, mut last) = (0, None);
        let mut show = |offset: u64, recorded: Option<i64>, event: EventRef<'_>| {
            if shown < want {
                each(offset, recorded, event);
                (shown, last) = (shown + 1, Some(offset));
            }
        };
        let comes_before = |one: u64, other: u64| match is_descending {
            true => one > other,
            false => one < other,
        };
        for index in 0..piece.len() {
            let stored = piece.at(index);
            while let Some(RetainedEvent { offset, event }) =
                retained.next_if(|one| !comes_before(stored.offset, one.offset))
            {
                // What the journal has as well comes from there.
                if *offset != stored.offset {
                    show(*offset, None, event.as_event());
                }
            }
            if filter.matches_beside_topic(stored.event) {
                show(stored.offset, Some(stored.recorded), stored.event);
            }
        }
        for RetainedEvent { offset, event } in retained {
            show(*offset, None, event.as_event());
        }
        let at = piece.looked_at();
        let cut = last.filter(|_| shown == want);
        let at = match (cut, is_descending) {
            (Some(last), false) => at.start..last + 1,
            (Some(last), true) => last..at.end,
            (None, _) => at,
        };
        let within = |hole: &&Hole| hole.range.start < at.end && hole.range.end > at.start;
        Ok(Looked {
            holes: piece.holes().iter().filter(within).cloned().collect(),
            is_kept_only: !is_complete,
            events: piece.len(),
            at,
        })
    }

    /// Looks at a part of the ring; `None`: it was overwritten before anything of it was shown.
    fn look_in_ring(
        &mut self,
        range: Range<u64>,
        order: HistoryOrder,
        want: usize,
        each: &mut Each<'_>,
    ) -> Option<Looked> {
        let is_descending = order == HistoryOrder::Descending;
        let mut offsets = std::mem::take(&mut self.offsets);
        offsets.clear();
        let found = self.candidates(range, order, want, &mut offsets);
        if is_descending {
            offsets.reverse();
        }
        let looked = found.and_then(|at| self.show(at, &offsets, is_descending, want, each));
        self.offsets = offsets;
        let mut looked = looked?;
        looked.holes = self.shared.voids(&looked.at);
        Some(looked)
    }

    /// Finds the offsets of events that may be wanted, ascending, in a part of a range of the ring; returns that part.
    fn candidates(
        &mut self,
        range: Range<u64>,
        order: HistoryOrder,
        want: usize,
        offsets: &mut Vec<u64>,
    ) -> Option<Range<u64>> {
        let topics = self.filter.topics();
        let look_back = self.shared.look_back();
        let set = match topics.is_all() {
            true => None,
            false => look_back.topic_set(topics, |_| true),
        };
        if let Some(set) = set {
            let (part, max) = match order {
                // Publishers wait meanwhile: a bounded part, however many are wanted.
                HistoryOrder::Ascending if self.filter.is_topics_only() => {
                    (range.clone(), want.min(EVENTS))
                }
                HistoryOrder::Ascending => (range.clone(), EVENTS),
                HistoryOrder::Descending => {
                    let start = range.end.saturating_sub(self.window).max(range.start);
                    // What is rare is looked for in longer parts.
                    self.window = (self.window * 2).min(WINDOW_MAX);
                    (start..range.end, usize::MAX)
                }
            };
            // Out of date before it was used: topics come and go, and all events are looked at instead.
            if let Some(found) = look_back.offsets_in(&set, part.clone(), max, offsets) {
                return (found.floor <= part.start).then_some(part.start..found.to);
            }
            offsets.clear();
        }
        let range = match order {
            HistoryOrder::Ascending => range.start..range.end.min(range.start + EVENTS as u64),
            HistoryOrder::Descending => {
                range.end.saturating_sub(EVENTS as u64).max(range.start)..range.end
            }
        };
        self.cursor.seek(range.start).ok()?;
        let filter = &self.filter;
        let mut next = range.start;
        while next < range.end {
            let left = (range.end - next) as usize;
            let read = self.cursor.read_while(left, |offset, event| {
                if offset < range.end && filter.topics().matches(event.topic()) {
                    offsets.push(offset);
                }
                true
            });
            match read {
                Ok(1..) => next = self.cursor.next_offset(),
                // Nothing is there that was there: it was overwritten.
                _ => return None,
            }
        }
        Some(range)
    }

    /// Shows what of some events of the ring is wanted.
    fn show(
        &mut self,
        at: Range<u64>,
        offsets: &[u64],
        is_descending: bool,
        want: usize,
        each: &mut Each<'_>,
    ) -> Option<Looked> {
        let (mut shown, mut events) = (0, 0);
        let looked = |at, events| Looked {
            at,
            holes: Vec::new(),
            is_kept_only: false,
            events,
        };
        for &offset in offsets {
            // Neighbours need no seek.
            let is_there = self.cursor.next_offset() == offset || self.cursor.seek(offset).is_ok();
            let filter = &self.filter;
            let read = is_there.then(|| {
                self.cursor.read_recorded(1, |_, recorded, event| {
                    if filter.matches_beside_topic(event) {
                        each(offset, recorded, event);
                        shown += 1;
                    }
                    true
                })
            });
            events += 1;
            if !matches!(read, Some(Ok(1))) {
                // Overwritten: up to here it was shown.
                let at = match is_descending {
                    true => offset + 1..at.end,
                    false => at.start..offset,
                };
                return (!at.is_empty()).then(|| looked(at, events));
            }
            if shown == want {
                let at = match is_descending {
                    true => offset..at.end,
                    false => at.start..offset + 1,
                };
                return Some(looked(at, events));
            }
        }
        Some(looked(at, events))
    }
}
