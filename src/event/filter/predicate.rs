//! One condition on a value inside an event: `/data/amount > 100`.

mod literal;
mod parse;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use crate::event::as_event::AsEvent;
use crate::event::attribute::{AttributeKind, AttributeValue};
use crate::event::event_ref::EventRef;
use crate::event::record::layout::DataKind;
use crate::json;

pub(super) use self::literal::Literal;
use self::parse::Parser;

/// Longest text of a predicate, bytes.
pub const PREDICATE_BYTES_MAX: usize = 1024;

/// A condition on one value of an event: a JSON pointer, an operator and a JSON value.
///
/// The pointer starts at the event as structured CloudEvents has it: `/data/…` leads into the data where that is JSON,
/// `/type`, `/subject` or `/tenant` are attributes, `/tags/…`, `/headers/…` and `/metadata/…` what they hold. The
/// operators are `==`, `!=`, `<`, `<=`, `>`, `>=`; a pointer alone asks whether something is there. A pointer with
/// spaces or operators in it stands in quotes.
///
/// What is not there makes every operator false, `!=` too. Values of different JSON types are different, and neither
/// is less. Whole numbers up to 127 bits compare exactly; others as 64-bit floating point.
///
/// # Examples
///
/// ```
/// use eventring::event::{Event, Predicate};
///
/// let large = Predicate::parse("/data/amount > 100").unwrap();
/// let event = Event::builder("orders", "order").json(r#"{"amount": 250}"#).build().unwrap();
/// assert!(large.matches(&event));
/// let error = Predicate::parse("/data/amount >> 100").unwrap_err();
/// assert_eq!(error.to_string(), "expected a JSON value at column 15");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Predicate {
    /// As it was written, without white space around it; what it means follows from it.
    text: Box<str>,
    root: Root,
    tokens: Tokens,
    test: Option<(Operator, Literal)>,
}

/// The steps of a pointer below its root.
type Tokens = Box<[Box<str>]>;

/// Says why a text is not a predicate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at column {column}")]
#[non_exhaustive]
pub struct PredicateError {
    /// The fault, as a fragment of a sentence.
    pub reason: &'static str,
    /// The character concerned, counted from 1.
    pub column: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Root {
    Data,
    Attribute(Box<str>),
    Entry(&'static str, Box<str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// The value that a pointer led to.
enum Found<'a> {
    Json(&'a str),
    Text(Cow<'a, str>),
}

impl Predicate {
    /// Reads a predicate.
    ///
    /// # Errors
    ///
    /// [`PredicateError`] names the column.
    pub fn parse(text: &str) -> Result<Self, PredicateError> {
        let mut parser = Parser::new(text);
        if text.len() > PREDICATE_BYTES_MAX {
            // Before anything is read: a filter is kept for as long as somebody has it, and judged for each event.
            return parser.fail_at("longer than 1024 bytes", PREDICATE_BYTES_MAX);
        }
        let (root, tokens) = parser.pointer()?;
        let test = parser.test()?;
        Ok(Self {
            text: text.trim().into(),
            root,
            tokens,
            test,
        })
    }

    /// Reads a JSON pointer alone, whatever characters it has.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    #[cfg(feature = "journal")]
    pub(crate) fn pointer(text: &str) -> Result<Self, PredicateError> {
        // In quotes spaces and operators are part of it.
        let mut quoted = Vec::with_capacity(text.len() + 2);
        json::write_string(&mut quoted, text);
        let quoted = String::from_utf8(quoted).unwrap_or_default();
        Self::parse(&quoted).map_err(|error| PredicateError {
            column: error.column.saturating_sub(1).max(1),
            ..error
        })
    }

    /// Returns the one value that the pointer leads to, and whether it is text; a number is as it is written. `None`: nothing
    /// is there, or `null`, an array or an object.
    #[cfg(any(feature = "sqlite", all(feature = "journal", test)))]
    pub(crate) fn scalar<'a>(&self, event: EventRef<'a>) -> Option<(bool, Cow<'a, str>)> {
        match self.find(event)? {
            Found::Text(text) => Some((true, text)),
            Found::Json(value) => match value.as_bytes().first()? {
                b'"' => json::read_string(value).ok().map(|text| (true, text)),
                b'{' | b'[' | b'n' => None,
                _ => Some((false, value.into())),
            },
        }
    }

    /// Returns whether the event fulfils it. Nothing is allocated but for text with escapes.
    pub fn matches(&self, event: impl AsEvent) -> bool {
        match (self.find(event.as_event()), &self.test) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(found), Some((operator, literal))) => operator.holds(literal.order(&found)),
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn find<'a>(&self, event: EventRef<'a>) -> Option<Found<'a>> {
        match &self.root {
            Root::Data => self.find_data(event),
            Root::Attribute(name) => find_attribute(event, name),
            Root::Entry(kind, name) => {
                let kind = match *kind {
                    "tags" => AttributeKind::Tag,
                    "headers" => AttributeKind::Header,
                    _ => AttributeKind::Metadata,
                };
                event
                    .attributes_of(kind)
                    .find(|(given, _)| *given == &**name)
                    .map(|(_, value)| found(value))
            }
        }
    }

    fn find_data<'a>(&self, event: EventRef<'a>) -> Option<Found<'a>> {
        let text = str::from_utf8(event.data()).ok()?;
        match event.data_kind() {
            DataKind::Json => json::find(text, &self.tokens).map(Found::Json),
            // Text is one value, into which no pointer leads any further.
            DataKind::Text if self.tokens.is_empty() => Some(Found::Text(text.into())),
            _ => None,
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn find_attribute<'a>(event: EventRef<'a>, name: &str) -> Option<Found<'a>> {
    let text = |text: &'a str| Found::Text(text.into());
    match name {
        "topic" => Some(text(event.topic())),
        "id" => Some(text(event.id())),
        "type" => Some(text(event.ty())),
        "source" => Some(text(event.source())),
        "subject" => event.subject().map(text),
        "datacontenttype" => event.content_type().map(text),
        "dataschema" => event.data_schema().map(text),
        _ => event.attribute(name).map(found),
    }
}

fn found(value: AttributeValue<'_>) -> Found<'_> {
    match value {
        AttributeValue::Text(text) => Found::Text(text.into()),
        AttributeValue::Json(text) => Found::Json(text),
    }
}

impl Operator {
    /// `order` is how the value found stands to the literal; `None` for values of different types.
    fn holds(self, order: Option<Ordering>) -> bool {
        match (self, order) {
            (Self::Unequal, order) => order != Some(Ordering::Equal),
            (_, None) => false,
            (Self::Equal, Some(order)) => order.is_eq(),
            (Self::Less, Some(order)) => order.is_lt(),
            (Self::AtMost, Some(order)) => order.is_le(),
            (Self::Greater, Some(order)) => order.is_gt(),
            (Self::AtLeast, Some(order)) => order.is_ge(),
        }
    }
}
