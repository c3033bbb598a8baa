//! The catch-up of one reactor's streams from the journal.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::deadline;
use crate::event::{Epoch, Position};
use crate::fanout::{CatchUp, CaughtUp};
use crate::gateway::delivery::StreamFilter;
use crate::gateway::delivery::{JournalStart, StartNote, WhichEvents};
use crate::gateway::encode::{Encoder, Gap, GapReason, WireFormat};
use crate::gateway::stream::catch_up::asking::{Asking, READS_IN_FLIGHT};
use crate::gateway::stream::catch_up::cache::EncodedCache;
use crate::gateway::stream::catch_up::encoded::{EncodedPiece, LookedAt, PieceKey, PieceTerms};
use crate::gateway::stream::catch_up::starts::{self, Looked};
use crate::gateway::stream::history::ReplayStart;
use crate::hub::{Hub, OnOffset, OnPart, ReadJob, ReadPoolFull};
use crate::journal::{Hole, JournalError};
use crate::mailbox::{Mailbox, Pushed};
use crate::ring::Notify;

/// Events of one piece at most, and bytes of their records.
const PIECE_EVENTS: usize = 256;
const PIECE_BYTES: usize = 64 << 10;

/// Offsets that are passed at once where the journal says that it is damaged, and not how far.
const DAMAGED_STEP: u64 = 1_024;
/// Parts of the past that one stream is owed at a time and of which it was told what has gone by bounds. Of more it is told
/// again.
const RETAINED_MAX: usize = 16;
/// Until a read that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Something that is read.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Ask {
    Piece(PieceKey),
    Start(JournalStart),
}

/// An answer of the hub's threads.
struct Read {
    ask: Ask,
    found: Found,
}

enum Found {
    Piece(EncodedPiece),
    /// A piece that is damaged: for those who asked, and nobody after them.
    Damaged(EncodedPiece),
    /// Nothing can be read now.
    Failed,
    Start(Looked),
}

/// The start of a stream that is not known when it opens.
#[derive(Debug)]
enum Start {
    /// Looked for, or about to be.
    Asked(JournalStart),
    Known(ReplayStart),
}

/// The starts of the parts that a stream is owed and that read from offset 0 on, in their order: it subscribes again
/// before the first is known.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Starts(VecDeque<Start>);

/// Offsets of which a stream was told that events in memory only may be missing there, if there can be any.
struct NotedRange {
    /// The filter of that time: another replay of the same stream may want more.
    filter: StreamFilter,
    range: Range<u64>,
}

impl NotedRange {
    /// Returns whether whoever reads on from an offset was told of what follows, up to the end of the range.
    fn covers(&self, filter: &StreamFilter, from: u64) -> bool {
        (self.range.start..=self.range.end).contains(&from) && self.filter == *filter
    }
}

/// The offset below which a stream that catches up was told what has gone by bounds, or does not ask for it.
struct NotedRetention {
    filter: StreamFilter,
    /// The offset that it reads from next.
    next: u64,
    /// The offset below which it is told nothing more.
    below: u64,
}

impl NotedRetention {
    fn is_of(&self, part: &CatchUp<'_, StreamFilter>) -> bool {
        self.next == part.from && self.filter == *part.key
    }
}

/// Reads the journal for the streams of one reactor, which are named by their numbers.
pub(in crate::gateway) struct JournalCatchUp {
    hub: Hub,
    epoch: Epoch,
    asking: Asking<Ask>,
    encoded: EncodedCache,
    starts: HashMap<u32, Starts>,
    /// The offsets of which each stream was told that some may have been in memory only.
    told: HashMap<u32, NotedRange>,
    /// The offsets below which each stream is told nothing more of bounds.
    retained: HashMap<u32, Vec<NotedRetention>>,
    /// Damaged pieces, for the streams that asked for them.
    damaged: HashMap<u32, Arc<(PieceKey, EncodedPiece)>>,
    /// Nothing is read before then: a read has failed.
    asking_again_at: Option<Instant>,
    mailbox: Arc<Mailbox<Read>>,
    wake: Arc<dyn Notify>,
}

impl JournalCatchUp {
    /// Makes it for a hub that has a journal; `wake` ends the next sleep of the reactor.
    pub(in crate::gateway::stream) fn new(hub: &Hub, wake: Arc<dyn Notify>) -> Self {
        Self {
            hub: hub.clone(),
            epoch: hub.epoch(),
            asking: Asking::default(),
            encoded: EncodedCache::default(),
            starts: HashMap::new(),
            told: HashMap::new(),
            retained: HashMap::new(),
            damaged: HashMap::new(),
            asking_again_at: None,
            mailbox: Arc::new(Mailbox::new(READS_IN_FLIGHT)),
            wake,
        }
    }

