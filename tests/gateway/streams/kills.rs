//! Clients that are killed under load: all come back, with every event once and in order.
//!
//! `KILL_SECONDS=60` runs for longer than the three seconds of a usual run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eventring::hub::Hub;
use socket2::SockRef;

use super::client::{Client, PATIENCE, offset, publish, serve};

const CLIENTS: usize = 100;
/// One in twenty, each round.
const KILLED: usize = CLIENTS / 20;
const ROUND: Duration = Duration::from_millis(100);
const PATH: &str = "/api/v1/events/stream?from=beginning";

/// A client over all its lives.
struct Lives {
    client: Client,
    last: u64,
    lives: u64,
}

impl Lives {
    fn new(address: SocketAddr) -> Self {
        let client = Client::get(address, PATH, "", 64 << 10);
        client.stream.set_nonblocking(true).unwrap();
        Self {
            client,
            last: 0,
            lives: 1,
        }
    }

    /// Takes what is there, and checks that it is what comes next.
    fn read(&mut self) {
        while self.client.try_read() {}
        assert!(!self.client.ended, "the server closed life {}", self.lives);
        for seen in self.client.seen.drain(..) {
            assert_eq!(seen.event, "t", "everything is kept: {seen:?}");
            assert_eq!(offset(&seen.id), self.last + 1, "in life {}", self.lives);
            self.last += 1;
        }
    }

    /// Dies with what it has not read, and comes back as an EventSource does.
    fn kill(&mut self, address: SocketAddr) {
        let id = self.client.decoder.last_event_id();
        let header = match id {
            "" => String::new(),
            id => format!("Last-Event-ID: {id}\r\n"),
        };
        let socket = SockRef::from(&self.client.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        self.client = Client::get(address, PATH, &header, 64 << 10);
        self.client.stream.set_nonblocking(true).unwrap();
        self.lives += 1;
    }
}

#[test]
fn one_in_twenty_killed_again_and_again_all_have_everything() {
    let seconds = std::env::var("KILL_SECONDS").map_or(3, |s| s.parse().unwrap());
    let hub = Hub::new();
    let server = serve(&hub, |config| config.frame_log_bytes = 256 << 10);
    let address = server.addr();
    let mut clients: Vec<Lives> = (0..CLIENTS).map(|_| Lives::new(address)).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let slowest = Arc::new(AtomicU64::new(0));
    let publisher = {
        let (hub, stop, slowest) = (hub.clone(), stop.clone(), slowest.clone());
        std::thread::spawn(move || {
            let mut head = 0;
            while !stop.load(Ordering::Relaxed) {
                // As much load as the clients, all on one thread, can take.
                if head < slowest.load(Ordering::Relaxed) + 500 {
                    head = publish(&hub, "a", &"x".repeat(100));
                } else {
                    std::thread::yield_now();
                }
            }
            publish(&hub, "a", "end")
        })
    };
    let start = Instant::now();
    let (mut rounds, mut at) = (0, 0);
    while start.elapsed() < Duration::from_secs(seconds) {
        clients.iter_mut().for_each(Lives::read);
        let least = clients.iter().map(|client| client.last).min();
        slowest.store(least.unwrap(), Ordering::Relaxed);
        if start.elapsed() >= ROUND * rounds {
            for _ in 0..KILLED {
                at = (at + 7) % CLIENTS;
                clients[at].kill(address);
            }
            rounds += 1;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let end = publisher.join().unwrap();
    while clients.iter().any(|client| client.last < end) {
        assert!(start.elapsed() < Duration::from_secs(seconds) + PATIENCE);
        clients.iter_mut().for_each(Lives::read);
    }
    let lives: u64 = clients.iter().map(|client| client.lives).sum();
    assert_eq!(lives, CLIENTS as u64 + u64::from(rounds) * KILLED as u64);
    assert!(end > 1000, "hardly any load: {end}");
}
