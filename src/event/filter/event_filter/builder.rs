//! Building a filter part by part, by setters or from JSON, collecting everything that is wrong.

use super::errors::{FilterErrors, FilterFault};
use super::{EventFilter, Rest};
use crate::event::filter::pattern::Pattern;
use crate::event::filter::predicate::Predicate;
use crate::event::filter::topic_filter::{Filter, PATTERNS_MAX};
use crate::event::filter::type_pattern::TypePattern;
use crate::event::time;
use crate::json::{JsonError, Value};

/// Builds an [`EventFilter`]; collects every error there is.
///
/// Bounds: 64 entries in each part, 1,024 bytes in each text.
#[derive(Clone, Debug, Default)]
pub struct EventFilterBuilder {
    patterns: Vec<Pattern>,
    topics: usize,
    all_of: Option<Filter>,
    rest: Rest,
    errors: Vec<FilterFault>,
    predicates: usize,
}

/// Longest text of a type, id or tag in a filter, bytes.
const TEXT_BYTES_MAX: usize = 1024;

impl EventFilterBuilder {
    /// Adds a topic or a pattern of topics; one of them must take the event.
    pub fn topic(&mut self, pattern: &str) -> &mut Self {
        self.pattern("topic", pattern);
        self
    }

    /// Sets the topics to those of a filter.
    pub fn topics(&mut self, filter: &Filter) -> &mut Self {
        self.all_of = Some(filter.clone());
        self
    }

    /// Adds a type; one of the types or type patterns must take the event.
    pub fn ty(&mut self, ty: &str) -> &mut Self {
        let index = self.rest.types.len();
        if self.check_text("type", index, ty) {
            self.rest.types.push(ty.into());
        }
        self
    }

    /// Adds a pattern of types: see [`TypePattern`].
    pub fn ty_pattern(&mut self, pattern: &str) -> &mut Self {
        let index = self.rest.type_patterns.len();
        match TypePattern::parse(pattern) {
            Ok(pattern) if self.check_count("typePattern", index) => {
                self.rest.type_patterns.push(pattern)
            }
            Ok(_) => {}
            Err(error) => self.fault("typePattern", Some(index), error.reason, Some(error.column)),
        }
        self
    }

    /// Adds a type of streams (aggregates).
    pub fn stream_type(&mut self, ty: &str) -> &mut Self {
        let index = self.rest.stream_types.len();
        if self.check_text("streamType", index, ty) {
            self.rest.stream_types.push(ty.into());
        }
        self
    }

    /// Adds the id of a stream (aggregate).
    pub fn stream_id(&mut self, id: &str) -> &mut Self {
        let index = self.rest.stream_ids.len();
        if self.check_text("streamId", index, id) {
            self.rest.stream_ids.push(id.into());
        }
        self
    }

    /// Adds a tag that must be there with that value.
    pub fn tag(&mut self, key: &str, value: &str) -> &mut Self {
        let index = self.rest.tags.len();
        if self.check_text("tags", index, key) && self.check_length("tags", index, value) {
            self.rest.tags.push((key.into(), value.into()));
        }
        self
    }

    /// Takes events of that time or later, nanoseconds since 1970.
    pub fn since_nanos(&mut self, nanos: i64) -> &mut Self {
        self.rest.since = Some(nanos);
        self
    }

    /// Takes events before that time, nanoseconds since 1970.
    pub fn until_nanos(&mut self, nanos: i64) -> &mut Self {
        self.rest.until = Some(nanos);
        self
    }

    /// Takes events of that time or later, RFC 3339.
    pub fn since(&mut self, text: &str) -> &mut Self {
        self.rest.since = self.time("since", text);
        self
    }

    /// Takes events before that time, RFC 3339.
    pub fn until(&mut self, text: &str) -> &mut Self {
        self.rest.until = self.time("until", text);
        self
    }

