//! One condition on a value inside an event: `/data/amount > 100`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::attribute::{Group, Value};
use super::json::{pointer, read_literal};
use super::layout::DataKind;
use super::view::EventRef;

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
/// let event = Event::new("orders", "order").json(r#"{"amount": 250}"#).to_event().unwrap();
/// assert!(large.matches(event.as_ref()));
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
pub struct PredicateError {
    /// What is wrong there.
    pub reason: &'static str,
    /// The character concerned, counted from 1.
    pub column: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Root {
    Data,
    Attribute(Box<str>),
    Group(&'static str, Box<str>),
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

/// A value to compare with.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Whole(i128),
    Float(f64),
    Text(Box<str>),
}

/// What a pointer led to.
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
        let mut parser = Parser { text, at: 0 };
        if text.len() > PREDICATE_BYTES_MAX {
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

    /// Returns whether the event fulfils it. Nothing is allocated but for text with escapes.
    pub fn matches(&self, event: EventRef<'_>) -> bool {
        match (self.find(event), &self.test) {
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
            Root::Group(group, name) => {
                let group = match *group {
                    "tags" => Group::Tag,
                    "headers" => Group::Header,
                    _ => Group::Metadata,
                };
                event
                    .group(group)
                    .find(|(given, _)| *given == &**name)
                    .map(|(_, value)| found(value))
            }
        }
    }

    fn find_data<'a>(&self, event: EventRef<'a>) -> Option<Found<'a>> {
        let text = str::from_utf8(event.data()).ok()?;
        match event.data_kind() {
            DataKind::Json => pointer::find(text, &self.tokens).map(Found::Json),
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

fn found(value: Value<'_>) -> Found<'_> {
    match value {
        Value::Text(text) => Found::Text(text.into()),
        Value::Json(text) => Found::Json(text),
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

impl Literal {
    /// Reads a JSON scalar that is one.
    pub(super) fn read(raw: &str) -> Option<Self> {
        Some(match raw.as_bytes().first()? {
            b'"' => Self::Text(pointer::string(raw)?.into()),
            b'n' => Self::Null,
            b't' => Self::Bool(true),
            b'f' => Self::Bool(false),
            b'-' | b'0'..=b'9' => number(raw)?,
            _ => return None,
        })
    }

    /// How a value found stands to this one; `None` where they are of different types.
    fn order(&self, found: &Found<'_>) -> Option<Ordering> {
        let raw = match (found, self) {
            (Found::Text(text), Self::Text(wanted)) => return Some((**text).cmp(wanted)),
            (Found::Text(_), _) => return None,
            (Found::Json(raw), _) => *raw,
        };
        match (raw.as_bytes().first()?, self) {
            (b'"', Self::Text(wanted)) => Some((*pointer::string(raw)?).cmp(wanted)),
            (b'n', Self::Null) => Some(Ordering::Equal),
            (b't' | b'f', Self::Bool(wanted)) => Some(raw.starts_with('t').cmp(wanted)),
            (b'-' | b'0'..=b'9', Self::Whole(_) | Self::Float(_)) => compare(&number(raw)?, self),
            _ => None,
        }
    }

    fn as_float(&self) -> Option<f64> {
        match self {
            Self::Whole(whole) => Some(*whole as f64),
            Self::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// What stands for it in comparisons of predicates.
    fn key(&self) -> (u8, i128, &str) {
        match self {
            Self::Null => (0, 0, ""),
            Self::Bool(value) => (1, i128::from(*value), ""),
            Self::Whole(value) => (2, *value, ""),
            Self::Float(value) => (3, i128::from(value.to_bits()), ""),
            Self::Text(text) => (4, 0, text),
        }
    }
}

fn compare(a: &Literal, b: &Literal) -> Option<Ordering> {
    match (a, b) {
        (Literal::Whole(a), Literal::Whole(b)) => Some(a.cmp(b)),
        _ => a.as_float()?.partial_cmp(&b.as_float()?),
    }
}

fn number(raw: &str) -> Option<Literal> {
    match raw.parse() {
        Ok(whole) => Some(Literal::Whole(whole)),
        Err(_) => raw
            .parse()
            .ok()
            .filter(|float: &f64| float.is_finite())
            .map(Literal::Float),
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Literal {}

impl Hash for Literal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for Literal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Literal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn pointer(&mut self) -> Result<(Root, Tokens), PredicateError> {
        self.space();
        let start = self.at;
        let quoted = self.rest().starts_with('"');
        let path: Cow<'t, str> = if quoted {
            self.literal("expected the end of the string")?.1
        } else {
            let rest = self.rest();
            let end = rest.find(|c: char| c.is_whitespace() || "=!<>".contains(c));
            self.at += end.unwrap_or(rest.len());
            rest[..self.at - start].into()
        };
        let inside = start + usize::from(quoted);
        let Some(path) = path.strip_prefix('/').map(str::to_owned) else {
            return self.fail_at("a pointer starts with \"/\"", inside);
        };
        let mut tokens: Vec<Box<str>> = Vec::new();
        for token in path.split('/') {
            match unescape(token) {
                Some(token) => tokens.push(token.into()),
                None => return self.fail_at("\"~\" is followed by 0 or 1", start),
            }
        }
        let first = tokens.remove(0);
        let root = match (&*first, tokens.len()) {
            ("", _) => return self.fail_at("expected the name of an attribute", inside + 1),
            ("data", _) => return Ok((Root::Data, tokens.into())),
            ("time", _) => return self.fail_at("a time is compared by a time range", inside),
            ("tags", 1) => Root::Group("tags", tokens.remove(0)),
            ("headers", 1) => Root::Group("headers", tokens.remove(0)),
            ("metadata", 1) => Root::Group("metadata", tokens.remove(0)),
            ("tags" | "headers" | "metadata", _) => {
                return self.fail_at("expected one name below it", inside);
            }
            (_, 0) => Root::Attribute(first),
            _ => return self.fail_at("only data has anything below it", inside),
        };
        Ok((root, tokens.into()))
    }

    fn test(&mut self) -> Result<Option<(Operator, Literal)>, PredicateError> {
        self.space();
        if self.rest().is_empty() {
            return Ok(None);
        }
        let Some((length, operator)) = operator(self.rest()) else {
            return self.fail_at("expected ==, !=, <, <=, > or >=", self.at);
        };
        self.at += length;
        self.space();
        let (literal, _) = self.literal("expected a JSON value")?;
        self.space();
        if self.rest().is_empty() {
            Ok(Some((operator, literal)))
        } else {
            self.fail_at("expected the end", self.at)
        }
    }

    /// Takes one JSON scalar; the text of a string beside it.
    fn literal(&mut self, reason: &'static str) -> Result<(Literal, Cow<'t, str>), PredicateError> {
        let start = self.at;
        let Some(length) = read_literal(self.rest()) else {
            return self.fail_at(reason, start);
        };
        let raw = &self.text[start..start + length];
        self.at += length;
        match Literal::read(raw) {
            Some(Literal::Text(text)) => {
                Ok((Literal::Text(text.clone()), String::from(text).into()))
            }
            Some(literal) => Ok((literal, raw.into())),
            None => self.fail_at("out of range", start),
        }
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn fail_at<T>(&self, reason: &'static str, at: usize) -> Result<T, PredicateError> {
        let before = self
            .text
            .char_indices()
            .take_while(|(place, _)| *place < at);
        Err(PredicateError {
            reason,
            column: before.count() + 1,
        })
    }
}

fn operator(text: &str) -> Option<(usize, Operator)> {
    const OPERATORS: [(&str, Operator); 6] = [
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    let (sign, operator) = OPERATORS.iter().find(|(sign, _)| text.starts_with(sign))?;
    Some((sign.len(), *operator))
}

/// RFC 6901, section 4: `~1` is `/`, `~0` is `~`.
fn unescape(token: &str) -> Option<String> {
    let mut text = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(text)
}
