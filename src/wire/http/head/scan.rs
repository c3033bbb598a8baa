//! Finds the end of a head in input that grows, looking at each byte once.
//!
//! The scan knows lines and bounds, not meaning. What it refuses depends on the bytes before the
//! fault alone, so the result is the same however the input was cut.

use memchr::{memchr, memchr3};

use super::super::error::{Fault, Reason};
use super::super::limits::HttpLimits;

/// Progress through one head. `scanned` and the positions in `phase` count from the head's first
/// byte.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire::http) struct HeadScan {
    scanned: usize,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Method,
    Target {
        start: usize,
    },
    Version {
        start: usize,
    },
    /// `line` is where the current line starts, `count` how many field lines were completed.
    Fields {
        line: usize,
        count: usize,
    },
    /// As `Fields`, for the first line of a response.
    Status,
}

impl HeadScan {
    pub(in crate::wire::http) const REQUEST: Self = Self {
        scanned: 0,
        phase: Phase::Method,
    };
    pub(in crate::wire::http) const RESPONSE: Self = Self {
        scanned: 0,
        phase: Phase::Status,
    };

    /// Returns whether no byte was looked at yet.
    pub(in crate::wire::http) fn is_new(&self) -> bool {
        self.scanned == 0
    }

    /// Goes on with `head`, which starts where it started at the last call and may be longer now.
    /// Returns the head's length once its final empty line is there.
    pub(in crate::wire::http) fn advance(
        &mut self,
        head: &[u8],
        limits: &HttpLimits,
    ) -> Result<Option<usize>, Fault> {
        loop {
            let next = match self.phase {
                Phase::Method => self.method(head, limits)?,
                Phase::Target { start } => self.target(start, head, limits)?,
                Phase::Version { start } => self.version(start, head)?,
                Phase::Status => self.status(head, limits)?,
                Phase::Fields { line, count } => return self.fields(line, count, head, limits),
            };
            match next {
                Some(phase) => self.phase = phase,
                None => return Ok(None),
            }
        }
    }

    // RFC 9112, 3: "A server that receives a method longer than any that it implements SHOULD
    // respond with a 501 (Not Implemented) status code."
    fn method(&mut self, head: &[u8], limits: &HttpLimits) -> Result<Option<Phase>, Fault> {
        while let Some(&byte) = head.get(self.scanned) {
            let at = self.scanned;
            if byte == b' ' && at > 0 {
                self.scanned = at + 1;
                return Ok(Some(Phase::Target { start: at + 1 }));
            }
            if at >= limits.method_bytes {
                let reason = Reason::TooLong {
                    limit: limits.method_bytes as u64,
                };
                return Err(Fault::new(501, "method", reason, at));
            }
            if !is_token_byte(byte) {
                return Err(Fault::bad("method", Reason::BadByte, at));
            }
            self.scanned += 1;
        }
        Ok(None)
    }

    // RFC 9112, 3: "A server that receives a request-target longer than any URI it wishes to parse
    // MUST respond with a 414 (URI Too Long) status code."
    fn target(
        &mut self,
        start: usize,
        head: &[u8],
        limits: &HttpLimits,
    ) -> Result<Option<Phase>, Fault> {
        let found = memchr3(b' ', b'\r', b'\n', &head[self.scanned..]).map(|k| self.scanned + k);
        let end = found.unwrap_or(head.len());
        let limit = limits
            .uri_bytes
            .min(limits.head_bytes.saturating_sub(start));
        if end - start > limit {
            let reason = Reason::TooLong {
                limit: limit as u64,
            };
            return Err(Fault::new(414, "target", reason, start + limit));
        }
        self.scanned = end;
        match found {
            None => Ok(None),
            Some(end) if end == start => Err(Fault::bad("target", Reason::Empty, end)),
            Some(end) if head[end] != b' ' => Err(Fault::bad("version", Reason::Missing, end)),
            Some(end) => {
                self.scanned = end + 1;
                Ok(Some(Phase::Version { start: end + 1 }))
            }
        }
    }

    // RFC 9112, 2.3: "HTTP-version = HTTP-name "/" DIGIT "." DIGIT", and 3: the line ends right
    // after it.
    fn version(&mut self, start: usize, head: &[u8]) -> Result<Option<Phase>, Fault> {
        const SHAPE: &[u8; 10] = b"HTTP/0.0\r\n";
        for (k, (&want, &byte)) in SHAPE.iter().zip(&head[start..]).enumerate() {
            let fits = if want == b'0' {
                byte.is_ascii_digit()
            } else {
                byte == want
            };
            if !fits {
                return Err(Fault::bad("version", Reason::Malformed, start + k));
            }
        }
        if head.len() - start < SHAPE.len() {
            return Ok(None);
        }
        if !matches!(&head[start + 5..start + 8], b"1.0" | b"1.1") {
            return Err(Fault::new(505, "version", Reason::NotSupported, start + 5));
        }
        self.scanned = start + SHAPE.len();
        Ok(Some(Phase::Fields {
            line: self.scanned,
            count: 0,
        }))
    }

    fn status(&mut self, head: &[u8], limits: &HttpLimits) -> Result<Option<Phase>, Fault> {
        const START: &[u8] = b"HTTP/1.";
        if let Some(at) = START.iter().zip(head).position(|(want, byte)| want != byte) {
            return Err(Fault::bad("status line", Reason::Malformed, at));
        }
        match self.line_end(0, "status line", head, limits)? {
            None => Ok(None),
            Some(end) => Ok(Some(Phase::Fields {
                line: end,
                count: 0,
            })),
        }
    }

    fn fields(
        &mut self,
        mut line: usize,
        mut count: usize,
        head: &[u8],
        limits: &HttpLimits,
    ) -> Result<Option<usize>, Fault> {
        let max = limits.headers.min(HttpLimits::HEADERS_MAX);
        while let Some(end) = self.line_end(line, "head", head, limits)? {
            if end - line == 2 {
                return Ok(Some(end));
            }
            count += 1;
            if count > max {
                let reason = Reason::TooMany { limit: max as u64 };
                return Err(Fault::new(431, "header fields", reason, line));
            }
            line = end;
            self.phase = Phase::Fields { line, count };
        }
        Ok(None)
    }

    /// Finds the end of the line that starts at `line`, its CRLF included.
    // RFC 9112, 2.2: "a recipient MAY recognize a single LF as a line terminator": this one does
    // not, so that nobody behind or before it can see other lines than it does.
    fn line_end(
        &mut self,
        line: usize,
        field: &'static str,
        head: &[u8],
        limits: &HttpLimits,
    ) -> Result<Option<usize>, Fault> {
        let found = memchr(b'\n', &head[self.scanned..]).map(|k| self.scanned + k);
        let end = found.map_or(head.len(), |at| at + 1);
        if end > limits.head_bytes {
            let reason = Reason::TooLong {
                limit: limits.head_bytes as u64,
            };
            return Err(Fault::new(431, "head", reason, limits.head_bytes));
        }
        self.scanned = end;
        match found {
            None => Ok(None),
            Some(at) if at == line || head[at - 1] != b'\r' => {
                Err(Fault::bad(field, Reason::NotCrlf, at))
            }
            Some(at) => Ok(Some(at + 1)),
        }
    }
}

// RFC 9110, 5.6.2: "tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" /
// "`" / "|" / "~" / DIGIT / ALPHA"
pub(in crate::wire::http) fn is_token_byte(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

static TOKEN: [bool; 256] = {
    let marks = b"!#$%&'*+-.^_`|~";
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    table
};
