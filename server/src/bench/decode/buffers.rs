//! The buffers that all clients decode with, so that none of them holds much; and how each begins.

use super::gunzip::INFLATED;
use crate::client::Problem;
use eventring::wire::http::{Limits, ResponseDecoder};
use eventring::wire::ws::Scratch;

/// Longest text of a refusal that is shown.
const SHOWN: usize = 300;

/// Buffers that one client uses at a time.
pub(crate) struct Buffers {
    pub(crate) inflated: Vec<u8>,
    pub(crate) frames: Scratch,
}

impl Buffers {
    pub(crate) fn new() -> Buffers {
        Buffers {
            inflated: Vec::with_capacity(INFLATED),
            frames: Scratch::new(),
        }
    }
}

/// Reads the head of an answer whose body has no end to bound.
pub(crate) fn response_decoder() -> ResponseDecoder {
    ResponseDecoder::new(Limits::default().body_bytes(u64::MAX))
}

/// Describes the answer of a server that does not let a client in.
pub(crate) fn refusal(status: u16, body: &[u8]) -> String {
    let body = &body[..body.len().min(SHOWN)];
    Problem::read(status, body).to_string()
}
