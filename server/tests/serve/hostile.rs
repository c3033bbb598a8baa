//! Whatever comes in, the server neither panics nor hangs nor keeps more than its bounds: random bytes and
//! mutated requests from many connections at once, cut, half-closed, reset or left open, while a reader
//! and a publisher that behave get what is theirs.
//!
//! A run is one seed, which a failure prints; `HOSTILE_SEED=7` runs that one.

use crate::common::{DEADLINE, Http, Server, Stream, wait_until};
use eventring::wire::ws::{Opcode, masked_frame};
use rustix::process::Signal;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Connections that are made, by all threads together.
const CONNECTIONS: u64 = 2400;
const THREADS: u64 = 8;
/// More would mean that something is kept that should not be: 64 connections with a head (16 KiB), a
/// private buffer (8 KiB) and what is being read, bodies (1 MiB), frame logs, and the allocator's share.
const GROWTH_MAX_KB: u64 = 24 << 10;

const FLAGS: &[&str] = &[
    "--max-connections",
    "64",
    "--head-timeout",
    "1",
    "--body-timeout",
    "1",
    "--idle-timeout",
    "1",
    "--write-timeout",
    "2",
    "--body-bytes",
    "64K",
    "--bodies-in-flight",
    "1M",
    "--capacity",
    "1024",
    "--ring-bytes",
    "1M",
    "--payload-bytes",
    "32K",
    "--private-bytes",
    "8K",
    "--log-level",
    "error",
    "--frame-log-bytes",
    "1M",
    "--reactors",
    "2",
    "--max-pending-publishes",
    "16",
];

const SEEDS: &[&[u8]] = &[
    b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: x-1\r\n\r\n",
    b"GET /api/v1/events/stream?topic=a.*&framing=chunked&from=beginning HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nSec-Fetch-Mode: cors\r\n\r\n",
    b"POST /api/v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n42",
    b"POST /api/v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1\n2\n\r\n0\r\n\r\n",
    b"POST /api/v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 60000\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\nGET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x85\x01\x02\x03\x04abcde",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x01\x02\x03\x04\x01\x02\x03\x04\x00\x01\x00\x02",
    b"\x16\x03\x01\x00\xa0\x01\x00\x00\x9c\x03\x03",
];

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn input(&mut self) -> Vec<u8> {
        let mut bytes = SEEDS[self.below(SEEDS.len())].to_vec();
        for _ in 0..self.below(5) {
            let at = self.below(bytes.len());
            let end = at + self.below(bytes.len() - at);
            match self.below(8) {
                0 if !bytes.is_empty() => bytes[at] = self.next() as u8,
                1 => bytes.insert(at, self.next() as u8),
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let part = bytes[at..end].to_vec();
                    bytes.splice(at..at, part);
                }
                4 => {
                    let run = vec![b"a0 \r\n:,"[self.below(7)]; self.below(40_000)];
                    bytes.splice(at..at, run);
                }
                5 => bytes.truncate(at),
                6 => bytes.extend_from_slice(SEEDS[self.below(SEEDS.len())]),
                _ => bytes.extend((0..self.below(2000)).map(|n| (n * 37) as u8)),
            }
        }
        bytes
    }
}

/// One connection; answers, if there are any, must be those of HTTP.
fn attack(address: SocketAddr, random: &mut Random, held: &mut Vec<TcpStream>) {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return;
    };
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a socket");
    let input = random.input();
    for piece in input.chunks(1 + random.below(input.len() * 2)) {
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    match random.below(6) {
        0 => {
            let linger = Some(Duration::ZERO);
            SockRef::from(&stream).set_linger(linger).expect("a socket");
        }
        1 | 2 => {
            let _ = stream.shutdown(Shutdown::Write);
            let mut answer = Vec::new();
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                answer.extend_from_slice(&buffer[..n]);
                if answer.len() > 64 << 10 {
                    break;
                }
            }
            let known = b"HTTP/1.1 ";
            let start = &answer[..answer.len().min(known.len())];
            assert!(
                known.starts_with(start),
                "{:?}",
                answer.escape_ascii().to_string()
            );
            assert!(
                !answer.starts_with(b"HTTP/1.1 500"),
                "{}",
                input.escape_ascii()
            );
        }
        3 if held.len() < 12 => held.push(stream),
        _ => {}
    }
}

