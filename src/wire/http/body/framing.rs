//! The length of a body: the rules of RFC 9112, section 6, with every lenient reading refused.

use super::super::error::{Fault, Reason};
use super::super::head::{Fields, is_token_byte};
use crate::wire::number::{NotDecimal, parse_decimal};

/// The length of a request's body, as its head says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyLength {
    /// The request has no body.
    #[default]
    None,
    /// `Content-Length` says how many bytes follow the head.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// The length of a response's body, as its head and its request say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseBody {
    /// The response has no body, by its status or by the request's method.
    #[default]
    None,
    /// `Content-Length` says how many bytes follow the head.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The body lasts until the server closes: an SSE stream, for example.
    UntilClose,
}

/// The body of a request, by its fields.
pub(in crate::wire::http) fn request_body(
    fields: &Fields,
    http10: bool,
) -> Result<BodyLength, Fault> {
    Ok(match declared(fields, http10)? {
        Declared::Nothing => BodyLength::None,
        Declared::Length(length) => BodyLength::Length(length),
        Declared::Chunked => BodyLength::Chunked,
    })
}

/// The body of a response, by its fields, its status and the method it answers.
pub(in crate::wire::http) fn response_body(
    fields: &Fields,
    http10: bool,
    status: u16,
    to_head: bool,
) -> Result<ResponseBody, Fault> {
    let declared = declared(fields, http10)?;
    // RFC 9112, 6.3: "Any response to a HEAD request and any response with a 1xx (Informational),
    // 204 (No Content), or 304 (Not Modified) status code is always terminated by the first empty
    // line after the header fields"
    if to_head || matches!(status, 100..=199 | 204 | 304) {
        return Ok(ResponseBody::None);
    }
    Ok(match declared {
        Declared::Nothing => ResponseBody::UntilClose,
        Declared::Length(length) => ResponseBody::Length(length),
        Declared::Chunked => ResponseBody::Chunked,
    })
}

enum Declared {
    Nothing,
    Length(u64),
    Chunked,
}

fn declared(fields: &Fields, http10: bool) -> Result<Declared, Fault> {
    let length = content_length(fields)?;
    let Some((span, coding)) = fields.single("transfer-encoding")? else {
        return Ok(length.map_or(Declared::Nothing, |(length, _)| Declared::Length(length)));
    };
    // RFC 9112, 6.1: "A server MAY reject a request that contains both Content-Length and
    // Transfer-Encoding", and whichever it believed would be wrong for somebody else on the path.
    if let Some((_, at)) = length {
        return Err(Fault::bad("content-length", Reason::TwoLengths, at));
    }
    // RFC 9112, 6.1: "A server or client that receives an HTTP/1.0 message containing a
    // Transfer-Encoding header field MUST treat the message as if the framing is faulty"
    if http10 {
        return Err(Fault::bad(
            "transfer-encoding",
            Reason::NotInHttp10,
            span.start(),
        ));
    }
    if coding.eq_ignore_ascii_case(b"chunked") {
        return Ok(Declared::Chunked);
    }
    Err(refused_coding(coding, span.start()))
}

/// The length and where it stands.
// RFC 9112, 6.3: "If a message is received without Transfer-Encoding and with an invalid
// Content-Length header field, then the message framing is invalid and the recipient MUST treat it
// as an unrecoverable error". A list of equal values may be accepted by that section; it is refused
// here.
fn content_length(fields: &Fields) -> Result<Option<(u64, usize)>, Fault> {
    const NAME: &str = "content-length";
    let Some((span, value)) = fields.single(NAME)? else {
        return Ok(None);
    };
    match parse_decimal(value) {
        Ok(length) => Ok(Some((length, span.start()))),
        Err(NotDecimal::Empty) => Err(Fault::bad(NAME, Reason::Empty, span.start())),
        Err(NotDecimal::Byte { at }) => {
            Err(Fault::bad(NAME, Reason::NotDecimal, span.start() + at))
        }
        Err(NotDecimal::Overflow) => Err(Fault::bad(NAME, Reason::Overflow, span.start())),
    }
}

// RFC 9112, 6.1: "A server that receives a request message with a transfer coding it does not
// understand SHOULD respond with 501 (Not Implemented)."  6.3: where "the chunked transfer coding
// is not the final encoding [..] the server MUST respond with the 400 (Bad Request) status code and
// then close the connection."
fn refused_coding(value: &[u8], at: usize) -> Fault {
    let codings = || value.split(|&b| b == b',').map(<[u8]>::trim_ascii);
    let chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let well_formed = codings().all(|c| !c.is_empty() && c.iter().all(|&b| is_token_byte(b)));
    let once_and_last =
        codings().filter(|c| chunked(c)).count() == 1 && codings().next_back().is_some_and(chunked);
    if well_formed && once_and_last {
        Fault::new(501, "transfer-encoding", Reason::UnknownCoding, at)
    } else {
        Fault::bad("transfer-encoding", Reason::NotChunked, at)
    }
}
