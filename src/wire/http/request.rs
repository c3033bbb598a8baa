//! Requests from a byte stream, one step at a time.

use super::body::{BodyDecoder, ChunkStep};
use super::error::{Fault, Reason, RequestError};
use super::head::{Head, HeadScan};
use super::limits::HttpLimits;

/// Most empty lines that are skipped before a request line.
const EMPTY_LINES: u8 = 4;

/// The next piece of a message that a decoder found in its input.
#[derive(Debug)]
pub enum Step<'a, H = Head> {
    /// All input is used; more is needed.
    NeedMore,
    /// A head is complete; its body follows.
    Head(H),
    /// A run of the body, its framing taken off. Never empty.
    Body(&'a [u8]),
    /// The message is complete; the next step belongs to the next one.
    End,
}

/// Decodes HTTP/1.x requests from input cut at any byte.
///
/// Each [`decode`](Self::decode) takes the next step: `Head`, then `Body` any number of times, then
/// `End`, then the `Head` of the next pipelined request. Every byte is looked at once, however
/// small the pieces are in which it comes. Between requests a decoder owns nothing but what
/// [`recycle`](Self::recycle) gave it.
///
/// # Examples
///
/// ```
/// use eventring::wire::http::{BodyLength, HttpLimits, RequestDecoder, Step};
///
/// let mut decoder = RequestDecoder::new(HttpLimits::default());
/// let mut input: &[u8] = b"POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n\
///     2\r\nhi\r\n0\r\n\r\n";
/// let mut body = Vec::new();
/// loop {
///     let (used, step) = decoder.decode(input)?;
///     input = &input[used..];
///     match step {
///         Step::Head(head) => {
///             assert_eq!(head.body(), BodyLength::Chunked);
///             decoder.recycle(head);
///         }
///         Step::Body(data) => body.extend_from_slice(data),
///         Step::End => break,
///         Step::NeedMore => unreachable!("everything was given"),
///     }
/// }
/// assert_eq!(body, b"hi");
/// # Ok::<(), eventring::wire::http::RequestError>(())
/// ```
#[derive(Debug)]
pub struct RequestDecoder {
    limits: HttpLimits,
    state: State,
    spare: Head,
    body_limit: u64,
    /// Bytes of the current request that were consumed.
    offset: u64,
}

#[derive(Debug)]
enum State {
    Head { scan: HeadScan, empty_lines: u8 },
    Body(BodyDecoder),
    Failed(Box<RequestError>),
}

impl State {
    const START: Self = Self::Head {
        scan: HeadScan::REQUEST,
        empty_lines: 0,
    };
}

impl RequestDecoder {
    /// Creates a decoder for one connection. It allocates nothing.
    pub fn new(limits: HttpLimits) -> Self {
        let body_limit = limits.body_bytes;
        Self {
            limits,
            state: State::START,
            spare: Head::empty(),
            body_limit,
            offset: 0,
        }
    }

    /// Takes the next step into `input`, and says how many bytes of it are done with.
    ///
    /// The caller drops what was consumed, keeps the rest, and presents it again at the front of
    /// the next input, longer than before. `End` may come on empty input, so call until `NeedMore`.
    ///
    /// # Errors
    ///
    /// [`RequestError`] says the status to answer with. The decoder stays failed: it returns the
    /// same error for ever, because where the next request would start is not known. RFC 9112,
    /// section 6.3, requires the close.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Step<'a>), RequestError> {
        let result = match &mut self.state {
            // Boxed: each connection has a decoder, and few of them fail.
            State::Failed(error) => return Err((**error).clone()),
            State::Head { .. } => self.head(input),
            State::Body(body) => body
                .decode(input, &self.limits, self.body_limit)
                .map(|(used, step)| (used, step.into())),
        };
        match result {
            Ok((used, step)) => {
                self.advance(used, &step);
                Ok((used, step))
            }
            Err(fault) => Err(self.fail(fault)),
        }
    }

    /// Returns whether the decoder stands between two requests: nothing of the next head is known to have
    /// arrived.
    ///
    /// A peer that closes here closes cleanly.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Head { scan, .. } if scan.is_new())
    }

    /// Sets the body limit of the current request; for the time between its `Head` and its first
    /// `Body`.
    ///
    /// A declared length over it is refused with 413 at the next step, before a byte of the body is
    /// read; a streamed body when the size of a chunk passes it.
    pub fn limit_body(&mut self, bytes: u64) {
        self.body_limit = bytes;
    }

    /// Checks the declared length of the current body against its limit; for the time before `100
    /// Continue` is sent.
    ///
    /// # Errors
    ///
    /// The 413 that the next [`decode`](Self::decode) would give.
    pub fn check_body(&mut self) -> Result<(), RequestError> {
        let result = match &self.state {
            State::Failed(error) => return Err((**error).clone()),
            State::Head { .. } => Ok(()),
            State::Body(body) => body.check(self.body_limit),
        };
        result.map_err(|fault| self.fail(fault))
    }

    /// Gives a head back, so that the next one reuses its buffers. Any decoder may take it.
    pub fn recycle(&mut self, head: Head) {
        self.spare = head;
    }

    fn advance(&mut self, used: usize, step: &Step<'_>) {
        match step {
            Step::End => {
                self.state = State::START;
                self.offset = 0;
                self.body_limit = self.limits.body_bytes;
            }
            // Empty lines before the request line are no part of the request.
            Step::NeedMore if matches!(self.state, State::Head { .. }) => {}
            Step::Head(head) => self.offset = head.wire_len() as u64,
            _ => self.offset += used as u64,
        }
    }

    fn fail(&mut self, fault: Fault) -> RequestError {
        let error = fault.in_request(self.offset);
        self.state = State::Failed(Box::new(error.clone()));
        error
    }

    fn head<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Step<'a>), Fault> {
        let State::Head { scan, empty_lines } = &mut self.state else {
            return Ok((0, Step::NeedMore)); // not reached: the caller looked at the state
        };
        let skipped = skip_empty_lines(input, scan, empty_lines)?;
        let head = &input[skipped..];
        if head == b"\r" && scan.is_new() {
            return Ok((skipped, Step::NeedMore)); // the first half of one more empty line
        }
        let Some(length) = scan.advance(head, &self.limits)? else {
            return Ok((skipped, Step::NeedMore));
        };
        // The scan has found the end, so httparse sees a head once, however small the pieces were.
        let mut parsed = std::mem::replace(&mut self.spare, Head::empty());
        parsed.parse(&head[..length], &self.limits)?;
        self.state = State::Body(BodyDecoder::request(parsed.body()));
        Ok((skipped + length, Step::Head(parsed)))
    }
}

// RFC 9112, 2.2: "a server that is expecting to receive and parse a request-line SHOULD ignore at
// least one empty line (CRLF) received prior to the request-line."
fn skip_empty_lines(input: &[u8], scan: &HeadScan, count: &mut u8) -> Result<usize, Fault> {
    let mut skipped = 0;
    while scan.is_new() && input[skipped..].starts_with(b"\r\n") {
        *count += 1;
        if *count > EMPTY_LINES {
            let reason = Reason::TooMany {
                limit: u64::from(EMPTY_LINES),
            };
            return Err(Fault::bad("empty lines before the request", reason, 0));
        }
        skipped += 2;
    }
    Ok(skipped)
}

impl<'a, H> From<ChunkStep<'a>> for Step<'a, H> {
    fn from(step: ChunkStep<'a>) -> Self {
        match step {
            ChunkStep::NeedMore => Self::NeedMore,
            ChunkStep::Data(data) => Self::Body(data),
            ChunkStep::End => Self::End,
        }
    }
}
