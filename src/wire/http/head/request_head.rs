//! The head of a request, owned, with its buffers reused from request to request.

use super::super::body::{BodyLength, request_body};
use super::super::error::Fault;
use super::super::limits::HttpLimits;
use super::diagnose;
use super::fields::{Fields, Span, text};
use super::target::{self, Target};

/// The head of one request.
///
/// It owns its bytes, so it stays usable while the body is read and answered. Give it back with
/// [`RequestDecoder::recycle`](crate::wire::http::RequestDecoder::recycle) and the next head costs no
/// allocation.
///
/// # Examples
///
/// ```
/// use eventring::wire::http::{BodyLength, HttpLimits, RequestDecoder, Step};
///
/// let mut decoder = RequestDecoder::new(HttpLimits::default());
/// let (_, step) = decoder.decode(b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-Y: 1\r\nContent-Length: 2\r\n\r\n")?;
/// let Step::Head(head) = step else { panic!("a whole head") };
/// assert_eq!((head.path(), head.query(), head.authority()), ("/a", Some("b=c"), Some("h")));
/// assert_eq!(head.header("x-y"), Some(&b"1"[..]));
/// assert_eq!((head.body(), head.keep_alive()), (BodyLength::Length(2), true));
/// # Ok::<(), eventring::wire::http::RequestError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Head {
    fields: Fields,
    method: Span,
    target: Target,
    http10: bool,
    keep_alive: bool,
    expect_continue: bool,
    body: BodyLength,
}

impl Head {
    /// A head that holds nothing yet, not even buffers.
    pub(in crate::wire::http) const fn empty() -> Self {
        const NOWHERE: Span = Span::nowhere();
        Self {
            fields: Fields::empty(),
            method: NOWHERE,
            target: Target {
                path: None,
                query: None,
                authority: None,
            },
            http10: false,
            keep_alive: false,
            expect_continue: false,
            body: BodyLength::None,
        }
    }

    /// Fills in from `head`, the bytes from the request line to the empty line.
    pub(in crate::wire::http) fn parse(
        &mut self,
        head: &[u8],
        limits: &HttpLimits,
    ) -> Result<(), Fault> {
        self.fields.start(head);
        let mut slots = [const { std::mem::MaybeUninit::uninit() }; HttpLimits::HEADERS_MAX];
        let slots = &mut slots[..limits.headers.min(HttpLimits::HEADERS_MAX)];
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(head, slots) {
            Ok(httparse::Status::Complete(length)) if length == head.len() => {}
            _ => return Err(diagnose::first_fault(head, "target")),
        }
        self.fields.note(head, request.headers);
        self.http10 = request.version == Some(0);
        self.method = Span::new(0, request.method.map_or(0, str::len));
        let target_start = self.method.end() + 1;
        let target = Span::new(
            target_start,
            target_start + request.path.map_or(0, str::len),
        );
        self.target = target::parse(head, self.method.bytes(head), target)?;
        target::check_host(&self.fields, self.http10)?;
        self.body = request_body(&self.fields, self.http10)?;
        self.keep_alive = keep_alive(&self.fields, self.http10);
        self.expect_continue = self.expects();
        Ok(())
    }

    // RFC 9110, 10.1.1: "A server that receives a 100-continue expectation in an HTTP/1.0 request
    // MUST ignore that expectation."
    fn expects(&self) -> bool {
        !self.http10
            && !matches!(self.body, BodyLength::None | BodyLength::Length(0))
            && self.fields.has_token("expect", "100-continue")
    }

    /// Returns the method, as it came: methods are case-sensitive.
    pub fn method(&self) -> &str {
        text(self.method.bytes(&self.fields.bytes))
    }

    /// Returns the path as it came, percent-encoded: it starts with `/`, or is `*` for a
    /// server-wide OPTIONS.
    ///
    /// Split it at `/` first and decode the segments with [`percent_decode`](crate::wire::http::percent_decode)
    /// then, so that an encoded slash stays inside its segment.
    pub fn path(&self) -> &str {
        self.target
            .path
            .map_or("/", |span| text(span.bytes(&self.fields.bytes)))
    }

    /// Returns what follows the `?` of the target, raw. Read it with [`query`](crate::wire::http::query).
    pub fn query(&self) -> Option<&str> {
        self.target
            .query
            .map(|span| text(span.bytes(&self.fields.bytes)))
    }

    /// Returns whom the request is for: the authority of an absolute target, else the Host field.
    // RFC 9112, 3.2.2: "When an origin server receives a request with an absolute-form of
    // request-target, the origin server MUST ignore the received Host header field (if any) and
    // instead use the host information of the request-target."
    pub fn authority(&self) -> Option<&str> {
        let absolute = self
            .target
            .authority
            .map(|span| span.bytes(&self.fields.bytes));
        absolute.or_else(|| self.fields.value("host")).map(text)
    }

    /// Returns the version: 10 for HTTP/1.0, 11 for HTTP/1.1.
    pub fn version(&self) -> u8 {
        if self.http10 { 10 } else { 11 }
    }

    /// Returns the first value of the field `name` (in any case), white space around it taken off.
    ///
    /// A field that came several times has more: see [`header_values`](Self::header_values).
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.fields.value(name)
    }

    /// Returns every value of the field `name`, in the order they came.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventring::wire::http::{HttpLimits, RequestDecoder, Step};
    /// let input = b"GET / HTTP/1.1\r\nHost: a\r\nVia: x\r\nVIA: y\r\n\r\n";
    /// let mut decoder = RequestDecoder::new(HttpLimits::default());
    /// let (_, Step::Head(head)) = decoder.decode(input)? else { panic!() };
    /// assert_eq!(head.header_values("via").collect::<Vec<_>>(), [b"x", b"y"]);
    /// # Ok::<(), eventring::wire::http::RequestError>(())
    /// ```
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.fields.values(name)
    }

    /// Returns whether a comma separated list in the fields called `name` holds `token`, in any
    /// case.
    pub fn header_has_token(&self, name: &str, token: &str) -> bool {
        self.fields.has_token(name, token)
    }

    /// Returns all fields, as (name, value), in the order they came.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> + Clone {
        self.fields.iter()
    }

    /// Returns whether the client wants the connection kept after this request.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Returns whether the client waits for `100 Continue` before it sends its body. False for
    /// HTTP/1.0 and for requests with no body.
    pub fn expect_continue(&self) -> bool {
        self.expect_continue
    }

    /// Returns how the body is delimited.
    pub fn body(&self) -> BodyLength {
        self.body
    }

    /// Returns how many bytes the head had on the wire.
    pub fn wire_len(&self) -> usize {
        self.fields.bytes.len()
    }
}

// RFC 9112, 9.3: "If the "close" connection option is present [..], the connection will not persist
// after the current response; else, if the received protocol is HTTP/1.1 (or later), the connection
// will persist after the current response; else, if the received protocol is HTTP/1.0, the
// "keep-alive" connection option is present, [..] the connection will persist"
pub(in crate::wire::http) fn keep_alive(fields: &Fields, http10: bool) -> bool {
    !fields.has_token("connection", "close")
        && (!http10 || fields.has_token("connection", "keep-alive"))
}
