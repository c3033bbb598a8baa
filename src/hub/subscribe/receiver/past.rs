//! What the ring has no more, read from the journal until the receiver has come to what the ring has.
//!
//! A read goes up to the ring's floor as it was before: everything below it that is kept at all is in the journal, and
//! from there on the ring has everything, also what no journal gets. Where the floor has risen meanwhile, the ring says
//! so, and it goes on from the journal again: nothing is passed, and nothing is shown twice. No journal gets what is in
//! memory only, so that each time the floor has risen a gap says that some of it may be missing.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Receiver;
use crate::event::{Event, EventRef, Position};
use crate::hub::journal_read::{JournalReads, Piece, PieceRead, ReadJob};
use crate::hub::topics::RetainedEvent;
use crate::hub::{Gap, GapReason, TryReceiveError};
use crate::journal::{Hole, JournalError};
use crate::ring::Notify;

/// Events and bytes that a receiver reads at once, into a buffer of its own that goes when it has caught up.
const PIECE_EVENTS: usize = 1_024;
const PIECE_BYTES: usize = 256 << 10;
/// Offsets that are passed at once where the journal says that it is damaged, and not how far.
const DAMAGED_STEP: u64 = 1_024;
/// Until a read that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(10);
/// Pieces that one receive looks at for something that is wanted, some 10 ms of them. Then it looks at the time, and at
/// whether it is still subscribed.
const PIECES_PER_SCAN: usize = 16;
/// Events that are looked at for the last so many of a subscription that asks for more than topics.
const LAST_LOOKED_AT_MAX: usize = 1 << 20;

/// The reading of one receiver from the journal.
pub(super) struct Past {
    reads: Arc<JournalReads>,
    piece: Piece,
    /// The next event of the piece, and the next hole.
    event: usize,
    hole: usize,
    /// The offset up to which everything was shown, told or passed.
    passed: u64,
    /// The offset below which the topics' own copies are in the backlog.
    recalled: u64,
    /// The offset below which nothing was asked for, so that nothing is missing.
    silent_below: u64,
    /// The offset below which it was told what may be missing since it was in memory only, or asked: nothing else is read.
    told_below: u64,
    /// The offset below which it was told what has gone by bounds, or did not ask for it.
    retained_below: u64,
    /// Told before anything else.
    first: Option<Gap>,
    /// The next piece, where another thread reads it.
    reading: Option<PieceRead>,
    /// The last read failed; from then on it may be tried again.
    retry_at: Option<Instant>,
}

/// The thread on which a receiver reads the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) enum ReadOn {
    /// On this thread.
    Caller,
    /// On a thread of the read side: until a piece is there, nothing is.
    ReadSide,
}

/// The next thing in order.
enum Next {
    Event(u64),
    /// The first of the backlog.
    Retained(u64),
    Hole(Hole),
    /// The piece has no more.
    End,
}

/// The outcome of a scan that nothing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PastScan {
    /// Something was shown, or there is nothing up to where it was to look.
    Stopped,
    /// The ring has what follows.
    Joined,
    /// So much was looked at without anything that is wanted.
    Unfinished,
}

impl Past {
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    fn next(&self, backlog: &VecDeque<RetainedEvent>) -> Next {
        let end = self.piece.looked_at().end;
        let event = self.piece.offset(self.event);
        let retained = backlog.front().map(|one| one.offset);
        let retained = retained.filter(|offset| *offset < end);
        let first = match (event, retained) {
            (Some(event), Some(retained)) if retained < event => Next::Retained(retained),
            (Some(event), _) => Next::Event(event),
            (None, Some(retained)) => Next::Retained(retained),
            (None, None) => Next::End,
        };
        let before = match first {
            Next::Event(offset) | Next::Retained(offset) => offset,
            _ => u64::MAX,
        };
        match self.piece.holes().get(self.hole) {
            Some(hole) if hole.range.start <= before => Next::Hole(hole.clone()),
            _ => first,
        }
    }

