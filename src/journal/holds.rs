//! Holds: what somebody still needs stays, whatever retention says.
//!
//! A hold is a row of the table [`TABLE`], so that whoever moves it does so in the transaction that moves what it stands for.
//! Nothing at or above the lowest position that is held goes, until the hold is cut: [`AGE_MAX`] after it was set last, or once
//! half of the bytes that the journal may have are held.
//!
//! # Examples
//!
//! ```
//! use eventring::journal::{CommitRound, Journal, MemoryJournal, StateWork, holds};
//!
//! let mut journal = MemoryJournal::new();
//! let mut round = CommitRound::default();
//! round.work.push(StateWork::new(Box::new(|tx| holds::set(tx, "billing", 42, 1_700_000_000_000))));
//! journal.commit(&mut round).unwrap();
//! let mut reader = journal.view().reader().unwrap();
//! let mut held = Vec::new();
//! reader.state(&mut |tx| held = holds::all(tx).unwrap()).unwrap();
//! assert_eq!((held[0].name.as_str(), held[0].position), ("billing", 42));
//! ```

use std::time::Duration;

use super::state::{StateError, StateTx};

/// The table of state that holds are rows of.
pub const TABLE: &str = "holds";
/// The time for which a hold holds after it was set last. One that is not moved for so long was forgotten, and would fill the disk.
pub const AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Holds at most: all are looked at before each pass. A further one is refused.
pub const HOLDS_MAX: usize = 1024;
/// Bytes of a name, at most.
pub const NAME_BYTES_MAX: usize = 255;

/// The form of a row: position and time, eight bytes each, little end first.
const VERSION: u8 = 1;

/// Somebody who needs what lies at a position and behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hold {
    /// The name of who holds.
    pub name: String,
    /// The offset of the first event that is needed.
    pub position: u64,
    /// The time at which it was set last, milliseconds since 1970.
    pub set_at: i64,
}

impl Hold {
    /// Returns whether it has held for too long at a time, milliseconds since 1970.
    #[cfg(feature = "sqlite")]
    pub(super) fn is_old(&self, now: i64) -> bool {
        let age = now.saturating_sub(self.set_at);
        u128::try_from(age).is_ok_and(|age| age > AGE_MAX.as_millis())
    }
}

/// Sets a hold, or moves it, to the offset of the first event that is needed; `now` is the time, milliseconds since 1970.
///
/// # Errors
///
/// A name that is empty or longer than [`NAME_BYTES_MAX`], [`HOLDS_MAX`] others, or what the journal says.
pub fn set(tx: &mut dyn StateTx, name: &str, position: u64, now: i64) -> Result<(), StateError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        let reason = format!("a hold's name has 1 to {NAME_BYTES_MAX} bytes");
        return Err(StateError::Refused(reason));
    }
    let is_new = tx.get(TABLE, name.as_bytes())?.is_none();
    if is_new && tx.scan(TABLE, b"", HOLDS_MAX)?.len() >= HOLDS_MAX {
        let reason = format!("there are {HOLDS_MAX} holds already");
        return Err(StateError::Refused(reason));
    }
    let mut row = vec![VERSION];
    row.extend_from_slice(&position.to_le_bytes());
    row.extend_from_slice(&now.to_le_bytes());
    tx.put(TABLE, name.as_bytes(), &row)
}

/// Removes a hold; returns whether it was there.
///
/// # Errors
///
/// What the journal says.
pub fn remove(tx: &mut dyn StateTx, name: &str) -> Result<bool, StateError> {
    tx.delete(TABLE, name.as_bytes())
}

/// Returns all holds, by name. A row that makes no sense holds everything: it counts as position 0, and is never too old. It is cut as
/// others are once it holds half of the bytes that the journal may have. Bytes of a name that are no UTF-8 are shown as `\u{fffd}`.
///
/// # Errors
///
/// What the journal says.
pub fn all(tx: &mut dyn StateTx) -> Result<Vec<Hold>, StateError> {
    Ok(keyed(tx)?.into_iter().map(|(_, hold)| hold).collect())
}

/// Returns all holds with the keys of their rows: by that even one whose name makes no sense is found.
pub(super) fn keyed(tx: &mut dyn StateTx) -> Result<Vec<(Vec<u8>, Hold)>, StateError> {
    let rows = tx.scan(TABLE, b"", HOLDS_MAX)?;
    let holds = rows.into_iter().map(|(key, row)| {
        let (position, set_at) = numbers(&row).unwrap_or((0, i64::MAX));
        let name = String::from_utf8_lossy(&key).into_owned();
        let hold = Hold {
            name,
            position,
            set_at,
        };
        (key, hold)
    });
    Ok(holds.collect())
}

fn numbers(row: &[u8]) -> Option<(u64, i64)> {
    let (version, row) = row.split_first()?;
    let (position, row) = row.split_first_chunk::<8>()?;
    let set_at = <[u8; 8]>::try_from(row).ok()?;
    let numbers = (u64::from_le_bytes(*position), i64::from_le_bytes(set_at));
    (*version == VERSION).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_makes_no_sense_is_no_position() {
        let mut row = vec![VERSION];
        row.extend_from_slice(&7_u64.to_le_bytes());
        row.extend_from_slice(&(-1_i64).to_le_bytes());
        assert_eq!(numbers(&row), Some((7, -1)));
        for wrong in [&row[..16], &[2; 17][..], &[1; 18][..], &[]] {
            assert_eq!(numbers(wrong), None);
        }
    }
}
