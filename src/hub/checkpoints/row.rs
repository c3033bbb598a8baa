//! Checkpoints as the journal keeps them: a line of text each, so that one can be read with other tools.

use super::checkpoints::CHECKPOINTS_MAX;
use super::{Checkpoint, CheckpointError};
use crate::event::Position;
use crate::journal::{StateError, StateTx};

/// The table of state that they stand in, by name.
pub(super) const TABLE: &str = "checkpoints";
/// The table and the key under which it is kept how many there are: counting them at each new name would take longer than a
/// change of state may.
const COUNT: (&str, &[u8]) = ("hub", b"checkpoints");
/// The first word of a line that this version writes: `1 position saved_ms`.
const VERSION: &str = "1";

/// The reason why a change was not made: the rules of checkpoints, or the journal.
pub(super) enum Refused {
    Checkpoint(CheckpointError),
    Journal(StateError),
}

impl From<StateError> for Refused {
    fn from(error: StateError) -> Self {
        Self::Journal(error)
    }
}

/// The rule by which a checkpoint may be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Not before what is kept, and in the same log.
    Forward,
    /// As that, while what is kept is not before this position, which whoever asks has saved or found: nobody has set it back.
    Onward(Position),
    /// Whatever is kept.
    Force,
}

/// Reads a line.
pub(super) fn read(name: &str, line: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let unreadable = |reason: &str| CheckpointError::Unreadable {
        name: name.to_owned(),
        reason: reason.to_owned(),
    };
    let line = std::str::from_utf8(line).map_err(|_| unreadable("it is no text"))?;
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        [VERSION, position, saved] => Ok(Checkpoint {
            position: position
                .parse()
                .map_err(|error| unreadable(&format!("{error}")))?,
            saved: saved
                .parse()
                .map_err(|_| unreadable("its time is no number"))?,
        }),
        [VERSION, ..] => Err(unreadable("it has not three parts")),
        _ => Err(unreadable("another version of this program wrote it")),
    }
}

/// Puts a checkpoint, if the rule lets it.
pub(super) fn put(
    state: &mut dyn StateTx,
    name: &str,
    checkpoint: Checkpoint,
    rule: Rule,
) -> Result<(), Refused> {
    let asked = checkpoint.position;
    let line = state.get(TABLE, name.as_bytes())?;
    let kept = line.as_ref().map(|line| read(name, line));
    if let Rule::Onward(saved) = rule {
        check_onward(kept.as_ref(), saved).map_err(Refused::Checkpoint)?;
    }
    match kept {
        None => {
            let count = count(state)?;
            if count >= CHECKPOINTS_MAX {
                return Err(Refused::Checkpoint(CheckpointError::TooMany));
            }
            set_count(state, count + 1)?;
        }
        Some(_) if rule == Rule::Force => {}
        Some(kept) => check(kept, asked).map_err(Refused::Checkpoint)?,
    }
    let Checkpoint { position, saved } = checkpoint;
    let line = format!("{VERSION} {position} {saved}");
    Ok(state.put(TABLE, name.as_bytes(), line.as_bytes())?)
}

/// Checks that nobody has set back what was saved. One that cannot be read is told by whoever checks what may take its place.
fn check_onward(
    kept: Option<&Result<Checkpoint, CheckpointError>>,
    saved: Position,
) -> Result<(), CheckpointError> {
    let kept = match kept {
        Some(Ok(kept)) => Some(kept.position),
        Some(Err(_)) => return Ok(()),
        None => None,
    };
    let is_there =
        kept.is_some_and(|kept| kept.epoch == saved.epoch && kept.offset >= saved.offset);
    match is_there {
        true => Ok(()),
        false => Err(CheckpointError::Moved { saved, kept }),
    }
}

/// Checks that a position may take the place of what is kept.
fn check(
    kept: Result<Checkpoint, CheckpointError>,
    asked: Position,
) -> Result<(), CheckpointError> {
    let kept = kept?.position;
    if kept.epoch != asked.epoch {
        return Err(CheckpointError::OtherLog { kept, asked });
    }
    match asked.offset < kept.offset {
        true => Err(CheckpointError::Backwards { kept, asked }),
        false => Ok(()),
    }
}

/// Deletes a checkpoint; returns whether it was there.
pub(super) fn delete(state: &mut dyn StateTx, name: &str) -> Result<bool, StateError> {
    // Before it goes: they may have to be counted.
    let count = count(state)?;
    let was_there = state.delete(TABLE, name.as_bytes())?;
    if was_there {
        set_count(state, count.saturating_sub(1))?;
    }
    Ok(was_there)
}

fn count(state: &mut dyn StateTx) -> Result<usize, StateError> {
    let kept = state.get(COUNT.0, COUNT.1)?;
    let kept = kept.and_then(|text| String::from_utf8(text).ok()?.parse().ok());
    match kept {
        Some(count) => Ok(count),
        // The first one, or damage: they are counted.
        None => Ok(state.scan(TABLE, b"", CHECKPOINTS_MAX)?.len()),
    }
}

fn set_count(state: &mut dyn StateTx, count: usize) -> Result<(), StateError> {
    state.put(COUNT.0, COUNT.1, count.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_version_wrote_is_not_guessed_at() {
        let good = "1 00000000004hm-7 1500";
        let read = |line: &str| read("a", line.as_bytes());
        let checkpoint = read(good).unwrap();
        assert_eq!((checkpoint.position.offset, checkpoint.saved), (7, 1_500));
        for line in [
            "",
            "1",
            "0",
            "7",
            "1 00000000004hm-7",
            "1 00000000004hm-7 1500 more",
            "2 00000000004hm-7 1500",
            "1 00000000004hm-07 1500",
            "1 00000000004hm-7 x",
        ] {
            let wrong = read(line);
            assert!(
                matches!(wrong, Err(CheckpointError::Unreadable { .. })),
                "{line}: {wrong:?}"
            );
        }
    }
}
