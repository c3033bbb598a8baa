//! Responses from a byte stream, as strictly read as requests: the client's side.

use super::body::{BodyDecoder, ResponseBody, response_body};
use super::error::{Fault, Reason, ResponseError};
use super::head::{Fields, HeadScan, Span, diagnose, keep_alive};
use super::limits::HttpLimits;
use super::request::Step;

/// Most interim responses (1xx) before the final one.
const INTERIM: u8 = 8;

/// The head of one response.
#[derive(Clone, Debug)]
pub struct Response {
    fields: Fields,
    reason: Span,
    status: u16,
    keep_alive: bool,
    body: ResponseBody,
}

impl Response {
    fn parse(head: &[u8], limits: &HttpLimits, to_head: bool) -> Result<Self, Fault> {
        let mut slots = [const { std::mem::MaybeUninit::uninit() }; HttpLimits::HEADERS_MAX];
        let slots = &mut slots[..limits.headers.min(HttpLimits::HEADERS_MAX)];
        let mut found = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        match config.parse_response_with_uninit_headers(&mut found, head, slots) {
            Ok(httparse::Status::Complete(length)) if length == head.len() => {}
            _ => return Err(diagnose::first_fault(head, "status line")),
        }
        let mut fields = Fields::empty();
        fields.start(head);
        fields.note(head, found.headers);
        let status = found.code.unwrap_or_default();
        // RFC 9110, 15: "Values outside the range 100..599 are invalid."
        if !(100..600).contains(&status) {
            return Err(Fault::bad("status line", Reason::BadByte, 9));
        }
        // "HTTP/1.1 200 " is 13 bytes; the reason phrase may be missing with its space.
        let reason_start = 13.min(head.len());
        let reason_len = found
            .reason
            .map_or(0, str::len)
            .min(head.len() - reason_start);
        let http10 = found.version == Some(0);
        let body = response_body(&fields, http10, status, to_head)?;
        let keep_alive = keep_alive(&fields, http10) && body != ResponseBody::UntilClose;
        let reason = Span::new(reason_start, reason_start + reason_len);
        Ok(Self {
            fields,
            reason,
            status,
            keep_alive,
            body,
        })
    }

    /// Returns the status code, from 100 to 599.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the reason phrase, which may be empty and means nothing.
    pub fn reason(&self) -> &str {
        std::str::from_utf8(self.reason.bytes(&self.fields.bytes)).unwrap_or_default()
    }

    /// Returns the first value of the field `name`, in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.fields.value(name)
    }

    /// Returns every value of the field `name`, in the order they came.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.fields.values(name)
    }

    /// Returns whether a comma separated list in the fields called `name` holds `token`, in any case.
    pub fn header_has_token(&self, name: &str, token: &str) -> bool {
        self.fields.has_token(name, token)
    }

    /// Returns all fields, as (name, value), in the order they came.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> + Clone {
        self.fields.iter()
    }

    /// Returns whether the connection may be used for another request after this body.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Returns how the body is delimited.
    pub fn body(&self) -> ResponseBody {
        self.body
    }
}

/// Decodes HTTP/1.x responses from input cut at any byte; the counterpart of
/// [`RequestDecoder`](super::RequestDecoder).
///
/// Interim responses (1xx) are skipped, but for 101, after which the protocol is another one. Set
/// [`HttpLimits::body_bytes`] to `u64::MAX` for a stream without end.
///
/// # Examples
///
/// ```
/// use eventring::wire::http::{HttpLimits, ResponseDecoder, Step};
///
/// let mut decoder = ResponseDecoder::new(HttpLimits::default());
/// let input = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
/// let (used, Step::Head(head)) = decoder.decode(input)? else { panic!("a whole head was given") };
/// assert_eq!((head.status(), head.reason()), (200, "OK"));
/// assert!(matches!(decoder.decode(&input[used..])?, (2, Step::Body(b"hi"))));
/// assert!(matches!(decoder.decode(b"")?, (0, Step::End)));
/// # Ok::<(), eventring::wire::http::ResponseError>(())
/// ```
#[derive(Debug)]
pub struct ResponseDecoder {
    limits: HttpLimits,
    state: State,
    to_head: bool,
    interim: u8,
    offset: u64,
}