    /// Adds a condition on a value inside the event: see [`Predicate`].
    pub fn matching(&mut self, predicate: &str) -> &mut Self {
        // As given and not as kept: a fault names the entry that the caller wrote.
        let index = self.predicates;
        self.predicates += 1;
        match Predicate::parse(predicate) {
            Ok(predicate) if self.check_count("where", index) => {
                self.rest.predicates.push(predicate)
            }
            Ok(_) => {}
            Err(error) => self.fault("where", Some(index), error.reason, Some(error.column)),
        }
        self
    }

    /// Finishes the filter; the builder is empty then.
    ///
    /// # Errors
    ///
    /// [`FilterErrors`] lists everything that is wrong.
    pub fn build(&mut self) -> Result<EventFilter, FilterErrors> {
        let mut done = std::mem::take(self);
        let topics = done.take_topics();
        // An empty range takes nothing for ever: that is a mistake, and silence would hide it.
        if let (Some(since), Some(until)) = (done.rest.since, done.rest.until)
            && since >= until
        {
            done.fault("until", None, "not after the start of the range", None);
        }
        match topics {
            Some(topics) if done.errors.is_empty() => Ok(EventFilter {
                topics,
                rest: done.rest.canonical(),
            }),
            _ => Err(FilterErrors(done.errors.into())),
        }
    }