    /// Notes where a stream starts.
    pub(in crate::gateway::stream) fn begin(&mut self, stream: u32, start: StartNote) {
        match start {
            StartNote::LookedUp(start) => {
                let starts = self.starts.entry(stream).or_default();
                starts.0.push_back(Start::Asked(start));
            }
            StartNote::Oldest {
                filter,
                from,
                retained_below,
            } => self.note_retained(
                stream,
                NotedRetention {
                    filter,
                    next: from,
                    below: retained_below,
                },
            ),
        }
    }

    fn note_retained(&mut self, stream: u32, noted: NotedRetention) {
        let all = self.retained.entry(stream).or_default();
        if all.len() == RETAINED_MAX {
            all.remove(0);
        }
        all.push(noted);
    }

    /// Returns the offset below which a stream, which reads a part, is told nothing more of what has gone by bounds; 0: it is.
    fn retained_below(&self, part: &CatchUp<'_, StreamFilter>) -> u64 {
        let mut all = self.retained.get(&part.number).into_iter().flatten();
        all.find(|noted| noted.is_of(part))
            .map_or(0, |noted| noted.below)
    }

    /// Notes the offset below which it is told nothing more when it has read up to `next`.
    fn note_read(&mut self, part: &CatchUp<'_, StreamFilter>, next: u64, below: u64) {
        if let Some(all) = self.retained.get_mut(&part.number) {
            all.retain(|noted| !noted.is_of(part));
            if all.is_empty() {
                self.retained.remove(&part.number);
            }
        }
        if next < below {
            let noted = NotedRetention {
                filter: part.key.clone(),
                next,
                below,
            };
            self.note_retained(part.number, noted);
        }
    }

    /// Takes out the starts of a stream whose subscription changes.
    pub(in crate::gateway::stream) fn take_starts(&mut self, stream: u32) -> Starts {
        self.starts.remove(&stream).unwrap_or_default()
    }

    /// Puts them back.
    pub(in crate::gateway::stream) fn put_starts(&mut self, stream: u32, starts: Starts) {
        if !starts.0.is_empty() {
            self.starts.insert(stream, starts);
        }
    }

    /// Forgets a stream that has ended or wants something else now.
    pub(in crate::gateway::stream) fn forget(&mut self, stream: u32) {
        self.asking.forget(stream);
        self.starts.remove(&stream);
        self.told.remove(&stream);
        self.retained.remove(&stream);
        self.damaged.remove(&stream);
    }

    /// Notes that a stream has come to what the ring has.
    pub(in crate::gateway::stream) fn end(&mut self, stream: u32) {
        self.told.remove(&stream);
    }

    /// Returns whether nothing has come, and nobody waits for anything.
    pub(in crate::gateway::stream) fn is_at_rest(&self) -> bool {
        !self.mailbox.has_items() && !self.asking.is_waited_for()
    }

    /// Takes what has been read since the last turn, has `visit` visit who waits for it, and reads on.
    pub(in crate::gateway::stream) fn take_turn(
        &mut self,
        oldest: u64,
        mut visit: impl FnMut(u32),
    ) {
        while let Some(Read { ask, found }) = self.mailbox.pop() {
            let streams = self.asking.come(&ask);
            match (ask, found) {
                (Ask::Piece(key), Found::Piece(piece)) => self.encoded.keep(key, piece),
                (Ask::Start(mut start), Found::Start(looked)) => {
                    let known = starts::take(&mut start, looked, oldest);
                    for stream in &streams {
                        // Each waits for the first of its own.
                        let starts = self.starts.get_mut(stream);
                        if let Some(first) = starts.and_then(|starts| starts.0.front_mut()) {
                            *first = match known {
                                Some(known) => Start::Known(known),
                                None => Start::Asked(start.clone()),
                            };
                        }
                    }
                }
                (Ask::Piece(key), Found::Damaged(piece)) => {
                    let damaged = Arc::new((key, piece));
                    for stream in &streams {
                        self.damaged.insert(*stream, damaged.clone());
                    }
                }
                (ask, Found::Failed) => {
                    // It is asked again, after a while: what is there is there when it is over.
                    self.asking_again_at = Some(deadline::after(Instant::now(), RETRY_AFTER));
                    for stream in streams {
                        self.asking.ask(stream, ask.clone());
                    }
                    continue;
                }
                (Ask::Piece(_), Found::Start(_))
                | (Ask::Start(_), Found::Piece(_) | Found::Damaged(_)) => {}
            }
            streams.into_iter().for_each(&mut visit);
        }
        self.read_on();
    }

