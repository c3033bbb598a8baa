//! Attributes: names and values beside the standard fields, of four kinds.

use super::record::layout::{self, ATTRIBUTE_HEAD};

/// The kind of an attribute: which part of the event it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub(in crate::event) enum AttributeKind {
    /// The event itself: CloudEvents extensions, and members that the shape does not know.
    Extension = 0,
    /// Transport headers.
    Header = 1,
    /// Tags.
    Tag = 2,
    /// The `metadata` of shapes that have one, but for what has a name of its own here.
    Metadata = 3,
}

impl AttributeKind {
    /// Returns the member that holds the kind in JSON; the event's own attributes stand at the top.
    pub(super) fn member(self) -> &'static str {
        ["", "headers", "tags", "metadata"][self as usize]
    }
}

/// The value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeValue<'a> {
    /// A string.
    Text(&'a str),
    /// Any other JSON value, as it was written: a number, `true`, `null`, an object.
    Json(&'a str),
}

impl<'a> AttributeValue<'a> {
    /// Returns the string, or the JSON text of what is none.
    pub fn as_str(self) -> &'a str {
        match self {
            Self::Text(text) | Self::Json(text) => text,
        }
    }

    /// Returns the string where it is one.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(_) => None,
        }
    }
}

/// Iterates over the attributes of one kind, in the order in which they were given.
#[derive(Clone, Debug)]
pub(in crate::event) struct Attributes<'a> {
    bytes: &'a [u8],
    left: usize,
    kind: AttributeKind,
}

impl<'a> Attributes<'a> {
    /// `bytes` are `count` attributes that were checked or built here.
    pub(super) fn new(bytes: &'a [u8], count: usize, kind: AttributeKind) -> Self {
        Self {
            bytes,
            left: count,
            kind,
        }
    }

    pub(super) fn is_json(flags: u8) -> bool {
        flags & 4 != 0
    }

    fn take(&mut self) -> Option<(u8, &'a [u8], &'a [u8])> {
        self.left = self.left.checked_sub(1)?;
        // Records were checked; were one broken all the same, the walk would end here rather than panic.
        let head = self.bytes.first_chunk::<ATTRIBUTE_HEAD>()?;
        let length = u32::from_le_bytes([head[2], head[3], head[4], head[5]]) as usize;
        let (name, rest) = self.bytes[ATTRIBUTE_HEAD..].split_at_checked(head[1] as usize)?;
        let (value, rest) = rest.split_at_checked(length)?;
        self.bytes = rest;
        Some((head[0], name, value))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, AttributeValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (flags, name, value) = self.take()?;
            if flags & 3 == self.kind as u8 {
                let value = layout::text(value);
                let value = if Self::is_json(flags) {
                    AttributeValue::Json(value)
                } else {
                    AttributeValue::Text(value)
                };
                return Some((layout::text(name), value));
            }
        }
    }
}

/// Iterates over the attributes of all kinds, in the order in which they were given.
#[cfg(feature = "journal")]
#[derive(Debug)]
pub(super) struct All<'a>(Attributes<'a>);

#[cfg(feature = "journal")]
impl<'a> All<'a> {
    /// As [`Attributes::new`].
    pub(super) fn new(bytes: &'a [u8], count: usize) -> Self {
        Self(Attributes::new(bytes, count, AttributeKind::Extension))
    }
}

#[cfg(feature = "journal")]
impl<'a> Iterator for All<'a> {
    type Item = (AttributeKind, &'a str, AttributeValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (flags, name, value) = Attributes::take(&mut self.0)?;
        let kind = [
            AttributeKind::Extension,
            AttributeKind::Header,
            AttributeKind::Tag,
            AttributeKind::Metadata,
        ][usize::from(flags & 3)];
        let value = layout::text(value);
        let value = match Attributes::is_json(flags) {
            true => AttributeValue::Json(value),
            false => AttributeValue::Text(value),
        };
        Some((kind, layout::text(name), value))
    }
}

/// Appends one attribute. Name and value are within the limits, which the format can hold.
pub(super) fn write(out: &mut Vec<u8>, kind: AttributeKind, name: &str, value: AttributeValue<'_>) {
    let (json, text) = match value {
        AttributeValue::Text(text) => (0, text),
        AttributeValue::Json(text) => (4, text),
    };
    out.push(kind as u8 | json);
    // The casts lose nothing: `EventLimits::honoured` caps names at 255 and values at 65,535 bytes.
    out.push(name.len() as u8);
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(text.as_bytes());
}
