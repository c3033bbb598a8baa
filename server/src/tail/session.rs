//! One connection of `tail`: asks for the stream, from where the last one ended, and reads it.

use super::backoff::Backoff;
use super::notice;
use super::output::Output;
use crate::cli::{TailArgs, TailFormat};
use crate::client::{Conn, Problem, ReadError, Url, escape};
use crate::say;
use eventring::wire::http::Response;
use eventring::wire::sse::{Decoder, Event};
use std::time::Duration;

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// As many events as asked for, or nobody reads them.
    Done,
    /// The server closed a stream that was all right.
    Ended,
    /// It will not get better by itself.
    Fatal(String),
    /// Another connection may work, not before `wait` if the server said so.
    Lost {
        reason: String,
        wait: Option<Duration>,
    },
}

/// What outlives a connection.
#[derive(Debug)]
pub(super) struct Session {
    url: Url,
    target: String,
    timeout: Duration,
    /// Keeps the last event id from one connection to the next.
    decoder: Decoder,
}

impl Session {
    pub(super) fn new(url: Url, args: &TailArgs) -> Session {
        let mut target = format!(
            "{}/api/v1/events/stream?from={}",
            url.prefix,
            escape(&args.from)
        );
        for topic in &args.topic {
            target.push_str("&topic=");
            target.push_str(&escape(topic));
        }
        if args.format == TailFormat::Cloudevents {
            target.push_str("&format=cloudevents");
        }
        Session {
            url,
            target,
            timeout: args.timeout,
            decoder: Decoder::default(),
        }
    }

    /// Connects and reads to the end.
    pub(super) fn run(&mut self, output: &mut Output, backoff: &mut Backoff) -> End {
        let mut conn = match Conn::open(&self.url, self.timeout) {
            Ok(conn) => conn,
            Err(error) => {
                return End::Lost {
                    reason: error.to_string(),
                    wait: None,
                };
            }
        };
        match self.ask(&mut conn) {
            Err(error) => return lost(&error),
            Ok(head) => {
                if let Some(end) = refusal(&head, &mut conn) {
                    return end;
                }
            }
        }
        backoff.connected();
        self.read(&mut conn, output, backoff)
    }

    fn ask(&self, conn: &mut Conn) -> Result<Response, ReadError> {
        let mut request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: eventring/{}\r\n\
             Accept: text/event-stream\r\nCache-Control: no-cache\r\n",
            self.target,
            self.url.authority(),
            env!("CARGO_PKG_VERSION"),
        );
        let last_id = self.decoder.last_event_id();
        if !last_id.is_empty() {
            request.push_str(&format!("Last-Event-ID: {last_id}\r\n"));
        }
        request.push_str("\r\n");
        conn.send(request.as_bytes())?;
        conn.head()
    }

    fn read(&mut self, conn: &mut Conn, output: &mut Output, backoff: &mut Backoff) -> End {
        self.decoder.reconnect();
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match conn.body(&mut bytes) {
                Ok(true) => {}
                Ok(false) => return End::Ended,
                Err(error) => return lost(&error),
            }
            let taken = self.decoder.push(&bytes, |event| take(event, output));
            if let Some(ms) = self.decoder.retry() {
                backoff.server_asks(Duration::from_millis(ms));
            }
            match output.flush() {
                Ok(true) if !output.is_full() => {}
                Ok(_) => return End::Done,
                Err(error) => return End::Fatal(format!("cannot write: {error}")),
            }
            if let Err(error) = taken {
                return End::Fatal(error.to_string());
            }
        }
    }
}

/// Takes an event to the output, or a notice of the server to the person.
fn take(event: Event<'_>, output: &mut Output) {
    match notice::words(event.event, event.data) {
        Some(words) => {
            say::err(words);
            output.notice(event);
        }
        None => output.event(event),
    }
}

/// An answer that is no stream, and whether it may become one.
fn refusal(head: &Response, conn: &mut Conn) -> Option<End> {
    let stream = head
        .header("content-type")
        .is_some_and(|t| t.to_ascii_lowercase().starts_with(b"text/event-stream"));
    let text = |name: &str| {
        head.header(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    };
    match head.status() {
        200 if stream => None,
        200 => Some(End::Fatal(
            "the answer is not an event stream; is the URL right?".into(),
        )),
        204 => Some(End::Done), // as for a browser: do not come back
        300..=399 => {
            let to = text("location").unwrap_or("nowhere");
            Some(End::Fatal(format!(
                "the server redirects to {to}; use that as --url"
            )))
        }
        status => {
            let mut body = Vec::new();
            while body.len() < 4096 && matches!(conn.body(&mut body), Ok(true)) {}
            let reason = Problem::read(status, &body).to_string();
            if matches!(status, 408 | 429 | 500..=599) {
                let seconds = text("retry-after").and_then(|s| s.trim().parse().ok());
                Some(End::Lost {
                    reason,
                    wait: seconds.map(Duration::from_secs),
                })
            } else {
                Some(End::Fatal(reason))
            }
        }
    }
}

fn lost(error: &ReadError) -> End {
    End::Lost {
        reason: error.to_string(),
        wait: None,
    }
}