    /// Writes a part of the past that begins before `floor`, where the ring begins; `None`: it is being read, and the
    /// stream is visited when it has come. One that reads from offset 0 on begins where that is found out.
    pub(in crate::gateway::stream) fn write(
        &mut self,
        part: &CatchUp<'_, StreamFilter>,
        floor: u64,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Option<CaughtUp> {
        if part.from == 0 {
            return self.write_start(part, floor, encoder, out);
        }
        let mut key = PieceKey {
            filter: part.key.clone(),
            form: part.form,
            from: part.from,
            until: 0,
            deletions: self
                .hub
                .read_side()
                .journal()
                .map_or(0, |reads| reads.deletions()),
        };
        let mut found = self.encoded.get(&key);
        if found.is_some_and(|piece| piece.next > part.to) {
            // It was made for streams that want more.
            key.until = part.to;
            found = self.encoded.get(&key);
        }
        let damaged = self.damaged.remove(&part.number);
        let damaged = damaged.filter(|damaged| damaged.0 == key);
        let found = damaged.as_deref().map(|(_, piece)| piece).or(found);
        let Some(piece) = found else {
            self.asking.ask(part.number, Ask::Piece(key));
            self.read_on();
            return None;
        };
        let mut missed = piece.missed;
        let mut below = self.retained_below(part);
        let told = self.told.get(&part.number);
        let told = told.filter(|told| told.covers(part.key, part.from));
        let told = told.map_or(part.from, |told| told.range.end);
        if piece.next > told {
            // Before the first event, and once more whenever publishers have outrun it: what was in the ring when it was told
            // has left it since. A journal cannot tell what it was never given from what was deleted. The piece's own
            // floor was read before this one, so that it ends where this does at the latest.
            let end = floor.min(part.to);
            if self.hub.look_back().may_lack(&part.key.wanted) {
                let at = |offset| Position {
                    epoch: self.epoch,
                    offset,
                };
                // From where the stream is, though some of it was told: its id is that of the event before.
                let gap = Gap::whole(GapReason::Memory, at(part.from - 1), at(end));
                encoder.gap(WireFormat::of(part.form), gap.exact_if(false), out);
                missed += gap.missing;
            }
            let told = NotedRange {
                filter: part.key.clone(),
                range: part.from..end,
            };
            self.told.insert(part.number, told);
        }
        let from = part.from.max(below);
        let end = piece.retained_below.min(part.to);
        if from < end {
            // Once for all of it. Where nothing comes before its end the stream goes on there, else it is a bound.
            below = end;
            let at = |offset| Position {
                epoch: self.epoch,
                offset,
            };
            let is_behind = piece.next >= end && piece.first.is_none_or(|first| first >= end);
            let gap = match is_behind {
                true => {
                    let exact = part.key.is_all() && self.hub.look_back().all_is_everything();
                    Gap::whole(GapReason::Retention, at(from - 1), at(end)).exact_if(exact)
                }
                // Its id is that of the event before.
                false => {
                    Gap::whole(GapReason::Retention, at(part.from - 1), at(end)).among_events()
                }
            };
            encoder.gap(WireFormat::of(part.form), gap, out);
            missed += gap.missing;
        }
        out.extend_from_slice(&piece.bytes);
        encoder.count_notices(&piece.notices);
        let caught_up = CaughtUp {
            next: piece.next,
            events: piece.events,
            missed: u32::try_from(missed).unwrap_or(u32::MAX),
            // Not on this thread.
            looked_at: 0,
        };
        self.note_read(part, caught_up.next, below);
        Some(caught_up)
    }

    /// Moves a stream to its start, as soon as that is known.
    fn write_start(
        &mut self,
        part: &CatchUp<'_, StreamFilter>,
        floor: u64,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Option<CaughtUp> {
        let form = WireFormat::of(part.form);
        let starts = self.starts.get(&part.number);
        match starts.and_then(|starts| starts.0.front()) {
            Some(Start::Asked(start)) => {
                let ask = Ask::Start(start.clone());
                self.asking.ask(part.number, ask);
                self.read_on();
                None
            }
            Some(Start::Known(start)) => {
                let start = *start;
                if let Some(starts) = self.starts.get_mut(&part.number) {
                    starts.0.pop_front();
                    if starts.0.is_empty() {
                        self.starts.remove(&part.number);
                    }
                }
                start.write(self.epoch, form, encoder, out);
                Some(CaughtUp {
                    next: start.from,
                    events: 0,
                    missed: u32::try_from(start.missing).unwrap_or(u32::MAX),
                    looked_at: 0,
                })
            }
            // Nobody says where it begins: with what is in the ring, and never with all that there is.
            None => Some(CaughtUp {
                next: floor.max(1),
                events: 0,
                missed: 0,
                looked_at: 0,
            }),
        }
    }

    /// Has what was asked for read, as much of it as may be under way.
    fn read_on(&mut self) {
        // A turn comes within a second.
        if self.asking_again_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.asking_again_at = None;
        while let Some(ask) = self.asking.next() {
            if self.read(&ask).is_err() {
                // Others fill the hub's threads: it is tried again in the next turn, a second from here at most.
                return self.asking.put_back(ask);
            }
        }
    }

    fn read(&self, ask: &Ask) -> Result<(), ReadPoolFull> {
        let letters = Letters {
            mailbox: self.mailbox.clone(),
            wake: self.wake.clone(),
        };
        match ask {
            Ask::Piece(key) => self.read_piece(key.clone(), letters),
            Ask::Start(start) => self.read_start(start.clone(), letters),
        }
    }

    fn read_piece(&self, key: PieceKey, letters: Letters) -> Result<(), ReadPoolFull> {
        let look_back = self.hub.look_back();
        // The floor first: what leaves the ring afterwards has been in the journal since before.
        let floor = self.hub.earliest().min(self.hub.visible() + 1);
        let until = if key.until > 0 { key.until } else { u64::MAX };
        let range = key.from..floor.min(until).max(key.from + 1);
        let terms = PieceTerms {
            epoch: self.epoch,
            exact: key.filter.is_all() && look_back.all_is_everything(),
            bytes_max: PIECE_BYTES,
        };
        let job = ReadJob {
            filter: key.filter.wanted.clone(),
            range: range.clone(),
            descending: false,
            events_max: PIECE_EVENTS,
            bytes_max: PIECE_BYTES,
        };
        // What failed in this process the journal need not know.
        let voids = self.hub.look_back().voids(&range);
        let on_part: OnPart = Box::new(move |part| {
            let piece = match part {
                Ok(part) => {
                    let looked_at = LookedAt {
                        range: part.looked_at(),
                        holes: &joined(part.holes(), &voids),
                        retained_below: part.retained_below(),
                    };
                    EncodedPiece::encode(&key, &terms, looked_at, part.events())
                }
                // The log of the journal says it: once, for all readers.
                Err(error) => {
                    let found = match error {
                        JournalError::Damaged { .. } => {
                            // A step: what is behind it may be as it was.
                            let end = range.end.min(range.start.saturating_add(DAMAGED_STEP));
                            let step = range.start..end;
                            Found::Damaged(EncodedPiece::unreadable(&key, &terms, step))
                        }
                        _ => Found::Failed,
                    };
                    return letters.leave(Ask::Piece(key), found);
                }
            };
            letters.leave(Ask::Piece(key), Found::Piece(piece));
        });
        self.hub.read_side().submit(job, on_part)
    }

    fn read_start(&self, start: JournalStart, letters: Letters) -> Result<(), ReadPoolFull> {
        let failed = |error: &JournalError| match error {
            JournalError::Damaged { .. } => Found::Start(Looked::Failed),
            _ => Found::Failed,
        };
        match start.what {
            WhichEvents::Since { recorded, .. } => {
                let on_offset: OnOffset = Box::new(move |found| {
                    let found = match found {
                        Ok(found) => Found::Start(Looked::Since(found)),
                        Err(error) => failed(&error),
                    };
                    letters.leave(Ask::Start(start), found);
                });
                self.hub.read_side().submit_since(recorded, on_offset)
            }
            WhichEvents::Last { left, below, .. } => {
                let job = ReadJob {
                    filter: start.filter.wanted.clone(),
                    range: 1..below,
                    descending: true,
                    events_max: left.min(PIECE_EVENTS as u64) as usize,
                    bytes_max: PIECE_BYTES,
                };
                let on_part: OnPart = Box::new(move |part| {
                    let found = match part {
                        Ok(part) => Found::Start(starts::count(&start, &part)),
                        Err(error) => failed(&error),
                    };
                    letters.leave(Ask::Start(start), found);
                });
                self.hub.read_side().submit(job, on_part)
            }
        }
    }
}

/// The way back from the hub's threads to the reactor.
struct Letters {
    mailbox: Arc<Mailbox<Read>>,
    wake: Arc<dyn Notify>,
}

impl Letters {
    fn leave(self, ask: Ask, found: Found) {
        // It holds as many as are under way. Where the reactor has gone, nobody wants it any more.
        if let Ok(Pushed::First) = self.mailbox.push(Read { ask, found }) {
            self.wake.notify();
        }
    }
}

/// The holes that a journal knows, and what failed beside them, ascending.
fn joined(holes: &[Hole], voids: &[Hole]) -> Vec<Hole> {
    let overlaps = |one: &Hole, other: &Hole| {
        one.range.start < other.range.end && other.range.start < one.range.end
    };
    let unknown = |void: &&Hole| !holes.iter().any(|hole| overlaps(hole, void));
    let mut all = holes.to_vec();
    all.extend(voids.iter().filter(unknown).cloned());
    all.sort_unstable_by_key(|hole| hole.range.start);
    all
}
