//! Writes the head of a response.

use super::super::number::push_decimal;
use super::head::is_token_byte;

/// Writes a response head onto the end of a buffer, so that head and body can leave in one send.
///
/// Names and values cannot break the head: a byte that may not stand in a value is written as a
/// space, as RFC 9110, section 5.5 has it for recipients; one that may not stand in a name is left
/// out.
///
/// # Examples
///
/// ```
/// use eventring::wire::http::ResponseHead;
///
/// let mut out = Vec::new();
/// ResponseHead::status(&mut out, 405).header("Allow", "GET, HEAD").content_length(0).end();
/// let want = "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\n\r\n";
/// assert_eq!(String::from_utf8_lossy(&out), want);
/// ```
#[derive(Debug)]
#[must_use = "a head needs its `end`"]
pub struct ResponseHead<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> ResponseHead<'a> {
    /// Writes the status line. `code` is a status of three digits; others become 500.
    // RFC 9110, 2.5: "A server SHOULD send a response version equal to the highest version to which
    // the server is conformant that has a major version less than or equal to the one received in
    // the request": 1.1, to 1.0 too.
    pub fn status(out: &'a mut Vec<u8>, code: u16) -> Self {
        let code = if (100..=999).contains(&code) {
            code
        } else {
            500
        };
        out.extend_from_slice(b"HTTP/1.1 ");
        push_decimal(out, u64::from(code));
        out.push(b' ');
        out.extend_from_slice(reason_phrase(code).as_bytes());
        out.extend_from_slice(b"\r\n");
        Self { out }
    }

    /// Writes one field line.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.name(name);
        let value = value.as_ref();
        if value.iter().all(|&b| is_value_byte(b)) {
            self.out.extend_from_slice(value);
        } else {
            let clean = |&b| if is_value_byte(b) { b } else { b' ' };
            self.out.extend(value.iter().map(clean));
        }
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Writes one field line whose value is a number.
    pub fn header_number(mut self, name: &str, value: u64) -> Self {
        self.name(name);
        push_decimal(self.out, value);
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Writes `Content-Length`.
    pub fn content_length(self, bytes: u64) -> Self {
        self.header_number("Content-Length", bytes)
    }

    /// Writes `Transfer-Encoding: chunked`. Never together with a content length, never to
    /// HTTP/1.0.
    pub fn chunked(self) -> Self {
        self.out
            .extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        self
    }

    /// Writes `Connection: close`.
    pub fn close(self) -> Self {
        self.out.extend_from_slice(b"Connection: close\r\n");
        self
    }

    /// Writes `Connection: keep-alive`, which an HTTP/1.0 client needs to hear.
    pub fn keep_alive(self) -> Self {
        self.out.extend_from_slice(b"Connection: keep-alive\r\n");
        self
    }

    /// Ends the head with its empty line.
    pub fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }

    /// Writes a field name, without what may not stand in one.
    fn name(&mut self, name: &str) {
        if name.bytes().all(is_token_byte) {
            self.out.extend_from_slice(name.as_bytes());
        } else {
            self.out.extend(name.bytes().filter(|&b| is_token_byte(b)));
        }
        self.out.extend_from_slice(b": ");
    }
}

// RFC 9110, 5.5: "field-vchar = VCHAR / obs-text", with SP and HTAB between them.
fn is_value_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)
}

/// The registered reason phrase of a status code, or nothing for a code that this project has no
/// use for.
// RFC 9110, 15: "The reason phrases listed here are only recommendations"
pub fn reason_phrase(code: u16) -> &'static str {
    match code {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "",
    }
}
