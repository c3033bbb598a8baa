//! A publisher that goes on until its server is gone, and knows what was answered.

use super::payload::payload;
use crate::common::offset;
use crate::random::Random;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a round publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traffic {
    Small,
    Batches,
    Large,
    Mixed,
}

/// One request and what came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) p: u64,
    /// The number of its first event, and how many there are.
    pub(super) n: u64,
    pub(super) count: u64,
    /// Asked for more than memory.
    pub(super) is_kept: bool,
    pub(super) answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Acknowledged, with the offset of its first event.
    Acknowledged(u64),
    /// Refused: it is not there, nor will be.
    Refused,
    /// The connection has ended.
    Nothing,
}

/// One of those who publish.
pub(super) struct Publisher {
    pub(super) p: u64,
    pub(super) random: Random,
    pub(super) traffic: Traffic,
    /// What a topic has that says nothing is memory alone.
    pub(super) is_default_none: bool,
}

impl Publisher {
    /// Publishes from event `n` on until the connection ends; counts what is acknowledged.
    pub(super) fn run(
        mut self,
        address: SocketAddr,
        mut n: u64,
        acknowledged: &AtomicU64,
    ) -> Vec<Sent> {
        let mut sent = Vec::new();
        let Ok(mut connection) = TcpStream::connect(address) else {
            return sent;
        };
        let _ = connection.set_nodelay(true);
        let time = Some(Duration::from_secs(60));
        connection.set_read_timeout(time).expect("a deadline");
        connection.set_write_timeout(time).expect("a deadline");
        loop {
            let (request, count, is_kept) = self.request(n);
            let answer = ask(&mut connection, &request, count);
            if let Answer::Acknowledged(_) = answer {
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            let p = self.p;
            sent.push(Sent {
                p,
                n,
                count,
                is_kept,
                answer,
            });
            if !matches!(answer, Answer::Acknowledged(_)) {
                return sent;
            }
            n += count;
        }
    }

    /// Makes a request of events from `n` on, how many it has, and whether they are to be kept.
    fn request(&mut self, n: u64) -> (Vec<u8>, u64, bool) {
        let traffic = match self.traffic {
            Traffic::Mixed => match self.random.within(0, 9) {
                0 => Traffic::Large,
                1..=3 => Traffic::Batches,
                _ => Traffic::Small,
            },
            traffic => traffic,
        };
        let random = &mut self.random;
        let (count, size) = match traffic {
            Traffic::Small => (1, random.within(0, 300)),
            Traffic::Batches => (random.within(2, 100), random.within(0, 1_000)),
            Traffic::Large | Traffic::Mixed => (1, random.within(30_000, 300_000)),
        };
        let is_kept = !self.is_default_none || random.one_in(2);
        let p = self.p;
        let (kind, body) = match count {
            1 => ("json", payload(p, n, size)),
            count => {
                let event = |n| {
                    let data = payload(p, n, size);
                    format!(
                        r#"{{"specversion":"1.0","id":"{p}-{n}","source":"/kills","type":"message","data":{data}}}"#
                    )
                };
                let events: Vec<String> = (n..n + count).map(event).collect();
                ("cloudevents-batch+json", format!("[{}]", events.join(",")))
            }
        };
        let query = match is_kept && self.is_default_none {
            true => "?durability=durable",
            false => "",
        };
        let head = format!(
            "POST /api/v1/topics/kill.{}/events{query} HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/{kind}\r\nContent-Length: {}\r\n\r\n",
            p % 8,
            body.len()
        );
        ([head.as_bytes(), body.as_bytes()].concat(), count, is_kept)
    }
}

/// Sends a request and reads its answer.
fn ask(connection: &mut TcpStream, request: &[u8], count: u64) -> Answer {
    // An answer may be there all the same.
    let _ = connection.write_all(request);
    let Some((status, body)) = read_answer(connection) else {
        return Answer::Nothing;
    };
    if status == 503 {
        return Answer::Refused;
    }
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let json: Value = serde_json::from_slice(&body).expect("JSON");
    let [first, last] =
        ["first", "last"].map(|name| offset(json[name].as_str().expect("a position")));
    assert_eq!(last - first + 1, count, "{json}");
    Answer::Acknowledged(first)
}

/// Reads a whole answer; `None`: the connection ended before.
fn read_answer(connection: &mut TcpStream) -> Option<(u16, Vec<u8>)> {
    let (mut input, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&input[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length?.trim().parse().ok()?;
            if input.len() >= end + 4 + length {
                let status = head.split(' ').nth(1)?.parse().ok()?;
                return Some((status, input.split_off(end + 4)));
            }
        }
        match connection.read(&mut buffer) {
            Ok(read @ 1..) => input.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("no answer for a minute")
            }
            _ => return None,
        }
    }
}
