//! What is wrong with an export.

use thiserror::Error;

use crate::event::{Epoch, EventError};

/// Says why a text is not an export, or not a whole one. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The first line is not that of an export.
    #[error(
        "line 1: not an export of a journal; \"publish --format cloudevents\" takes events of other origin"
    )]
    NotAnExport,
    /// A newer version has written it.
    #[error("line 1: format {found} is newer than {known}, which this version knows")]
    Format {
        /// The format that it says it has.
        found: u64,
        /// The newest that this version knows.
        known: u64,
    },
    /// A line is no event.
    #[error("line {line}: {error}")]
    Event {
        /// The line.
        line: u64,
        /// The fault, with the byte in the line.
        error: EventError,
    },
    /// An event is of another log than the export.
    #[error(
        "line {line}: a position of epoch {found} in an export of {expected}: import one export at a time"
    )]
    OtherEpoch {
        /// The line.
        line: u64,
        /// The epoch of the event.
        found: Epoch,
        /// The epoch of the export.
        expected: Epoch,
    },
    /// An event does not stand behind the one before it.
    #[error(
        "line {line}: offset {offset} does not come behind {before}: lines are missing, doubled or out of order"
    )]
    Order {
        /// The line.
        line: u64,
        /// The offset of the event.
        offset: u64,
        /// The offset of the event before.
        before: u64,
    },
    /// A number is one that no journal gives out: the line is not as it was written.
    #[error("line {line}: {given} is no {name} that a journal gives out: the line is damaged")]
    Number {
        /// The line.
        line: u64,
        /// The meaning of the number.
        name: &'static str,
        /// The number.
        given: u64,
    },
    /// Something stands behind the last line.
    #[error(
        "line {line}: behind the end of the export; where a second one begins there, import one at a time"
    )]
    Behind {
        /// The line.
        line: u64,
    },
    /// The last line counts other events than there are.
    #[error(
        "line {line}: the export has {said} events, and {found} are there: lines are missing or doubled"
    )]
    Count {
        /// The line.
        line: u64,
        /// The events that it says there are.
        said: u64,
        /// The events that were read.
        found: u64,
    },
    /// The last line is missing.
    #[error(
        "line {line}, byte {byte}: the export is cut off behind {events} events: make it again, or import what is there with --partial"
    )]
    Truncated {
        /// The line at which it ends.
        line: u64,
        /// The byte of the whole text at which it ends, from 0.
        byte: u64,
        /// The events that are whole.
        events: u64,
    },
}
