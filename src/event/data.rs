//! An event's data as a value of the program's own type.

use serde::Deserialize;

use super::event_ref::EventRef;
use super::record::layout::DataKind;
use crate::json::{self, JsonError};

/// Says why an event's data is not the value that was asked for.
///
/// # Examples
///
/// ```
/// use eventring::event::{DataError, Event};
///
/// let event = Event::builder("orders.created", "order").json("{\"id\":\"seven\"}").build()?;
/// let error = event.data_as::<std::collections::BTreeMap<String, u64>>().unwrap_err();
/// assert!(matches!(error, DataError::Mismatch { line: 1, column: 13, .. }));
/// # Ok::<(), eventring::event::EventError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The event has no data.
    #[error("the event has no data")]
    Missing,
    /// The data has a content type that is not JSON.
    #[error("the data is {content_type}, not JSON")]
    ContentType {
        /// The content type.
        content_type: String,
    },
    /// The data has no content type, and is not JSON either.
    #[error("the data is not JSON: {0}")]
    Syntax(JsonError),
    /// The data is JSON, and not what the type wants.
    #[error("the data does not fit: {message}")]
    Mismatch {
        /// The fault and its place, in serde's words.
        message: String,
        /// Its line, from 1.
        line: usize,
        /// Its column in bytes, from 1; 0 where the end of the line before is meant.
        column: usize,
    },
}

/// Reads the data of an event.
pub(super) fn read<'d, T: Deserialize<'d>>(event: EventRef<'d>) -> Result<T, DataError> {
    let data = event.data();
    // Whatever type an empty one states: JSON is never empty.
    if data.is_empty() {
        return Err(DataError::Missing);
    }
    match (event.data_kind(), event.content_type()) {
        // Checked when the event was made.
        (DataKind::Json, _) => {}
        // CloudEvents 1.0, JSON format 3.1: data without a content type is taken for JSON. It was never checked.
        (_, None) => json::check(data).map_err(DataError::Syntax)?,
        (_, Some(content_type)) => {
            let content_type = content_type.to_owned();
            return Err(DataError::ContentType { content_type });
        }
    }
    // It is JSON within our bound on depth by now, so what is left to go wrong is the type.
    serde_json::from_slice(data).map_err(|error| DataError::Mismatch {
        line: error.line(),
        column: error.column(),
        message: error.to_string(),
    })
}
