//! The answer to a publish that was taken.

use std::io::Write as _;
use std::ops::Range;

use schemars::JsonSchema;

use crate::event::{Epoch, Position};

/// The positions of a request's events.
#[derive(JsonSchema)]
pub(super) struct Published {
    /// The position of the first event.
    #[schemars(with = "String")]
    first: Position,
    /// The position of the last one: those between are its own, too.
    #[schemars(with = "String")]
    last: Position,
    count: u64,
}

impl Published {
    /// Makes the answer for events of these offsets, of which there is at least one.
    pub(super) fn new(epoch: Epoch, offsets: &Range<u64>) -> Self {
        let at = |offset| Position { epoch, offset };
        Self {
            first: at(offsets.start),
            last: at(offsets.end - 1),
            count: offsets.end - offsets.start,
        }
    }

    /// Appends it as JSON: by hand, as it is written for each publish.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Self { first, last, count } = self;
        // Writing to a Vec cannot fail.
        let _ = writeln!(
            out,
            r#"{{"first":"{first}","last":"{last}","count":{count}}}"#
        );
    }
}
