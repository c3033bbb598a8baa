//! A process without a free descriptor turns connections away instead of letting them wait, and serves
//! again when there is one.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::alone::alone;

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn turn_until(server: &mut Server, what: &str, mut done: impl FnMut(&Server) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done(server) {
        assert!(Instant::now() < deadline, "{what} never came");
        server.turn(Some(Duration::from_millis(1))).unwrap();
    }
}

fn connect(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.local_addrs()[0]).unwrap();
    stream.set_nonblocking(true).unwrap();
    stream.write_all(REQUEST).unwrap();
    stream
}

/// What came so far; `None`: the connection is at its end.
fn answer(stream: &mut TcpStream) -> Option<usize> {
    match stream.read(&mut [0; 4096]) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
        Ok(n @ 1..) => Some(n),
        Ok(0) | Err(_) => None,
    }
}

#[test]
fn who_cannot_be_taken_is_turned_away_at_once() {
    alone(
        module_path!(),
        "who_cannot_be_taken_is_turned_away_at_once",
        without_descriptors,
    );
}

fn without_descriptors() {
    let hub = Hub::new();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let mut server = Server::bind(&hub, config).unwrap();
    server.turn(Some(Duration::ZERO)).unwrap();
    // They wait in the kernel, since nobody turns the server.
    let mut clients: Vec<TcpStream> = (0..40).map(|_| connect(&server)).collect();
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64 - 1;
    let before = getrlimit(Resource::Nofile);
    let mut tight = getrlimit(Resource::Nofile);
    tight.current = Some(open + 10);
    setrlimit(Resource::Nofile, tight).unwrap();

    turn_until(&mut server, "all of them", |server| {
        let stats = server.handle().stats();
        stats.accepted + stats.refused >= 40
    });
    let stats = server.handle().stats();
    assert!((1..=15).contains(&stats.accepted), "{stats:?}");
    let (mut served, mut turned_away) = (0, 0);
    turn_until(&mut server, "an end for each", |_| {
        clients.retain_mut(|client| match answer(client) {
            Some(0) => true,
            Some(_) => {
                served += 1;
                false
            }
            None => {
                turned_away += 1;
                false
            }
        });
        clients.is_empty()
    });
    assert_eq!((served, turned_away), (stats.accepted, stats.refused));

    setrlimit(Resource::Nofile, before).unwrap();
    let mut late = connect(&server);
    turn_until(&mut server, "an answer", |_| {
        answer(&mut late).is_none_or(|n| n > 0)
    });
    assert_eq!(server.handle().stats().refused, stats.refused);
}
