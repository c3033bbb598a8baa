//! The cache of pieces: what many readers ask for at about the same time is read once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

use super::Piece;
use crate::event::Filter;

/// Bytes of pieces that are kept. After a restart all clients of one filter ask for the same pieces; with more filters
/// than fit, each is read again when another one took its place.
pub(in crate::hub) const CACHE_BYTES_MAX: usize = 16 << 20;
/// Bytes that a piece counts at least, so that many empty ones are bounded too: 4,096 of them.
const PIECE_BYTES_LEAST: usize = 4 << 10;

/// The pieces that were asked for last, by the filter and the offset at which they begin.
pub(super) struct PieceCache {
    state: Mutex<State>,
    bytes_max: usize,
}

#[derive(Default)]
struct State {
    by_filter: HashMap<Filter, BTreeMap<u64, Kept>>,
    /// Filter and start of each piece, by when it was used last.
    by_use: BTreeMap<u64, (Filter, u64)>,
    /// Counts uses.
    clock: u64,
    /// Counts how often everything was let go of.
    clearings: u64,
    bytes: usize,
}

struct Kept {
    piece: Arc<Piece>,
    used: u64,
    /// The piece ends where a call of the reader did, not where the journal did: what follows it begins there.
    is_full: bool,
}

/// An answer of the cache.
pub(super) enum Found {
    /// The piece in which an offset lies.
    Piece(Arc<Piece>),
    /// The offset from which on to read, at or before the one that was asked for, and the number of clearings so far.
    ReadFrom(u64, u64),
}

impl PieceCache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            bytes_max,
        }
    }

    /// Finds the piece in which an offset lies, or where one begins that would hold it. `aligned` is the offset at which
    /// readers of different places meet.
    pub(super) fn find(&self, filter: &Filter, offset: u64, aligned: u64) -> Found {
        let mut state = self.state.lock();
        let State {
            by_filter,
            by_use,
            clock,
            clearings,
            ..
        } = &mut *state;
        let pieces = by_filter.get_mut(filter);
        let before = pieces.and_then(|pieces| pieces.range_mut(..=offset).next_back());
        let Some((start, kept)) = before else {
            return Found::ReadFrom(aligned, *clearings);
        };
        let end = kept.piece.looked_at().end;
        if offset < end {
            let last = by_use.remove(&kept.used);
            *clock += 1;
            kept.used = *clock;
            by_use.extend(last.map(|last| (*clock, last)));
            return Found::Piece(kept.piece.clone());
        }
        // One that ended where the journal did goes on: it is read again, whole, and takes its own place.
        let from = match kept.is_full {
            true => end.max(aligned),
            false => (*start).max(aligned),
        };
        Found::ReadFrom(from, *clearings)
    }

    /// Lets go of everything, also of what is being read.
    pub(super) fn clear(&self) {
        let mut state = self.state.lock();
        *state = State {
            clock: state.clock,
            clearings: state.clearings + 1,
            ..State::default()
        };
    }

    /// Keeps a piece that was read after so many clearings, and lets go of those that were not used for longest.
    pub(super) fn keep(&self, filter: &Filter, piece: &Arc<Piece>, is_full: bool, clearings: u64) {
        let bytes = weight(piece);
        if bytes > self.bytes_max || piece.looked_at().is_empty() {
            return;
        }
        let start = piece.looked_at().start;
        let mut state = self.state.lock();
        if state.clearings != clearings {
            return;
        }
        state.remove(filter, start);
        state.clock += 1;
        let used = state.clock;
        let kept = Kept {
            piece: piece.clone(),
            used,
            is_full,
        };
        state.bytes += bytes;
        state.by_use.insert(used, (filter.clone(), start));
        let pieces = state.by_filter.entry(filter.clone()).or_default();
        pieces.insert(start, kept);
        while state.bytes > self.bytes_max
            && let Some((_, (filter, start))) = state.by_use.pop_first()
        {
            state.remove(&filter, start);
        }
    }
}

impl State {
    fn remove(&mut self, filter: &Filter, start: u64) {
        let Some(pieces) = self.by_filter.get_mut(filter) else {
            return;
        };
        if let Some(kept) = pieces.remove(&start) {
            self.bytes -= weight(&kept.piece);
            self.by_use.remove(&kept.used);
        }
        if pieces.is_empty() {
            self.by_filter.remove(filter);
        }
    }
}

fn weight(piece: &Piece) -> usize {
    piece.bytes().max(PIECE_BYTES_LEAST)
}
