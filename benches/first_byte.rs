//! From `publish` to the first byte at a client: one connection, a server that is idle between events.
//!
//! `cargo bench --bench first_byte`. It prints percentiles rather than a mean: what counts is the event that somebody
//! waits for. Run it on a quiet machine.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;

const EVENTS: usize = 2000;
/// Between two events: the tokens of a language model come about as fast.
const PAUSE: Duration = Duration::from_millis(5);

const STREAM: &str = "GET /api/v1/events/stream?topic=t HTTP/1.1\r\nHost: localhost\r\n\r\n";
const SOCKET: &str = "GET /api/v1/ws?topic=t HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Connects, and tells when bytes came after the first ones.
fn reader(address: SocketAddr, request: &str) -> mpsc::Receiver<Instant> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut buffer = [0; 4096];
    assert!(stream.read(&mut buffer).expect("a head") > 0);
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        while stream.read(&mut buffer).is_ok_and(|n| n > 0) && tell.send(Instant::now()).is_ok() {}
    });
    told
}

fn measure(name: &str, request: &str) {
    let hub = Hub::new();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::bind(&hub, config).expect("a port");
    let server = server.spawn().expect("a thread");
    let came = reader(server.addr(), request);
    let mut took: Vec<Duration> = (0..EVENTS)
        .map(|n| {
            let event = Event::builder("t", "message")
                .text(&format!("{n:0256}"))
                .build();
            let event = event.expect("an event");
            std::thread::sleep(PAUSE);
            let published = Instant::now();
            hub.publish(&event).expect("published");
            came.recv().expect("the event") - published
        })
        .collect();
    took.sort_unstable();
    let at = |share: f64| took[(EVENTS as f64 * share) as usize].as_secs_f64() * 1e6;
    println!(
        "{name}: {EVENTS} events of 256 bytes, each {PAUSE:?}: p50 {:.0} us, p90 {:.0} us, p99 {:.0} us",
        at(0.5),
        at(0.9),
        at(0.99)
    );
}

fn main() {
    measure("Server-Sent Events", STREAM);
    measure("WebSocket", SOCKET);
}
