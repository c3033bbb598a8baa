//! The client: one stream over as many connections as it takes.

use std::fmt::Write as _;
use std::time::Duration;

use super::backoff::Backoff;
use super::conn::Connection;
use super::item::{Cause, ClientError, Item, Lost, SseEvent};
use super::stop::Stopper;
use super::url::{Url, UrlError};
use crate::wire::http::Response;
use crate::wire::sse::Decoder;

/// Bytes of an answer that is no stream which are kept.
const BODY_BYTES: usize = 4096;
/// How long nothing may come, heartbeats included, where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Options of a client.
#[derive(Clone, Debug)]
pub struct SseClientBuilder {
    url: Url,
    target: String,
    headers: String,
    last_event_id: String,
    timeout: Duration,
    first_pause: Duration,
    longest_pause: Duration,
    failures_max: Option<u32>,
}

impl SseClientBuilder {
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
        }
    }

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

    /// Makes the client; it connects when it is asked for an item.
    pub fn build(self) -> SseClient {
        let backoff = Backoff::new(self.first_pause, self.longest_pause);
        SseClient {
            options: self,
            decoder: Decoder::default(),
            backoff,
            conn: None,
            body: Vec::new(),
            used: 0,
            pause: None,
            stopper: Stopper::default(),
        }
    }
}

/// Reads a stream of events, across connections.
///
/// As a browser's `EventSource` it comes back when the connection is lost, with the id of the last event
/// that it has got whole, after the wait that the server asked for, doubled with each failure and spread
/// by chance. Unlike it, it says so, and takes a server that is busy (408, 429, the 500s) for a reason to
/// come back later.
#[derive(Debug)]
pub struct SseClient {
    options: SseClientBuilder,
    decoder: Decoder,
    backoff: Backoff,
    conn: Option<Connection>,
    /// Bytes of the stream, of which `used` are decoded.
    body: Vec<u8>,
    used: usize,
    /// The wait before the next connection.
    pause: Option<Duration>,
    stopper: Stopper,
}

impl SseClient {
    /// Makes a client for a URL, with the default options.
    ///
    /// # Errors
    ///
    /// [`UrlError`] for what is not `http://host:port/path?query`.
    pub fn open(url: &str) -> Result<Self, UrlError> {
        Ok(Self::builder(url)?.build())
    }

