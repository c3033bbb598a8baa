//! Who joins a class in the moment in which it has news takes nobody's turn.
//!
//! A newcomer made the round over the members one longer, and whoever was last in it was left out: a
//! quiet stream got an event with the next one only.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;

const REQUEST: &[u8] = b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";

struct Stage {
    server: Server,
    streams: Vec<(TcpStream, String)>,
}

impl Stage {
    fn connect(&mut self) -> usize {
        let stream = TcpStream::connect(self.server.local_addrs()[0]).unwrap();
        stream.set_nonblocking(true).unwrap();
        self.streams.push((stream, String::new()));
        let accepted = self.streams.len() as u64;
        self.until(|stage| stage.server.handle().stats().accepted == accepted);
        self.streams.len() - 1
    }

    fn until(&mut self, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !done(self) {
            assert!(Instant::now() < deadline, "never happened");
            self.server.turn(Some(Duration::ZERO)).unwrap();
            for (stream, text) in &mut self.streams {
                let mut buffer = [0; 4096];
                match stream.read(&mut buffer) {
                    Ok(n) => text.push_str(&String::from_utf8_lossy(&buffer[..n])),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
        }
    }
}

#[test]
fn a_newcomer_takes_nobodys_turn() {
    let hub = Hub::new();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let mut stage = Stage {
        server: Server::bind(&hub, config).unwrap(),
        streams: Vec::new(),
    };
    // Wherever in the round the pump stands: each newcomer comes with an event.
    for round in 0..6 {
        let newcomer = stage.connect();
        stage.streams[newcomer].0.write_all(REQUEST).unwrap();
        hub.publish(
            Event::builder("a", "t")
                .text(&format!("event {round}"))
                .build()
                .unwrap(),
        )
        .unwrap();
        stage.until(|stage| {
            let (old, _) = stage.streams.split_at(newcomer);
            let has = |(_, text): &(TcpStream, String)| text.contains(&format!("event {round}\n"));
            old.iter().all(has) && stage.server.handle().stats().streams == round + 1
        });
    }
}
