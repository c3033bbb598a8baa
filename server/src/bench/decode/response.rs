//! The head of a server's answer, which each decoder begins with.

use crate::client::Problem;
use eventring::wire::http::{HttpLimits, ResponseDecoder};

/// Longest text of a refusal that is shown, bytes.
const SHOWN_BYTES: usize = 300;

/// Makes a decoder for an answer whose body has no end to bound.
pub(super) fn response_decoder() -> ResponseDecoder {
    ResponseDecoder::new(HttpLimits::default().body_bytes(u64::MAX))
}

/// Describes the answer of a server that does not let a client in.
pub(super) fn refusal(status: u16, body: &[u8]) -> String {
    let body = &body[..body.len().min(SHOWN_BYTES)];
    Problem::read(status, body).to_string()
}
