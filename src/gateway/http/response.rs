//! The beginning of every response of the gateway.

use crate::reactor::date;
use crate::wire::http::ResponseHead;

/// Begins the head of a response.
// RFC 9110, 6.6.1: "An origin server with a clock MUST generate a Date header field in all 2xx (Successful), 3xx
// (Redirection), and 4xx (Client Error) responses".
pub(in crate::gateway) fn response(out: &mut Vec<u8>, status: u16) -> ResponseHead<'_> {
    ResponseHead::status(out, status).header("Date", date())
}