#[derive(Debug)]
enum State {
    Head(HeadScan),
    Body(BodyDecoder),
    Failed(Box<ResponseError>),
}

impl ResponseDecoder {
    /// Creates a decoder for one connection.
    pub fn new(limits: HttpLimits) -> Self {
        let state = State::Head(HeadScan::RESPONSE);
        Self {
            limits,
            state,
            to_head: false,
            interim: 0,
            offset: 0,
        }
    }

    /// Tells that the next response answers a HEAD request and so has no body.
    pub fn expect_no_body(&mut self) {
        self.to_head = true;
    }

    /// Takes the next step into `input`, and says how many bytes of it are done with.
    ///
    /// The caller drops what was consumed, keeps the rest, and presents it again at the front of
    /// the next input.
    ///
    /// # Errors
    ///
    /// [`ResponseError`], from then on at every call.
    pub fn decode<'a>(
        &mut self,
        input: &'a [u8],
    ) -> Result<(usize, Step<'a, Response>), ResponseError> {
        let result = match &mut self.state {
            State::Failed(error) => return Err((**error).clone()),
            State::Head(_) => self.head(input),
            State::Body(body) => body
                .decode(input, &self.limits, self.limits.body_bytes)
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

    /// Tells that the server closed, after all input was consumed.
    ///
    /// # Errors
    ///
    /// The response was not complete: RFC 9112, section 8. A body that lasts until the close is;
    /// whether it is all that the server meant to send cannot be known.
    pub fn close(&mut self) -> Result<(), ResponseError> {
        let field = match &self.state {
            State::Failed(error) => return Err((**error).clone()),
            State::Head(scan) if scan.is_new() && self.interim == 0 => return Ok(()),
            State::Body(BodyDecoder::UntilClose { .. }) => return Ok(()),
            State::Body(BodyDecoder::Length { left: 0, .. }) => return Ok(()),
            State::Head(_) => "response head",
            State::Body(_) => "response body",
        };
        Err(self.fail(Fault::bad(field, Reason::Truncated, 0)))
    }

    fn advance(&mut self, used: usize, step: &Step<'_, Response>) {
        match step {
            Step::End => *self = Self::new(self.limits),
            Step::Head(head) => self.offset = head.fields.bytes.len() as u64,
            // Interim responses are no part of the final one.
            Step::NeedMore if matches!(self.state, State::Head(_)) => {}
            _ => self.offset += used as u64,
        }
    }

    fn fail(&mut self, fault: Fault) -> ResponseError {
        let error = fault.in_response(self.offset);
        self.state = State::Failed(Box::new(error.clone()));
        error
    }

    fn head<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Step<'a, Response>), Fault> {
        let mut used = 0;
        loop {
            let State::Head(scan) = &mut self.state else {
                return Ok((used, Step::NeedMore));
            };
            let Some(length) = scan.advance(&input[used..], &self.limits)? else {
                return Ok((used, Step::NeedMore));
            };
            let head = &input[used..used + length];
            used += length;
            let response = Response::parse(head, &self.limits, self.to_head)?;
            // RFC 9110, 15.2: "A client MUST be able to parse one or more 1xx responses received
            // prior to a final response, even if the client does not expect one."
            if matches!(response.status, 100 | 102..=199) {
                // A bound, or a server could keep a client here for ever.
                self.interim += 1;
                if self.interim > INTERIM {
                    let reason = Reason::TooMany {
                        limit: u64::from(INTERIM),
                    };
                    return Err(Fault::bad("interim responses", reason, 0));
                }
                self.state = State::Head(HeadScan::RESPONSE);
                continue;
            }
            self.state = State::Body(BodyDecoder::response(response.body));
            return Ok((used, Step::Head(response)));
        }
    }
}
