//! One blocking HTTP/1.1 connection: requests go out as bytes, answers come back in order.

use super::error::{ConnectError, ReadError};
use super::url::Url;
use crate::wire::http::{Limits, Response, ResponseDecoder, Step};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Longest wait for one address to take the connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Bytes asked for at a time.
const READ: usize = 64 << 10;
/// Largest answer that is read into memory.
const ANSWER_BYTES: usize = 1 << 20;

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    timeout: Duration,
    /// Bytes received and not decoded yet.
    input: Vec<u8>,
    decoder: ResponseDecoder,
}

impl Connection {
    /// Connects; `timeout` bounds every read and write from then on.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; nothing was sent.
    pub fn open(url: &Url, timeout: Duration) -> Result<Connection, ConnectError> {
        let stream = connect(url)?;
        let broken = |source| ConnectError::Connect {
            authority: url.authority(),
            source,
        };
        stream.set_nodelay(true).map_err(broken)?;
        stream.set_read_timeout(Some(timeout)).map_err(broken)?;
        stream.set_write_timeout(Some(timeout)).map_err(broken)?;
        // A stream has no end to bound; answers are bounded where they are kept.
        let limits = Limits {
            body_bytes: u64::MAX,
            ..Limits::default()
        };
        let decoder = ResponseDecoder::new(limits);
        Ok(Connection {
            stream,
            timeout,
            input: Vec::new(),
            decoder,
        })
    }

    /// The socket, for whoever is to end it from another thread; `None`: the system has no descriptor left.
    pub(super) fn socket(&self) -> Option<TcpStream> {
        self.stream.try_clone().ok()
    }

    /// Ends both ways: what has come can still be read, and then the end.
    pub(super) fn cut(&self) {
        // One that is closed already needs no more.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Sends request bytes.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; the connection is of no more use.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        self.stream.write_all(bytes).map_err(|e| self.failed(e))
    }

    /// True when the server has hung up, which a kept-alive connection shows only if asked.
    pub fn is_closed(&self) -> bool {
        if !self.input.is_empty() || self.stream.set_nonblocking(true).is_err() {
            return true; // bytes that nobody asked for: not a connection to go on with
        }
        let peeked = self.stream.peek(&mut [0]);
        let restored = self.stream.set_nonblocking(false);
        let open = matches!(&peeked, Err(e) if e.kind() == ErrorKind::WouldBlock);
        !open || restored.is_err()
    }

    /// Waits for the head of the next answer; interim (1xx) answers are passed over.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; the connection is of no more use.
    pub fn head(&mut self) -> Result<Response, ReadError> {
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
            if self.fill()? == 0 {
                let nothing = self.input.is_empty();
                return Err(if nothing {
                    ReadError::Closed
                } else {
                    ReadError::Cut
                });
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
            if self.fill()? == 0 {
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
        if self.input.is_empty() && self.fill()? == 0 {
            return Ok(false);
        }
        out.append(&mut self.input);
        Ok(true)
    }

    /// Waits for a whole answer, for those that are small.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; the connection is of no more use.
    pub fn answer(&mut self) -> Result<(Response, Vec<u8>), ReadError> {
        let head = self.head()?;
        let mut body = Vec::new();
        while self.body(&mut body)? {
            if body.len() > ANSWER_BYTES {
                return Err(ReadError::TooLong {
                    limit: ANSWER_BYTES,
                });
            }
        }
        Ok((head, body))
    }

    fn fill(&mut self) -> Result<usize, ReadError> {
        let start = self.input.len();
        self.input.resize(start + READ, 0);
        let read = loop {
            match self.stream.read(&mut self.input[start..]) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.input.truncate(start + *read.as_ref().unwrap_or(&0));
        read.map_err(|e| self.failed(e))
    }

    fn failed(&self, error: io::Error) -> ReadError {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                ReadError::Silent(self.timeout.as_secs_f64())
            }
            _ => ReadError::Io(error),
        }
    }
}

/// Tries every address of the host and reports the last failure.
fn connect(url: &Url) -> Result<TcpStream, ConnectError> {
    let addresses = (url.host.as_str(), url.port)
        .to_socket_addrs()
        .map_err(|source| ConnectError::Lookup {
            host: url.host.clone(),
            source,
        })?;
    let mut failure = ConnectError::NoAddress {
        host: url.host.clone(),
    };
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(source) => {
                failure = ConnectError::Connect {
                    authority: url.authority(),
                    source,
                };
            }
        }
    }
    Err(failure)
}
