//! Lines out of a body that comes in pieces, each bounded.

use std::collections::VecDeque;
use std::mem;

/// Splits a body at line feeds. A carriage return before one belongs to the line end.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    /// The current line is over the bound: it is skipped to its end.
    skipping: bool,
    /// Lines ended so far.
    count: usize,
}

/// A line of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Its number, from 1, and its bytes without the line end.
    Whole(usize, &'a [u8]),
    /// Its number; it is longer than the bound.
    TooLong(usize),
}

/// Whole lines that wait, in their order.
#[derive(Debug, Default)]
pub(super) struct HeldLines {
    text: Vec<u8>,
    /// Bytes of `text` that are done with.
    taken: usize,
    /// The number of each line, and its length; `None`: it is longer than the bound.
    lines: VecDeque<(usize, Option<usize>)>,
}

impl HeldLines {
    /// Adds a line behind those that wait.
    pub(super) fn push(&mut self, line: Line<'_>) {
        self.lines.push_back(match line {
            Line::Whole(number, text) => {
                self.text.extend_from_slice(text);
                (number, Some(text.len()))
            }
            Line::TooLong(number) => (number, None),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The line that is first.
    pub(super) fn first(&self) -> Option<Line<'_>> {
        let (number, len) = *self.lines.front()?;
        Some(match len {
            Some(len) => Line::Whole(number, &self.text[self.taken..self.taken + len]),
            None => Line::TooLong(number),
        })
    }

    /// Drops the line that is first.
    pub(super) fn pop(&mut self) {
        if let Some((_, len)) = self.lines.pop_front() {
            self.taken += len.unwrap_or(0);
        }
        // Given back at once: it may be long before lines have to wait again.
        if self.lines.is_empty() {
            *self = Self::default();
        }
    }

    /// Bytes that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        self.text.capacity() + self.lines.capacity() * size_of::<(usize, Option<usize>)>()
    }
}

impl Lines {
    /// Takes a piece of the body and hands over the lines that it ends.
    pub(super) fn push(&mut self, piece: &[u8], max: usize, mut take: impl FnMut(Line<'_>)) {
        let mut rest = piece;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.end_line(&rest[..end], max, &mut take);
            rest = &rest[end + 1..];
        }
        if self.partial.len() + rest.len() > max {
            self.skipping = true;
            // Given back now: nothing of this line will be used, however long it still comes.
            self.partial = Vec::new();
        } else if !self.skipping {
            self.partial.extend_from_slice(rest);
        }
    }

    /// Bytes that it holds of a line that is not whole, room for more of it too.
    pub(super) fn held_bytes(&self) -> usize {
        self.partial.capacity()
    }

    /// The number of the line that is not whole.
    pub(super) fn next(&self) -> usize {
        self.count + 1
    }

    /// Hands over what follows the last line feed, if anything does.
    pub(super) fn finish(&mut self, max: usize, mut take: impl FnMut(Line<'_>)) {
        if self.skipping || !self.partial.is_empty() {
            self.end_line(b"", max, &mut take);
        }
    }

    fn end_line(&mut self, rest: &[u8], max: usize, take: &mut impl FnMut(Line<'_>)) {
        self.count += 1;
        let mut partial = mem::take(&mut self.partial);
        let too_long = mem::take(&mut self.skipping) || partial.len() + rest.len() > max;
        if too_long {
            return take(Line::TooLong(self.count));
        }
        // Most lines lie within one piece, and are handed over from there, not copied.
        if partial.is_empty() {
            return take(Line::Whole(self.count, without_return(rest)));
        }
        partial.extend_from_slice(rest);
        take(Line::Whole(self.count, without_return(&partial)));
        // Kept for the next line that is cut.
        partial.clear();
        self.partial = partial;
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(body: &[u8], piece: usize, max: usize) -> Vec<String> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut take = |line: Line<'_>| {
            found.push(match line {
                Line::Whole(n, bytes) => format!("{n}:{}", String::from_utf8_lossy(bytes)),
                Line::TooLong(n) => format!("{n}!"),
            });
        };
        for piece in body.chunks(piece) {
            lines.push(piece, max, &mut take);
        }
        lines.finish(max, &mut take);
        found
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let body = b"a\r\n\nlonger than ten\nbc\nlast";
        for piece in 1..body.len() {
            assert_eq!(
                split(body, piece, 10),
                ["1:a", "2:", "3!", "4:bc", "5:last"]
            );
        }
    }

    #[test]
    fn lines_that_wait_come_in_their_order() {
        let mut held = HeldLines::default();
        let mut lines = Lines::default();
        lines.push(b"a\n\nfar too long\nbc\n", 5, |line| held.push(line));
        let mut found = Vec::new();
        while let Some(line) = held.first() {
            found.push(match line {
                Line::Whole(n, bytes) => format!("{n}:{}", String::from_utf8_lossy(bytes)),
                Line::TooLong(n) => format!("{n}!"),
            });
            held.pop();
        }
        assert_eq!(found, ["1:a", "2:", "3!", "4:bc"]);
        assert_eq!((held.is_empty(), held.held_bytes()), (true, 0));
    }

    #[test]
    fn a_line_feed_at_the_end_adds_no_line() {
        assert_eq!(split(b"a\n", 1, 10), ["1:a"]);
        assert!(split(b"", 1, 10).is_empty());
    }
}
