//! Events as JSON, in and out: values are kept as the pieces of the text they stand in.

#[cfg(feature = "journal")]
mod archive;
mod base64;
mod reader;
mod shape;
mod write;

pub use shape::Shape;

#[cfg(feature = "journal")]
pub(crate) use archive::{Stamp, read_archived, write_archived};
pub(super) use base64::write_base64;
pub(super) use reader::Reader;
pub(super) use write::{write_shape, write_shape_at};

use super::error::{ErrorKind, EventError};

/// Returns whether a content type is JSON: `application/json`, `text/json`, anything with `+json`.
pub(super) fn is_json_type(content_type: &str) -> bool {
    let essence = essence(content_type);
    ends_with(essence, "/json") || ends_with(essence, "+json")
}

/// Returns whether data of this type is text where it is UTF-8. No type at all may be text.
pub(super) fn is_text_type(content_type: &str) -> bool {
    let essence = essence(content_type);
    // `get` and no slice: the fifth byte may lie inside a character.
    essence.is_empty()
        || essence
            .get(..5)
            .is_some_and(|start| start.eq_ignore_ascii_case("text/"))
        || [
            "/xml",
            "+xml",
            "/javascript",
            "/yaml",
            "+yaml",
            "/x-www-form-urlencoded",
        ]
        .iter()
        .any(|end| ends_with(essence, end))
}

/// CloudEvents 1.0: `specversion` is "1.0".
pub(super) fn check_spec_version(version: &str) -> Result<(), EventError> {
    match version {
        "1.0" => Ok(()),
        _ => Err(EventError::new(
            ErrorKind::Invalid("only \"1.0\" is understood"),
            "specversion",
        )),
    }
}

fn essence(content_type: &str) -> &str {
    // RFC 9110, section 8.3.1: parameters follow a semicolon, and say nothing about the kind of data.
    content_type.split(';').next().unwrap_or_default().trim()
}

fn ends_with(text: &str, end: &str) -> bool {
    // For a text shorter than `end` this wraps to an index beyond it, where `get` finds nothing.
    let start = text.len().wrapping_sub(end.len());
    text.get(start..)
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}