fn peak_kb(server: &Server) -> u64 {
    let path = format!("/proc/{}/status", server.process.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(path).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number
        .and_then(|number| number.trim().parse().ok())
        .expect("a number of kB")
}

#[test]
fn nothing_that_comes_in_breaks_it() {
    let fresh = u64::from(std::process::id()) << 32 | 0x5eed;
    let given = std::env::var("HOSTILE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or(fresh);
    let mut server = Server::start(FLAGS);
    let address = server.address;
    let mut reader = Stream::open(address, "topic=good");
    server.wait_for_streams(1);
    let before = peak_kb(&server);
    let threads: Vec<_> = (0..THREADS)
        .map(|n| {
            std::thread::spawn(move || {
                let (mut random, mut held) = (Random(seed ^ n << 40), Vec::new());
                for _ in 0..CONNECTIONS / THREADS {
                    attack(address, &mut random, &mut held);
                }
            })
        })
        .collect();
    let mut published = 0;
    while threads.iter().any(|thread| !thread.is_finished()) || published < 20 {
        let mut http = Http::connect(address);
        http.post(
            "/api/v1/topics/good/events",
            &[],
            format!("{published}").as_bytes(),
        );
        // The limit on connections is for those that behave as well.
        match http.response().status {
            // Read at once: where the attacks take long, who waits for their end is slow, and cut.
            200 => {
                let event = reader.next_within(DEADLINE);
                let data = event.map(|event| event.data);
                assert_eq!(data, Some(published.to_string()), "seed {seed}");
                published += 1;
            }
            status => assert_eq!(status, 503, "seed {seed}"),
        }
    }
    for thread in threads {
        assert!(thread.join().is_ok(), "seed {seed}");
    }
    // Nothing is left of them but the one that behaves.
    wait_until("the end of all others", || {
        let health = server.health();
        (health.connections, health.streams) == (1, 1)
    });
    // It met what it was to meet.
    let figures = Http::connect(address)
        .get("/api/v1/stats")
        .response()
        .json();
    let accepted = figures["accepted"].as_u64().expect("a number");
    assert!(accepted >= CONNECTIONS, "seed {seed}: {figures}");
    let malformed = &figures["refused"]["malformed"];
    assert!(
        malformed.as_u64() > Some(CONNECTIONS / 20),
        "seed {seed}: {figures}"
    );
    let grown = peak_kb(&server) - before;
    assert!(grown < GROWTH_MAX_KB, "seed {seed}: {grown} kB more");
    drop(reader);
    server.process.signal(Signal::TERM);
    assert_eq!(
        server.process.code(),
        0,
        "seed {seed}: {}",
        server.process.stderr()
    );
    assert!(!server.process.stderr().contains("panicked"), "seed {seed}");
}

/// Levels of JSON that are read, of which refusals tell.
const DEPTH_MAX: usize = 64;
/// The largest body that the management routes take holds a nest of so many levels.
const DEEP: usize = 32_000;

fn nest(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

/// Checks that a body is refused for its depth, at the byte of the first level too many.
fn too_deep(server: &Server, path: &str, content_type: &str, body: &str, before: usize) {
    let content_type = format!("Content-Type: {content_type}");
    let mut http = Http::connect(server.address);
    let answer = http
        .post(path, &[&content_type], body.as_bytes())
        .response();
    let problem = answer.problem(400);
    let detail = problem["detail"].as_str().expect("text");
    assert!(detail.contains("nested deeper than 64"), "{path} {detail}");
    assert_eq!(problem["limit"], DEPTH_MAX, "{path} {detail}");
    let at = problem["at"].as_u64().expect("a byte") as usize;
    assert_eq!((at, &body[at..=at]), (before, "["), "{path} {detail}");
}

/// Once: a nest of brackets overflowed the stack, which ended the process.
#[test]
fn json_that_is_nested_too_deep_is_refused_and_ends_nothing() {
    let server = Server::start(&[]);
    let (json, events) = ("application/json", "/api/v1/topics/a/events");
    for levels in [DEPTH_MAX + 1, DEEP] {
        for (path, member) in [
            ("/api/v1/broadcast", "data"),
            ("/api/v1/broadcast", "ids"),
            ("/api/v1/broadcast", "no such member"),
            ("/api/v1/connections", "topics"),
            ("/api/v1/endpoints", "topics"),
            ("/api/v1/endpoints", "path"),
        ] {
            let head = format!(r#"{{"{member}":"#);
            let body = format!("{head}{}}}", nest(levels));
            too_deep(&server, path, json, &body, head.len() + DEPTH_MAX);
        }
        let ndjson = format!("1\n{}\n", nest(levels));
        let head = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":"#;
        let event = format!("{head}{}}}", nest(levels));
        let batch = format!("[{event}]");
        for (kind, body, before) in [
            (json, &nest(levels), DEPTH_MAX),
            ("application/x-ndjson", &ndjson, 2 + DEPTH_MAX),
            // The event itself is the first level.
            (
                "application/cloudevents+json",
                &event,
                head.len() + DEPTH_MAX - 1,
            ),
            (
                "application/cloudevents-batch+json",
                &batch,
                head.len() + DEPTH_MAX,
            ),
        ] {
            too_deep(&server, events, kind, body, before);
        }
        // A body that is nothing but a nest is none of the objects that these routes take.
        for path in [
            "/api/v1/broadcast",
            "/api/v1/connections",
            "/api/v1/endpoints",
        ] {
            let mut http = Http::connect(server.address);
            let answer = http.post(path, &[], nest(levels).as_bytes()).response();
            answer.problem(400);
        }
    }
    // What is just deep enough goes.
    let body = format!(r#"{{"data":{}}}"#, nest(DEPTH_MAX));
    for (path, body) in [("/api/v1/broadcast", &body), (events, &nest(DEPTH_MAX))] {
        let mut http = Http::connect(server.address);
        let answer = http.post(path, &[&format!("Content-Type: {json}")], body.as_bytes());
        assert_eq!(answer.response().status, 200, "{path}");
    }
    assert!(server.health().head.ends_with("-1"));
}

/// The same on a WebSocket.
#[test]
fn messages_that_are_nested_too_deep_are_errors_and_end_nothing() {
    let server = Server::start(&[]);
    let mut http = Http::connect(server.address);
    http.send(
        "GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    assert_eq!(http.head().status, 101);
    let deep = nest(DEEP);
    let messages = [
        format!(r#"{{"request":1,"type":"publish","topic":"a","data":{deep}}}"#),
        format!(r#"{{"request":1,"type":"publish","topic":"a","cloudevent":{{"data":{deep}}}}}"#),
        format!(r#"{{"request":1,"type":"subscribe","topic":{deep}}}"#),
        format!(r#"{{"request":{deep}}}"#),
    ];
    for message in &messages {
        let mut frame = Vec::new();
        masked_frame(&mut frame, Opcode::Text, message.as_bytes(), [1, 2, 3, 4]);
        http.send(frame);
        wait_until("an error", || {
            let said = String::from_utf8_lossy(&http.input).into_owned();
            if said.contains("nested deeper than 64 at byte ") {
                http.input.clear();
                return true;
            }
            assert_eq!(
                http.fill_within(Duration::from_secs(10)),
                Some(true),
                "{said}"
            );
            false
        });
    }
}

/// Once: a batch of eight megabytes that was no batch took 177 MiB, and kept them.
#[test]
fn a_batch_of_junk_takes_its_own_bytes_and_no_more() {
    let server = Server::start(&[]);
    let path = "/api/v1/topics/a/events";
    let kind = "Content-Type: application/cloudevents-batch+json";
    server.publish("a", "1");
    let before = peak_kb(&server);
    let body = format!("[{}0]", "0,".repeat(4_190_000));
    for _ in 0..3 {
        let mut http = Http::connect(server.address);
        let answer = http.post(path, &[kind], body.as_bytes()).response();
        let problem = answer.problem(400);
        assert_eq!(problem["at"], 1, "{problem}");
    }
    // The body, which grows by doubling, and the copy that growing takes.
    let grown = peak_kb(&server) - before;
    assert!(grown < 40 << 10, "{grown} kB for 8 MB");
}
