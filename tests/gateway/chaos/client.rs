//! A client as an EventSource is one: it reads, is cut, and comes back with the last id it has.

use super::random::Random;
use super::{END, QUIET};
use crate::body::Body;
use eventring::event::Position;
use eventring::hub::Hub;
use eventring::wire::sse::EventDecoder;
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Silence after which a connection counts as dead: several heartbeats.
const SILENCE: Duration = Duration::from_millis(2500);

/// One connection, from the request to the cut.
#[derive(Debug)]
pub(crate) struct Session {
    /// The id that it came with.
    pub(crate) asked: String,
    pub(crate) events: Vec<Seen>,
}

/// An event as a browser would see it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: String,
}

/// Reads until the last event of all.
pub(crate) struct Client {
    address: SocketAddr,
    hub: Hub,
    query: String,
    last_id: String,
    /// It goes away by itself after so many new ids on average.
    leaves: u64,
    random: Random,
    deadline: Instant,
}

impl Client {
    pub(crate) fn new(
        address: SocketAddr,
        filter: &str,
        hub: Hub,
        random: Random,
        deadline: Instant,
    ) -> Self {
        Self {
            address,
            query: format!("topic={filter}&topic={END}"),
            last_id: format!("{}-0", hub.epoch()),
            hub,
            leaves: if filter == QUIET { 1 } else { 100 },
            random,
            deadline,
        }
    }

    pub(crate) fn run(&mut self) -> Vec<Session> {
        let mut sessions = Vec::new();
        loop {
            assert!(
                Instant::now() < self.deadline,
                "no end for {} at {} after {} sessions",
                self.query,
                self.last_id,
                sessions.len()
            );
            let (session, ended) = self.session();
            sessions.push(session);
            if ended {
                return sessions;
            }
        }
    }

    /// One connection; true if it brought the last event.
    fn session(&mut self) -> (Session, bool) {
        let mut session = Session {
            asked: self.last_id.clone(),
            events: Vec::new(),
        };
        let Some(mut stream) = self.connect() else {
            return (session, false);
        };
        let mut decoder = EventDecoder::default();
        let mut head = Vec::new();
        let mut framing: Option<Body> = None;
        let mut ended = false;
        let mut buffer = [0; 4096];
        while let Some(n @ 1..) = self.read(&mut stream, &mut buffer) {
            let mut bytes = &buffer[..n];
            let body;
            if framing.is_none() {
                head.extend_from_slice(bytes);
                let Some(end) = head.windows(4).position(|w| w == b"\r\n\r\n") else {
                    continue;
                };
                assert!(
                    head.starts_with(b"HTTP/1.1 200 "),
                    "{}",
                    head.escape_ascii()
                );
                body = head.split_off(end + 4);
                framing = Some(Body::of(&String::from_utf8_lossy(&head)));
                bytes = &body;
            }
            let Some(framing) = &mut framing else {
                continue;
            };
            let data = framing.take(bytes);
            let events = &mut session.events;
            let taken = decoder.push(&data, |event| {
                ended |= event.event == END;
                events.push(Seen {
                    id: event.id.to_owned(),
                    event: event.event.to_owned(),
                    data: event.data.to_owned(),
                });
            });
            taken.expect("a stream within its bounds");
            let moved = self.remember(decoder.last_event_id());
            // Now and then it goes away by itself, as a page that is loaded again.
            if ended || self.random.one_in(if moved { self.leaves } else { 1000 }) {
                break;
            }
        }
        (session, ended)
    }

    /// Keeps the id to come back with; false if it is the one it had.
    fn remember(&mut self, id: &str) -> bool {
        if id.is_empty() || id == self.last_id {
            return false;
        }
        let position: Position = id.parse().expect("a position");
        assert!(position.offset <= self.hub.head(), "{position} is to come");
        self.last_id = id.to_owned();
        true
    }

    fn connect(&self) -> Option<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, None).ok()?;
        socket.set_recv_buffer_size(4096).ok()?;
        socket.connect(&self.address.into()).ok()?;
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(SILENCE)).ok()?;
        let request = format!(
            "GET /api/v1/events/stream?{} HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {}\r\n\r\n",
            self.query, self.last_id
        );
        stream.write_all(request.as_bytes()).ok()?;
        Some(stream)
    }

    /// Reads what is there; now and then the reader is busy with something else for a while.
    fn read(&mut self, stream: &mut TcpStream, buffer: &mut [u8]) -> Option<usize> {
        if self.random.one_in(300) {
            std::thread::sleep(Duration::from_millis(self.random.below(200)));
        }
        let most = 1 + self.random.below(buffer.len() as u64) as usize;
        stream.read(&mut buffer[..most]).ok()
    }
}
