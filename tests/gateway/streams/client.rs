//! An SSE client that reads when told to, and what tests need around it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use eventring::event::EventBuilder;
use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;
use eventring::wire::sse::EventDecoder;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::body::Body;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) decoder: EventDecoder,
    /// The head of the answer, once it is whole.
    pub(crate) head: String,
    raw: Vec<u8>,
    /// Takes the framing off.
    pub(crate) body: Option<Body>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) ended: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: String,
    pub(crate) retry: Option<u64>,
}

impl Seen {
    pub(crate) fn offset(&self) -> u64 {
        offset(&self.id)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("JSON")
    }
}

/// The offset of a position.
pub(crate) fn offset(position: &str) -> u64 {
    position.rsplit('-').next().unwrap().parse().unwrap()
}

impl Client {
    /// Asks for a path; `rcvbuf` is small for who is to stall soon.
    pub(crate) fn get(address: SocketAddr, path: &str, headers: &str, rcvbuf: usize) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(rcvbuf).unwrap();
        socket.connect(&address.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut client = Self {
            stream,
            decoder: EventDecoder::default(),
            head: String::new(),
            raw: Vec::new(),
            body: None,
            seen: Vec::new(),
            ended: false,
        };
        client.read_until(|client| !client.head.is_empty());
        client
    }

    /// Opens a stream that begins.
    pub(crate) fn open(address: SocketAddr, query: &str) -> Self {
        let path = format!("/api/v1/events/stream?{query}");
        let client = Self::get(address, &path, "", 1 << 20);
        assert_eq!(client.status(), 200, "{}", client.head);
        client
    }

    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    /// Reads what is there, at most `max` bytes; false: nothing within a moment, or the end.
    pub(crate) fn read_some(&mut self, max: usize) -> bool {
        let moment = Some(Duration::from_millis(50));
        self.stream.set_read_timeout(moment).unwrap();
        self.read_bytes(max)
    }

    /// The same without a moment's wait, where the socket does not block.
    pub(crate) fn try_read(&mut self) -> bool {
        self.read_bytes(64 << 10)
    }

    fn read_bytes(&mut self, max: usize) -> bool {
        let mut buffer = vec![0; max];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(n) => {
                self.take(&buffer[..n]);
                return true;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => self.ended = true,
            Err(error) => panic!("{error}"),
        }
        false
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        if self.head.is_empty() {
            let Some(end) = self.raw.windows(4).position(|w| w == b"\r\n\r\n") else {
                return;
            };
            let rest = self.raw.split_off(end + 4);
            self.head = String::from_utf8(std::mem::replace(&mut self.raw, rest)).unwrap();
        }
        if !self.head.contains("text/event-stream") {
            return;
        }
        let raw = std::mem::take(&mut self.raw);
        let body = self.body.get_or_insert_with(|| Body::of(&self.head));
        let raw = body.take(&raw);
        let seen = &mut self.seen;
        let taken = self.decoder.push(&raw, |event| {
            seen.push(Seen {
                id: event.id.to_owned(),
                event: event.event.to_owned(),
                data: event.data.to_owned(),
                retry: event.retry,
            });
        });
        taken.unwrap();
    }

    pub(crate) fn read_until(&mut self, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            let last = self.seen.last();
            assert!(
                Instant::now() < deadline,
                "{} events, the last {last:?}",
                self.seen.len()
            );
            assert!(!self.ended || done(self), "ended after {last:?}");
            self.read_some(64 << 10);
        }
    }

    pub(crate) fn read_to(&mut self, offset: u64) {
        self.read_until(|client| client.seen.last().is_some_and(|s| s.offset() >= offset));
    }

    pub(crate) fn read_to_end(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.ended {
            assert!(
                Instant::now() < deadline,
                "no end after {:?}",
                self.seen.last()
            );
            self.read_some(64 << 10);
        }
        let body = self.body.as_ref().expect("a stream");
        assert!(body.complete, "cut after {:?}", self.seen.last());
    }

    /// The body of an answer that is no stream.
    pub(crate) fn json_body(&mut self) -> Value {
        let length = |client: &Self| {
            let line = client
                .head
                .lines()
                .find(|l| l.starts_with("Content-Length: "));
            line.map_or(0, |line| line[16..].parse::<usize>().unwrap())
        };
        self.read_until(|client| client.raw.len() >= length(client));
        serde_json::from_slice(&self.raw).unwrap_or(Value::Null)
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter().filter(|seen| seen.event == "t")
    }
}

pub(crate) fn serve(hub: &Hub, change: impl FnOnce(&mut ServerConfig)) -> ServerThread {
    let mut config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    change(&mut config);
    Server::bind(hub, config).unwrap().spawn().unwrap()
}

/// Publishes an event of type `t`; returns its offset.
pub(crate) fn publish(hub: &Hub, topic: &str, text: &str) -> u64 {
    let mut builder = EventBuilder::new();
    builder.topic(topic).ty("t").text(text);
    hub.publish(builder.build_ref().unwrap()).unwrap().offset
}

/// Text of so many bytes that names its number in every part, so that a torn frame shows.
pub(crate) fn long_text(number: u64, bytes: usize) -> String {
    let unit = format!("<{number}>");
    unit.repeat(bytes / unit.len() + 1)
}

pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::yield_now();
    }
}
