//! Delivering an event allocates nothing, whatever the number of streams.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use eventring::event::EventBuilder;
use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;

use crate::counting;

const STREAMS: usize = 100;

/// Reads what is there, without allocating; returns how many bytes that was.
fn drain(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    match stream.read(buffer) {
        Ok(n) => n,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn an_event_for_a_hundred_streams_is_published_and_sent_without_an_allocation() {
    without_an_allocation("");
}

#[test]
fn a_compressed_one_is_too() {
    without_an_allocation("Accept-Encoding: gzip\r\nSec-Fetch-Mode: cors\r\n");
}

fn without_an_allocation(accept: &str) {
    let hub = Hub::builder().capacity(1024).build().unwrap();
    // The smallest log: its index has its full size soon.
    let config = ServerConfig::default().frame_log_bytes(64 << 10);
    // A clock that stands still: no timer of the connections' beginnings comes due meanwhile.
    let begin = Instant::now();
    let mut server = Server::builder(&hub)
        .clock(move || begin + Duration::from_secs(1))
        .bind(config.listen(([127, 0, 0, 1], 0).into()))
        .unwrap();
    let mut streams: Vec<TcpStream> = (0..STREAMS)
        .map(|n| {
            let mut stream = TcpStream::connect(server.local_addrs()[0]).unwrap();
            stream.set_nonblocking(true).unwrap();
            // Half of them take everything, half of them a topic.
            let query = if n % 2 == 0 { "" } else { "?topic=a.*" };
            write!(
                stream,
                "GET /api/v1/events/stream{query} HTTP/1.1\r\nHost: localhost\r\n{accept}\r\n"
            )
            .unwrap();
            stream
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.handle().stats().streams < STREAMS as u64 {
        assert!(Instant::now() < deadline);
        server.turn(Some(Duration::from_millis(1))).unwrap();
    }

    let mut builder = EventBuilder::new();
    let mut buffer = vec![0; 64 << 10];
    let mut rounds = |count: usize| {
        let mut received = 0;
        for _ in 0..count {
            builder.clear().topic("a.b").ty("t").text("some text");
            hub.publish(builder.build_ref().unwrap()).unwrap();
            server.turn(Some(Duration::ZERO)).unwrap();
            for stream in &mut streams {
                received += drain(stream, &mut buffer);
            }
        }
        received
    };
    rounds(6000);
    let before = counting::allocations();
    let received = rounds(1000);
    let allocations = counting::allocations() - before;
    assert!(received > 1000 * STREAMS * 10, "{received} bytes arrived");
    assert_eq!(allocations, 0, "for {} deliveries", 1000 * STREAMS);
}
