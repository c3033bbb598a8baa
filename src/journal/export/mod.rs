//! An export: the events of a journal as lines of CloudEvents JSON, which an import takes back whole.
//!
//! ```text
//! {"eventringexport":"begin","format":1,"id":"0c7…","epoch":"00000000004hm"}
//! {"specversion":"1.0",…,"eventringposition":"00000000004hm-1","eventringrecorded":"2026-11-30T09:00:00Z"}
//! {"eventringexport":"end","id":"0c7…","events":1}
//! ```
//!
//! A line between the first and the last one is an event in structured CloudEvents JSON; what a journal knows of it stands
//! in extension attributes: `eventringposition`, `eventringrecorded`, and where there is something to say
//! `eventringversion` (of its stream), `eventringrest` (events of its batch that follow), `eventringnotes`,
//! `eventringbreaks`, `eventringaround` and `eventringtime` (what JSON lines have no place for). An attribute of the event's own that is called
//! so has `x-` in front of it. An export that has no last line was cut off.
//!
//! What is not kept: the order among attributes of different kinds, and white space of an attribute that is an object. A name
//! that stands for something else in CloudEvents (`data` as an attribute of another shape) comes back with `x-` in front.

mod decoder;
mod encoder;
mod error;

pub use decoder::{ExportDecoder, ExportLine};
pub use encoder::ExportEncoder;
pub use error::ExportError;

/// The member that only the first and the last line have, and no event.
const MARK: &str = "eventringexport";
/// The format that is written.
const FORMAT: u64 = 1;
/// The highest offset, and version of a stream, that a journal can go on behind; no server comes near.
const NUMBER_MAX: u64 = 1 << 62;
