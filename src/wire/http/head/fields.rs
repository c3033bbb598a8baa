//! Field lines as spans into the copied bytes of their head.

use super::super::error::{Fault, Reason};

/// A range of a head's bytes. A head is far below 4 GiB: its limit is checked before it is copied.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::wire::http) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(in crate::wire::http) fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    pub(in crate::wire::http) const fn nowhere() -> Self {
        Self { start: 0, end: 0 }
    }

    /// The span of `part`, which is a piece of `whole`.
    fn of(whole: &[u8], part: &[u8]) -> Self {
        let start = part.as_ptr().addr() - whole.as_ptr().addr();
        Self::new(start, start + part.len())
    }

    pub(in crate::wire::http) fn start(self) -> usize {
        self.start as usize
    }

    pub(in crate::wire::http) fn end(self) -> usize {
        self.end as usize
    }

    pub(in crate::wire::http) fn bytes(self, whole: &[u8]) -> &[u8] {
        &whole[self.start()..self.end()]
    }
}

/// The bytes of a head and where its fields are in them. Both buffers are kept for the next head.
#[derive(Clone, Debug, Default)]
pub(in crate::wire::http) struct Fields {
    pub(in crate::wire::http) bytes: Vec<u8>,
    lines: Vec<(Span, Span)>,
}

impl Fields {
    pub(in crate::wire::http) const fn empty() -> Self {
        Self {
            bytes: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Keeps a copy of `head`; the fields are noted by [`Fields::note`].
    pub(in crate::wire::http) fn start(&mut self, head: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(head);
        self.lines.clear();
    }

    /// Notes the fields that httparse found in `head`, of which `bytes` is a copy.
    pub(in crate::wire::http) fn note(&mut self, head: &[u8], found: &[httparse::Header<'_>]) {
        let spans = found.iter().map(|field| {
            // An empty value is a slice of nowhere in particular: it stands right after the name.
            let name = Span::of(head, field.name.as_bytes());
            let value = match field.value {
                [] => Span::new(name.end() + 1, name.end() + 1),
                value => Span::of(head, value),
            };
            (name, value)
        });
        self.lines.extend(spans);
    }

    pub(in crate::wire::http) fn iter(&self) -> FieldIter<'_> {
        FieldIter {
            fields: self,
            next: 0,
        }
    }

    /// The spans of all values of `name`.
    fn spans<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Span> + 'a {
        // RFC 9110, 5.1: "Field names are case-insensitive"
        self.lines
            .iter()
            .filter(move |(n, _)| n.bytes(&self.bytes).eq_ignore_ascii_case(name.as_bytes()))
            .map(|&(_, value)| value)
    }

    pub(in crate::wire::http) fn values<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.spans(name).map(|span| span.bytes(&self.bytes))
    }

    pub(in crate::wire::http) fn value(&self, name: &str) -> Option<&[u8]> {
        let span = self.spans(name).next()?;
        Some(span.bytes(&self.bytes))
    }

    /// The value of a field that may stand once.
    pub(in crate::wire::http) fn single(
        &self,
        name: &'static str,
    ) -> Result<Option<(Span, &[u8])>, Fault> {
        let mut spans = self.spans(name);
        let Some(first) = spans.next() else {
            return Ok(None);
        };
        match spans.next() {
            Some(second) => Err(Fault::bad(name, Reason::Repeated, second.start())),
            None => Ok(Some((first, first.bytes(&self.bytes)))),
        }
    }

    /// Returns whether a comma separated list in the fields called `name` holds `token`, in any case.
    pub(in crate::wire::http) fn has_token(&self, name: &str, token: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(|&b| b == b','))
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }
}

/// Iterates over field lines in the order they came, as (name, value).
#[derive(Clone, Debug)]
pub(in crate::wire::http) struct FieldIter<'a> {
    fields: &'a Fields,
    next: usize,
}

impl<'a> Iterator for FieldIter<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.fields.lines.get(self.next)?;
        self.next += 1;
        let bytes = &self.fields.bytes;
        Some((text(name.bytes(bytes)), value.bytes(bytes)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.fields.lines.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for FieldIter<'_> {}

/// Bytes that were checked to be ASCII, as text.
pub(super) fn text(ascii: &[u8]) -> &str {
    // Cannot fail: method, target and field names hold no byte above 0x7e once a head is made.
    std::str::from_utf8(ascii).unwrap_or_default()
}
