//! Building a filter part by part, collecting everything that is wrong.

use super::errors::{FilterErrors, FilterFault};
use super::{EventFilter, Rest};
use crate::event::filter::pattern::Pattern;
use crate::event::filter::predicate::Predicate;
use crate::event::filter::topic_filter::{Filter, PATTERNS_MAX};
use crate::event::filter::type_pattern::TypePattern;
use crate::event::time;

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

    /// Adds a pattern of topics; faults name the `field` that it came in.
    pub(super) fn pattern(&mut self, field: &str, pattern: &str) {
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
            None => Filter::new(patterns).ok(),
        }
    }

    fn time(&mut self, field: &str, text: &str) -> Option<i64> {
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
