//! Bounds on a message, beyond which the decoders refuse it.

use crate::settings::setters;

/// Bounds on what a decoder accepts, each with the status that a request over it gets.
///
/// # Examples
///
/// ```
/// use eventring::wire::http::HttpLimits;
///
/// let limits = HttpLimits::default().body_bytes(64 * 1024);
/// assert_eq!(limits.head_bytes, 16 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpLimits {
    /// Bytes of a whole head, white space and the final empty line included. Default 16 KiB; over
    /// it: 431.
    pub head_bytes: usize,
    /// Bytes of a request target. Default 8 KiB (RFC 9112, section 3 recommends at least 8000);
    /// over it: 414.
    pub uri_bytes: usize,
    /// Bytes of a method. Default 32; over it: 501.
    pub method_bytes: usize,
    /// Field lines in a head. Default 100, at most [`HttpLimits::HEADERS_MAX`]; over it: 431.
    pub headers: usize,
    /// Bytes of all chunk extensions of one body together. Default 4 KiB; over it: 400.
    pub chunk_ext_bytes: usize,
    /// Bytes of a trailer section. Default 4 KiB; over it: 431.
    pub trailer_bytes: usize,
    /// Bytes of a body after its framing was taken off, declared or streamed. Default 8 MiB; over
    /// it: 413. [`RequestDecoder::limit_body`](super::RequestDecoder::limit_body) changes it for
    /// one request.
    pub body_bytes: u64,
}

impl HttpLimits {
    /// The most field lines that [`HttpLimits::headers`] can ask for; larger values count as this one.
    pub const HEADERS_MAX: usize = 256;
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            uri_bytes: 8 * 1024,
            method_bytes: 32,
            headers: 100,
            chunk_ext_bytes: 4 * 1024,
            trailer_bytes: 4 * 1024,
            body_bytes: 8 * 1024 * 1024,
        }
    }
}

setters! {
    HttpLimits {
        head_bytes: usize,
        uri_bytes: usize,
        method_bytes: usize,
        headers: usize,
        chunk_ext_bytes: usize,
        trailer_bytes: usize,
        body_bytes: u64,
    }
}
