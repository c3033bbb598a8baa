//! One blocking HTTP/1.1 connection: requests go out as bytes, answers come back in order.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::error::{ConnectError, ReadError};
use super::super::url::Url;
use super::network::{Network, Transport};
use super::stop::Stopper;
use super::system::System;
use crate::deadline;
use crate::wire::http::{HttpLimits, Response, ResponseDecoder, Step};

/// Bytes asked for at a time.
const READ: usize = 64 << 10;
/// Largest answer that is read into memory.
const ANSWER_BYTES: usize = 1 << 20;
/// The least and the most that a read or write waits: the system knows neither nothing nor ages.
const WAIT_MIN: Duration = Duration::from_millis(1);
const WAIT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    network: Arc<dyn Network>,
    transport: Arc<dyn Transport>,
    timeout: Duration,
    /// The wait that the transport is set to.
    waits: Duration,
    /// Bytes received and not decoded yet.
    input: Vec<u8>,
    decoder: ResponseDecoder,
}

impl Connection {
    /// Connects; `timeout` bounds the wait for the head of an answer, for each part of its body, and for
    /// the server to take each part of a request.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; nothing was sent.
    pub fn open(url: &Url, timeout: Duration) -> Result<Connection, ConnectError> {
        Self::make(Arc::new(System), url, timeout, &Stopper::default())
    }

    /// Connects by way of `network`; `stopper` ends that, and every wait from then on.
    pub(in crate::client) fn make(
        network: Arc<dyn Network>,
        url: &Url,
        timeout: Duration,
        stopper: &Stopper,
    ) -> Result<Connection, ConnectError> {
        let timeout = timeout.clamp(WAIT_MIN, WAIT_MAX);
        let transport = network.connect(url, stopper)?;
        transport
            .set_timeout(timeout)
            .map_err(|source| ConnectError::Connect {
                authority: url.place(),
                source,
            })?;
        // A stream has no end to bound; answers are bounded where they are kept.
        let limits = HttpLimits {
            body_bytes: u64::MAX,
            ..HttpLimits::default()
        };
        Ok(Connection {
            network,
            transport,
            timeout,
            waits: timeout,
            input: Vec::new(),
            decoder: ResponseDecoder::new(limits),
        })
    }

    /// Ends both ways: what has come can still be read, and then the end.
    pub(in crate::client) fn cut(&self) {
        self.transport.shut_down();
    }

