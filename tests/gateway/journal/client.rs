//! A client of HTTP that pipelines, and one that asks once.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer: its status, its head in lower case, its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Checks the status, and the field that a problem names.
    #[track_caller]
    pub(super) fn is_problem(&self, status: u16, field: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.json()["field"], field, "{self:?}");
    }
}

/// A connection that is kept.
pub(super) struct Client {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        let patience = Some(Duration::from_secs(60));
        stream.set_read_timeout(patience).unwrap();
        Self {
            stream,
            bytes: Vec::new(),
        }
    }

    /// Sends a request and waits for nothing.
    pub(super) fn send(&mut self, method: &str, target: &str, fields: &str, body: &str) {
        let length = body.len();
        let text = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    fn more(&mut self) {
        let mut buffer = [0; 16 << 10];
        let n = self.stream.read(&mut buffer).expect("an answer");
        assert!(n > 0, "the connection ends early");
        self.bytes.extend_from_slice(&buffer[..n]);
    }

    /// The next answer.
    pub(super) fn answer(&mut self) -> Answer {
        let end = loop {
            let found = self.bytes.windows(4).position(|four| four == b"\r\n\r\n");
            match found {
                Some(at) => break at + 4,
                None => self.more(),
            }
        };
        let head = String::from_utf8(self.bytes.drain(..end).collect()).unwrap();
        let head = head.to_ascii_lowercase();
        let field = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            let mut values = lines.filter(|(own, _)| *own == name);
            values.next().map(|(_, value)| value.to_owned())
        };
        let body = match field("content-length") {
            Some(length) => self.take(length.parse().unwrap()),
            None if field("transfer-encoding").is_some() => self.chunks(),
            None => String::new(),
        };
        let status = head[9..12].parse().unwrap();
        Answer { status, head, body }
    }

    fn take(&mut self, n: usize) -> String {
        while self.bytes.len() < n {
            self.more();
        }
        String::from_utf8(self.bytes.drain(..n).collect()).unwrap()
    }

    fn chunks(&mut self) -> String {
        let mut body = String::new();
        loop {
            let end = loop {
                match self.bytes.windows(2).position(|two| two == b"\r\n") {
                    Some(at) => break at + 2,
                    None => self.more(),
                }
            };
            let line = self.take(end);
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
            body.push_str(&self.take(size));
            self.take(2);
            if size == 0 {
                return body;
            }
        }
    }

    /// Asks, and returns the answer.
    pub(super) fn ask(&mut self, method: &str, target: &str, fields: &str, body: &str) -> Answer {
        self.send(method, target, fields, body);
        self.answer()
    }
}

/// Asks on a connection of its own; the answer is judged by the document.
pub(super) fn ask(address: SocketAddr, method: &str, target: &str, body: &str) -> Answer {
    let fields = "Content-Type: application/json\r\n";
    let answer = Client::connect(address).ask(method, target, fields, body);
    if answer.status != 204 {
        let path = target.split('?').next().unwrap();
        let kind = if answer.status < 400 {
            "application/json"
        } else {
            "application/problem+json"
        };
        crate::contract::check(method, path, answer.status, kind, answer.body.as_bytes());
    }
    answer
}
