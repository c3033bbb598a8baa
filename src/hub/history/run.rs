//! Making a page, step by step, so that the thread that makes it can be shared.

use std::mem;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::cursor::HistoryCursor;
use super::page::TOTAL_MAX;
use super::source::Source;
use super::{EventPage, HistoryError, HistoryEvent, HistoryOrder, HistoryQuery, HistoryTotal};
use crate::event::Position;
use crate::hub::journal_read::Step;
use crate::hub::shared::Shared;
use crate::journal::{Hole, HoleReason};

/// Events that are looked at for one page, and again for a total. A page of a filter on content may end there, with fewer
/// events than asked for, and says where to go on.
const LOOKED_AT_MAX: usize = 262_144;
/// Events that a look counts as at least: finding out that there are none costs, too.
const LOOK_LEAST: usize = 64;

/// Called once with the page, or with why there is none.
pub(super) type HistoryAnswer = Box<dyn FnOnce(Result<EventPage, HistoryError>) + Send>;

/// Makes a page on this thread.
pub(in crate::hub) fn page(
    shared: &Arc<Shared>,
    query: &HistoryQuery,
) -> Result<EventPage, HistoryError> {
    let mut run = HistoryRun::new(shared, query)?;
    loop {
        if let Some(page) = run.step()? {
            return Ok(page);
        }
    }
}

/// Has a page made on another thread, which takes turns at those that are asked for.
pub(in crate::hub) fn submit(
    shared: &Arc<Shared>,
    query: &HistoryQuery,
    on_done: HistoryAnswer,
) -> Result<(), HistoryError> {
    let mut run = HistoryRun::new(shared, query)?;
    let mut on_done = Some(on_done);
    let task = Box::new(move || {
        // A journal is foreign code: whoever asked has an answer all the same.
        let step = catch_unwind(AssertUnwindSafe(|| run.step()));
        let step = step.unwrap_or_else(|panic| {
            // Its payload may panic again when it is dropped.
            mem::forget(panic);
            Err(HistoryError::Panicked)
        });
        let answer = match step {
            Ok(None) => return Step::Again,
            Ok(Some(page)) => Ok(page),
            Err(error) => Err(error),
        };
        if let Some(on_done) = on_done.take() {
            on_done(answer);
        }
        Step::Done
    });
    let submitted = shared.read_side.run(task);
    submitted.map_err(|_| HistoryError::Busy)
}

/// A page that is being made.
struct HistoryRun {
    source: Source,
    since: Option<i64>,
    until: Option<i64>,
    limit: usize,
    order: HistoryOrder,
    as_of: Position,
    /// Ascending: the next offset to look at. Descending: the one behind it.
    place: u64,
    /// Events that are still to be passed over.
    skip: u64,
    /// The range of the whole question, once its times were looked up.
    range: Option<Range<u64>>,
    events: Vec<HistoryEvent>,
    /// Bytes of their records.
    bytes: usize,
    holes: Vec<Hole>,
    /// Offsets that were looked at where the ring has no more; empty: none.
    kept_only: Range<u64>,
    looked_at: usize,
    /// The cursor of the next page, once this one is whole.
    end: Option<Option<HistoryCursor>>,
    count: Option<Count>,
}

/// A total that is being counted.
struct Count {
    next: u64,
    found: u64,
    looked_at: usize,
    is_whole: bool,
    is_exact: bool,
}

