//! Deadlines and heartbeats, by a clock that the test moves.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;
use socket2::SockRef;

use crate::body::Body;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server that the test turns itself, on a clock of its own.
struct Stage {
    hub: Hub,
    server: Server,
    seconds: Arc<AtomicU64>,
}

impl Stage {
    fn new(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let hub = Hub::new();
        let mut config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
        change(&mut config);
        let seconds = Arc::new(AtomicU64::new(0));
        let (begin, moved) = (Instant::now() + Duration::from_secs(60), seconds.clone());
        let clock = move || begin + Duration::from_secs(moved.load(Ordering::Relaxed));
        let server = Server::builder(&hub).clock(clock).bind(config).unwrap();
        Self {
            hub,
            server,
            seconds,
        }
    }

    fn connect(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.server.local_addrs()[0]).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn turn(&mut self) {
        self.server.turn(Some(Duration::from_millis(1))).unwrap();
    }

    fn pass(&mut self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
        self.turn();
    }

    /// Turns until the client has what `done` looks for; `None` in it: the end of the stream.
    fn read(&mut self, stream: &mut TcpStream, done: impl Fn(&str, bool) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let (mut text, mut ended) = (Vec::new(), false);
        while !done(&String::from_utf8_lossy(&text), ended) {
            assert!(
                Instant::now() < deadline,
                "{}",
                String::from_utf8_lossy(&text)
            );
            self.turn();
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer) {
                Ok(0) => ended = true,
                Ok(n) => text.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
        String::from_utf8(text).unwrap()
    }

    fn until_connections(&mut self, wanted: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.server.handle().stats().connections != wanted {
            assert!(
                Instant::now() < deadline,
                "{:?}",
                self.server.handle().stats()
            );
            self.turn();
        }
    }
}

const STREAM: &str = "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn a_quiet_stream_gets_the_newest_id_after_its_interval_and_not_before() {
    let mut stage = Stage::new(|config| config.heartbeat = Duration::from_secs(15));
    let mut stream = stage.connect(&STREAM.replace("stream ", "stream?topic=quiet "));
    stage.read(&mut stream, |text, _| {
        text.contains("retry:") && text.ends_with("\n\n\r\n")
    });
    let position = stage
        .hub
        .publish(Event::builder("other", "t").text("x").build().unwrap())
        .unwrap();
    stage.pass(14);
    stage.pass(0);
    let mut buffer = [0; 64];
    assert_eq!(
        stream.read(&mut buffer).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    stage.pass(1);
    let beat = stage.read(&mut stream, |text, _| text.ends_with("\n\n\r\n"));
    let mut body = Body::of("\r\nTransfer-Encoding: chunked\r\n");
    assert_eq!(
        String::from_utf8(body.take(beat.as_bytes())).unwrap(),
        format!("id: {position}\n:\n\n"),
        "no event is dispatched, the id moves"
    );
}

#[test]
fn a_head_that_does_not_end_is_answered_and_silence_is_not() {
    let mut stage = Stage::new(|config| config.head_timeout = Duration::from_secs(10));
    let mut slow = stage.connect("GET /healthz HTT");
    let mut silent = stage.connect("");
    stage.until_connections(2);
    stage.pass(5);
    slow.write_all(b"P").unwrap();
    stage.turn();
    stage.pass(6);
    let answer = stage.read(&mut slow, |_, ended| ended);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(stage.read(&mut silent, |_, ended| ended), "");
    drop((slow, silent));
    stage.until_connections(0);
}

#[test]
fn a_body_has_one_deadline_however_it_drips() {
    let mut stage = Stage::new(|config| config.body_timeout = Duration::from_secs(30));
    let head =
        "POST /api/v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n";
    let mut stream = stage.connect(head);
    stage.until_connections(1);
    stage.turn();
    for _ in 0..6 {
        stream.write_all(b"x").unwrap();
        stage.pass(6);
    }
    let answer = stage.read(&mut stream, |_, ended| ended);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(stage.hub.head(), 0, "half a body publishes nothing");
}

/// Answers to lines leave while the body arrives, and do not move its deadline.
#[test]
fn a_body_of_lines_has_one_deadline_too() {
    let mut stage = Stage::new(|_| {});
    let mut client = stage.connect(
        "POST /api/v1/topics/a/events?atomic=false HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: 1000\r\n\r\n1\n",
    );
    stage.read(&mut client, |text, _| text.contains("\"line\":1,"));
    for line in 2..=3 {
        stage.pass(14);
        client.write_all(b"1\n").unwrap();
        let told = format!("\"line\":{line},");
        stage.read(&mut client, |text, _| text.contains(&told));
    }
    stage.pass(4);
    stage.read(&mut client, |_, ended| ended);
}

/// Its answer waits for an outcome, behind which the connection idles as it does behind any other.
#[test]
fn a_connection_that_has_published_may_idle_between_requests() {
    let mut stage = Stage::new(|_| {});
    let mut client = stage.connect(
        "POST /api/v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/json\r\nContent-Length: 1\r\n\r\n",
    );
    // The time of the body has begun.
    for _ in 0..10 {
        stage.turn();
    }
    client.write_all(b"1").unwrap();
    stage.read(&mut client, |text, _| text.contains("\"count\":1"));
    for _ in 0..2 {
        stage.pass(36);
    }
    assert_eq!(stage.server.handle().stats().connections, 1);
    for _ in 0..2 {
        stage.pass(3);
    }
    stage.read(&mut client, |_, ended| ended);
}

#[test]
fn who_takes_nothing_is_cut_and_the_others_stay() {
    let mut stage = Stage::new(|config| {
        config.write_timeout = Duration::from_secs(30);
        config.heartbeat = Duration::ZERO;
        config.send_buffer = Some(8 << 10);
    });
    let mut stalled = stage.connect(STREAM);
    let mut reader = stage.connect(STREAM);
    stage.read(&mut stalled, |text, _| text.contains("retry:"));
    stage.read(&mut reader, |text, _| text.contains("retry:"));
    let text = "x".repeat(500_000);
    for _ in 0..20 {
        stage
            .hub
            .publish(Event::builder("a", "t").text(&text).build().unwrap())
            .unwrap();
        stage.read(&mut reader, |text, _| text.ends_with("\n\n\r\n"));
    }
    assert_eq!(stage.server.handle().stats().streams, 2);
    stage.pass(40);
    stage.until_connections(1);
    assert_eq!(stage.server.handle().stats().cut, 1);
    stage
        .hub
        .publish(Event::builder("a", "t").text("still here").build().unwrap())
        .unwrap();
    stage.read(&mut reader, |text, _| text.contains("still here"));
}

#[test]
fn a_connection_may_idle_between_requests_but_not_for_ever() {
    let mut stage = Stage::new(|config| config.idle_timeout = Duration::from_secs(60));
    let mut stream = stage.connect("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stage.read(&mut stream, |text, _| text.ends_with("}\n"));
    stage.pass(59);
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    stage.read(&mut stream, |text, _| text.ends_with("}\n"));
    stage.pass(61);
    assert_eq!(stage.read(&mut stream, |_, ended| ended), "");
    stage.until_connections(0);
}

/// A server whose clock, while it is armed, does something between the poll and the look at the time, and leaps: as
/// if the process had been stopped there.
fn stopped_between_poll_and_clock(
    change: impl FnOnce(&mut ServerConfig),
) -> (Hub, Server, Arc<Mutex<Option<Stopped>>>) {
    let hub = Hub::new();
    let mut config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    change(&mut config);
    let stopped: Arc<Mutex<Option<Stopped>>> = Arc::default();
    let seconds = Arc::new(AtomicU64::new(0));
    let (begin, stop) = (Instant::now() + Duration::from_secs(60), stopped.clone());
    let clock = move || {
        if let Some((leap, meanwhile)) = stop.lock().unwrap().take() {
            meanwhile();
            seconds.fetch_add(leap, Ordering::Relaxed);
        }
        begin + Duration::from_secs(seconds.load(Ordering::Relaxed))
    };
    let server = Server::builder(&hub).clock(clock).bind(config).unwrap();
    (hub, server, stopped)
}

/// Seconds that pass, and what others do meanwhile.
type Stopped = (u64, Box<dyn FnOnce() + Send>);

fn turn_until(server: &mut Server, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{:?}", server.handle().stats());
        server.turn(Some(Duration::ZERO)).unwrap();
    }
}

