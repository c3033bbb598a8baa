//! Requests on one kept-alive connection: sent ahead within a bound, answered in order.

use super::batch::{Batch, BodyFormat};
use crate::cli::PublishArgs;
use crate::client::{Conn, ConnectError, Problem, ReadError, Url, escape};
use clap::ValueEnum;
use std::collections::VecDeque;
use std::time::Duration;

/// Tries to connect before anything was sent, and the first wait between them; each doubles.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// A pipeline of publish requests.
#[derive(Debug)]
pub(super) struct Pipeline {
    url: Url,
    /// Request line and headers that all requests have.
    head: String,
    kind: String,
    timeout: Duration,
    window: usize,
    conn: Option<Conn>,
    waiting: VecDeque<Batch>,
    request: Vec<u8>,
}

/// The outcome of the oldest request.
#[derive(Debug)]
pub(super) enum Outcome {
    Published(Batch),
    Refused(Batch, Problem),
    /// No answer: published or not, nobody knows.
    Unknown(Batch, ReadError),
}

impl Pipeline {
    /// Makes the pipeline that the flags describe.
    pub(super) fn new(args: &PublishArgs) -> Pipeline {
        let url = args.url.clone();
        // A name of the flag is the one of the parameter.
        let durability = args.durability.and_then(|one| one.to_possible_value());
        let query = durability.map(|one| format!("?durability={}", one.get_name()));
        let head = format!(
            "POST {}/api/v1/topics/{}/events{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: eventring/{}\r\n",
            url.prefix,
            escape(&args.topic),
            query.unwrap_or_default(),
            url.authority(),
            env!("CARGO_PKG_VERSION"),
        );
        Pipeline {
            url,
            head,
            kind: escape(&args.kind),
            timeout: args.timeout,
            window: args.in_flight,
            conn: None,
            waiting: VecDeque::new(),
            request: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= self.window
    }

    /// From now on, one request at a time: nothing overtakes what is being sorted out.
    pub(super) fn one_at_a_time(&mut self) {
        self.window = 1;
    }

    /// Sends a batch. An error means that it was not sent: no connection came about.
    pub(super) fn send(&mut self, batch: Batch) -> Result<(), (Batch, ConnectError)> {
        // Only with nothing under way: what waits for its answer may have been published, and is not sent twice.
        if self.waiting.is_empty() && self.conn.as_ref().is_some_and(Conn::is_closed) {
            self.conn = None;
        }
        if self.conn.is_none() {
            match connect(&self.url, self.timeout) {
                Ok(conn) => self.conn = Some(conn),
                Err(error) => return Err((batch, error)),
            }
        }
        self.write_request(&batch);
        self.waiting.push_back(batch);
        if let Some(conn) = &mut self.conn {
            // A failed write is not the end: an answer that explains it may be there to be read.
            let _ = conn.send(&self.request);
        }
        Ok(())
    }

    fn write_request(&mut self, batch: &Batch) {
        let out = &mut self.request;
        out.clear();
        out.extend_from_slice(self.head.as_bytes());
        // An event in full names its own type; a line of data takes this one.
        if batch.body_format() == BodyFormat::Data {
            out.extend_from_slice(format!("ce-type: {}\r\n", self.kind).as_bytes());
        }
        let (kind, length) = (batch.body_format().content_type(), batch.body_len());
        let rest = format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
        out.extend_from_slice(rest.as_bytes());
        batch.write_body(out);
    }

    /// Waits for the answer to the oldest request; `None` when none is on its way.
    pub(super) fn answer(&mut self) -> Option<Outcome> {
        let batch = self.waiting.pop_front()?;
        let Some(conn) = &mut self.conn else {
            return Some(Outcome::Unknown(batch, ReadError::Closed));
        };
        match conn.answer() {
            Err(error) => {
                // Answers come in order: without this one, none behind it can be told whose it is.
                self.conn = None;
                Some(Outcome::Unknown(batch, error))
            }
            Ok((head, body)) => {
                // RFC 9112, 9.6: what was sent behind it gets no answer.
                if !head.keep_alive() {
                    self.conn = None;
                }
                Some(match head.status() {
                    200..=299 => Outcome::Published(batch),
                    status => Outcome::Refused(batch, Problem::read(status, &body)),
                })
            }
        }
    }
}

/// Connects; where nobody listens (yet), tries again for some three seconds.
fn connect(url: &Url, timeout: Duration) -> Result<Conn, ConnectError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match Conn::open(url, timeout) {
            // Nothing was sent, and a server that is starting may listen soon.
            Err(error) if error.refused() => std::thread::sleep(wait),
            other => return other,
        }
        wait *= 2;
    }
    Conn::open(url, timeout)
}
