//! Checks a JSON text with simd-json on a copy, then walks the original by the places of its structure.
//!
//! Nothing is converted: a value is the span of the input that it stands in, so that no number, escape or white space
//! changes on the way through.

use std::borrow::Cow;

use simd_json::{Buffers, Tape};

use super::escape::read_string;
use super::scan;
use crate::event::error::{ErrorKind, EventError};

/// Capacity kept between texts, bytes; what is beyond it is given back.
const KEPT_BYTES: usize = 256 << 10;

/// Buffers for reading JSON, reused from text to text.
#[derive(Default)]
pub(in crate::event) struct Scratch {
    copy: Vec<u8>,
    buffers: Option<Buffers>,
    tape: Option<Tape<'static>>,
    /// Places of the structure: see [`scan::scan`].
    places: Vec<u32>,
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

impl Scratch {
    /// Checks a text and finds its structure.
    ///
    /// # Errors
    ///
    /// Says what was expected at which byte, or that it is nested deeper than `depth`.
    pub(in crate::event) fn parse(&mut self, text: &[u8], depth: usize) -> Result<(), EventError> {
        if self.copy.capacity() > KEPT_BYTES && text.len() < KEPT_BYTES {
            *self = Self::default();
        }
        if !(self.parse_fast(text) && self.scalars_are_json(text)) {
            self.places.clear();
            // A text is at most 1 GiB: `Limits::honoured`.
            return scan::scan(text, depth, |at| self.places.push(at as u32));
        }
        self.check_depth(text, depth)
    }

    /// Returns whether simd-json takes the text.
    fn parse_fast(&mut self, text: &[u8]) -> bool {
        if text.is_empty() {
            return false;
        }
        self.copy.clear();
        self.copy.extend_from_slice(text);
        let buffers = self.buffers.get_or_insert_default();
        let mut tape = self.tape.take().unwrap_or_else(Tape::null).reset();
        let taken = simd_json::fill_tape(&mut self.copy, buffers, &mut tape).is_ok();
        self.tape = Some(tape.reset());
        if taken {
            self.places.clear();
            self.places.extend_from_slice(buffers.structural_indexes());
        }
        taken
    }

    /// simd-json lets some broken numbers through (`1000000000000000000000000000E0A0`), so everything that is neither
    /// string nor structure is looked at once more.
    fn scalars_are_json(&self, text: &[u8]) -> bool {
        let ends = self
            .places
            .iter()
            .skip(1)
            .map(|at| *at as usize)
            .chain([text.len()]);
        self.places
            .iter()
            .zip(ends)
            .all(|(&at, end)| match text[at as usize] {
                b'{' | b'}' | b'[' | b']' | b':' | b',' | b'"' => true,
                _ => scan::is_scalar(&text[at as usize..end]),
            })
    }

    fn check_depth(&self, text: &[u8], limit: usize) -> Result<(), EventError> {
        let mut depth = 0;
        for &at in &self.places {
            match text[at as usize] {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => continue,
            }
            if depth > limit {
                return Err(EventError::new(ErrorKind::TooDeep { limit }, "").or_at(at as usize));
            }
        }
        Ok(())
    }

    /// Starts to walk the text that was parsed last.
    pub(super) fn spans<'t>(&self, text: &'t [u8]) -> Result<Spans<'t, '_>, EventError> {
        Spans::new(text, &self.places)
    }
}

/// Walks a checked JSON text.
#[derive(Clone, Copy)]
pub(super) struct Spans<'t, 'p> {
    text: &'t str,
    places: &'p [u32],
    next: usize,
}

/// A value as it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'t> {
    pub(super) raw: &'t str,
    pub(super) at: usize,
}

impl<'t> Span<'t> {
    /// Returns what a string stands for; allocates only where it holds escapes.
    ///
    /// # Errors
    ///
    /// A surrogate without its other half has no UTF-8 form.
    pub(super) fn string(&self) -> Result<Cow<'t, str>, EventError> {
        read_string(self.raw).map_err(|at| {
            EventError::new(ErrorKind::Invalid("holds half a surrogate pair"), "")
                .or_at(self.at + at)
        })
    }

    pub(super) fn is_string(&self) -> bool {
        self.raw.starts_with('"')
    }

    pub(super) fn is_null(&self) -> bool {
        self.raw == "null"
    }

    pub(super) fn is_object_with_members(&self) -> bool {
        self.raw
            .strip_prefix('{')
            .is_some_and(|rest| !rest.trim_start().starts_with('}'))
    }
}

impl<'t, 'p> Spans<'t, 'p> {
    /// `places` are those of this text's structure.
    pub(super) fn new(text: &'t [u8], places: &'p [u32]) -> Result<Self, EventError> {
        let text = str::from_utf8(text)
            .map_err(|error| EventError::new(ErrorKind::NotUtf8, "").or_at(error.valid_up_to()))?;
        Ok(Self {
            text,
            places,
            next: 0,
        })
    }

    /// Returns the first byte of the next value.
    pub(super) fn peek(&self) -> u8 {
        self.places
            .get(self.next)
            .map_or(b' ', |&at| self.text.as_bytes()[at as usize])
    }

    /// Returns where the next value starts.
    pub(super) fn at(&self) -> usize {
        self.places
            .get(self.next)
            .map_or(self.text.len(), |&at| at as usize)
    }

    /// Returns the next value and does not take it.
    pub(super) fn look(&self) -> Span<'t> {
        let mut copy = *self;
        copy.value()
    }

    /// Takes one value, with everything inside it.
    pub(super) fn value(&mut self) -> Span<'t> {
        let at = self.at();
        let mut open = 0usize;
        loop {
            match self.peek() {
                b'{' | b'[' => open += 1,
                b'}' | b']' => open = open.saturating_sub(1),
                _ => {}
            }
            let last = self.at();
            self.next += 1;
            if open > 0 && self.next < self.places.len() {
                continue;
            }
            let end = if matches!(self.text.as_bytes().get(last), Some(b'}' | b']')) {
                last + 1
            } else {
                self.at()
            };
            let raw = self.text[at..end].trim_end_matches([' ', '\t', '\n', '\r']);
            return Span { raw, at };
        }
    }

    /// Walks an object: `member` gets the walker and each name, and takes the value.
    pub(super) fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, Span<'t>) -> Result<(), EventError>,
    ) -> Result<(), EventError> {
        self.each(|spans| {
            let name = spans.value();
            spans.next += 1; // the colon
            member(spans, name)
        })
    }

    /// Walks an array: `element` takes each value.
    pub(super) fn elements(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<(), EventError>,
    ) -> Result<(), EventError> {
        self.each(element)
    }

    fn each(
        &mut self,
        mut entry: impl FnMut(&mut Self) -> Result<(), EventError>,
    ) -> Result<(), EventError> {
        self.next += 1; // the opening
        while !matches!(self.peek(), b'}' | b']' | b' ') {
            entry(self)?;
            if self.peek() == b',' {
                self.next += 1;
            }
        }
        self.next += 1; // the closing
        Ok(())
    }
}
