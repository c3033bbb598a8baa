//! The client: one stream over as many connections as it takes.

use std::sync::Arc;
use std::time::Duration;

use super::client_builder::{ClientBuilder, SseClientBuilder, sendable};
use super::item::{Cause, ClientError, SseEvent, SseItem};
use super::reconnect::Reconnector;
#[cfg(feature = "async")]
use super::task::{ClientItems, SseItems};
use super::transport::{Network, Stopper};
use super::url::UrlError;
use crate::wire::http::Response;
use crate::wire::sse::EventDecoder;

/// Reads a stream of events, across connections.
///
/// As a browser's `EventSource` it comes back when the connection is lost, with the id of the last event
/// that it has got whole, after the wait that the server asked for, doubled with each failure and spread
/// by chance. Unlike it, it says so, and takes a server that is busy (408, 429, the 500s) for a reason to
/// come back later; and a wait grows until a connection has delivered an event or lived for 5 s.
#[derive(Debug)]
pub struct SseClient {
    options: SseClientBuilder,
    reconnector: Reconnector,
    decoder: EventDecoder,
    /// Bytes of the stream, of which `used` are decoded.
    body: Vec<u8>,
    used: usize,
    /// Set once the iterator has handed out an error.
    ended: bool,
}

impl SseClient {
    pub(super) fn new(options: SseClientBuilder, network: Arc<dyn Network>) -> Self {
        let mut decoder = EventDecoder::new(options.own.limits);
        if let Some(id) = &options.last_event_id {
            decoder.resume_after(id);
        }
        Self {
            reconnector: Reconnector::new(&options, network),
            decoder,
            options,
            body: Vec::new(),
            used: 0,
            ended: false,
        }
    }

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
        ClientBuilder::at(url, &["http"])
    }

    /// The id that it would resume with; empty: none.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Stops it from another thread.
    pub fn stopper(&self) -> Stopper {
        self.reconnector.stopper()
    }

    /// Returns the next item if it has come already; never waits.
    ///
    /// # Errors
    ///
    /// As [`next_item`](Self::next_item).
    pub fn try_next_item(&mut self) -> Result<Option<SseItem>, ClientError> {
        match self.decoder.decode(&self.body[self.used..]) {
            Ok((used, event)) => {
                self.used += used;
                let item = event.map(|event| item(event.into()));
                // Only an event: a server that sends a notice and hangs up, again and again, has been of no use.
                if matches!(item, Some(SseItem::Event(_))) {
                    self.reconnector.delivered();
                }
                Ok(item)
            }
            Err(error) => {
                self.hang_up();
                self.reconnector.failed();
                Err(error.into())
            }
        }
    }

    /// Waits for the next item, connecting where there is no connection.
    ///
    /// # Errors
    ///
    /// [`ClientError`] where connecting again would not help. The next call tries anyway, after a wait as
    /// for any failure.
    pub fn next_item(&mut self) -> Result<SseItem, ClientError> {
        self.reconnector.rest();
        loop {
            self.reconnector.check()?;
            if let Some(item) = self.try_next_item()? {
                return Ok(item);
            }
            let Some(conn) = self.reconnector.conn() else {
                let connected = self.connect();
                // Any error is told, and the next call is a program that goes on in spite of it: it waits.
                if connected.is_err() {
                    self.hang_up();
                    self.reconnector.failed();
                }
                return connected;
            };
            // All of it is decoded: what there is of the next event is in the decoder.
            self.body.clear();
            self.used = 0;
            match conn.body(&mut self.body) {
                Ok(true) => {}
                Ok(false) => return self.disconnected(Cause::Ended),
                Err(error) => return self.disconnected(error.into()),
            }
        }
    }

    /// Reads on a thread of its own, for a task.
    ///
    /// # Errors
    ///
    /// The system's error when it refuses a thread.
    #[cfg(feature = "async")]
    pub fn into_stream(mut self) -> std::io::Result<SseItems> {
        ClientItems::spawn(self.stopper(), move || self.next_item())
    }

    fn connect(&mut self) -> Result<SseItem, ClientError> {
        self.hang_up();
        let (conn, head) = match self.reconnector.ask(self.request().as_bytes()) {
            Ok(answered) => answered,
            Err(cause) => return self.disconnected(cause),
        };
        // HTML, 9.2: a 200 of another type fails the connection for good, and "a client can be told to stop reconnecting
        // using the HTTP 204 No Content response code".
        match head.status() {
            200 if is_stream(&head) => {
                self.reconnector.keep(conn);
                Ok(SseItem::Connected)
            }
            200 => Err(ClientError::NotAStream),
            204 => Err(ClientError::Over),
            _ => self
                .reconnector
                .refused(conn, &head)
                .map(SseItem::Disconnected),
        }
    }

    fn request(&self) -> String {
        let mut request = self.options.request(&self.options.target);
        // HTML, 9.2: the type is asked for by name, and nothing from a cache will do.
        request.push_str("Accept: text/event-stream\r\nCache-Control: no-cache\r\n");
        if let Some(id) = sendable(self.last_event_id()) {
            request.push_str("Last-Event-ID: ");
            request.push_str(id);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        request
    }

    fn disconnected(&mut self, cause: Cause) -> Result<SseItem, ClientError> {
        self.hang_up();
        // `retry:` holds from the next wait on, also where the stream that said it ends with it.
        if let Some(ms) = self.decoder.retry() {
            self.reconnector.server_asks(Duration::from_millis(ms));
        }
        self.reconnector
            .disconnected(cause, None)
            .map(SseItem::Disconnected)
    }

    /// Drops the connection and what of an event had come.
    fn hang_up(&mut self) {
        self.reconnector.hang_up();
        self.body.clear();
        self.used = 0;
        // HTML, 9.2: an event that is incomplete at the end of the stream is discarded.
        self.decoder.reconnect();
    }
}

impl Iterator for SseClient {
    type Item = Result<SseItem, ClientError>;

    /// Ends after an error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_item();
        self.ended = next.is_err();
        Some(next)
    }
}

fn item(event: SseEvent) -> SseItem {
    if event.is_notice("gap") {
        SseItem::Gap(event)
    } else if event.is_notice("reset") {
        SseItem::Reset(event)
    } else {
        SseItem::Event(event)
    }
}

fn is_stream(head: &Response) -> bool {
    // Without regard to case, and with whatever parameters follow: RFC 9110, 8.3.1.
    let media = head.header("content-type").unwrap_or_default();
    media.to_ascii_lowercase().starts_with(b"text/event-stream")
}