    /// Tells once of all that has gone by bounds, before the piece that was read, and again where more has gone since. Where
    /// nothing comes before the end of it, that is where it goes on; else it is a bound.
    fn tell_retained(&mut self, retained: Option<u64>, range: Range<u64>, exact: bool) {
        let below = self.piece.take_retained();
        let from = range.start.max(self.retained_below).max(self.silent_below);
        if from >= below {
            return;
        }
        let hole = self.piece.holes().first().map(|hole| hole.range.start);
        let event = self.piece.offset(0);
        let next = [hole, event, retained].into_iter().flatten().min();
        let end = self.piece.looked_at().end;
        let is_whole = end == range.end || end >= below;
        let to = match next {
            None if is_whole => end.min(below),
            Some(next) if next >= below => below,
            _ => below.max(from),
        };
        let is_behind = next.is_none_or(|next| next >= to) && (next.is_some() || is_whole);
        let resume_at = match is_behind {
            true => to,
            false => next.unwrap_or(range.start).max(range.start),
        };
        self.passed = self.passed.max(resume_at - 1);
        self.retained_below = to;
        self.first = Some(Gap {
            missed: to - from,
            resume_at,
            exact: exact && is_behind,
            reason: GapReason::Retention,
        });
    }

    /// Passes a hole, up to `next`, the event that comes then; returns what to tell of it.
    fn pass_hole(&mut self, hole: &Hole, next: Option<u64>, exact: bool) -> Option<Gap> {
        self.hole += 1;
        let from = hole.range.start.max(self.passed + 1).max(self.silent_below);
        // Where a bound of one topic took its events, or those with a stream stayed, there are others among them.
        let within = next.filter(|next| *next < hole.range.end);
        let resume_at = within.unwrap_or(hole.range.end);
        self.passed = self.passed.max(resume_at - 1);
        (from < hole.range.end).then(|| Gap {
            missed: hole.range.end - from,
            resume_at,
            exact: exact && within.is_none(),
            reason: hole.reason.into(),
        })
    }
}

impl Receiver {
    /// Goes on with the event at an offset, which the ring may have no more. Unless it was asked for, nothing is missing
    /// before the oldest that is kept. Returns whether there is a journal to go on from.
    pub(super) fn enter_past(&mut self, from: u64, is_asked_for: bool) -> bool {
        let Some(reads) = self.shared.read_side.journal().cloned() else {
            return false;
        };
        let from = from.max(1);
        let silent_below = match is_asked_for {
            true => from,
            false => reads.complete_from(),
        };
        let retained_below = match is_asked_for {
            true => 0,
            false => reads.retained_below(self.class.filter()),
        };
        let mut piece = Piece::default();
        piece.clear(from..from);
        let floor = self.floor();
        let first = (from < floor && self.may_lack()).then(|| Gap {
            missed: floor - from.max(silent_below).min(floor),
            resume_at: from,
            exact: false,
            reason: GapReason::Memory,
        });
        self.past = Some(Box::new(Past {
            reads,
            piece,
            event: 0,
            hole: 0,
            passed: from - 1,
            recalled: from,
            silent_below,
            told_below: floor.max(from),
            retained_below,
            first: first.filter(|gap| gap.missed > 0),
            reading: None,
            retry_at: None,
        }));
        true
    }

