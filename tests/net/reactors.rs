//! Several reactors are one server: every stream gets its events once and in order whichever reactor
//! has it, bounds hold for all together, and a stop leaves nothing behind.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eventring::event::{Event, EventBuilder, Filter};
use eventring::gateway::{BindError, Server, ServerConfig, ServerError, ServerThread};
use eventring::hub::{Hub, StartFrom, Subscription};
use eventring::wire::sse::EventDecoder;

use crate::body::Body;

const PATIENCE: Duration = Duration::from_secs(60);
const TOPICS: [&str; 4] = ["a.x", "a.y", "b.x", "b.y.z"];
const FILTERS: [&str; 5] = [">", "a.*", "*.x", "b.>", "b.y.z"];

fn serve(reactors: usize, change: impl FnOnce(&mut ServerConfig)) -> (Hub, ServerThread) {
    let hub = Hub::builder().capacity(16 << 10).build().unwrap();
    let mut config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    config.reactors = reactors;
    change(&mut config);
    let server = Server::bind(&hub, config).unwrap().spawn().unwrap();
    (hub, server)
}

fn open(address: SocketAddr, query: &str, last_id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "GET /api/v1/events/stream?{query} HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {last_id}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Reads the head; panics unless it is that of a stream.
fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(
            stream.read(&mut byte).unwrap(),
            1,
            "{}",
            head.escape_ascii()
        );
        head.push(byte[0]);
    }
    assert!(
        head.starts_with(b"HTTP/1.1 200 "),
        "{}",
        head.escape_ascii()
    );
}

/// Behind the head: reads events until the end of the stream, or until `enough`.
fn read_events(stream: &mut TcpStream, enough: usize) -> Vec<(String, String)> {
    let mut decoder = EventDecoder::default();
    let mut body = Body::of("\r\nTransfer-Encoding: chunked\r\n");
    let mut seen = Vec::new();
    let mut buffer = [0; 16 << 10];
    let deadline = Instant::now() + PATIENCE;
    while seen.len() < enough {
        assert!(
            Instant::now() < deadline,
            "{} of {enough} events",
            seen.len()
        );
        let n = stream.read(&mut buffer).unwrap();
        if n == 0 {
            break;
        }
        let taken = decoder.push(&body.take(&buffer[..n]), |event| {
            assert_ne!(event.event, "gap", "{}", event.data);
            seen.push((event.id.to_owned(), event.data.to_owned()));
        });
        taken.unwrap();
    }
    seen
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what} never came");
        std::thread::yield_now();
    }
}

/// All that is kept, by filter, as the hub itself tells it.
fn truth(hub: &Hub, pattern: &str) -> Vec<(String, String)> {
    let filter = Filter::parse([pattern]).unwrap();
    let subscription = Subscription::all().start(StartFrom::Beginning);
    let mut receiver = hub.subscribe(subscription).unwrap();
    let mut all = Vec::new();
    while let Ok(delivery) = receiver.try_recv() {
        let event = delivery.event.as_ref();
        if filter.matches(event.topic()) {
            let data = String::from_utf8(event.data().to_vec()).unwrap();
            all.push((delivery.position.to_string(), data));
        }
    }
    all
}

fn publish_many(hub: &Hub, seed: u64, events: u64) -> JoinHandle<()> {
    let hub = hub.clone();
    std::thread::spawn(move || {
        let mut builder = EventBuilder::new();
        for n in 0..events {
            builder.clear();
            builder.topic(TOPICS[((n * 7 + seed) % 4) as usize]);
            builder.ty("t");
            builder.text(&format!("{seed}-{n}"));
            hub.publish(builder.build_ref().unwrap()).unwrap();
            if n % 64 == 0 {
                std::thread::yield_now();
            }
        }
    })
}

