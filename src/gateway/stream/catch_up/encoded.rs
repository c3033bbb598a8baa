//! A piece of the journal, as frames of one wire form for one filter.

use std::ops::Range;

use crate::event::{Epoch, Position};
use crate::fanout::FormId;
use crate::gateway::delivery::StreamFilter;
use crate::gateway::encode::{Encoder, Gap, GapReason, NoticeCounts, WireFormat};
use crate::journal::{Hole, HoleReason, StoredEvent};

/// The name of a piece: whoever asks by the same one gets the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PieceKey {
    pub(super) filter: StreamFilter,
    pub(super) form: FormId,
    /// The first offset that is wanted.
    pub(super) from: u64,
    /// The first one that is not, where that is before the end of what there is; else 0.
    pub(super) until: u64,
    /// Deletions of events before it was asked for.
    pub(super) deletions: u64,
}

/// The terms of a piece beside its name.
#[derive(Clone, Debug)]
pub(super) struct PieceTerms {
    pub(super) epoch: Epoch,
    /// The filter takes everything, so that what is missing was wanted.
    pub(super) exact: bool,
    /// Bytes at most; one frame may go over it.
    pub(super) bytes_max: usize,
}

/// Frames that are not compressed yet, and what they stand for.
#[derive(Debug, Default)]
pub(super) struct EncodedPiece {
    pub(super) bytes: Vec<u8>,
    /// The offset to go on from.
    pub(super) next: u64,
    pub(super) events: u64,
    /// Events that it says are missing, at most.
    pub(super) missed: u64,
    /// The offset below which events of its topics may have gone by bounds, of which each stream is told once: it is not
    /// among the gaps.
    pub(super) retained_below: u64,
    /// The offset of the first event or gap in it; `None`: it has nothing.
    pub(super) first: Option<u64>,
    /// The gaps in it, which are counted for each stream that gets them.
    pub(super) notices: NoticeCounts,
}

impl EncodedPiece {
    /// Encodes what was read of a range: its events, ascending, and its holes, each where it is, but for what went by bounds.
    pub(super) fn encode<'e>(
        key: &PieceKey,
        terms: &PieceTerms,
        part: LookedAt<'_>,
        events: impl Iterator<Item = StoredEvent<'e>>,
    ) -> Self {
        let LookedAt {
            range: looked_at,
            holes,
            retained_below,
        } = part;
        let mut writer = Writer {
            form: WireFormat::of(key.form),
            terms,
            encoder: Encoder::default(),
            piece: Self {
                bytes: Vec::with_capacity(terms.bytes_max + terms.bytes_max / 8),
                next: looked_at.end,
                retained_below,
                ..Self::default()
            },
        };
        let is_of_bounds =
            |hole: &Hole| hole.reason == HoleReason::Retention && hole.range.end <= retained_below;
        let mut holes = holes.iter().filter(|hole| !is_of_bounds(hole)).peekable();
        for StoredEvent { offset, event, .. } in events {
            while let Some(hole) = holes.next_if(|hole| hole.range.start <= offset) {
                writer.hole(hole, &looked_at, Some(offset));
            }
            if writer.piece.bytes.len() >= terms.bytes_max {
                // The rest is read again, from what the hub keeps of it.
                writer.piece.next = offset;
                break;
            }
            // The reader goes by topics that are asked for; what the client may have of them is known here only.
            if key.filter.matches(event.topic()) {
                let position = writer.at(offset);
                let Writer {
                    form,
                    encoder,
                    piece,
                    ..
                } = &mut writer;
                encoder.event(*form, position, event, &mut piece.bytes);
                piece.first = piece.first.or(Some(offset));
                piece.events += 1;
            }
        }
        let next = writer.piece.next;
        while let Some(hole) = holes.next_if(|hole| hole.range.start < next) {
            writer.hole(hole, &looked_at, None);
        }
        writer.finish()
    }

    /// Encodes that a range cannot be read.
    pub(super) fn unreadable(key: &PieceKey, terms: &PieceTerms, range: Range<u64>) -> Self {
        let hole = Hole {
            range: range.clone(),
            reason: HoleReason::Damaged,
        };
        let part = LookedAt {
            range,
            holes: &[hole],
            retained_below: 0,
        };
        Self::encode(key, terms, part, std::iter::empty())
    }
}

/// The part of a journal that was looked at for a piece.
#[derive(Clone, Debug)]
pub(super) struct LookedAt<'h> {
    pub(super) range: Range<u64>,
    /// Ranges that are missing in it, ascending.
    pub(super) holes: &'h [Hole],
    /// See [`EncodedPiece::retained_below`].
    pub(super) retained_below: u64,
}

struct Writer<'t> {
    form: WireFormat,
    terms: &'t PieceTerms,
    encoder: Encoder,
    piece: EncodedPiece,
}