    /// Begins with a URL.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn builder(url: &str) -> Result<SseClientBuilder, UrlError> {
        let (base, query) = match url.split_once('?') {
            Some((base, query)) => (base, format!("?{query}")),
            None => (url, String::new()),
        };
        if query.bytes().any(|b| !b.is_ascii_graphic() || b == b'#') {
            return Err(UrlError::Form(url.to_owned()));
        }
        let url = Url::parse(base)?;
        let target = if url.prefix.is_empty() { "/" } else { "" };
        Ok(SseClientBuilder::new(url, &format!("{target}{query}")))
    }

    /// The id that it would resume with; empty: none.
    pub fn last_event_id(&self) -> &str {
        match self.decoder.last_event_id() {
            "" => &self.options.last_event_id,
            id => id,
        }
    }

    /// Stops it from another thread.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Returns the next item if it has come already; never waits.
    ///
    /// # Errors
    ///
    /// As [`next_item`](Self::next_item).
    pub fn try_next_item(&mut self) -> Result<Option<Item>, ClientError> {
        match self.decoder.decode(&self.body[self.used..]) {
            Ok((used, event)) => {
                self.used += used;
                Ok(event.map(|event| item(event.into())))
            }
            Err(error) => {
                self.hang_up();
                Err(error.into())
            }
        }
    }

    /// Waits for the next item, connecting where there is no connection.
    ///
    /// # Errors
    ///
    /// [`ClientError`] where connecting again would not help. The next call tries anyway.
    pub fn next_item(&mut self) -> Result<Item, ClientError> {
        if let Some(pause) = self.pause.take() {
            self.stopper.wait(pause);
        }
        loop {
            if self.stopper.is_stopped() {
                return Err(ClientError::Stopped);
            }
            if let Some(item) = self.try_next_item()? {
                return Ok(item);
            }
            let Some(conn) = &mut self.conn else {
                return self.connect();
            };
            self.body.clear();
            self.used = 0;
            match conn.body(&mut self.body) {
                Ok(true) => {}
                Ok(false) => return self.lost(Cause::Ended, None),
                Err(error) => return self.lost(error.into(), None),
            }
        }
    }

    fn connect(&mut self) -> Result<Item, ClientError> {
        self.hang_up();
        let mut conn = match Connection::open(&self.options.url, self.options.timeout) {
            Ok(conn) => conn,
            Err(error) => return self.lost(error.into(), None),
        };
        self.stopper.watch(conn.socket());
        let head = match self.ask(&mut conn) {
            Ok(head) => head,
            Err(error) => return self.lost(error.into(), None),
        };
        match head.status() {
            200 if is_stream(&head) => {
                self.conn = Some(conn);
                self.backoff.connected();
                Ok(Item::Connected)
            }
            200 => Err(ClientError::NotAStream),
            204 => Err(ClientError::Over),
            300..=399 => {
                let to = text(&head, "location").unwrap_or("nowhere").to_owned();
                Err(ClientError::Redirect { to })
            }
            status => {
                let mut body = Vec::new();
                while body.len() < BODY_BYTES && matches!(conn.body(&mut body), Ok(true)) {}
                body.truncate(BODY_BYTES);
                if !matches!(status, 408 | 429 | 500..=599) {
                    return Err(ClientError::Refused { status, body });
                }
                let seconds = text(&head, "retry-after").and_then(|s| s.trim().parse().ok());
                let wait = seconds.map(Duration::from_secs);
                self.lost(Cause::Busy { status, body }, wait)
            }
        }
    }

    fn ask(&mut self, conn: &mut Connection) -> Result<Response, super::ReadError> {
        let options = &self.options;
        let mut request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: eventring/{}\r\n\
             Accept: text/event-stream\r\nCache-Control: no-cache\r\n{}",
            options.target,
            options.url.authority(),
            env!("CARGO_PKG_VERSION"),
            options.headers
        );
        let id = self.last_event_id();
        // HTML, 9.2.2: an id with a null was ignored; one with a line end cannot be.
        if !id.is_empty() && !id.contains(['\r', '\n', '\0']) {
            let _ = write!(request, "Last-Event-ID: {id}\r\n");
        }
        request.push_str("\r\n");
        conn.send(request.as_bytes())?;
        conn.head()
    }

    fn lost(&mut self, cause: Cause, wait: Option<Duration>) -> Result<Item, ClientError> {
        self.hang_up();
        if self.stopper.is_stopped() {
            return Err(ClientError::Stopped);
        }
        if let Some(ms) = self.decoder.retry() {
            self.backoff.server_asks(Duration::from_millis(ms));
        }
        let again_in = wait.unwrap_or_default().max(self.backoff.pause());
        let failures = self.backoff.failures();
        if self.options.failures_max.is_some_and(|max| failures > max) {
            return Err(ClientError::GivenUp { failures, cause });
        }
        self.pause = Some(again_in);
        Ok(Item::Lost(Lost { cause, again_in }))
    }

    /// Drops the connection and what of an event had come.
    fn hang_up(&mut self) {
        self.stopper.watch(None);
        self.conn = None;
        self.body.clear();
        self.used = 0;
        self.decoder.reconnect();
    }
}

impl Iterator for SseClient {
    type Item = Result<Item, ClientError>;

    /// Never ends by itself: stop at an error.
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_item())
    }
}

fn item(event: SseEvent) -> Item {
    if event.is_notice("gap") {
        Item::Gap(event)
    } else if event.is_notice("reset") {
        Item::Reset(event)
    } else {
        Item::Event(event)
    }
}

fn is_stream(head: &Response) -> bool {
    let media = head.header("content-type").unwrap_or_default();
    media.to_ascii_lowercase().starts_with(b"text/event-stream")
}

fn text<'a>(head: &'a Response, name: &str) -> Option<&'a str> {
    head.header(name)
        .and_then(|value| std::str::from_utf8(value).ok())
}