    /// Takes a member of a filter's JSON form; `false`: a filter has none of that name. Values that are wrong become
    /// faults, so that all of them are told at once.
    ///
    /// # Errors
    ///
    /// A string that has no UTF-8 form: what it stands for is not known.
    pub(crate) fn read_member(&mut self, name: &str, value: Value<'_>) -> Result<bool, JsonError> {
        match name {
            "type" => self.read_texts(name, value, |builder, text| _ = builder.ty(text))?,
            "typePattern" => {
                self.read_texts(name, value, |builder, text| _ = builder.ty_pattern(text))?;
            }
            "topic" => self.read_topics(name, value)?,
            "streamType" => {
                self.read_texts(name, value, |builder, text| _ = builder.stream_type(text))?;
            }
            "streamId" => {
                self.read_texts(name, value, |builder, text| _ = builder.stream_id(text))?
            }
            "where" => self.read_texts(name, value, |builder, text| _ = builder.matching(text))?,
            "tags" => self.read_tags(name, value)?,
            "dateRange" => self.read_range(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes patterns of topics, one or an array of them, from a member that is called `name` where it comes from.
    ///
    /// # Errors
    ///
    /// As [`read_member`](Self::read_member).
    pub(crate) fn read_topics(&mut self, name: &str, value: Value<'_>) -> Result<(), JsonError> {
        self.read_texts(name, value, |builder, text| builder.pattern(name, text))
    }

    /// Notes that a member is not what it should be; `at` is the byte of the text at which its value starts.
    pub(in crate::event) fn expected(&mut self, name: &str, what: &str, at: usize) {
        // Columns count from 1, bytes from 0.
        self.fault(name, None, &format!("expected {what}"), Some(at + 1));
    }

    /// Takes a string, or an array of strings.
    fn read_texts(
        &mut self,
        name: &str,
        value: Value<'_>,
        mut take: impl FnMut(&mut Self, &str),
    ) -> Result<(), JsonError> {
        let mut one = |builder: &mut Self, value: Value<'_>| {
            if value.is_string() {
                take(builder, &value.text()?);
            } else {
                builder.expected(name, "a string", value.at());
            }
            Ok(())
        };
        if !value.is_array() {
            return one(self, value);
        }
        let mut is_empty = true;
        value.elements(|element| {
            is_empty = false;
            one(self, element)
        })?;
        // An empty list would take nothing, or everything: nobody means either.
        if is_empty {
            self.expected(name, "at least one", value.at());
        }
        Ok(())
    }

    fn read_tags(&mut self, name: &str, value: Value<'_>) -> Result<(), JsonError> {
        if !value.is_object() {
            self.expected(name, "an object", value.at());
            return Ok(());
        }
        value.members(|key, value| {
            match value {
                _ if value.is_string() => _ = self.tag(&key.text()?, &value.text()?),
                _ if value.is_object() || value.is_array() => {
                    self.expected(name, "a string", value.at());
                }
                // A tag of an event is compared as text, whatever it was written as.
                _ => _ = self.tag(&key.text()?, value.raw()),
            }
            Ok(())
        })
    }

    fn read_range(&mut self, name: &str, value: Value<'_>) -> Result<(), JsonError> {
        if !value.is_object() {
            self.expected(name, "an object", value.at());
            return Ok(());
        }
        value.members(|key, value| {
            let text = key.text()?;
            match (&*text, value.is_string()) {
                ("start", true) => _ = self.since(&value.text()?),
                ("end", true) => _ = self.until(&value.text()?),
                ("start" | "end", false) => self.expected(name, "a time", value.at()),
                _ => {
                    let field = format!("{name}.{text}");
                    self.fault(&field, None, "unknown member", Some(key.at() + 1));
                }
            }
            Ok(())
        })
    }

    /// Adds a pattern of topics; faults name the `field` that it came in.
    fn pattern(&mut self, field: &str, pattern: &str) {
        let index = self.topics;
        self.topics += 1;
        match Pattern::parse(pattern) {
            Ok(pattern) if self.check_count(field, index) => self.patterns.push(pattern),
            Ok(_) => {}
            Err(error) => self.fault(field, Some(index), error.reason, Some(error.column)),
        }
    }

    fn take_topics(&mut self) -> Option<Filter> {
        let patterns = std::mem::take(&mut self.patterns);
        match self.all_of.take() {
            Some(filter) => Some(filter),
            None if patterns.is_empty() => Some(Filter::all()),
            // Too many are a fault by now: see `check_count`.
            None => Filter::new(patterns).ok(),
        }
    }

    fn time(&mut self, field: &str, text: &str) -> Option<i64> {
        // No time is longer, as in `EventBuilder::set_time`.
        let nanos = Some(text)
            .filter(|text| text.len() <= 64)
            .and_then(|text| time::parse(text, false));
        if nanos.is_none() {
            self.fault(field, None, "not an RFC 3339 time", None);
        }
        nanos
    }

    fn check_text(&mut self, field: &str, index: usize, text: &str) -> bool {
        if text.is_empty() {
            self.fault(field, Some(index), "must not be empty", None);
            return false;
        }
        self.check_count(field, index) && self.check_length(field, index, text)
    }

    fn check_length(&mut self, field: &str, index: usize, text: &str) -> bool {
        let fits = text.len() <= TEXT_BYTES_MAX;
        if !fits {
            self.over(field, Some(index), "longer than 1024 bytes", TEXT_BYTES_MAX);
        }
        fits
    }

    fn check_count(&mut self, field: &str, index: usize) -> bool {
        let fits = index < PATTERNS_MAX;
        if !fits {
            self.over(field, None, "more than 64 entries", PATTERNS_MAX);
        }
        fits
    }

    pub(in crate::event) fn fault(
        &mut self,
        field: &str,
        index: Option<usize>,
        reason: &str,
        column: Option<usize>,
    ) {
        self.note(FilterFault {
            field: field.to_owned(),
            index,
            reason: reason.to_owned(),
            column,
            limit: None,
        });
    }

    fn over(&mut self, field: &str, index: Option<usize>, reason: &str, limit: usize) {
        self.note(FilterFault {
            field: field.to_owned(),
            index,
            reason: reason.to_owned(),
            column: None,
            limit: Some(limit),
        });
    }

    fn note(&mut self, fault: FilterFault) {
        // A thousandth mistake says nothing new.
        if self.errors.len() < PATTERNS_MAX && !self.errors.contains(&fault) {
            self.errors.push(fault);
        }
    }
}