fn post(address: SocketAddr, topic: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "POST /api/v1/topics/{topic}/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn every_stream_gets_its_events_once_and_in_order_and_the_stop_is_complete() {
    for reactors in 2..=4 {
        let (hub, server) = serve(reactors, |config| config.stop_timeout = PATIENCE);
        let address = server.addr();
        let first = format!("{}-0", hub.epoch());
        let clients: Vec<_> = (0..reactors * FILTERS.len())
            .map(|n| {
                let filter = FILTERS[n % FILTERS.len()];
                let mut stream = open(address, &format!("topic={filter}"), &first);
                read_head(&mut stream);
                let reads = std::thread::spawn(move || read_events(&mut stream, usize::MAX));
                (filter, reads)
            })
            .collect();
        let publishers = [publish_many(&hub, 1, 3000), publish_many(&hub, 2, 3000)];
        for n in 0..50 {
            let answer = post(address, TOPICS[n % 4], &format!("over-{n}"));
            assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
        }
        for publisher in publishers {
            publisher.join().unwrap();
        }
        let report = server.stop().unwrap();
        assert!(report.clean, "{report:?}");
        for (filter, reads) in clients {
            let (seen, truth) = (reads.join().unwrap(), truth(&hub, filter));
            assert_eq!(seen.len(), truth.len(), "{filter}, {reactors} reactors");
            assert_eq!(seen, truth, "{filter}, {reactors} reactors");
        }
    }
}

#[test]
fn who_is_cut_resumes_at_another_reactor_and_misses_nothing() {
    let (hub, server) = serve(3, |_| {});
    let address = server.addr();
    let publisher = publish_many(&hub, 3, 4000);
    let mut last_id = format!("{}-0", hub.epoch());
    let mut seen = Vec::new();
    // Each connection goes to the next reactor in turn.
    while seen.len() < 4000 {
        let mut stream = open(address, "", &last_id);
        read_head(&mut stream);
        let more = 150.min(4000 - seen.len());
        seen.extend(read_events(&mut stream, more));
        last_id.clone_from(&seen.last().unwrap().0);
    }
    publisher.join().unwrap();
    assert_eq!(seen, truth(&hub, ">"));
    server.stop().unwrap();
}