    /// Sends request bytes.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; the connection is of no more use.
    pub fn send(&mut self, mut bytes: &[u8]) -> Result<(), ReadError> {
        // The deadline of an answer may have left a shorter wait.
        self.wait_for(self.timeout)?;
        while !bytes.is_empty() {
            match self.transport.write(bytes) {
                Ok(0) => return Err(ReadError::Io(ErrorKind::WriteZero.into())),
                Ok(sent) => bytes = &bytes[sent..],
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.failed(e)),
            }
        }
        Ok(())
    }

    /// True when the server has hung up, which a kept-alive connection shows only if asked.
    pub fn is_closed(&self) -> bool {
        // Bytes that nobody asked for: not a connection to go on with.
        !self.input.is_empty() || !self.transport.is_quiet()
    }

    /// Waits for the head of the next answer; interim (1xx) answers are passed over. All of it has to
    /// come within the timeout.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; the connection is of no more use.
    pub fn head(&mut self) -> Result<Response, ReadError> {
        self.head_until(self.within(self.timeout))
    }

    fn head_until(&mut self, until: Instant) -> Result<Response, ReadError> {
        let mut begun = !self.input.is_empty();
        loop {
            let (used, step) = self.decoder.decode(&self.input)?;
            let head = match step {
                Step::Head(head) => Some(head),
                _ => None,
            };
            self.input.drain(..used);
            if let Some(head) = head {
                return Ok(head);
            }
            match self.fill(Some(until)) {
                // Within an answer this is a loss; before its first byte the connection may just have idled too long.
                Ok(0) if begun => return Err(ReadError::Cut),
                Ok(0) => return Err(ReadError::Closed),
                Ok(_) => begun = true,
                Err(ReadError::Silent(_)) if begun => return Err(self.unfinished(self.timeout)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Appends what is there of the answer's body to `out`, waiting for at least a byte of it;
    /// `false` is its end.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; the connection is of no more use.
    pub fn body(&mut self, out: &mut Vec<u8>) -> Result<bool, ReadError> {
        self.body_until(out, None)
    }

    /// The same, until a deadline that holds for the rest of the body.
    pub(in crate::client) fn body_until(
        &mut self,
        out: &mut Vec<u8>,
        until: Option<Instant>,
    ) -> Result<bool, ReadError> {
        let before = out.len();
        let mut done = 0;
        loop {
            let (used, step) = self.decoder.decode(&self.input[done..])?;
            done += used;
            let waits = match step {
                Step::Body(bytes) => {
                    out.extend_from_slice(bytes);
                    false
                }
                Step::End => {
                    self.input.drain(..done);
                    return Ok(false);
                }
                _ => true,
            };
            if !waits {
                continue;
            }
            self.input.drain(..std::mem::take(&mut done));
            if out.len() > before {
                return Ok(true);
            }
            if self.fill(until)? == 0 {
                return self
                    .decoder
                    .close()
                    .map(|()| false)
                    .map_err(|_| ReadError::Cut);
            }
        }
    }

    /// Appends what has come behind a head, as it is, waiting for at least a byte of it; `false` is the
    /// end. For connections that another protocol has taken over.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; the connection is of no more use.
    pub fn raw(&mut self, out: &mut Vec<u8>) -> Result<bool, ReadError> {
        if self.input.is_empty() && self.fill(None)? == 0 {
            return Ok(false);
        }
        out.append(&mut self.input);
        Ok(true)
    }

    /// Waits for a whole answer, for those that are small: at most 1 MiB, and within the timeout.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; the connection is of no more use.
    pub fn answer(&mut self) -> Result<(Response, Vec<u8>), ReadError> {
        let until = self.within(self.timeout);
        let head = self.head_until(until)?;
        let mut body = Vec::new();
        loop {
            match self.body_until(&mut body, Some(until)) {
                Ok(false) => return Ok((head, body)),
                Ok(true) if body.len() > ANSWER_BYTES => {
                    return Err(ReadError::TooLong {
                        limit: ANSWER_BYTES,
                    });
                }
                Ok(true) => {}
                Err(ReadError::Silent(_)) => return Err(self.unfinished(self.timeout)),
                Err(error) => return Err(error),
            }
        }
    }

    /// The deadline of what has to be there within `wait`, or within the timeout.
    pub(in crate::client) fn within(&self, wait: Duration) -> Instant {
        deadline::after(self.network.now(), wait.min(self.timeout))
    }

    /// Waits for bytes, at most the timeout and not beyond `until`; 0 is the end.
    fn fill(&mut self, until: Option<Instant>) -> Result<usize, ReadError> {
        let start = self.input.len();
        loop {
            let wait = match until {
                None => self.timeout,
                Some(until) => {
                    let left = until.saturating_duration_since(self.network.now());
                    if left.is_zero() {
                        return Err(ReadError::Silent(self.timeout.as_secs_f64()));
                    }
                    left.clamp(WAIT_MIN, self.timeout)
                }
            };
            self.wait_for(wait)?;
            // Zeroed each time: without unsafe code there is no reading into spare capacity.
            self.input.resize(start + READ, 0);
            let read = self.transport.read(&mut self.input[start..]);
            self.input.truncate(start + *read.as_ref().unwrap_or(&0));
            match read {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                read => return read.map_err(|e| self.failed(e)),
            }
        }
    }

    /// Has the transport wait so long from now on.
    fn wait_for(&mut self, wait: Duration) -> Result<(), ReadError> {
        // Two system calls that nearly no read needs: a stream waits as long each time.
        if wait != self.waits {
            self.transport.set_timeout(wait)?;
            self.waits = wait;
        }
        Ok(())
    }

    fn failed(&self, error: io::Error) -> ReadError {
        match error.kind() {
            // Unix says the first when a socket's timeout passes, Windows the second.
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                ReadError::Silent(self.timeout.as_secs_f64())
            }
            _ => ReadError::Io(error),
        }
    }

    fn unfinished(&self, wait: Duration) -> ReadError {
        ReadError::Unfinished(wait.as_secs_f64())
    }
}
