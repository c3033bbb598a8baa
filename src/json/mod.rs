//! The one reader of JSON that comes from outside: bodies, messages, files, answers.
//!
//! Nothing is converted: a value is the piece of the text that it stands in, so no number, escape or white space
//! changes on the way through. Reading never recurses, keeps nothing from text to text, and stops at the first byte that
//! is wrong. Two bounds hold for all of it: [`DEPTH_MAX`] and [`TEXT_BYTES_MAX`].
//!
//! An object that is read member by member ([`Members`]) is an envelope: it is not counted as a level, so that a value
//! that is good on its own is good inside one.
//!
//! # Examples
//!
//! ```
//! use eventring::json::{self, Members};
//!
//! let members = Members::read(br#"{"topic": "a", "data": {"n": 1.10}}"#)?;
//! assert_eq!(members.get("topic").and_then(|value| value.string()).as_deref(), Some("a"));
//! assert_eq!(members.get("data").unwrap().raw(), r#"{"n": 1.10}"#);
//! let nest = "[".repeat(100_000);
//! assert_eq!(json::check(nest.as_bytes()).unwrap_err().to_string(), "nested deeper than 64 at byte 64");
//! # Ok::<(), json::JsonError>(())
//! ```
#![cfg_attr(
    all(
        feature = "gateway",
        feature = "pipeline",
        feature = "client",
        feature = "async"
    ),
    doc = "\n\nIn the guide: [`limits`](crate::guide::operate::limits) has its bounds."
)]
#![forbid(unsafe_code)]

mod cursor;
mod encoding;
mod error;
mod members;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod pointer;
mod scan;
mod string;

pub use encoding::{is_utf16, without_mark};
pub use error::{JsonError, JsonErrorKind};
pub use members::{MEMBERS_MAX, Members, Value};
pub use string::write_string;

pub(crate) use cursor::Cursor;
pub(crate) use pointer::find;
pub(crate) use scan::scalar;
pub(crate) use string::read_string;

/// Levels of arrays and objects that one JSON text may have; one that has more is refused at the first level too many.
pub const DEPTH_MAX: usize = 64;

/// Longest JSON text that is read, bytes; a longer one is refused unread. Bodies, messages and events have bounds of
/// their own, which are lower unless somebody raised them.
pub const TEXT_BYTES_MAX: usize = 1 << 30;

/// Checks that a text is one JSON value, which may stand inside another text as it is: a byte-order mark is not skipped.
///
/// # Errors
///
/// What was expected at which byte, or which bound was passed.
pub fn check(text: &[u8]) -> Result<(), JsonError> {
    // As one that goes out inside another text, where a byte-order mark must not stand.
    let mut cursor = Cursor::inside(text)?;
    cursor.value()?;
    cursor.end()
}
