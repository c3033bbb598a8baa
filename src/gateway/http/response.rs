//! What every response of the gateway begins with, and how values become bodies.

use serde::Serialize;

use crate::reactor::date;
use crate::wire::http::ResponseHead;

/// Begins the head of a response.
// RFC 9110, 6.6.1: "An origin server with a clock MUST generate a Date header field in all 2xx (Successful), 3xx
// (Redirection), and 4xx (Client Error) responses".
pub(in crate::gateway) fn response(out: &mut Vec<u8>, status: u16) -> ResponseHead<'_> {
    ResponseHead::status(out, status).header("Date", date())
}

/// Appends a value as JSON.
pub(in crate::gateway) fn write_json(out: &mut Vec<u8>, value: &impl Serialize) {
    let done = serde_json::to_writer(out, value);
    // A Vec takes everything, and no map of ours has keys that are not text.
    debug_assert!(done.is_ok(), "{done:?}");
}
