//! Reads the JSON form of a filter: `{type, typePattern, tags, dateRange, limit, offset}` and some members of our own.

use super::spans::{Scratch, Span, Spans};
use crate::event::error::EventError;
use crate::event::select::{EventFilter, EventFilterBuilder, FilterErrors};

/// Longest JSON text of a filter, bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Deepest nesting of one, levels.
const DEPTH_MAX: usize = 8;

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
pub struct EventQuery {
    /// Which events.
    pub filter: EventFilter,
    /// How many at most, 1 to 1,000, where that was said.
    pub limit: Option<usize>,
    /// How many to pass before the first.
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
        let mut scratch = Scratch::default();
        scratch
            .parse(text, DEPTH_MAX)
            .map_err(|error| from_event(&error))?;
        let mut spans = scratch.spans(text).map_err(|error| from_event(&error))?;
        if spans.peek() != b'{' {
            return Err(FilterErrors::one(
                "expected an object",
                Some(spans.at() + 1),
            ));
        }
        let mut reader = Reader::default();
        let mut seen: Vec<String> = Vec::new();
        spans
            .members(|spans, name| {
                let key = name.string()?.into_owned();
                if seen.contains(&key) {
                    reader
                        .builder
                        .fault(&key, None, "appears twice", Some(name.at + 1));
                    spans.value();
                } else {
                    reader.member(&key, name.at, spans)?;
                    seen.push(key);
                }
                Ok(())
            })
            .map_err(|error| from_event(&error))?;
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
    fn member(
        &mut self,
        key: &str,
        at: usize,
        spans: &mut Spans<'_, '_>,
    ) -> Result<(), EventError> {
        match key {
            "type" => self.texts(key, spans, |builder, text| _ = builder.ty(text)),
            "typePattern" => self.texts(key, spans, |builder, text| _ = builder.ty_pattern(text)),
            "topic" => self.texts(key, spans, |builder, text| _ = builder.topic(text)),
            "streamType" => self.texts(key, spans, |builder, text| _ = builder.stream_type(text)),
            "streamId" => self.texts(key, spans, |builder, text| _ = builder.stream_id(text)),
            "where" => self.texts(key, spans, |builder, text| _ = builder.wherever(text)),
            "tags" => self.tags(spans),
            "dateRange" => self.range(spans),
            "limit" => {
                let value = spans.value();
                match value.raw.parse() {
                    Ok(limit @ 1..=EventQuery::LIMIT_MAX) => self.limit = Some(limit),
                    _ => self.expected(key, "a number from 1 to 1000", value.at),
                }
                Ok(())
            }
            "offset" => {
                let value = spans.value();
                match value.raw.parse() {
                    Ok(offset) => self.offset = offset,
                    Err(_) => self.expected(key, "a whole number, 0 or more", value.at),
                }
                Ok(())
            }
            _ => {
                self.builder
                    .fault(key, None, "unknown member", Some(at + 1));
                spans.value();
                Ok(())
            }
        }
    }

    /// Takes a string, or an array of strings.
    fn texts(
        &mut self,
        key: &str,
        spans: &mut Spans<'_, '_>,
        mut take: impl FnMut(&mut EventFilterBuilder, &str),
    ) -> Result<(), EventError> {
        if spans.peek() != b'[' {
            let value = spans.value();
            return self.text(key, value, &mut take);
        }
        let at = spans.at();
        let mut count = 0;
        spans.elements(|spans| {
            count += 1;
            let value = spans.value();
            self.text(key, value, &mut take)
        })?;
        if count == 0 {
            self.expected(key, "at least one", at);
        }
        Ok(())
    }

    fn text(
        &mut self,
        key: &str,
        value: Span<'_>,
        take: &mut impl FnMut(&mut EventFilterBuilder, &str),
    ) -> Result<(), EventError> {
        if value.is_string() {
            take(&mut self.builder, &value.string()?);
        } else {
            self.expected(key, "a string", value.at);
        }
        Ok(())
    }

    fn tags(&mut self, spans: &mut Spans<'_, '_>) -> Result<(), EventError> {
        if spans.peek() != b'{' {
            let value = spans.value();
            self.expected("tags", "an object", value.at);
            return Ok(());
        }
        spans.members(|spans, name| {
            let value = spans.value();
            match value.raw.as_bytes().first() {
                Some(b'"') => _ = self.builder.tag(&name.string()?, &value.string()?),
                Some(b'{' | b'[') => self.expected("tags", "a string", value.at),
                _ => _ = self.builder.tag(&name.string()?, value.raw),
            }
            Ok(())
        })
    }

    fn range(&mut self, spans: &mut Spans<'_, '_>) -> Result<(), EventError> {
        if spans.peek() != b'{' {
            let value = spans.value();
            self.expected("dateRange", "an object", value.at);
            return Ok(());
        }
        spans.members(|spans, name| {
            let key = name.string()?;
            let value = spans.value();
            match (&*key, value.is_string()) {
                ("start", true) => _ = self.builder.since(&value.string()?),
                ("end", true) => _ = self.builder.until(&value.string()?),
                ("start" | "end", false) => self.expected("dateRange", "a time", value.at),
                _ => {
                    let field = format!("dateRange.{key}");
                    self.builder
                        .fault(&field, None, "unknown member", Some(name.at + 1));
                }
            }
            Ok(())
        })
    }

    fn expected(&mut self, key: &str, what: &str, at: usize) {
        let reason = format!("expected {what}");
        self.builder.fault(key, None, &reason, Some(at + 1));
    }
}

fn from_event(error: &EventError) -> FilterErrors {
    FilterErrors::one(&error.kind.to_string(), error.at.map(|at| at + 1))
}
