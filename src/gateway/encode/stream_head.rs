//! The response heads of event streams.

use crate::gateway::encode::format::Framing;
use crate::gateway::http::query::{self, Query};
use crate::gateway::http::response::response;
use crate::wire::http::{Head, ResponseHead};

/// The framing that a query asks for, as far as the client's version has it.
// RFC 9112, 6.1: "A server MUST NOT send a response containing Transfer-Encoding unless the
// corresponding request indicates HTTP/1.1 (or later minor revisions)."
pub(in crate::gateway) fn framing_of(head: &Head, query: &Query<'_>) -> Framing {
    match (head.version(), query.text(&query::FRAMING)) {
        (10, _) | (_, Some("close")) => Framing::Close,
        _ => Framing::Chunked,
    }
}

/// The head of an event stream that has no [`WireFormat`](super::format::WireFormat).
pub(in crate::gateway) fn write_plain(framing: Framing, out: &mut Vec<u8>) {
    end(begin(out), framing);
}

/// Ends the head of an event stream.
pub(in crate::gateway) fn end(head: ResponseHead<'_>, framing: Framing) {
    match framing {
        Framing::Close | Framing::Messages(_) => head.end(),
        Framing::Chunked => head.chunked().end(),
    }
}

/// Begins the head of an event stream.
pub(in crate::gateway) fn begin(out: &mut Vec<u8>) -> ResponseHead<'_> {
    response(out, 200)
        // HTML, 9.2.4: a stream is UTF-8 whatever is said here. Clients that know text only and not this
        // kind of it (Python's requests) take it for Latin-1 where nothing is said.
        .header("Content-Type", "text/event-stream; charset=utf-8")
        // no-transform: a proxy that compresses would hold events back.
        .header("Cache-Control", "no-cache, no-transform")
        .header("X-Accel-Buffering", "no")
        .close()
}
