//! The reconnect loop of a client: one connection after another, and the waits between them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::backoff::Backoff;
use super::client_builder::ClientBuilder;
use super::item::{Cause, ClientError, Disconnected};
use super::transport::{Connection, Network, Stopper};
use super::url::Url;
use crate::wire::http::Response;

/// Bytes of an answer that is no stream which are kept.
const BODY_BYTES: usize = 4096;
/// Time for them, all together: they are for people to read.
const BODY: Duration = Duration::from_secs(5);

/// The connection of a client, or the wait before the next one, and all that decides how long it is.
#[derive(Debug)]
pub(super) struct Reconnector {
    network: Arc<dyn Network>,
    url: Url,
    timeout: Duration,
    failures_max: Option<u32>,
    backoff: Backoff,
    conn: Option<Connection>,
    /// The wait before the next connection.
    pause: Option<Duration>,
    stopper: Stopper,
}

impl Reconnector {
    pub(super) fn new<P>(options: &ClientBuilder<P>, network: Arc<dyn Network>) -> Self {
        Self {
            network,
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
            self.network.rest(pause, &self.stopper);
        }
    }

    pub(super) fn conn(&mut self) -> Option<&mut Connection> {
        self.conn.as_mut()
    }

    /// Connects, sends a request and waits for the head of its answer.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<(Connection, Response), Cause> {
        let network = self.network.clone();
        let mut conn = Connection::make(network, &self.url, self.timeout, &self.stopper)?;
        conn.send(request)?;
        let head = conn.head()?;
        Ok((conn, head))
    }

    /// Goes on with a connection whose answer is a stream.
    pub(super) fn keep(&mut self, conn: Connection) {
        self.conn = Some(conn);
        self.backoff.connected(self.network.now());
    }

    /// Notes that the stream has delivered an event.
    pub(super) fn delivered(&mut self) {
        self.backoff.delivered();
    }

    /// Judges an answer that is no stream: the server redirects, is busy, or refuses.
    pub(super) fn refused(
        &mut self,
        mut conn: Connection,
        head: &Response,
    ) -> Result<Disconnected, ClientError> {
        let status = head.status();
        if (300..=399).contains(&status) {
            let to = text(head, "location").unwrap_or("nowhere").to_owned();
            return Err(ClientError::Redirect { to });
        }
        // What comes late or is long is not waited for: the status decides, the body is for people.
        let until = conn.within(BODY);
        let mut body = Vec::new();
        while body.len() < BODY_BYTES && matches!(conn.body_until(&mut body, Some(until)), Ok(true))
        {
        }
        body.truncate(BODY_BYTES);
        // Only these say that the same request may succeed later: any other answer would be the same again.
        if !matches!(status, 408 | 429 | 500..=599) {
            return Err(ClientError::Refused { status, body });
        }
        let wait = retry_after(head, self.network.date());
        self.disconnected(Cause::Busy { status, body }, wait)
    }

    /// Takes the first wait that the server wants, from now on.
    pub(super) fn server_asks(&mut self, retry: Duration) {
        self.backoff.server_asks(retry);
    }

    /// Begins the wait before the next connection, which has at least `wait`.
    pub(super) fn disconnected(
        &mut self,
        cause: Cause,
        wait: Option<Duration>,
    ) -> Result<Disconnected, ClientError> {
        self.hang_up();
        // A stop cuts the connection, which then looks like any loss: it is told as what it is.
        self.check()?;
        // Bounded: a server that asks for a year has made a mistake.
        let wait = wait.unwrap_or_default().min(Backoff::BELIEVED);
        // Neither comes back before the server wants it, nor before our own count of failures does.
        let again_in = wait.max(self.backoff.pause(self.network.now()));
        self.pause = Some(again_in);
        // After the pause is set: a program that goes on all the same does not begin to hammer.
        let failures = self.backoff.failures();
        if self.failures_max.is_some_and(|max| failures > max) {
            return Err(ClientError::GivenUp { failures, cause });
        }
        Ok(Disconnected { cause, again_in })
    }

    /// Notes that an error was told: a program that goes on all the same waits as after any other failure.
    pub(super) fn failed(&mut self) {
        self.hang_up();
        if self.pause.is_none() {
            self.pause = Some(self.backoff.pause(self.network.now()));
        }
    }

    /// Drops the connection.
    pub(super) fn hang_up(&mut self) {
        // The stopper holds the transport, too: with it the socket would stay open.
        self.stopper.watch(None);
        self.conn = None;
    }
}

/// Reads how long the server wants to be left alone.
// RFC 9110, 10.2.3: "Retry-After = HTTP-date / delay-seconds". A date is compared with the answer's own,
// where it has one: nobody's clock need be right then.
fn retry_after(head: &Response, now: SystemTime) -> Option<Duration> {
    let said = text(head, "retry-after")?.trim();
    if !said.is_empty() && said.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are more seconds than anybody waits.
        return Some(Duration::from_secs(said.parse().unwrap_or(u64::MAX)));
    }
    let at = httpdate::parse_http_date(said).ok()?;
    let date = text(head, "date").and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    // A date that has passed asks for no wait.
    Some(at.duration_since(date.unwrap_or(now)).unwrap_or_default())
}

fn text<'a>(head: &'a Response, name: &str) -> Option<&'a str> {
    head.header(name)
        .and_then(|value| std::str::from_utf8(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::{HttpLimits, ResponseDecoder, Step};

    fn said(fields: &str) -> Option<Duration> {
        let answer = format!("HTTP/1.1 503 S\r\n{fields}Content-Length: 0\r\n\r\n");
        let mut decoder = ResponseDecoder::new(HttpLimits::default());
        let (_, Step::Head(head)) = decoder.decode(answer.as_bytes()).unwrap() else {
            panic!("a whole head")
        };
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        retry_after(&head, now)
    }

    #[test]
    fn a_time_to_come_back_is_seconds_or_a_date() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(said(""), None);
        assert_eq!(said("Retry-After: 120\r\n"), seconds(120));
        let ages = format!("Retry-After: {}\r\n", "9".repeat(30));
        assert_eq!(said(&ages), seconds(u64::MAX));
        for date in [
            "Sun, 06 Nov 1994 08:50:00 GMT",
            "Sunday, 06-Nov-94 08:50:00 GMT",
            "Sun Nov  6 08:50:00 1994",
        ] {
            assert_eq!(said(&format!("Retry-After: {date}\r\n")), seconds(23));
        }
        let date = "Date: Sun, 06 Nov 1994 08:49:50 GMT\r\n";
        let at = "Retry-After: Sun, 06 Nov 1994 08:50:00 GMT\r\n";
        assert_eq!(said(&format!("{date}{at}")), seconds(10));
        let past = "Retry-After: Sun, 06 Nov 1994 08:00:00 GMT\r\n";
        assert_eq!(said(past), seconds(0));
        for nonsense in ["-1", "1.5", "soon", "", "+3"] {
            assert_eq!(said(&format!("Retry-After: {nonsense}\r\n")), None);
        }
    }
}
