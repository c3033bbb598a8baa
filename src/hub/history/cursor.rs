//! The place of a page, as text.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::HistoryOrder;
use crate::event::{Epoch, Position};

/// The place at which a page begins: `<epoch>-<as_of>-<a or d><next>[-<skip>]`, all of which stands in an address as it
/// is. Opaque to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HistoryCursor {
    /// The newest position that descending pages know of.
    pub(super) as_of: Position,
    pub(super) order: HistoryOrder,
    /// Ascending: the first offset to look at. Descending: the one behind it.
    pub(super) next: u64,
    /// Events that are still to be passed over.
    pub(super) skip: u64,
}

/// Says why a cursor means nothing to this hub.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HistoryCursorError {
    /// The text is not one that a page gave.
    #[error("not one that a page gave")]
    Junk,
    /// The cursor is of another log.
    #[error("epoch {got} is not this hub's, {expected}")]
    Epoch {
        /// The hub's epoch.
        expected: Epoch,
        /// That of the cursor.
        got: Epoch,
    },
    /// The cursor knows of events that were not published yet.
    #[error("offset {got} is beyond the newest, {head}")]
    Future {
        /// The newest offset.
        head: u64,
        /// The one that it knows of.
        got: u64,
    },
}

impl HistoryCursor {
    /// Reads a cursor for a hub whose newest event is at `head`.
    pub(super) fn read(text: &str, head: Position) -> Result<Self, HistoryCursorError> {
        let cursor: Self = text.parse()?;
        if cursor.as_of.epoch != head.epoch {
            return Err(HistoryCursorError::Epoch {
                expected: head.epoch,
                got: cursor.as_of.epoch,
            });
        }
        let got = cursor.as_of.offset.max(cursor.next.saturating_sub(1));
        if got > head.offset {
            let head = head.offset;
            return Err(HistoryCursorError::Future { head, got });
        }
        Ok(cursor)
    }
}

impl fmt::Display for HistoryCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            HistoryOrder::Ascending => 'a',
            HistoryOrder::Descending => 'd',
        };
        write!(f, "{}-{order}{}", self.as_of, self.next)?;
        match self.skip {
            0 => Ok(()),
            skip => write!(f, "-{skip}"),
        }
    }
}

impl FromStr for HistoryCursor {
    type Err = HistoryCursorError;

    fn from_str(text: &str) -> Result<Self, HistoryCursorError> {
        read(text).ok_or(HistoryCursorError::Junk)
    }
}

fn read(text: &str) -> Option<HistoryCursor> {
    let mut parts = text.splitn(4, '-');
    let as_of = Position {
        epoch: parts.next()?.parse().ok()?,
        offset: number(parts.next()?)?,
    };
    let place = parts.next()?;
    let (order, next) = match place.as_bytes().first()? {
        b'a' => (HistoryOrder::Ascending, &place[1..]),
        b'd' => (HistoryOrder::Descending, &place[1..]),
        _ => return None,
    };
    let skip = match parts.next() {
        Some(skip) => number(skip).filter(|skip| *skip > 0)?,
        None => 0,
    };
    let next = number(next).filter(|next| *next > 0)?;
    Some(HistoryCursor {
        as_of,
        order,
        next,
        skip,
    })
}

/// One text for each number: no sign, no zeros in front.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    (plain && canonical).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let cursor = HistoryCursor {
            as_of: Position {
                epoch: Epoch(7),
                offset: 900,
            },
            order: HistoryOrder::Descending,
            next: 800,
            skip: 0,
        };
        for cursor in [cursor, HistoryCursor { skip: 3, ..cursor }] {
            let text = cursor.to_string();
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            assert_eq!(HistoryCursor::read(&text, cursor.as_of), Ok(cursor));
            for cut in 0..text.len() {
                let read = HistoryCursor::read(&text[..cut], cursor.as_of);
                assert_ne!(read, Ok(cursor), "{}", &text[..cut]);
            }
        }
        let junk = |text: &str| HistoryCursor::read(text, cursor.as_of);
        for text in [
            "",
            "x",
            "0000000000007-900-d800-0",
            "0000000000007-900-d0800",
            "0000000000007-900-d0",
            "0000000000007-900-e800",
            "0000000000007-900-d800-1-1",
            "0000000000007-900-ü",
            "0000000000007-900-d+8",
            "0000000000007-900-d99999999999999999999",
        ] {
            assert_eq!(junk(text), Err(HistoryCursorError::Junk), "{text}");
        }
        let future = HistoryCursorError::Future {
            head: 900,
            got: 901,
        };
        assert_eq!(junk("0000000000007-901-d800"), Err(future.clone()));
        assert_eq!(junk("0000000000007-900-a902"), Err(future));
        assert!(matches!(
            junk("0000000000008-900-d800"),
            Err(HistoryCursorError::Epoch { .. })
        ));
    }
}
