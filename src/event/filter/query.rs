//! Reads the JSON form of a filter: `{type, typePattern, tags, dateRange, limit, offset}` and some members of our own.

use super::event_filter::{EventFilter, EventFilterBuilder, FilterErrors};
use crate::json::{Cursor, JsonError, JsonErrorKind, MEMBERS_MAX};

/// Longest JSON text of a filter, bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// A filter, and which part of what it takes: for questions about the past.
///
/// # Examples
///
/// ```
/// use eventring::event::EventQuery;
///
/// let query = EventQuery::from_json(br#"{"typePattern": "User*", "tags": {"region": "eu"}, "limit": 10}"#).unwrap();
/// assert_eq!((query.limit, query.offset), (Some(10), 0));
/// let errors = EventQuery::from_json(br#"{"kind": "User", "limit": 0, "typePattern": "a.*b"}"#).unwrap_err();
/// assert_eq!(errors.faults().len(), 3);
/// assert_eq!(errors.faults()[0].to_string(), "kind: unknown member at column 2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventQuery {
    /// The filter that the events have to pass.
    pub filter: EventFilter,
    /// The most events to return, 1 to 1,000, where that was said.
    pub limit: Option<usize>,
    /// The number of events to pass over before the first.
    pub offset: u64,
}

impl EventQuery {
    /// Most events that one query may ask for.
    pub const LIMIT_MAX: usize = 1000;

    /// Reads the JSON object `{type, typePattern, tags, dateRange: {start, end}, limit, offset}`; also `topic`,
    /// `streamType`, `streamId` and `where` (predicates). `type`, `typePattern`, `topic`, `streamType`, `streamId` and
    /// `where` may be a string or an array of strings. The end of the range is outside it.
    ///
    /// # Errors
    ///
    /// [`FilterErrors`] lists everything that is wrong, unknown members too; columns count bytes from 1.
    pub fn from_json(text: &[u8]) -> Result<Self, FilterErrors> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(FilterErrors::one("longer than 65536 bytes", None));
        }
        let mut reader = Reader::default();
        reader.object(text).map_err(|error| of_json(&error))?;
        let filter = reader.builder.build()?;
        Ok(Self {
            filter,
            limit: reader.limit,
            offset: reader.offset,
        })
    }
}

#[derive(Default)]
struct Reader {
    builder: EventFilterBuilder,
    limit: Option<usize>,
    offset: u64,
}

impl Reader {
    fn object(&mut self, text: &[u8]) -> Result<(), JsonError> {
        let mut cursor = Cursor::of_envelope(text)?;
        let mut seen: Vec<String> = Vec::new();
        cursor.members(|cursor, name| {
            let (key, at) = (name.text()?.into_owned(), name.at());
            // Every name is compared with those before it: without a bound, a text could cost its square.
            if seen.len() == MEMBERS_MAX {
                let kind = JsonErrorKind::TooMany { limit: MEMBERS_MAX };
                return Err(JsonError::new(kind, at));
            }
            // A fault and not the end: whatever else is wrong is told at the same time.
            if seen.contains(&key) {
                self.builder
                    .fault(&key, None, "appears twice", Some(at + 1));
                cursor.value()?;
            } else {
                self.member(&key, at, cursor)?;
                seen.push(key);
            }
            Ok(())
        })?;
        cursor.end()
    }

    fn member(&mut self, key: &str, at: usize, cursor: &mut Cursor<'_>) -> Result<(), JsonError> {
        match key {
            "limit" => {
                let value = cursor.value()?;
                match value.raw().parse() {
                    Ok(limit @ 1..=EventQuery::LIMIT_MAX) => self.limit = Some(limit),
                    _ => self
                        .builder
                        .expected(key, "a number from 1 to 1000", value.at()),
                }
                Ok(())
            }
            "offset" => {
                let value = cursor.value()?;
                match value.raw().parse() {
                    Ok(offset) => self.offset = offset,
                    Err(_) => self
                        .builder
                        .expected(key, "a whole number, 0 or more", value.at()),
                }
                Ok(())
            }
            _ => {
                let value = cursor.value()?;
                if !self.builder.read_member(key, value)? {
                    self.builder
                        .fault(key, None, "unknown member", Some(at + 1));
                }
                Ok(())
            }
        }
    }
}

fn of_json(error: &JsonError) -> FilterErrors {
    FilterErrors::one(&error.kind.to_string(), Some(error.at + 1))
}
