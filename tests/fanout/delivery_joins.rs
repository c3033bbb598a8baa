//! Everybody has an event at once, also those who share a class with newcomers.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;

/// More than the reactor visits before it looks for newcomers.
const STREAMS: usize = 300;
/// Who come while it goes round.
const NEWCOMERS: usize = 20;

fn join(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nonblocking(true).unwrap();
    write!(
        stream,
        "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    .unwrap();
    stream
}

/// What has come so far.
fn read(stream: &mut TcpStream) -> String {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    String::from_utf8(all).unwrap()
}

/// The pump went round a class by a count of visits. A newcomer took one of them, so that somebody else
/// got the event with the next one, however long that took. An hour of churn met it at its very end.
#[test]
fn a_newcomer_takes_no_others_turn() {
    let hub = Hub::builder().capacity(1024).build().unwrap();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let mut server = Server::bind(&hub, config).unwrap();
    let address = server.local_addrs()[0];
    let deadline = Instant::now() + Duration::from_secs(60);
    let open = |server: &mut Server, streams: &mut Vec<TcpStream>, count: usize| {
        streams.extend((0..count).map(|_| join(address)));
        let all = streams.len() as u64;
        while server.handle().stats().streams < all {
            assert!(Instant::now() < deadline);
            server.turn(Some(Duration::from_millis(1))).unwrap();
        }
    };
    let mut streams = Vec::new();
    open(&mut server, &mut streams, STREAMS);
    for round in 0..20 {
        let event = format!("event of round {round}.");
        hub.publish(Event::builder("t", "t").text(&event).build().unwrap())
            .unwrap();
        // The first turn reaches a part of them; then come others.
        server.turn(Some(Duration::ZERO)).unwrap();
        open(&mut server, &mut streams, NEWCOMERS);
        let mut missing: Vec<usize> = (0..STREAMS).collect();
        let turns = Instant::now() + Duration::from_secs(1);
        while !missing.is_empty() && Instant::now() < turns {
            server.turn(Some(Duration::from_millis(1))).unwrap();
            missing.retain(|n| !read(&mut streams[*n]).contains(&event));
        }
        assert!(
            missing.is_empty(),
            "round {round}: {missing:?} wait for more"
        );
        streams.truncate(STREAMS);
        while server.handle().stats().streams > STREAMS as u64 {
            assert!(Instant::now() < turns + Duration::from_secs(60));
            server.turn(Some(Duration::from_millis(1))).unwrap();
        }
    }
}
