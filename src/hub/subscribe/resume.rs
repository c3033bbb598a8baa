//! Resuming by the text of an id: the rules of `Last-Event-ID`, in process as on the wire.

use std::fmt;

use thiserror::Error;

use crate::event::Position;

/// Longest part of a strange id that is told back, bytes.
const ASKED_BYTES_MAX: usize = 64;
/// Words that programs write which have no id: no id of a hub is one word.
const NO_ID: [&str; 5] = ["", "null", "undefined", "none", "nil"];

/// Why an id means nothing to a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetReason {
    /// The id is not a position.
    Junk,
    /// The id is of another log, as after a restart of a program that keeps events in memory.
    Epoch,
    /// The id is beyond the newest event.
    Future,
}

/// A reset: the id to resume after means nothing to this hub, and reading goes on after its newest event.
///
/// An outcome, not a failure. Whoever shows a state loads it anew.
///
/// # Examples
///
/// ```
/// use eventring::hub::{Controls, Item, ResetReason};
/// use eventring::{Hub, Subscription};
///
/// let hub = Hub::new();
/// let all = Subscription::all().controls(Controls::none());
/// let mut receiver = hub.subscribe(all.resume("00000000004hm-7"))?;
/// let Ok(Item::Reset(reset)) = receiver.next_item() else { panic!("an id of another hub") };
/// assert_eq!((reset.reason, reset.head), (ResetReason::Epoch, hub.position()));
/// # Ok::<(), eventring::hub::SubscriptionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the id {asked:?} means nothing here ({reason}), resuming after {head}")]
#[non_exhaustive]
pub struct Reset {
    /// Why.
    pub reason: ResetReason,
    /// The id as it was given, its first 64 bytes.
    pub asked: String,
    /// The position of the newest event: what is published after it comes.
    pub head: Position,
}

/// An id that a reader remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResumeId {
    /// A position, of whichever log.
    Position(Position),
    /// Something else, shortened.
    Junk(String),
}

impl ResetReason {
    /// Returns the name on the wire: `junk`, `epoch`, `future`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Junk => "junk",
            Self::Epoch => "epoch",
            Self::Future => "future",
        }
    }
}

impl fmt::Display for ResetReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ResumeId {
    /// Returns whether a text is an id at all, and not what programs write that have none.
    pub(crate) fn is_id(text: &str) -> bool {
        let text = text.trim();
        NO_ID.iter().all(|none| !none.eq_ignore_ascii_case(text))
    }

    /// Reads an id: whatever it is, it leads somewhere.
    pub(crate) fn read(text: &str) -> Self {
        match text.trim().parse() {
            Ok(position) => Self::Position(position),
            Err(_) => Self::Junk(shortened(text)),
        }
    }

    /// As [`resolve_within`](Self::resolve_within), where everything is visible.
    #[cfg(feature = "gateway")]
    pub(crate) fn resolve(self, head: Position) -> Result<u64, Reset> {
        self.resolve_within(head, head.offset)
    }

    /// Returns the offset to resume after, for a hub whose newest event that readers may see is at `head`, or why there is
    /// none. It may be above that, up to the newest one that was published.
    pub(crate) fn resolve_within(self, head: Position, published: u64) -> Result<u64, Reset> {
        let (reason, asked) = match self {
            Self::Junk(asked) => (ResetReason::Junk, asked),
            // Offsets of another run count other events: the same number means nothing here.
            Self::Position(asked) if asked.epoch != head.epoch => {
                (ResetReason::Epoch, asked.to_string())
            }
            Self::Position(asked) if asked.offset > published => {
                (ResetReason::Future, asked.to_string())
            }
            Self::Position(asked) => return Ok(asked.offset),
        };
        Err(Reset {
            reason,
            asked,
            head,
        })
    }
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(ASKED_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_strange_id_is_cut_between_characters() {
        let long = "ü".repeat(100);
        assert_eq!(ResumeId::read(&long), ResumeId::Junk("ü".repeat(32)));
    }
}
