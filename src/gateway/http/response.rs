//! What every response of the gateway begins with, and how values become bodies.

use serde::Serialize;

use crate::net::date;
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

/// The status of a response by its first line, which is ours.
pub(in crate::gateway) fn status_of(response: &[u8]) -> u16 {
    let digits = response.get(9..12).unwrap_or_default();
    digits
        .iter()
        .fold(0, |status, digit| status * 10 + u16::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_off_the_first_line() {
        assert_eq!(status_of(b"HTTP/1.1 421 Misdirected Request\r\n"), 421);
        assert_eq!(status_of(b""), 0);
    }
}
