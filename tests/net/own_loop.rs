//! The host's own thread drives the server: its descriptor wakes the host's poll for everything that
//! there is to do, and no thread is started that nobody asked for.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::alone::alone;

const PATIENCE: Duration = Duration::from_secs(20);

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Polls as a host does, without a look at the clock: only readiness may end the wait.
fn sleep_until_ready(server: &mut Server) {
    if server.next_deadline().is_none() {
        return;
    }
    let mut ready = [PollFd::new(&*server, PollFlags::IN)];
    let patience = Timespec::try_from(PATIENCE).unwrap();
    let n = poll(&mut ready, Some(&patience)).unwrap();
    assert_eq!(n, 1, "the descriptor said nothing");
}

/// Turns until the client has what `done` looks for.
fn read(server: &mut Server, stream: &mut TcpStream, done: impl Fn(&str) -> bool) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !done(&text) {
        sleep_until_ready(server);
        server.turn(Some(Duration::ZERO)).unwrap();
        match stream.read(&mut buffer) {
            Ok(n) => text.push_str(std::str::from_utf8(&buffer[..n]).unwrap()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    text
}

#[test]
fn the_descriptor_says_when_to_turn_and_nothing_else_runs() {
    alone(
        module_path!(),
        "the_descriptor_says_when_to_turn_and_nothing_else_runs",
        by_its_descriptor,
    );
}

fn by_its_descriptor() {
    let before = threads();
    let hub = Hub::new();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    // No deadline ever comes: whatever happens is said by the descriptor.
    let now = Instant::now();
    let mut server = Server::builder(&hub)
        .clock(move || now + Duration::from_secs(1))
        .bind(config)
        .unwrap();
    server.turn(Some(Duration::ZERO)).unwrap();
    let mut stream = TcpStream::connect(server.local_addrs()[0]).unwrap();
    stream.set_nonblocking(true).unwrap();
    let request = "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    read(&mut server, &mut stream, |text| text.contains("retry:"));
    assert_eq!(threads(), before);

    for n in 0..20 {
        let hub = hub.clone();
        let publisher = std::thread::spawn(move || {
            // Some publish while the host turns, some when it sleeps.
            for _ in 0..n * 50 {
                std::thread::yield_now();
            }
            let text = format!("number {n}.");
            hub.publish(Event::builder("t", "t").text(&text).build().unwrap())
                .unwrap();
        });
        read(&mut server, &mut stream, |text| {
            text.contains(&format!("number {n}."))
        });
        publisher.join().unwrap();
    }

    server.handle().stop();
    let deadline = Instant::now() + PATIENCE;
    let report = loop {
        assert!(Instant::now() < deadline);
        sleep_until_ready(&mut server);
        if let Some(report) = server.turn(Some(Duration::ZERO)).unwrap() {
            break report;
        }
        let mut rest = [0; 4096];
        if stream.read(&mut rest).is_ok_and(|n| n == 0) {
            stream.shutdown(std::net::Shutdown::Both).unwrap();
        }
    };
    assert!(report.clean);
    assert_eq!(threads(), before);
}