    /// Walks over what the journal and the topics' own copies have up to an offset, showing what is wanted while `look`
    /// says true, and comes to the ring where they end.
    pub(super) fn scan_past(
        &mut self,
        last: u64,
        read_on: ReadOn,
        look: &mut impl FnMut(Position, EventRef<'_>) -> bool,
    ) -> Result<PastScan, TryReceiveError> {
        let (mut count, mut time, mut pieces) = (0, 0, 0);
        let outcome = loop {
            // Borrowed anew each time, and never taken out: if `look` panics, everything is where it was.
            let Some(past) = self.past.as_deref_mut() else {
                break Ok(PastScan::Joined);
            };
            if let Some(reason) = self.entry.ended() {
                // What was shown is told first; its end comes with the next receive.
                break if count > 0 {
                    Ok(PastScan::Stopped)
                } else {
                    Err(reason.into())
                };
            }
            if let Some(gap) = past.first.take() {
                break Err(TryReceiveError::Gap(gap));
            }
            let next = past.next(&self.backlog);
            if let Next::Event(offset)
            | Next::Retained(offset)
            | Next::Hole(Hole {
                range: Range { start: offset, .. },
                ..
            }) = next
                && offset > last
            {
                past.passed = past.passed.max(last);
                break Ok(PastScan::Stopped);
            }
            let epoch = self.shared.epoch;
            let filter_fn = self.filter_fn.as_deref();
            match next {
                Next::Hole(_) if count > 0 => break Ok(PastScan::Stopped),
                Next::Hole(hole) => {
                    let exact = self.class.event_filter().is_all() && filter_fn.is_none();
                    let retained = self.backlog.front().map(|one| one.offset);
                    let next = past.piece.offset(past.event).into_iter().chain(retained);
                    if let Some(gap) = past.pass_hole(&hole, next.min(), exact) {
                        break Err(TryReceiveError::Gap(gap));
                    }
                }
                Next::Retained(offset) => {
                    if let Some(RetainedEvent { event, .. }) = self.backlog.front() {
                        let going = look(Position { epoch, offset }, Event::as_ref(event));
                        time = event.time();
                        count += 1;
                        past.passed = offset;
                        self.backlog.pop_front();
                        if !going {
                            break Ok(PastScan::Stopped);
                        }
                    }
                }
                Next::Event(offset) => {
                    let event = past.piece.at(past.event).event;
                    let wanted = self.class.wants_at(offset - 1, event)
                        && filter_fn.is_none_or(|filter_fn| filter_fn(event));
                    let mut going = true;
                    if wanted {
                        going = look(Position { epoch, offset }, event);
                        time = event.time();
                        count += 1;
                    }
                    past.event += 1;
                    past.passed = offset;
                    if self.backlog.front().is_some_and(|one| one.offset == offset) {
                        self.backlog.pop_front();
                    }
                    if !going {
                        break Ok(PastScan::Stopped);
                    }
                }
                Next::End => {
                    past.passed = past.passed.max(past.piece.looked_at().end - 1);
                    if count > 0 || past.passed >= last {
                        break Ok(PastScan::Stopped);
                    }
                    if pieces == PIECES_PER_SCAN {
                        break Ok(PastScan::Unfinished);
                    }
                    pieces += 1;
                    if let Err(error) = self.read_piece(read_on) {
                        break match error {
                            // It is on its way or tried again, and nothing was passed.
                            TryReceiveError::Empty => Ok(PastScan::Unfinished),
                            error => Err(error),
                        };
                    }
                }
            }
        };
        if let Err(TryReceiveError::Gap(gap)) = &outcome {
            self.note_gap(*gap);
        }
        self.note(count, time);
        outcome
    }

    /// Reads the next piece, or goes back to the ring. What is damaged is passed, and is the gap of the error.
    fn read_piece(&mut self, read_on: ReadOn) -> Result<(), TryReceiveError> {
        let floor = self.floor();
        let Some(past) = self.past.as_deref_mut() else {
            return Ok(());
        };
        let from = past.passed + 1;
        if from >= floor {
            // The event of an offset has the sequence before it. The ring has it, or says by how much it came too late.
            let _ = self.subscriber.seek(past.passed);
            self.past = None;
            return Ok(());
        }
        if from >= past.told_below {
            // Publishers have outrun it: what has left the ring since it was told is told anew.
            past.told_below = floor;
            if self.may_lack() {
                return Err(TryReceiveError::Gap(Gap {
                    missed: floor - from,
                    resume_at: from,
                    exact: false,
                    reason: GapReason::Memory,
                }));
            }
        }
        let Some(past) = self.past.as_deref_mut() else {
            return Ok(());
        };
        // Up to where it was told: beyond, there may be more than the journal has.
        let end = floor.min(past.told_below);
        let job = ReadJob {
            filter: self.class.filter().clone(),
            range: from..end,
            descending: false,
            events_max: PIECE_EVENTS,
            bytes_max: PIECE_BYTES,
        };
        (past.event, past.hole) = (0, 0);
        let read = match past.reading.take() {
            None => None,
            Some(reading) => {
                let read = reading.take();
                if read.is_none() && read_on == ReadOn::ReadSide {
                    past.reading = Some(reading);
                    return Err(TryReceiveError::Empty);
                }
                read
            }
        };
        let retry_at = past.retry_at.take();
        let read = match (read, read_on) {
            (Some(read), _) => read.map(|piece| past.piece = piece),
            (None, ReadOn::ReadSide) => {
                let buffer = std::mem::take(&mut past.piece);
                past.piece.clear(from..from);
                let reads = past.reads.clone();
                let read_side = &self.shared.read_side;
                // The system gives no thread: it is asked for again with the next look.
                past.reading = read_side.submit_piece(reads, job, buffer, retry_at).ok();
                return Err(TryReceiveError::Empty);
            }
            (None, ReadOn::Caller) => {
                if retry_at.is_some_and(|at| Instant::now() < at) {
                    past.retry_at = retry_at;
                    return Err(TryReceiveError::Empty);
                }
                past.reads.read_into(&mut past.piece, &job)
            }
        };
        match read {
            Ok(()) => {}
            Err(JournalError::Damaged { .. }) => {
                // A step, and not everything that the ring has lost: what is behind it may be as it was.
                let end = end.min(from.saturating_add(DAMAGED_STEP));
                past.piece.pass(from..end);
                past.passed = end - 1;
                return Err(TryReceiveError::Gap(Gap {
                    missed: end - from,
                    resume_at: end,
                    exact: false,
                    reason: GapReason::Damaged,
                }));
            }
            // Nothing more will ever be read.
            Err(JournalError::Closed) => {
                past.piece.clear(from..from);
                return Err(TryReceiveError::Closed);
            }
            // The disk, or too many files: what is there is there when it is over.
            Err(_) => {
                past.piece.clear(from..from);
                past.retry_at = Instant::now().checked_add(RETRY_AFTER);
                return Err(TryReceiveError::Empty);
            }
        }
        let recalled = past.recalled.max(from);
        past.recalled = floor;
        if recalled < floor {
            let mut earlier = std::mem::take(&mut self.backlog);
            self.recall(recalled..floor);
            earlier.append(&mut self.backlog);
            self.backlog = earlier;
        }
        let exact = self.class.event_filter().is_all() && self.filter_fn.is_none();
        let retained = self.backlog.front().map(|one| one.offset);
        if let Some(past) = self.past.as_deref_mut() {
            past.tell_retained(retained, from..end, exact);
        }
        Ok(())
    }

    /// Waits until a read that failed may be tried again, or until the deadline.
    pub(super) fn wait_for_retry(&self, deadline: Option<Instant>) {
        let retry_at = self.past.as_ref().and_then(|past| past.retry_at);
        let until = match (retry_at, deadline) {
            (Some(retry_at), Some(deadline)) => Some(retry_at.min(deadline)),
            (retry_at, _) => retry_at,
        };
        if let Some(until) = until {
            // Nobody wakes it: a disk says nothing when it is well again, and it is short.
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }

    /// Asks for one notification when the piece that another thread reads is there. `false`: look again at once, since none
    /// is read or it is there.
    pub(super) fn arm_past(&mut self, notify: Arc<dyn Notify>) -> bool {
        let past = self.past.as_deref();
        if past.is_some_and(|past| past.retry_at.is_some()) {
            // One that failed is tried again there, in its time.
            let _ = self.read_piece(ReadOn::ReadSide);
        }
        let reading = self.past.as_ref().and_then(|past| past.reading.as_ref());
        reading.is_some_and(|reading| reading.arm(notify))
    }

    /// Returns the offset from which on the last so many that are wanted stand below the ring's floor, how many there are,
    /// and whether there may be more.
    pub(super) fn last_in_past(&mut self, count: usize, floor: u64) -> Option<LastInPast> {
        let reads = self.shared.read_side.journal()?.clone();
        let oldest = reads.oldest();
        // What topics retain beside the journal counts as well, and each event once.
        self.recall(1..floor);
        let mut found: Vec<u64> = self.backlog.drain(..).map(|one| one.offset).collect();
        let (mut piece, mut end, mut looked_at, mut in_journal) = (Piece::default(), floor, 0, 0);
        while end > oldest && in_journal < count && looked_at < LAST_LOOKED_AT_MAX {
            let job = ReadJob {
                filter: self.class.filter().clone(),
                range: oldest..end,
                descending: true,
                events_max: PIECE_EVENTS,
                bytes_max: PIECE_BYTES,
            };
            if reads.read_into(&mut piece, &job).is_err() {
                break;
            }
            looked_at += piece.len();
            for index in 0..piece.len() {
                let stored = piece.at(index);
                let filter_fn = self.filter_fn.as_deref();
                if in_journal < count
                    && self.class.wants(stored.event)
                    && filter_fn.is_none_or(|filter_fn| filter_fn(stored.event))
                {
                    found.push(stored.offset);
                    in_journal += 1;
                }
            }
            end = piece.looked_at().start;
        }
        found.sort_unstable();
        found.dedup();
        let first = found.len().saturating_sub(count);
        Some(LastInPast {
            from: found.get(first).copied().unwrap_or(floor),
            found: found.len() - first,
            is_complete: end <= oldest && oldest <= 1 && !self.may_lack(),
        })
    }

    /// The oldest offset that the ring has.
    fn floor(&self) -> u64 {
        self.shared.ring.oldest() + 1
    }

    /// Returns whether events that it wants may be in no journal.
    fn may_lack(&self) -> bool {
        self.shared.look_back().may_lack(self.class.filter())
    }
}

/// The extent of the last events that are wanted below the ring's floor.
pub(super) struct LastInPast {
    pub(super) from: u64,
    pub(super) found: usize,
    /// There are no older ones.
    pub(super) is_complete: bool,
}
