//! The answer to a publish that was taken.

use std::io::Write as _;
use std::ops::Range;

use schemars::JsonSchema;

use crate::event::{Epoch, Position};

/// The positions of a request's events.
#[derive(JsonSchema)]
pub(super) struct Published {
    /// The position of the first event.
    #[schemars(with = "Option<String>")]
    first: Option<Position>,
    /// The position of the last one: those between are its own, too.
    #[schemars(with = "Option<String>")]
    last: Option<Position>,
    count: u64,
}

impl Published {
    /// Makes the answer for events of these offsets.
    pub(super) fn new(epoch: Epoch, offsets: &Range<u64>) -> Self {
        let count = offsets.end - offsets.start;
        let at = |offset| (count > 0).then_some(Position { epoch, offset });
        Self {
            first: at(offsets.start),
            last: at(offsets.end.saturating_sub(1)),
            count,
        }
    }

    /// Appends it as JSON: by hand, as it is written for each publish.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let count = self.count;
        // Writing to a Vec cannot fail.
        let _ = match (self.first, self.last) {
            (Some(first), Some(last)) => {
                writeln!(
                    out,
                    r#"{{"first":"{first}","last":"{last}","count":{count}}}"#
                )
            }
            _ => writeln!(out, r#"{{"first":null,"last":null,"count":{count}}}"#),
        };
    }
}
