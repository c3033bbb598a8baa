//! Faults of messages: the status that answers them, the part, the reason, the byte.

use std::borrow::Cow;

/// Why a part of a message was refused. Reads as the end of a sentence that starts with the part's
/// name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// A byte that the grammar has no place for, such as NUL or a control character.
    #[error("holds a byte that is not allowed there")]
    BadByte,
    /// The part is empty and must not be.
    #[error("is empty")]
    Empty,
    /// More bytes than the limit.
    #[error("is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: u64,
    },
    /// More items than the limit.
    #[error("are more than {limit}")]
    TooMany {
        /// The limit.
        limit: u64,
    },
    /// A part that the message must have.
    #[error("is missing")]
    Missing,
    /// A field that may stand once.
    #[error("is repeated")]
    Repeated,
    /// Not a run of ASCII digits.
    #[error("is not a plain decimal number")]
    NotDecimal,
    /// Not a run of hexadecimal digits.
    #[error("is not a plain hexadecimal number")]
    NotHexadecimal,
    /// A number that no counter holds.
    #[error("is too large a number")]
    Overflow,
    /// `Content-Length` together with `Transfer-Encoding`.
    #[error("stands beside transfer-encoding")]
    TwoLengths,
    /// A transfer coding list that does not say exactly `chunked`.
    #[error("is not exactly \"chunked\"")]
    NotChunked,
    /// Another coding before the final `chunked`.
    #[error("names a coding that is not supported")]
    UnknownCoding,
    /// A feature of HTTP/1.1 in an HTTP/1.0 message.
    #[error("has no place in HTTP/1.0")]
    NotInHttp10,
    /// A line that ends in LF alone, or a CR with no LF after it.
    #[error("holds a line end that is not CRLF")]
    NotCrlf,
    /// A field line with no colon.
    #[error("has no colon")]
    NoColon,
    /// White space between a field name and its colon.
    #[error("has white space before its colon")]
    SpaceBeforeColon,
    /// A field line that starts with white space: obsolete folding.
    #[error("starts with white space")]
    Folded,
    /// Not `HTTP/1.0` or `HTTP/1.1`.
    #[error("is not supported")]
    NotSupported,
    /// A target that is neither a path nor an `http` address (nor `*` for OPTIONS).
    #[error("is neither a path nor an absolute http address")]
    TargetForm,
    /// Not a host name or address with an optional port.
    #[error("is not a host with an optional port")]
    NotAHost,
    /// The stream ended before the message did.
    #[error("ended too early")]
    Truncated,
    /// Anything else that is not HTTP/1.x.
    #[error("is malformed")]
    Malformed,
}

/// A request that was refused. After it the connection is answered and closed: where the next
/// request would start is not known.
///
/// `Display` is fit for the `detail` of a problem document.
///
/// # Examples
///
/// ```
/// use eventring::wire::http::{HttpLimits, RequestDecoder};
///
/// let input = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello";
/// let error = RequestDecoder::new(HttpLimits::default()).decode(input).unwrap_err();
/// assert_eq!(error.status, 400);
/// assert_eq!(error.to_string(), "content-length is not a plain decimal number (byte 42)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason} (byte {at})")]
#[non_exhaustive]
pub struct RequestError {
    /// The status to answer with: 400, 413, 414, 431, 501 or 505.
    pub status: u16,
    /// The kind of fault.
    pub reason: Reason,
    /// The part that is wrong: `method`, `target`, `version`, `host`, another field's name in lower case,
    /// `chunk size`, ..
    pub field: Cow<'static, str>,
    /// The byte, counted from the start of the request line.
    pub at: u64,
}

/// A response that was refused, or that ended too early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason} (byte {at})")]
#[non_exhaustive]
pub struct ResponseError {
    /// The kind of fault.
    pub reason: Reason,
    /// The part that is wrong: `status line`, a field's name in lower case, `chunk size`, ..
    pub field: Cow<'static, str>,
    /// The byte, counted from the start of the status line.
    pub at: u64,
}

/// Both errors before it is known whose they are: `at` counts from where the caller says.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) reason: Reason,
    pub(super) field: Cow<'static, str>,
    pub(super) at: usize,
}

impl Fault {
    pub(super) fn new(
        status: u16,
        field: impl Into<Cow<'static, str>>,
        reason: Reason,
        at: usize,
    ) -> Self {
        Self {
            status,
            reason,
            field: field.into(),
            at,
        }
    }

    pub(super) fn bad(field: impl Into<Cow<'static, str>>, reason: Reason, at: usize) -> Self {
        Self::new(400, field, reason, at)
    }

    pub(super) fn in_request(self, offset: u64) -> RequestError {
        let Self {
            status,
            reason,
            field,
            at,
        } = self;
        RequestError {
            status,
            reason,
            field,
            at: offset + at as u64,
        }
    }

    pub(super) fn in_response(self, offset: u64) -> ResponseError {
        let Self {
            reason, field, at, ..
        } = self;
        ResponseError {
            reason,
            field,
            at: offset + at as u64,
        }
    }
}