/// All that has come, and whether that was the end.
fn take(stream: &mut TcpStream, text: &mut String) -> bool {
    let mut buffer = [0; 64 << 10];
    match stream.read(&mut buffer) {
        Ok(0) => return true,
        Ok(n) => text.push_str(std::str::from_utf8(&buffer[..n]).unwrap()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
        Err(error) => panic!("{error}"),
    }
    false
}

/// Once: the process was stopped while the rest of a request came in time; it was answered 408.
#[test]
fn what_came_while_the_process_was_stopped_is_read_before_deadlines_are_judged() {
    const GET: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let post = "POST /api/v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: text/plain\r\nContent-Length: 50000\r\n\r\n";
    let body = "x".repeat(50_000);
    let whole = format!("{post}{body}");
    for (request, at, answer) in [
        (GET, 10, "HTTP/1.1 200 "),
        (&whole, post.len() + 5, "HTTP/1.1 200 "),
        // Between two requests.
        (&GET.repeat(2), GET.len(), "HTTP/1.1 200 "),
    ] {
        let (_hub, mut server, stopped) = stopped_between_poll_and_clock(|_| {});
        let mut stream = TcpStream::connect(server.local_addrs()[0]).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream.write_all(&request.as_bytes()[..at]).unwrap();
        let handle = server.handle();
        turn_until(&mut server, || handle.stats().connections == 1);
        for _ in 0..10 {
            server.turn(Some(Duration::from_millis(1))).unwrap();
        }
        let mut text = String::new();
        if at == GET.len() {
            turn_until(&mut server, || {
                take(&mut stream, &mut text) || text.ends_with("}\n")
            });
            text.clear();
        }
        let (rest, mut other) = (request[at..].to_owned(), stream.try_clone().unwrap());
        let meanwhile = move || {
            SockRef::from(&other).set_nonblocking(false).unwrap();
            SockRef::from(&other).set_send_buffer_size(1 << 20).unwrap();
            other.write_all(rest.as_bytes()).unwrap();
            SockRef::from(&other).set_nonblocking(true).unwrap();
        };
        *stopped.lock().unwrap() = Some((100, Box::new(meanwhile)));
        turn_until(&mut server, || {
            take(&mut stream, &mut text) || text.contains("\r\n\r\n")
        });
        assert!(text.starts_with(answer), "{text}");
    }
}

/// The same for who is written to: a client that took everything meanwhile is not cut.
#[test]
fn what_was_taken_while_the_process_was_stopped_counts_before_a_stall_is_judged() {
    let (hub, mut server, stopped) = stopped_between_poll_and_clock(|config| {
        config.send_buffer = Some(8 << 10);
        config.heartbeat = Duration::ZERO;
    });
    let mut stream = TcpStream::connect(server.local_addrs()[0]).unwrap();
    stream.set_nonblocking(true).unwrap();
    stream.write_all(STREAM.as_bytes()).unwrap();
    let mut text = String::new();
    turn_until(&mut server, || {
        take(&mut stream, &mut text);
        text.contains("retry:")
    });
    let event = Event::builder("a", "t")
        .text(&"x".repeat(500_000))
        .build()
        .unwrap();
    let handle = server.handle();
    turn_until(&mut server, || {
        hub.publish(&event).unwrap();
        handle.stats().fell_behind > 0
    });
    let mut other = stream.try_clone().unwrap();
    let meanwhile = move || {
        let mut buffer = vec![0; 1 << 20];
        let deadline = Instant::now() + PATIENCE;
        let mut taken = 0;
        while taken < 64 << 10 {
            assert!(Instant::now() < deadline);
            taken += other.read(&mut buffer).unwrap_or(0);
        }
    };
    *stopped.lock().unwrap() = Some((100, Box::new(meanwhile)));
    for _ in 0..5 {
        server.turn(Some(Duration::ZERO)).unwrap();
    }
    assert_eq!((handle.stats().cut, handle.stats().streams), (0, 1));
}

/// Once: adding it to the time ended the server's thread with a panic.
#[test]
fn a_wait_for_ever_is_one() {
    let forever = Duration::MAX;
    let mut stage = Stage::new(|config| {
        (config.head_timeout, config.body_timeout) = (forever, forever);
        (config.idle_timeout, config.write_timeout) = (forever, forever);
        (config.stop_timeout, config.max_age) = (forever, forever);
    });
    let mut reader = stage.connect("GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stage.read(&mut reader, |text, _| text.contains("id: "));
    let body = "POST /api/v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\
                Content-Length: 9\r\n\r\nhalf";
    let mut half = stage.connect(body);
    stage.pass(3600);
    stage.server.handle().stop_within(forever);
    stage.read(&mut reader, |_, over| over);
    stage.pass(3600);
    // Who is in the middle of a request may end it, however long that takes.
    half.write_all(b" done").unwrap();
    let answer = stage.read(&mut half, |_, over| over);
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    drop((reader, half));
    let mut report = None;
    let deadline = Instant::now() + PATIENCE;
    while report.is_none() && Instant::now() < deadline {
        report = stage.server.turn(Some(Duration::from_millis(1))).unwrap();
    }
    assert!(report.is_some_and(|report| report.clean), "{report:?}");
}