impl HistoryRun {
    fn new(shared: &Arc<Shared>, query: &HistoryQuery) -> Result<Self, HistoryError> {
        if !(1..=HistoryQuery::LIMIT_MAX).contains(&query.limit) {
            return Err(HistoryError::Limit { given: query.limit });
        }
        if let (Some(since), Some(until)) = (query.since, query.until)
            && since > until
        {
            return Err(HistoryError::Times { since, until });
        }
        let newest = shared.position(shared.ring.visible());
        let cursor = match &query.cursor {
            Some(_) if query.offset > 0 => return Err(HistoryError::OffsetWithCursor),
            Some(text) => HistoryCursor::read(text, newest)?,
            None => HistoryCursor {
                as_of: newest,
                order: query.order,
                next: match query.order {
                    HistoryOrder::Ascending => 1,
                    HistoryOrder::Descending => newest.offset + 1,
                },
                skip: query.offset,
            },
        };
        Ok(Self {
            source: Source::new(shared, query.filter.clone())?,
            since: query.since,
            until: query.until,
            limit: query.limit,
            order: cursor.order,
            // Ascending pages go on into what was published since.
            as_of: match cursor.order {
                HistoryOrder::Ascending => newest,
                HistoryOrder::Descending => cursor.as_of,
            },
            place: cursor.next,
            skip: cursor.skip,
            range: None,
            events: Vec::new(),
            bytes: 0,
            holes: Vec::new(),
            kept_only: 0..0,
            looked_at: 0,
            end: None,
            count: query.total.then_some(Count {
                next: 0,
                found: 0,
                looked_at: 0,
                is_whole: false,
                is_exact: false,
            }),
        })
    }

    /// Does a bounded piece of work; returns the page once it is whole.
    fn step(&mut self) -> Result<Option<EventPage>, HistoryError> {
        let Some(range) = self.range.clone() else {
            self.begin()?;
            return Ok(None);
        };
        if self.end.is_none() {
            self.look(range)?;
            return Ok(None);
        }
        if let Some(count) = &mut self.count
            && !count.is_whole
        {
            count.look(&mut self.source, range)?;
            return Ok(None);
        }
        let next = self.end.take().flatten();
        self.tell_memory();
        Ok(Some(EventPage {
            events: mem::take(&mut self.events),
            has_more: next.is_some(),
            next: next.map(|next| next.to_string()),
            total: self.count.as_ref().map(Count::total),
            as_of: self.as_of,
            holes: mem::take(&mut self.holes),
        }))
    }

    /// Looks the times up. Of the first one too early does; of the last one it would be an empty page.
    fn begin(&mut self) -> Result<(), HistoryError> {
        let look_back = self.source.shared().look_back();
        let oldest = look_back.oldest();
        let topics = self.source.topics();
        let from = self
            .since
            .map_or(1, |since| look_back.since_or_oldest(since, topics));
        let end = self.as_of.offset + 1;
        let to = match self.until {
            Some(until) => look_back.since(until, topics)?.min(end),
            None => end,
        };
        let range = from.max(oldest).min(to)..to;
        // A page that goes on where events have gone since: one that begins anew begins with what there is.
        let gone = self.place..oldest.min(range.end);
        let has_journal = self.source.shared().journal.is_some();
        if has_journal
            && self.order == HistoryOrder::Ascending
            && self.place > 1
            && !gone.is_empty()
        {
            self.holes.push(Hole::new(gone, HoleReason::Retention));
        }
        self.place = self.place.clamp(range.start, range.end);
        if let Some(count) = &mut self.count {
            count.next = range.start;
        }
        self.range = Some(range);
        Ok(())
    }

