//! Where a stream starts: Last-Event-ID, its query forms, and `from=`.

use super::kept::Place;
use super::told::ResetReason;
use crate::event::Position;

/// Longest part of a strange id that is told back, bytes.
const TOLD_BYTES: usize = 64;

/// Where a client wants its stream to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// With the next event.
    Now,
    /// With the oldest event that is kept.
    Beginning,
    /// With a part of what is kept.
    Kept(Kept),
    /// After this one.
    After(Position),
    /// After something that is not an id of ours.
    Junk(String),
}

/// A part of what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// The newest so many.
    Last(u64),
    /// From the first one of this time or later, nanoseconds since 1970.
    Since(i64),
}

impl Wanted {
    /// Reads an id as a client sent it: whatever it is, it must lead to a stream.
    pub(super) fn after_id(id: &[u8]) -> Self {
        let text = String::from_utf8_lossy(id);
        match text.trim().parse() {
            Ok(position) => Self::After(position),
            Err(_) => Self::Junk(told(&text)),
        }
    }

    /// Reads `from=`; `None`: it is nothing that we know.
    pub(super) fn from_parameter(text: &str) -> Option<Self> {
        match text {
            "now" => Some(Self::Now),
            "beginning" => Some(Self::Beginning),
            position => position.parse().ok().map(Self::After),
        }
    }

    /// What it means for a hub that stands at `head` and still has `earliest`; `place` looks up where
    /// a part of what is kept begins.
    pub(super) fn resolve(
        self,
        head: Position,
        earliest: u64,
        place: impl FnOnce(Kept) -> Place,
    ) -> Resolved {
        match self {
            Self::Now => Resolved::Live,
            Self::Beginning => Resolved::From(earliest),
            Self::Kept(kept) => Resolved::Kept(place(kept)),
            Self::Junk(asked) => Resolved::Reset {
                reason: ResetReason::Junk,
                asked,
            },
            Self::After(asked) if asked.epoch != head.epoch => Resolved::Reset {
                reason: ResetReason::Epoch,
                asked: asked.to_string(),
            },
            Self::After(asked) if asked.offset > head.offset => Resolved::Reset {
                reason: ResetReason::Future,
                asked: asked.to_string(),
            },
            Self::After(asked) => Resolved::From(asked.offset + 1),
        }
    }
}

/// Where the stream will start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// With the next event.
    Live,
    /// With this offset, or after a gap.
    From(u64),
    /// There, after a gap if what it should begin with is gone.
    Kept(Place),
    /// With the next event, after saying that the id means nothing here.
    Reset {
        /// Why.
        reason: ResetReason,
        /// The id as it came, shortened.
        asked: String,
    },
}

fn told(text: &str) -> String {
    let mut end = text.len().min(TOLD_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Epoch;

    fn at(offset: u64) -> Position {
        Position {
            epoch: Epoch(7),
            offset,
        }
    }

    fn nowhere(kept: Kept) -> Place {
        panic!("{kept:?} was not asked for")
    }

    #[test]
    fn an_id_of_ours_goes_on_after_it() {
        let wanted = Wanted::after_id(at(5).to_string().as_bytes());
        assert_eq!(wanted.resolve(at(9), 1, nowhere), Resolved::From(6));
    }

    #[test]
    fn strange_ids_reset_and_say_why() {
        let reason = |id: &str| match Wanted::after_id(id.as_bytes()).resolve(at(9), 1, nowhere) {
            Resolved::Reset { reason, .. } => reason.name(),
            other => panic!("{other:?}"),
        };
        assert_eq!(reason("hello"), "junk");
        assert_eq!(reason(&at(10).to_string()), "future");
        assert_eq!(
            reason(
                &Position {
                    epoch: Epoch(8),
                    offset: 1
                }
                .to_string()
            ),
            "epoch"
        );
    }

    #[test]
    fn a_long_strange_id_is_cut_between_characters() {
        let long = "ü".repeat(100);
        let Wanted::Junk(told) = Wanted::after_id(long.as_bytes()) else {
            panic!("an id?")
        };
        assert_eq!(told, "ü".repeat(32));
    }
}
