//! A plain HTTP/1.1 client: bytes as the test wrote them, answers read with a deadline.
//!
//! It shares no code with the server on purpose: it is what judges it.

use super::{DEADLINE, contract};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One connection.
pub(crate) struct Http {
    pub(crate) stream: TcpStream,
    pub(crate) input: Vec<u8>,
    /// What was asked and is not answered yet; `None`: bytes were sent that are no single request.
    asked: Option<VecDeque<(String, String)>>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn connect(address: SocketAddr) -> Http {
        Http::of(TcpStream::connect_timeout(&address, DEADLINE).expect("the server accepts"))
    }

    /// Connects with a small receive buffer, so that not reading is felt by the server soon.
    pub(crate) fn connect_small(address: SocketAddr) -> Http {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        socket.connect(&address.into()).expect("the server accepts");
        Http::of(socket.into())
    }

    fn of(stream: TcpStream) -> Http {
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        stream
            .set_write_timeout(Some(DEADLINE))
            .expect("a deadline");
        stream.set_nodelay(true).expect("no delay");
        Http {
            stream,
            input: Vec::new(),
            asked: Some(VecDeque::new()),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Http {
        match (request_line(bytes.as_ref()), &mut self.asked) {
            (Some(line), Some(asked)) => asked.push_back(line),
            // Which answer is whose can no longer be told.
            _ => self.asked = None,
        }
        self.stream
            .write_all(bytes.as_ref())
            .expect("the server takes it");
        self
    }

    /// Sends a GET without a body.
    pub(crate) fn get(&mut self, target: &str) -> &mut Http {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }

    /// Sends a POST with a body and these header lines.
    pub(crate) fn post(&mut self, target: &str, headers: &[&str], body: &[u8]) -> &mut Http {
        let mut request = format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n");
        for header in headers {
            request.push_str(&format!("{header}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        self.send([request.as_bytes(), body].concat())
    }

    /// Reads the next answer, body and all.
    pub(crate) fn response(&mut self) -> Response {
        let asked = self.asked.as_ref().and_then(|asked| asked.front().cloned());
        let mut response = self.head();
        let length = response
            .header("content-length")
            .map(|v| v.parse().expect("a length"));
        let chunked = response.header("transfer-encoding") == Some("chunked");
        match (chunked, length) {
            (true, _) => response.body = self.chunks(),
            (false, Some(length)) => {
                while self.input.len() < length {
                    assert!(self.fill(), "cut in a body: {response:?}");
                }
                response.body = self.input.drain(..length).collect();
            }
            (false, None) => {
                while self.fill() {}
                response.body = std::mem::take(&mut self.input);
            }
        }
        if let Some((method, target)) = asked {
            let content_type = response.header("content-type").unwrap_or_default();
            contract::check(
                &method,
                &target,
                response.status,
                content_type,
                &response.body,
            );
        }
        response
    }

    /// Reads the next answer's head; what follows it stays in `input`.
    pub(crate) fn head(&mut self) -> Response {
        let end = loop {
            if let Some(at) = self.input.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            let so_far = String::from_utf8_lossy(&self.input).into_owned();
            assert!(self.fill(), "closed without an answer: {so_far:?}");
        };
        let head: Vec<u8> = self.input.drain(..end + 4).take(end).collect();
        let head = String::from_utf8(head).expect("an ASCII head");
        let mut lines = head.split("\r\n");
        let line = lines.next().expect("a status line");
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .expect(line);
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').expect(line);
            (name.to_ascii_lowercase(), value.trim().to_string())
        });
        if status != 100
            && let Some(asked) = &mut self.asked
        {
            asked.pop_front();
        }
        Response {
            status,
            headers: headers.collect(),
            body: Vec::new(),
        }
    }

    /// Reads more into `input`; `false` at the end. A silent server fails the test.
    pub(crate) fn fill(&mut self) -> bool {
        let mut buffer = [0; 64 << 10];
        match self.stream.read(&mut buffer) {
            Ok(n) => {
                self.input.extend_from_slice(&buffer[..n]);
                n > 0
            }
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(e) => panic!("no answer: {e}"),
        }
    }

    /// Reads what comes within `time`; `None` when nothing does, `Some(false)` at the end.
    pub(crate) fn fill_within(&mut self, time: Duration) -> Option<bool> {
        let time = time.max(Duration::from_millis(1));
        self.stream
            .set_read_timeout(Some(time))
            .expect("a deadline");
        let mut buffer = [0; 64 << 10];
        let read = self.stream.read(&mut buffer);
        self.stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a deadline");
        match read {
            Ok(n) => {
                self.input.extend_from_slice(&buffer[..n]);
                Some(n > 0)
            }
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => Some(false),
            Err(_) => None,
        }
    }

    /// True when the server closes without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.input.is_empty() && !self.fill() && self.input.is_empty()
    }

    /// One chunk of a chunked body; empty at its end.
    pub(crate) fn chunk(&mut self) -> String {
        let line = self.line();
        let size = usize::from_str_radix(line.trim(), 16).expect("a chunk size");
        while self.input.len() < size + 2 {
            assert!(self.fill(), "cut in a chunk");
        }
        let bytes: Vec<u8> = self.input.drain(..size).collect();
        assert_eq!(self.input.drain(..2).collect::<Vec<_>>(), b"\r\n");
        String::from_utf8(bytes).expect("UTF-8 in a chunk")
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = String::new();
        loop {
            let chunk = self.chunk();
            if chunk.is_empty() {
                return body.into_bytes();
            }
            body.push_str(&chunk);
        }
    }

    fn line(&mut self) -> String {
        loop {
            if let Some(at) = self.input.windows(2).position(|w| w == b"\r\n") {
                let line: Vec<u8> = self.input.drain(..at + 2).collect();
                return String::from_utf8(line).expect("an ASCII line");
            }
            assert!(self.fill(), "cut in a line");
        }
    }

    /// Closes with a reset instead of an orderly end.
    pub(crate) fn reset(self) {
        let socket = Socket::from(self.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("linger");
    }
}

/// The method and target of bytes that are one request, or the beginning of one.
fn request_line(bytes: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(bytes);
    let (line, rest) = text.split_once("\r\n")?;
    let (target, _) = line.split_once(" HTTP/1.")?;
    let (method, target) = target.split_once(' ')?;
    let one = !rest.contains(" HTTP/1.");
    one.then(|| (method.to_string(), target.to_string()))
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(
            self.body.last(),
            Some(&b'\n'),
            "a body ends with a newline: {self:?}"
        );
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Checks that this is a problem document with this status, and gives it.
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(
            self.status,
            status,
            "{self:?} {}",
            String::from_utf8_lossy(&self.body)
        );
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        assert!(
            problem["title"].is_string() && problem["detail"].is_string(),
            "{problem}"
        );
        problem
    }
}