impl Writer<'_> {
    fn at(&self, offset: u64) -> Position {
        Position {
            epoch: self.terms.epoch,
            offset,
        }
    }

    /// Tells of the part of a hole that lies in what was looked at, before the event that comes next. Where a bound of one topic
    /// took its events, or those with a stream stayed, there are others among them.
    fn hole(&mut self, hole: &Hole, looked_at: &Range<u64>, next: Option<u64>) {
        let from = hole.range.start.max(looked_at.start);
        let to = hole.range.end.min(looked_at.end);
        if from >= to {
            return;
        }
        let (asked, earliest) = (self.at(from - 1), self.at(to));
        let gap = Gap::whole(GapReason::from(hole.reason), asked, earliest);
        let gap = match next.is_some_and(|next| next < to) {
            true => gap.among_events(),
            false => gap.exact_if(self.terms.exact),
        };
        self.encoder.gap(self.form, gap, &mut self.piece.bytes);
        self.piece.missed += to - from;
        self.piece.first = self.piece.first.or(Some(from));
    }

    fn finish(self) -> EncodedPiece {
        EncodedPiece {
            notices: self.encoder.notices().clone(),
            ..self.piece
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Filter};
    use crate::gateway::encode::{DataFormat, EventNames, Framing};
    use crate::wire::http::Coding;

    fn key(pattern: &str) -> PieceKey {
        let form = WireFormat {
            data: DataFormat::Data,
            framing: Framing::Close,
            names: EventNames::Type,
            coding: Coding::Identity,
        };
        PieceKey {
            filter: StreamFilter {
                wanted: Filter::parse([pattern]).unwrap(),
                allowed: Filter::all(),
                offered: None,
                latest: false,
                presence: false,
                hold_ms: 0,
            },
            form: form.id(),
            from: 1,
            until: 0,
            deletions: 0,
        }
    }

    fn terms(bytes_max: usize) -> PieceTerms {
        PieceTerms {
            epoch: Epoch(7),
            exact: true,
            bytes_max,
        }
    }

    fn event(topic: &str) -> Event {
        Event::builder(topic, "t").text("text").build().unwrap()
    }

    fn encoded(
        pattern: &str,
        bytes_max: usize,
        events: &[(u64, Event)],
        holes: &[Hole],
    ) -> (EncodedPiece, Vec<String>) {
        let stored = events.iter().map(|(offset, event)| StoredEvent {
            offset: *offset,
            recorded: 0,
            rest: 0,
            version: None,
            event: event.as_ref(),
        });
        let part = LookedAt {
            range: 1..20,
            holes,
            retained_below: 0,
        };
        let piece = EncodedPiece::encode(&key(pattern), &terms(bytes_max), part, stored);
        let text = String::from_utf8(piece.bytes.clone()).unwrap();
        let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
        let ids: Vec<String> = ids.map(str::to_owned).collect();
        (piece, ids)
    }

    fn offsets(ids: &[String]) -> Vec<u64> {
        let offset = |id: &String| id.rsplit('-').next().unwrap().parse().unwrap();
        ids.iter().map(offset).collect()
    }

    #[test]
    fn holes_are_told_where_they_are() {
        let events = [(1, event("a")), (5, event("a")), (12, event("a"))];
        let hole = |range, reason| Hole { range, reason };
        let holes = [
            hole(2..5, HoleReason::Crash),
            hole(6..9, HoleReason::Aborted),
            hole(18..40, HoleReason::Indeterminate),
        ];
        let (piece, ids) = encoded(">", 1 << 20, &events, &holes);
        // The id of a gap is the last one that is missing, so that who resumes from it is not told again.
        assert_eq!(offsets(&ids), [1, 4, 5, 8, 12, 19]);
        assert_eq!((piece.events, piece.missed, piece.next), (3, 3 + 3 + 2, 20));
        let told = |reason: GapReason| piece.notices.gaps[reason as usize];
        assert_eq!(told(GapReason::Crash), 1);
        assert_eq!(told(GapReason::Aborted), 1);
        assert_eq!(told(GapReason::Indeterminate), 1);
    }

    /// Once whoever came back by the id of a gap missed the events with a stream that had stayed among what it was told of.
    #[test]
    fn a_gap_that_has_events_among_it_sets_nobody_behind_them() {
        let events = [(5, event("a")), (12, event("a"))];
        let hole = Hole {
            range: 1..10,
            reason: HoleReason::Retention,
        };
        let (piece, ids) = encoded(">", 1 << 20, &events, &[hole]);
        assert_eq!(offsets(&ids), [0, 5, 12]);
        assert_eq!((piece.events, piece.missed, piece.next), (2, 9, 20));
        let text = String::from_utf8(piece.bytes).unwrap();
        assert!(text.contains(r#""exact":false"#), "{text}");
    }

    #[test]
    fn a_piece_that_is_full_ends_before_an_event() {
        let events = [(1, event("a")), (2, event("a")), (3, event("a"))];
        let hole = Hole {
            range: 4..6,
            reason: HoleReason::Damaged,
        };
        let (piece, ids) = encoded(">", 10, &events, &[hole]);
        assert_eq!(offsets(&ids), [1]);
        assert_eq!((piece.events, piece.missed, piece.next), (1, 0, 2));
    }

    #[test]
    fn others_topics_are_left_out() {
        let events = [(1, event("a")), (2, event("b")), (3, event("a"))];
        let (piece, ids) = encoded("b", 1 << 20, &events, &[]);
        assert_eq!(offsets(&ids), [2]);
        assert_eq!(piece.next, 20);
    }

    #[test]
    fn what_cannot_be_read_is_a_gap() {
        let piece = EncodedPiece::unreadable(&key(">"), &terms(100), 3..9);
        assert_eq!((piece.next, piece.missed, piece.events), (9, 6, 0));
        assert_eq!(piece.notices.gaps[GapReason::Damaged as usize], 1);
    }
}
