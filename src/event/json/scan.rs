//! A strict JSON checker that says which byte is wrong.
//!
//! simd-json is the fast way to a yes. This one is asked when it says no: to name the byte, and because JSON's grammar
//! allows what a parser of values must refuse (numbers beyond 64 bits, lone surrogates), which we keep as text anyway.

use crate::event::error::{ErrorKind, EventError};

/// Checks one JSON text.
///
/// # Errors
///
/// Says what was expected at which byte, or that it is nested deeper than `depth`.
pub(in crate::event) fn check(text: &[u8], depth: usize) -> Result<(), EventError> {
    scan(text, depth, |_| {})
}

/// Checks one JSON text and calls `mark` with the place of every brace, bracket, colon and comma, and of the first
/// byte of every string, number and literal.
pub(super) fn scan(text: &[u8], depth: usize, mark: impl FnMut(usize)) -> Result<(), EventError> {
    if let Err(error) = str::from_utf8(text) {
        return Err(EventError::new(ErrorKind::NotUtf8, "").or_at(error.valid_up_to()));
    }
    Scanner {
        text,
        at: 0,
        depth,
        open: Vec::new(),
        mark,
    }
    .run()
}

/// Returns whether the text is one number, `true`, `false` or `null`, and white space after it.
pub(super) fn is_scalar(text: &[u8]) -> bool {
    let mut scanner = Scanner {
        text,
        at: 0,
        depth: 0,
        open: Vec::new(),
        mark: |_| {},
    };
    let read = match text.first() {
        Some(b't') => scanner.literal("true").is_ok(),
        Some(b'f') => scanner.literal("false").is_ok(),
        Some(b'n') => scanner.literal("null").is_ok(),
        _ => scanner.number().is_ok(),
    };
    scanner.space();
    read && scanner.at == text.len()
}

/// Returns how many bytes one string, number, `true`, `false` or `null` takes at the start of the text.
pub(in crate::event) fn read_literal(text: &str) -> Option<usize> {
    let mut scanner = Scanner {
        text: text.as_bytes(),
        at: 0,
        depth: 0,
        open: Vec::new(),
        mark: |_| {},
    };
    let read = match text.as_bytes().first()? {
        b'"' => scanner.string().is_ok(),
        b't' => scanner.literal("true").is_ok(),
        b'f' => scanner.literal("false").is_ok(),
        b'n' => scanner.literal("null").is_ok(),
        _ => scanner.number().is_ok(),
    };
    read.then_some(scanner.at)
}

struct Scanner<'t, M> {
    text: &'t [u8],
    at: usize,
    depth: usize,
    /// The closing byte of everything that is open.
    open: Vec<u8>,
    mark: M,
}

impl<M: FnMut(usize)> Scanner<'_, M> {
    fn run(mut self) -> Result<(), EventError> {
        loop {
            let value_follows = self.value()?;
            if value_follows || self.after_value()? {
                continue;
            }
            self.space();
            return match self.peek() {
                None => Ok(()),
                Some(_) => self.expected("the end of the text"),
            };
        }
    }

    /// Reads a scalar, an empty array or object, or the opening of one; returns whether a value must follow.
    fn value(&mut self) -> Result<bool, EventError> {
        self.space();
        match self.peek() {
            Some(b'{') => self.open(b'}'),
            Some(b'[') => self.open(b']'),
            Some(b'"') => self.string().map(|()| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.expected("a value"),
        }
    }

    fn open(&mut self, close: u8) -> Result<bool, EventError> {
        if self.open.len() >= self.depth {
            return Err(
                EventError::new(ErrorKind::TooDeep { limit: self.depth }, "").or_at(self.at),
            );
        }
        self.take();
        self.space();
        if self.peek() == Some(close) {
            self.take();
            return Ok(false);
        }
        self.open.push(close);
        if close == b'}' {
            self.key()?;
        }
        Ok(true)
    }

    /// Reads what may follow a value; returns whether another value must follow.
    fn after_value(&mut self) -> Result<bool, EventError> {
        while let Some(&close) = self.open.last() {
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.take();
                    if close == b'}' {
                        self.space();
                        self.key()?;
                    }
                    return Ok(true);
                }
                Some(byte) if byte == close => {
                    self.take();
                    self.open.pop();
                }
                _ if close == b'}' => return self.expected("\",\" or \"}\""),
                _ => return self.expected("\",\" or \"]\""),
            }
        }
        Ok(false)
    }

    fn key(&mut self) -> Result<(), EventError> {
        if self.peek() != Some(b'"') {
            return self.expected("a member name");
        }
        self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return self.expected("\":\"");
        }
        self.take();
        Ok(())
    }

    fn string(&mut self) -> Result<(), EventError> {
        self.take();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(0..0x20) => return self.expected("no bare control character"),
                Some(_) => self.at += 1,
                None => return self.expected("the end of the string"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), EventError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    match self.peek() {
                        Some(byte) if byte.is_ascii_hexdigit() => self.at += 1,
                        _ => return self.expected("four hexadecimal digits"),
                    }
                }
            }
            _ => return self.expected("an escape"),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), EventError> {
        (self.mark)(self.at);
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), EventError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            self.expected("a digit")
        } else {
            Ok(())
        }
    }

    fn literal(&mut self, word: &'static str) -> Result<bool, EventError> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return self.expected("a value");
        }
        (self.mark)(self.at);
        self.at += word.len();
        Ok(false)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self) {
        (self.mark)(self.at);
        self.at += 1;
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn expected<T>(&self, what: &'static str) -> Result<T, EventError> {
        let kind = ErrorKind::Syntax(what);
        Err(EventError::new(kind, "").or_at(self.at))
    }
}
