//! Options that all clients have: where to, what goes along, how long to wait, when to give up.

use std::fmt::Write as _;
use std::time::Duration;

use super::backoff::Backoff;
use super::url::{Url, UrlError};

/// How long nothing may come, heartbeats included, where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Options of a client. `P` holds what only its protocol has: it is
/// [`SseClientBuilder`](super::SseClientBuilder) or [`WsClientBuilder`](super::WsClientBuilder).
#[derive(Clone, Debug)]
pub struct ClientBuilder<P> {
    pub(super) url: Url,
    /// Path and query.
    pub(super) target: String,
    headers: String,
    pub(super) last_event_id: String,
    pub(super) timeout: Duration,
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    pub(super) failures_max: Option<u32>,
    pub(super) own: P,
}

impl<P: Default> ClientBuilder<P> {
    /// Begins with a server, and what to ask it for: `/path?query`.
    pub fn new(url: Url, path_and_query: &str) -> Self {
        Self {
            target: format!("{}{path_and_query}", url.prefix),
            url,
            headers: String::new(),
            last_event_id: String::new(),
            timeout: TIMEOUT,
            first_pause: Backoff::FIRST,
            longest_pause: Backoff::LONGEST,
            failures_max: None,
            own: P::default(),
        }
    }

    /// Begins with a whole URL, of one of these schemes.
    pub(super) fn at(url: &str, schemes: &[&str]) -> Result<Self, UrlError> {
        let (base, query) = match url.split_once('?') {
            Some((base, query)) => (base, format!("?{query}")),
            None => (url, String::new()),
        };
        if query.bytes().any(|b| !b.is_ascii_graphic() || b == b'#') {
            return Err(UrlError::Form(url.to_owned()));
        }
        let url = Url::parse_any(base, schemes)?;
        let target = if url.prefix.is_empty() { "/" } else { "" };
        Ok(Self::new(url, &format!("{target}{query}")))
    }
}

impl<P> ClientBuilder<P> {
    /// Adds a request header, as `Authorization`. A name or value that would break the request is left
    /// out: control characters, or a colon in the name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let token = |b: u8| b.is_ascii_graphic() && b != b':';
        let plain = |b: u8| b == b'\t' || (b >= b' ' && b != 0x7f);
        if !name.is_empty() && name.bytes().all(token) && value.bytes().all(plain) {
            let _ = write!(self.headers, "{name}: {value}\r\n");
        }
        self
    }

    /// Resumes after this event.
    #[must_use]
    pub fn last_event_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.last_event_id);
        self
    }

    /// How long nothing may come, heartbeats included, before the connection counts as lost. 60 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// The wait before the first reconnection, unless the server asks for another (1 s), and the longest
    /// one that doubling comes to (30 s).
    #[must_use]
    pub fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        (self.first_pause, self.longest_pause) = (first, longest.max(first));
        self
    }

    /// Gives up after so many failures in a row; a stream that came about begins a new row. Never.
    #[must_use]
    pub fn failures_max(mut self, failures: u32) -> Self {
        self.failures_max = Some(failures);
        self
    }

    /// The head of a request for `target`, up to the fields of the protocol.
    pub(super) fn request(&self, target: &str) -> String {
        format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nUser-Agent: eventring/{}\r\n{}",
            self.url.authority(),
            env!("CARGO_PKG_VERSION"),
            self.headers
        )
    }
}
