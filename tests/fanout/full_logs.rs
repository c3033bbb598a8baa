//! A class that leaves while the logs are full must not leave them full.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;

fn join(address: SocketAddr, topic: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nonblocking(true).unwrap();
    write!(
        stream,
        "GET /api/v1/events/stream?topic={topic} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    .unwrap();
    stream
}

/// Once: nobody was visited any more who would have said that there is room, and no event was sent again.
#[test]
fn a_class_that_leaves_full_logs_stops_nobody() {
    let hub = Hub::builder().capacity(1 << 16).build().unwrap();
    let mut config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    config.frame_log_bytes = 1 << 20;
    let mut server = Server::bind(&hub, config).unwrap();
    let address = server.local_addrs()[0];
    let busy = join(address, "busy");
    let mut quiet = join(address, "quiet");
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.handle().stats().streams < 2 {
        assert!(Instant::now() < deadline);
        server.turn(Some(Duration::from_millis(1))).unwrap();
    }
    let text = "x".repeat(8000);
    for _ in 0..100 {
        hub.publish(
            Event::builder("busy", "t")
                .text(text.as_str())
                .build()
                .unwrap(),
        )
        .unwrap();
    }
    drop(busy);
    hub.publish(Event::builder("quiet", "t").text("hello").build().unwrap())
        .unwrap();
    let mut got = String::new();
    let began = Instant::now();
    while !got.contains("hello") && began.elapsed() < Duration::from_secs(10) {
        server.turn(Some(Duration::from_millis(100))).unwrap();
        let mut buffer = [0; 4096];
        match quiet.read(&mut buffer) {
            Ok(n) => got.push_str(&String::from_utf8_lossy(&buffer[..n])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(got.contains("hello"), "stuck");
}
