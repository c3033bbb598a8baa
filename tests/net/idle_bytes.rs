//! What a quiet connection holds.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;

use crate::counting;

/// Tables double when they are full: from one power of two to the next, all that grows is of connections.
const BEFORE: usize = 128;
const AFTER: usize = 2 * BEFORE;

/// Opens connections until there are `count`, each until its first bytes have come.
fn open(server: &mut Server, streams: &mut Vec<TcpStream>, count: usize, request: &str) {
    while streams.len() < count {
        let mut stream = TcpStream::connect(server.local_addrs()[0]).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut buffer = [0; 4096];
        loop {
            assert!(Instant::now() < deadline, "no answer");
            server.turn(Some(Duration::ZERO)).unwrap();
            match stream.read(&mut buffer) {
                Ok(n) => break assert!(n > 0, "the answer ends early"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        streams.push(stream);
    }
    server.turn(Some(Duration::ZERO)).unwrap();
}

fn bytes_of_one(request: &str) -> i64 {
    let hub = Hub::new();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let mut server = Server::bind(&hub, config).unwrap();
    let mut streams = Vec::with_capacity(AFTER);
    open(&mut server, &mut streams, BEFORE, request);
    let before = counting::live();
    open(&mut server, &mut streams, AFTER, request);
    (counting::live() - before) / (AFTER - BEFORE) as i64
}

/// Half-open floods: who has not sent a byte is held until its deadline.
#[test]
fn a_silent_connection_holds_200_bytes_at_most() {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let mut server = Server::bind(&Hub::new(), config).unwrap();
    let mut streams = Vec::with_capacity(AFTER);
    let mut live_with = |count: usize| {
        while streams.len() < count {
            streams.push(TcpStream::connect(server.local_addrs()[0]).unwrap());
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while server.handle().stats().connections < count as u64 {
            assert!(Instant::now() < deadline, "not accepted");
            server.turn(Some(Duration::ZERO)).unwrap();
        }
        counting::live()
    };
    let before = live_with(BEFORE);
    let bytes = (live_with(AFTER) - before) / (AFTER - BEFORE) as i64;
    assert!((1..=200).contains(&bytes), "{bytes} bytes");
}

#[test]
fn a_quiet_stream_holds_200_bytes_at_most() {
    let request = "GET /api/v1/events/stream?topic=a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let bytes = bytes_of_one(request);
    assert!((1..=200).contains(&bytes), "{bytes} bytes");
}

/// What frames a stream is in the bytes that all share, and costs nobody anything of its own.
#[test]
fn a_chunked_stream_holds_what_one_without_chunks_does() {
    let of = |framing: &str| {
        bytes_of_one(&format!(
            "GET /api/v1/events/stream?topic=a&framing={framing} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ))
    };
    assert_eq!(of("chunked"), of("close"));
}

#[test]
fn a_quiet_stream_that_is_compressed_holds_300_bytes_at_most() {
    let request = "GET /api/v1/events/stream?topic=a HTTP/1.1\r\nHost: localhost\r\n\
                   Accept-Encoding: gzip\r\nSec-Fetch-Mode: cors\r\n\r\n";
    let bytes = bytes_of_one(request);
    assert!((1..=300).contains(&bytes), "{bytes} bytes");
}

#[test]
fn a_quiet_socket_holds_410_bytes_at_most() {
    for extensions in ["", "Sec-WebSocket-Extensions: permessage-deflate\r\n"] {
        let bytes = bytes_of_one(&format!(
            "GET /api/v1/ws?topic=a HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extensions}\r\n"
        ));
        assert!((1..=410).contains(&bytes), "{bytes} bytes");
    }
}
