//! A publisher over HTTP: it repeats a request when it does not know what became of it.

use super::random::Random;
use super::{END, TOPICS};
use eventring::event::Position;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long an answer may take before the request counts as lost.
const ANSWER: Duration = Duration::from_millis(600);

/// One request and what is known of it.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) topic: &'static str,
    /// The events' data; no other attempt has the same.
    pub(crate) data: Vec<String>,
    /// Offsets of the first and the last event, if an answer came.
    pub(crate) answer: Option<(u64, u64)>,
}

/// Publishes by requests of one event or several, on a connection that is kept while it lives.
pub(crate) struct Publisher {
    address: SocketAddr,
    connection: Option<TcpStream>,
    random: Random,
    deadline: Instant,
    pub(crate) attempts: Vec<Attempt>,
}

impl Publisher {
    pub(crate) fn new(address: SocketAddr, seed: u64, deadline: Instant) -> Self {
        Self {
            address,
            connection: None,
            random: Random::new(seed, u64::MAX),
            deadline,
            attempts: Vec::new(),
        }
    }

    /// Publishes under this number until there is an answer.
    pub(crate) fn publish(&mut self, number: u64) {
        let topic = TOPICS[self.random.below(TOPICS.len() as u64) as usize];
        let count = if self.random.one_in(5) {
            1 + self.random.below(6)
        } else {
            1
        };
        let fill = "x".repeat((self.random.below(3) * self.random.below(1500)) as usize);
        self.until_answered(topic, |attempt| {
            (0..count)
                .map(|i| format!(r#"{{"n":{number},"try":{attempt},"i":{i},"fill":"{fill}"}}"#))
                .collect()
        });
    }

    /// Publishes the last event of all.
    pub(crate) fn publish_to(&mut self, topic: &'static str) {
        self.until_answered(topic, |attempt| vec![format!(r#"{{"try":{attempt}}}"#)]);
    }

    fn until_answered(&mut self, topic: &'static str, data: impl Fn(u64) -> Vec<String>) {
        for attempt in 0.. {
            assert!(Instant::now() < self.deadline, "no answer for {topic}");
            let data = data(attempt);
            let answer = self.request(topic, &data);
            let known = answer.is_some();
            self.attempts.push(Attempt {
                topic,
                data,
                answer,
            });
            if known {
                return;
            }
            self.connection = None;
        }
    }

    fn request(&mut self, topic: &str, data: &[String]) -> Option<(u64, u64)> {
        let mut stream = match self.connection.take() {
            Some(stream) => stream,
            None => TcpStream::connect(self.address).ok()?,
        };
        stream.set_read_timeout(Some(ANSWER)).ok()?;
        let body = data.join("\n");
        // The name of the event is its type: clients know the end by it.
        let ty = if topic == END { END } else { "message" };
        let request = format!(
            "POST /api/v1/topics/{topic}/events HTTP/1.1\r\nHost: localhost\r\nce-type: {ty}\r\n\
             Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let answer = read_answer(&mut stream)?;
        self.connection = Some(stream);
        Some(answer)
    }
}

/// Reads a whole answer; `None` if it is cut off.
fn read_answer(stream: &mut TcpStream) -> Option<(u64, u64)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        // The body is one line of JSON, and its line end the last byte.
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n")
            && bytes.len() > at + 4
            && bytes.ends_with(b"\n")
        {
            assert!(
                bytes.starts_with(b"HTTP/1.1 200 "),
                "{}",
                bytes.escape_ascii()
            );
            let json: serde_json::Value = serde_json::from_slice(&bytes[at + 4..]).expect("JSON");
            let offset = |name: &str| {
                let text = json[name].as_str().expect("a position");
                text.parse::<Position>().expect("a position").offset
            };
            return Some((offset("first"), offset("last")));
        }
        match stream.read(&mut buffer) {
            Ok(n @ 1..) => bytes.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    }
}
