//! A subscriber: the stream's head, then events one by one, each with a deadline.

use super::body::Body;
use super::{DEADLINE, Http, offset};
use eventring::wire::sse::EventDecoder;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// An event as a browser would see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn offset(&self) -> u64 {
        offset(&self.id)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// An open event stream.
pub(crate) struct Stream {
    pub(crate) http: Http,
    pub(crate) head: super::Response,
    body: Body,
    decoder: EventDecoder,
    ready: VecDeque<Event>,
    /// The server has closed it.
    pub(crate) has_ended: bool,
}

impl Stream {
    /// Subscribes; `query` is what stands behind the question mark.
    pub(crate) fn open(address: SocketAddr, query: &str) -> Stream {
        Stream::open_with(address, query, &[])
    }

    /// Subscribes with more header lines.
    pub(crate) fn open_with(address: SocketAddr, query: &str, headers: &[&str]) -> Stream {
        Stream::on(Http::connect(address), query, headers)
    }

    /// Subscribes on a connection that is there already.
    pub(crate) fn on(mut http: Http, query: &str, headers: &[&str]) -> Stream {
        let mut request = format!(
            "GET /api/v1/events/stream?{query} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
        );
        for header in headers {
            request.push_str(&format!("{header}\r\n"));
        }
        let head = http.send(request + "\r\n").head();
        assert_eq!(
            head.status,
            200,
            "{head:?} {:?}",
            String::from_utf8_lossy(&http.input)
        );
        let kind = head.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/event-stream"), "{head:?}");
        let mut fields = String::from("\r\n");
        for (name, value) in &head.headers {
            fields.push_str(&format!("{name}: {value}\r\n"));
        }
        Stream {
            http,
            body: Body::of(&fields),
            head,
            decoder: EventDecoder::default(),
            ready: VecDeque::new(),
            has_ended: false,
        }
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Event {
        self.next_within(DEADLINE).expect("an event")
    }

    /// The next event if one comes in time; `None` at the end of the stream, too.
    pub(crate) fn next_within(&mut self, time: Duration) -> Option<Event> {
        let start = Instant::now();
        loop {
            self.decode();
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let left = time.checked_sub(start.elapsed())?;
            if !self.http.fill_within(left)? {
                self.has_ended = true;
                return None;
            }
        }
    }

    /// The next `count` events; their offsets must be dense.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Event> {
        let events: Vec<Event> = (0..count).map(|_| self.next()).collect();
        for pair in events.windows(2) {
            assert_eq!(
                pair[0].offset() + 1,
                pair[1].offset(),
                "not dense: {pair:?}"
            );
        }
        events
    }

    /// Everything up to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<Event> {
        while self.http.fill() {}
        self.decode();
        self.ready.drain(..).collect()
    }
}

impl Stream {
    /// What the stream asks a browser to wait before it reconnects.
    pub(crate) fn retry(&self) -> Option<u64> {
        self.decoder.retry()
    }

    /// What a browser would send when it comes back.
    pub(crate) fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    fn decode(&mut self) {
        let bytes = self.body.take(&std::mem::take(&mut self.http.input));
        let ready = &mut self.ready;
        let taken = self.decoder.push(&bytes, |event| {
            ready.push_back(Event {
                id: event.id.to_string(),
                event: event.event.to_string(),
                data: event.data.to_string(),
            });
        });
        taken.expect("a stream within its bounds");
    }
}