#[test]
fn the_limit_on_connections_holds_for_all_reactors_together() {
    let (_hub, server) = serve(3, |config| config.max_connections = 7);
    let mut streams: Vec<_> = (0..7).map(|_| open(server.addr(), "", "")).collect();
    streams.iter_mut().for_each(read_head);
    for _ in 0..3 {
        let mut refused = open(server.addr(), "", "");
        let mut answer = String::new();
        refused.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
    until("the refused are gone", || {
        server.handle().stats().connections == 7
    });
    assert_eq!(server.handle().stats().refused, 3);
    // The fourth is served by the first reactor, the fifth by the second: whoever goes makes room.
    for gone in [3, 3] {
        drop(streams.remove(gone));
        until("room", || server.handle().stats().connections == 6);
        let mut stream = open(server.addr(), "", "");
        read_head(&mut stream);
        streams.push(stream);
    }
    server.stop().unwrap();
}

/// What the metrics say of bytes that are begun and not whole.
fn unfinished_bytes(address: SocketAddr) -> u64 {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let name = "eventring_unfinished_bytes ";
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.expect("the gauge").parse().unwrap()
}

#[test]
fn the_bound_on_bodies_holds_for_all_reactors_together() {
    let (_hub, server) = serve(2, |config| {
        config.body_bytes = 600;
        config.bodies_in_flight = 1000;
    });
    let head =
        "POST /api/v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 600\r\n\r\n";
    let mut first = TcpStream::connect(server.addr()).unwrap();
    first.write_all(head.as_bytes()).unwrap();
    first.write_all(&[b'x'; 599]).unwrap();
    // Both would be over the bound if they came at once.
    until("the first body", || unfinished_bytes(server.addr()) >= 599);
    until("the refusal", || {
        let mut second = TcpStream::connect(server.addr()).unwrap();
        second.write_all(head.as_bytes()).unwrap();
        second.write_all(&[b'x'; 600]).unwrap();
        let mut start = [0; 12];
        second.read_exact(&mut start).unwrap();
        &start == b"HTTP/1.1 503"
    });
    first.write_all(b"x").unwrap();
    let mut start = [0; 11];
    first.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 20");
    server.stop().unwrap();
}

#[test]
fn figures_are_those_of_all_reactors() {
    let (hub, server) = serve(4, |_| {});
    let mut streams: Vec<_> = (0..8).map(|_| open(server.addr(), "", "")).collect();
    streams.iter_mut().for_each(read_head);
    for _ in 0..100 {
        hub.publish(Event::builder("a.x", "t").text("x").build().unwrap())
            .unwrap();
    }
    for stream in &mut streams {
        assert_eq!(read_events(stream, 100).len(), 100);
    }
    until("all deliveries", || {
        server.handle().stats().delivered == 800
    });
    until("the metrics of all", || {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let has = |line: &str| text.lines().any(|l| l == line);
        has(r#"eventring_requests_total{route="stream",status="2xx"} 8"#)
            && has(r#"eventring_delivered_events_total{source="live"} 800"#)
            && has(r#"eventring_connections{state="live"} 8"#)
            && has("eventring_reactor_lag_events 0")
    });
    server.stop().unwrap();
}

#[test]
fn a_server_that_is_dropped_takes_its_threads_along() {
    let hub = Hub::new();
    let config = ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .reactors(3);
    let mut server = Server::bind(&hub, config).unwrap();
    let address = server.local_addrs()[0];
    let mut streams: Vec<_> = (0..6).map(|_| open(address, "", "")).collect();
    until("all streams", || {
        server.turn(Some(Duration::from_millis(1))).unwrap();
        server.handle().stats().streams == 6
    });
    drop(server);
    for stream in &mut streams {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = stream.read_to_end(&mut rest);
    }
    let busy = Server::bind(&hub, ServerConfig::default().listen(address));
    assert!(busy.is_ok(), "the port is free again");
}

#[test]
fn settings_that_do_not_fit_are_named() {
    let hub = Hub::new();
    for (reactors, frame_log_bytes, field) in [
        (0, 4 << 20, "reactors"),
        (65, 1 << 30, "reactors"),
        (4, 128 << 10, "frame_log_bytes"),
    ] {
        let config = ServerConfig::default()
            .listen(([127, 0, 0, 1], 0).into())
            .reactors(reactors)
            .frame_log_bytes(frame_log_bytes);
        let error = Server::bind(&hub, config)
            .err()
            .expect("refused")
            .to_string();
        assert!(error.starts_with(field), "{error}");
    }
    let (_hub, server) = serve(2, |_| {});
    let taken = ServerConfig::default().listen(server.addr());
    let error = Server::bind(&hub, taken)
        .err()
        .expect("a busy port is an error");
    assert!(matches!(&error, ServerError::Bind(BindError { source, .. })
        if source.kind() == std::io::ErrorKind::AddrInUse));
    assert!(
        error.to_string().contains(&server.addr().to_string()),
        "{error}"
    );
}

/// A load balancer needs time to notice; programs have the same drain as the command.
#[test]
fn a_server_that_stops_later_serves_everybody_until_then() {
    let (hub, server) = serve(2, |_| {});
    let ready = || {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer[9..12].to_owned()
    };
    assert_eq!(ready(), "200");
    server.handle().stop_after(Duration::MAX);
    assert_eq!(ready(), "503");
    let mut streams = [0; 4].map(|_| open(server.addr(), "topic=a", ""));
    streams.iter_mut().for_each(read_head);
    let event = Event::builder("a", "message").text("still here").build();
    hub.publish(event.unwrap()).unwrap();
    for stream in &mut streams {
        assert_eq!(read_events(stream, 1).len(), 1);
    }
    // The shorter delay counts, and a stop comes at once.
    server.handle().stop_after(Duration::from_millis(50));
    assert!(server.join().unwrap().clean);
}
