//! Options that all clients have: where to, what goes along, how long to wait, when to give up.

mod sse;
mod ws;

use std::fmt::Write as _;
use std::time::Duration;

use super::backoff::Backoff;
use super::url::{self, Url, UrlError};

pub use self::sse::SseClientBuilder;
pub use self::ws::WsClientBuilder;

/// Longest silence, heartbeats included, where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longest id that is sent, bytes: servers bound the heads of requests by a few times as much.
const ID_BYTES: usize = 4096;

/// Options of a client. `P` holds what only its protocol has: it is
/// [`SseClientBuilder`](super::SseClientBuilder) or [`WsClientBuilder`](super::WsClientBuilder).
#[derive(Clone, Debug)]
pub struct ClientBuilder<P> {
    pub(super) url: Url,
    /// Path and query.
    pub(super) target: String,
    headers: String,
    /// `None`: nothing was said about it.
    pub(super) last_event_id: Option<String>,
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
            last_event_id: None,
            timeout: TIMEOUT,
            first_pause: Backoff::FIRST,
            longest_pause: Backoff::LONGEST,
            failures_max: None,
            own: P::default(),
        }
    }

    /// Begins with a whole URL, of one of these schemes.
    pub(super) fn at(url: &str, schemes: &[&str]) -> Result<Self, UrlError> {
        // The path of a Unix socket may hold anything; what it asks for stands behind `:/`.
        let asked = url::unix(url).map_or(Some(0), |path| {
            Some(url.len() - path.len() + path.find(":/")?)
        });
        let query = asked.and_then(|asked| Some(asked + url[asked..].find('?')?));
        let (base, query) = url.split_at(query.unwrap_or(url.len()));
        if query.bytes().any(|b| !b.is_ascii_graphic() || b == b'#') {
            return Err(UrlError::Form(url.to_owned()));
        }
        let server = Url::parse_any(base, schemes)?;
        let target = if server.prefix.is_empty() { "/" } else { "" };
        Ok(Self::new(server, &format!("{target}{query}")))
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

    /// Resumes after this event, until the server says another id; an empty one: after none.
    #[must_use]
    pub fn last_event_id(mut self, id: &str) -> Self {
        self.last_event_id = Some(id.to_owned());
        self
    }

    /// Sets how long nothing may come, heartbeats included, before the connection counts as lost, and how long
    /// the whole head of an answer may take. 60 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// The wait before the first reconnection, unless the server asks for another (1 s), and the longest
    /// one that doubling comes to (30 s). Less than 1 ms is 1 ms, more than a day is a day.
    ///
    /// A server that asks for less than 100 ms gets 100 ms, or `first` if that is shorter.
    #[must_use]
    pub fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        (self.first_pause, self.longest_pause) = (first, longest);
        self
    }

    /// Gives up after so many failures in a row; a connection that delivered an event, or lived for 5 s,
    /// begins a new row. Never.
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

/// The id to ask a server for; `None`: there is none, or none that a request can hold, and the stream goes
/// on without.
// HTML, 9.2.4, sets the field whatever the id is, and RFC 9110, 5.5, has recipients refuse control
// characters in it: a client that went by both would be refused for good over one odd event.
pub(super) fn sendable(id: &str) -> Option<&str> {
    let fits = !id.is_empty() && id.len() <= ID_BYTES && !id.bytes().any(|b| b.is_ascii_control());
    Some(id).filter(|_| fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_a_request_cannot_hold_are_not_sent() {
        for id in ["e-1", "a b", "h\u{e9}", &"x".repeat(ID_BYTES)] {
            assert_eq!(sendable(id), Some(id));
        }
        let long = "x".repeat(ID_BYTES + 1);
        for id in ["", "a\u{1}", "a\t", "a\r\nX: 1", "a\0", "a\u{7f}", &long] {
            assert_eq!(sendable(id), None, "{id:?}");
        }
    }
}
