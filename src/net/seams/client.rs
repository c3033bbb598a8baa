//! A client that judges each answer by the facts.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::fake::World;
use super::{AUTHORIZATION_S, OUTCOME_S, ROOM_S};
use crate::net::Outcome;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Now,
    Later,
    Publish,
}

pub(super) struct Client {
    pub(super) socket: TcpStream,
    /// Requests that are not answered yet, in their order.
    pub(super) expected: VecDeque<(Kind, u32)>,
    pub(super) text: String,
    pub(super) answers: usize,
    pub(super) ended: bool,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self {
            socket,
            expected: VecDeque::new(),
            text: String::new(),
            answers: 0,
            ended: false,
        }
    }

    pub(super) fn ask(&mut self, kind: Kind, number: u32) {
        let text = match kind {
            Kind::Now => format!("GET /now/{number} HTTP/1.1\r\nHost: x\r\n\r\n"),
            Kind::Later => format!("GET /later/{number} HTTP/1.1\r\nHost: x\r\n\r\n"),
            Kind::Publish => {
                format!("POST /publish/{number} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
            }
        };
        // A few requests fit into the socket's buffer.
        if self.socket.write_all(text.as_bytes()).is_ok() {
            self.expected.push_back((kind, number));
        }
    }

    /// Reads what has come, and judges each answer by the world as it is.
    pub(super) fn read(&mut self, world: &World) {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => break self.ended = true,
                Ok(n) => self
                    .text
                    .push_str(std::str::from_utf8(&buffer[..n]).unwrap()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => break self.ended = true,
            }
        }
        while let Some(end) = self.text.find("\r\n\r\n") {
            let text: String = self.text.drain(..end + 4).collect();
            let mut words = text.split([' ', '\r']);
            let status: u16 = words.nth(1).unwrap().parse().unwrap();
            let number = text.split("X-Number: ").nth(1).unwrap();
            let number: u32 = number.split("\r\n").next().unwrap().parse().unwrap();
            let asked = self.expected.pop_front().expect("an answer to a request");
            judge(asked, status, number, world);
            self.answers += 1;
        }
    }
}

pub(super) fn judge((kind, asked): (Kind, u32), status: u16, number: u32, world: &World) {
    let refused = matches!(status, 408 | 429);
    assert!(
        refused || number == asked,
        "{asked} got the answer of {number}"
    );
    match (kind, status) {
        (Kind::Now, 200) => {}
        (Kind::Later, 200) => assert_eq!(world.decided.get(&asked), Some(&true)),
        (Kind::Later, 403) => assert_eq!(world.decided.get(&asked), Some(&false)),
        (Kind::Later, 408) => {
            let waited = world.second - world.began[&asked];
            assert!(waited >= AUTHORIZATION_S, "told after {waited} s");
        }
        (Kind::Later, 429) => assert!(!world.has_room, "a slot is held by somebody who is gone"),
        (Kind::Publish, 504) => {
            let waited = world.second - world.published[&asked].1;
            assert!(waited >= OUTCOME_S, "told after {waited} s");
        }
        (Kind::Publish, 503) => {
            assert!(!world.published.contains_key(&asked), "it was published");
            let waited = world.second - world.stalled[&asked];
            assert!(waited >= ROOM_S, "told after {waited} s");
        }
        (Kind::Publish, status) => {
            // What an answer says is so, now and for ever: outcomes do not change.
            let outcome = world.outcome(&world.published[&asked].0);
            let expected = match status {
                201 => Outcome::Visible,
                500 => Outcome::Aborted,
                507 => Outcome::NoSpace,
                502 => Outcome::Indeterminate,
                other => panic!("{asked} was answered {other}"),
            };
            assert_eq!(outcome, Some(expected), "publish {asked}");
        }
        other => panic!("{asked} was answered {other:?}"),
    }
}
