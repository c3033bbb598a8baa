//! What a client stands on: one connection after another, and the waits between them.

use std::time::Duration;

use super::backoff::Backoff;
use super::builder::ClientBuilder;
use super::conn::Connection;
use super::item::{Cause, ClientError, Lost};
use super::stop::Stopper;
use super::url::Url;
use crate::wire::http::Response;

/// Bytes of an answer that is no stream which are kept.
const BODY_BYTES: usize = 4096;

/// The connection of a client, or the wait before the next one.
#[derive(Debug)]
pub(super) struct Link {
    url: Url,
    timeout: Duration,
    failures_max: Option<u32>,
    backoff: Backoff,
    conn: Option<Connection>,
    /// The wait before the next connection.
    pause: Option<Duration>,
    stopper: Stopper,
}

impl Link {
    pub(super) fn new<P>(options: &ClientBuilder<P>) -> Self {
        Self {
            url: options.url.clone(),
            timeout: options.timeout,
            failures_max: options.failures_max,
            backoff: Backoff::new(options.first_pause, options.longest_pause),
            conn: None,
            pause: None,
            stopper: Stopper::default(),
        }
    }

    pub(super) fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Fails once somebody has stopped the client.
    pub(super) fn check(&self) -> Result<(), ClientError> {
        if self.stopper.is_stopped() {
            return Err(ClientError::Stopped);
        }
        Ok(())
    }

    /// Waits as long as the last failure said.
    pub(super) fn rest(&mut self) {
        if let Some(pause) = self.pause.take() {
            self.stopper.wait(pause);
        }
    }

    pub(super) fn conn(&mut self) -> Option<&mut Connection> {
        self.conn.as_mut()
    }

    /// Connects, sends a request and waits for the head of its answer.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<(Connection, Response), Cause> {
        let mut conn = Connection::open(&self.url, self.timeout)?;
        self.stopper.watch(conn.socket());
        conn.send(request)?;
        let head = conn.head()?;
        Ok((conn, head))
    }

    /// Goes on with a connection whose answer is a stream.
    pub(super) fn keep(&mut self, conn: Connection) {
        self.conn = Some(conn);
        self.backoff.connected();
    }

    /// What an answer comes to that is no stream: the server redirects, is busy, or refuses.
    pub(super) fn refused(
        &mut self,
        mut conn: Connection,
        head: &Response,
    ) -> Result<Lost, ClientError> {
        let status = head.status();
        if (300..=399).contains(&status) {
            let to = text(head, "location").unwrap_or("nowhere").to_owned();
            return Err(ClientError::Redirect { to });
        }
        let mut body = Vec::new();
        while body.len() < BODY_BYTES && matches!(conn.body(&mut body), Ok(true)) {}
        body.truncate(BODY_BYTES);
        if !matches!(status, 408 | 429 | 500..=599) {
            return Err(ClientError::Refused { status, body });
        }
        let seconds = text(head, "retry-after").and_then(|s| s.trim().parse().ok());
        let wait = seconds.map(Duration::from_secs);
        self.lost(Cause::Busy { status, body }, wait)
    }

    /// The first wait that the server wants, from now on.
    pub(super) fn server_asks(&mut self, retry: Duration) {
        self.backoff.server_asks(retry);
    }

    /// Begins the wait before the next connection, which has at least `wait`.
    pub(super) fn lost(
        &mut self,
        cause: Cause,
        wait: Option<Duration>,
    ) -> Result<Lost, ClientError> {
        self.hang_up();
        self.check()?;
        let wait = wait.unwrap_or_default().min(Backoff::BELIEVED);
        let again_in = wait.max(self.backoff.pause());
        let failures = self.backoff.failures();
        if self.failures_max.is_some_and(|max| failures > max) {
            return Err(ClientError::GivenUp { failures, cause });
        }
        self.pause = Some(again_in);
        Ok(Lost { cause, again_in })
    }

    /// Drops the connection.
    pub(super) fn hang_up(&mut self) {
        self.stopper.watch(None);
        self.conn = None;
    }
}

fn text<'a>(head: &'a Response, name: &str) -> Option<&'a str> {
    head.header(name)
        .and_then(|value| std::str::from_utf8(value).ok())
}
