//! HTTP/1.1 without sockets: decoders that take any cut of the input, writers that append to a
//! `Vec<u8>`.
//!
//! A server feeds a [`RequestDecoder`] and answers with [`ResponseHead`]; a client feeds a
//! [`ResponseDecoder`]. Both decoders read strictly: what RFC 9112 leaves to a lenient recipient
//! (bare LF, folded lines, repeated lengths) is refused, because two recipients that are lenient in
//! different ways are how requests get smuggled.
//!
//! # Examples
//!
//! ```
//! use eventring::wire::http::{HttpLimits, RequestDecoder, ResponseHead, Step};
//!
//! let mut decoder = RequestDecoder::new(HttpLimits::default());
//! let input = b"GET /healthz?verbose=1 HTTP/1.1\r\nHost: example\r\n\r\n";
//! let (used, step) = decoder.decode(input)?;
//! let Step::Head(head) = step else { panic!("a whole head was given") };
//! assert_eq!((head.method(), head.path(), head.query()), ("GET", "/healthz", Some("verbose=1")));
//! assert_eq!(used, input.len());
//! assert!(matches!(decoder.decode(b"")?, (0, Step::End)));
//!
//! let mut answer = Vec::new();
//! ResponseHead::status(&mut answer, 200).content_length(2).end();
//! answer.extend_from_slice(b"ok");
//! assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
//! # Ok::<(), eventring::wire::http::RequestError>(())
//! ```

mod body;
mod coding;
mod error;
mod forwarded;
mod head;
mod limits;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod request;
mod response;
mod response_head;
mod uri;

pub use body::{BodyLength, ResponseBody, chunk};
pub use coding::Coding;
pub use error::{Reason, RequestError, ResponseError};
pub use forwarded::{Forwarded, ForwardedField};
pub use head::Head;
pub use limits::HttpLimits;
pub use request::{RequestDecoder, Step};
pub use response::{Response, ResponseDecoder};
pub use response_head::{ResponseHead, reason_phrase};
pub use uri::{EscapeError, EscapeKind, Query, QueryError, percent_decode, query};