    /// Looks at a part of what is left.
    fn look(&mut self, range: Range<u64>) -> Result<(), HistoryError> {
        let left = match self.order {
            HistoryOrder::Ascending => self.place..range.end,
            HistoryOrder::Descending => range.start..self.place,
        };
        if left.is_empty() {
            self.end = Some(None);
            return Ok(());
        }
        if self.looked_at >= LOOKED_AT_MAX {
            self.end_at(self.place);
            return Ok(());
        }
        let Self {
            source,
            events,
            bytes,
            skip,
            limit,
            as_of,
            ..
        } = self;
        // One more than is returned: it says whether there are more, and where.
        let want = (*limit + 1 - events.len()).saturating_add(usize::try_from(*skip).unwrap_or(0));
        let mut behind = None;
        let looked = source.look(left, self.order, want, &mut |offset, recorded, event| {
            if behind.is_some() {
                return;
            }
            let more = event.record().len();
            let is_over = *bytes + more > HistoryQuery::BYTES_MAX && !events.is_empty();
            if *skip > 0 {
                *skip -= 1;
            } else if events.len() == *limit || is_over {
                behind = Some(offset);
            } else {
                *bytes += more;
                events.push(HistoryEvent {
                    position: Position { offset, ..*as_of },
                    recorded: recorded.unwrap_or_default(),
                    event: event.to_event(),
                });
            }
        })?;
        for one in &mut events[..] {
            if one.recorded == 0 {
                one.recorded = source.shared().look_back().taken_at(one.position.offset);
            }
        }
        self.looked_at += looked.events.max(LOOK_LEAST);
        if looked.is_kept_only {
            self.kept_only = match self.kept_only.is_empty() {
                true => looked.at.clone(),
                false => {
                    let (before, at) = (&self.kept_only, &looked.at);
                    before.start.min(at.start)..before.end.max(at.end)
                }
            };
        }
        self.holes.extend(looked.holes);
        self.place = match self.order {
            HistoryOrder::Ascending => looked.at.end,
            HistoryOrder::Descending => looked.at.start,
        };
        if let Some(behind) = behind {
            // What was looked at goes on behind the page: the next one tells of that.
            let is_before = |hole: &Hole| match self.order {
                HistoryOrder::Ascending => hole.range.start < behind,
                HistoryOrder::Descending => hole.range.end > behind + 1,
            };
            self.holes.retain(is_before);
            self.end_at(match self.order {
                HistoryOrder::Ascending => behind,
                HistoryOrder::Descending => behind + 1,
            });
        }
        Ok(())
    }

    /// Says first where events may have been that were in memory only: a journal cannot tell what it was never given. Once, from
    /// one end to the other: there may be one behind each event.
    fn tell_memory(&mut self) {
        let Range { mut start, mut end } = self.kept_only.clone();
        match self.order {
            HistoryOrder::Ascending => end = end.min(self.place),
            HistoryOrder::Descending => start = start.max(self.place),
        }
        let topics = self.source.topics();
        // Asked when everything was looked at: what has left the ring by then has been published before.
        if start >= end || !self.source.shared().look_back().may_lack(topics) {
            return;
        }
        let mut offsets: Vec<u64> = self.events.iter().map(|one| one.position.offset).collect();
        offsets.sort_unstable();
        for offset in &offsets {
            start += u64::from(*offset == start);
        }
        for offset in offsets.iter().rev() {
            end -= u64::from(*offset + 1 == end);
        }
        if start < end {
            self.holes
                .insert(0, Hole::new(start..end, HoleReason::Memory));
        }
    }

    fn end_at(&mut self, next: u64) {
        self.place = next;
        self.end = Some(Some(HistoryCursor {
            as_of: self.as_of,
            order: self.order,
            next,
            skip: self.skip,
        }));
    }
}

impl Count {
    fn look(&mut self, source: &mut Source, range: Range<u64>) -> Result<(), HistoryError> {
        if self.next >= range.end || self.found >= TOTAL_MAX || self.looked_at >= LOOKED_AT_MAX {
            self.is_whole = true;
            self.is_exact = self.next >= range.end && self.found < TOTAL_MAX;
            return Ok(());
        }
        let found = &mut self.found;
        let left = self.next..range.end;
        let looked = source.look(
            left,
            HistoryOrder::Ascending,
            TOTAL_MAX as usize,
            &mut |_, _, _| *found += 1,
        )?;
        self.looked_at += looked.events.max(LOOK_LEAST);
        self.next = looked.at.end;
        Ok(())
    }

    fn total(&self) -> HistoryTotal {
        match self.is_exact {
            true => HistoryTotal::Exactly(self.found),
            false => HistoryTotal::AtLeast(self.found.min(TOTAL_MAX)),
        }
    }
}
