//! Every stream gets every event of its filter once and in order, or is told exactly what it missed:
//! fast or slow, narrow or wide, cut in the middle of a frame or resumed.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use eventring::event::{EventBuilder, Filter};
use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;
use eventring::wire::sse::{DecodeLimits, EventDecoder};
use socket2::{Domain, Socket, Type};

use crate::body::Body;

const PATIENCE: Duration = Duration::from_secs(30);

/// An SSE client that reads only when told to.
struct Client {
    stream: TcpStream,
    decoder: EventDecoder,
    body: Option<Body>,
    head: Vec<u8>,
    /// The id that it came with.
    resumed: String,
    seen: Vec<Seen>,
}

#[derive(Debug, Clone, PartialEq)]
struct Seen {
    id: String,
    event: String,
    data: String,
}

impl Seen {
    fn offset(&self) -> u64 {
        self.id.rsplit('-').next().unwrap().parse().unwrap()
    }
}

impl Client {
    fn open(address: SocketAddr, query: &str, last_event_id: &str, rcvbuf: usize) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(rcvbuf).unwrap();
        socket.connect(&address.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        let request = format!(
            "GET /api/v1/events/stream?{query} HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {last_event_id}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let limits = DecodeLimits::default();
        let mut client = Self {
            stream,
            decoder: EventDecoder::new(limits),
            body: None,
            head: Vec::new(),
            resumed: last_event_id.to_owned(),
            seen: Vec::new(),
        };
        // The head is here when the server knows the stream.
        client.read_until(|client| client.body.is_some());
        client
    }

    /// What an EventSource would come back with.
    fn last_id(&self) -> &str {
        match self.decoder.last_event_id() {
            "" => &self.resumed,
            id => id,
        }
    }

    /// Reads at most `max` bytes that are there; false: nothing came within a moment.
    fn read_some(&mut self, max: usize, wait: Duration) -> bool {
        let mut buffer = vec![0; max];
        self.stream.set_read_timeout(Some(wait)).unwrap();
        match self.stream.read(&mut buffer) {
            Ok(0) => panic!("the server closed the stream"),
            Ok(n) => self.take(&buffer[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return false;
            }
            Err(error) => panic!("{error}"),
        }
        true
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        if self.body.is_none() {
            self.head.extend_from_slice(&bytes);
            let Some(end) = self.head.windows(4).position(|w| w == b"\r\n\r\n") else {
                return;
            };
            assert!(self.head.starts_with(b"HTTP/1.1 200 "), "{:?}", self.head);
            bytes = self.head.split_off(end + 4);
            self.body = Some(Body::of(&String::from_utf8_lossy(&self.head)));
        }
        if let Some(body) = &mut self.body {
            bytes = body.take(&bytes);
        }
        let mut input = &bytes[..];
        while !input.is_empty() {
            let (used, event) = self.decoder.decode(input).unwrap();
            input = &input[used..];
            if let Some(event) = event {
                self.seen.push(Seen {
                    id: event.id.to_owned(),
                    event: event.event.to_owned(),
                    data: event.data.to_owned(),
                });
            }
        }
    }

    fn read_until(&mut self, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            let last = self.seen.last().map(|seen| &seen.id);
            assert!(
                Instant::now() < deadline,
                "{} events, the last {last:?}",
                self.seen.len()
            );
            self.read_some(64 << 10, Duration::from_millis(100));
        }
    }

    fn read_to_offset(&mut self, offset: u64) {
        self.read_until(|client| {
            client
                .seen
                .last()
                .is_some_and(|seen| seen.offset() >= offset)
        });
    }
}

fn serve(hub: &Hub, change: impl FnOnce(&mut ServerConfig)) -> ServerThread {
    let mut config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    change(&mut config);
    Server::bind(hub, config).unwrap().spawn().unwrap()
}

fn publish(hub: &Hub, builder: &mut EventBuilder, topic: &str, text: &str) -> u64 {
    builder.clear().topic(topic).ty("t").text(text);
    hub.publish(builder.build_ref().unwrap()).unwrap().offset
}

/// Data of `bytes` bytes that names its number in every part, so that a torn frame shows.
fn long_text(number: u64, bytes: usize) -> String {
    let unit = format!("<{number}>");
    unit.repeat(bytes / unit.len() + 1)
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn who_stalls_inside_a_frame_misses_nothing_that_is_kept() {
    let hub = Hub::new();
    let server = serve(&hub, |config| config.frame_log_bytes = 64 << 10);
    let mut stalled = Client::open(server.addr(), "", "", 4096);
    let mut narrow = Client::open(server.addr(), "topic=even.*", "", 4096);
    let mut healthy = Client::open(server.addr(), "", "", 1 << 20);
    let mut builder = EventBuilder::new();
    let count = 400;
    for number in 1..=count {
        let topic = if number % 2 == 0 { "even.a" } else { "odd.a" };
        publish(&hub, &mut builder, topic, &long_text(number, 12_000));
        healthy.read_to_offset(number);
    }
    eventually("both fell behind", || {
        server.handle().stats().fell_behind >= 2
    });
    stalled.read_to_offset(count);
    narrow.read_to_offset(count);
    for client in [&healthy, &stalled] {
        let offsets: Vec<u64> = client.seen.iter().map(Seen::offset).collect();
        assert_eq!(offsets, (1..=count).collect::<Vec<_>>());
    }
    let offsets: Vec<u64> = narrow.seen.iter().map(Seen::offset).collect();
    assert_eq!(
        offsets,
        (1..=count).filter(|n| n % 2 == 0).collect::<Vec<_>>()
    );
    for seen in healthy.seen.iter().chain(&stalled.seen).chain(&narrow.seen) {
        assert_eq!(seen.data, long_text(seen.offset(), 12_000));
    }
    let stats = server.handle().stats();
    assert_eq!((stats.cut, stats.streams), (0, 3));
}

#[test]
fn what_the_ring_has_lost_is_a_gap_with_exact_numbers() {
    let hub = Hub::builder().capacity(100).build().unwrap();
    let server = serve(&hub, |config| config.frame_log_bytes = 64 << 10);
    let mut stalled = Client::open(server.addr(), "", "", 4096);
    let mut healthy = Client::open(server.addr(), "", "", 1 << 20);
    let mut builder = EventBuilder::new();
    let count = 1000;
    for number in 1..=count {
        publish(&hub, &mut builder, "a", &long_text(number, 3_000));
        healthy.read_to_offset(number);
    }
    stalled.read_to_offset(count);
    let mut next = 1;
    let mut gaps = 0;
    for seen in &stalled.seen {
        if seen.event == "gap" {
            let data: serde_json::Value = serde_json::from_str(&seen.data).unwrap();
            let missing = data["missing"].as_u64().unwrap();
            assert!(
                data["asked"]
                    .as_str()
                    .unwrap()
                    .ends_with(&format!("-{}", next - 1))
            );
            next += missing;
            assert!(
                data["earliest"]
                    .as_str()
                    .unwrap()
                    .ends_with(&format!("-{next}"))
            );
            assert_eq!(data["exact"], true);
            assert_eq!(
                seen.offset(),
                next - 1,
                "resuming from a gap does not tell it twice"
            );
            gaps += 1;
        } else {
            assert_eq!(seen.offset(), next);
            assert_eq!(seen.data, long_text(next, 3_000));
            next += 1;
        }
    }
    assert_eq!(next, count + 1);
    assert!(gaps > 0, "the ring keeps 100 of 1000");
}

#[test]
fn a_frame_larger_than_its_log_allows_is_a_gap_for_its_readers() {
    let hub = Hub::new();
    let server = serve(&hub, |config| config.frame_log_bytes = 64 << 10);
    let mut client = Client::open(server.addr(), "", "", 1 << 20);
    let mut builder = EventBuilder::new();
    publish(&hub, &mut builder, "a", "before");
    publish(&hub, &mut builder, "a", &long_text(2, 20_000));
    publish(&hub, &mut builder, "a", "after");
    client.read_to_offset(3);
    let events: Vec<&str> = client.seen.iter().map(|seen| seen.event.as_str()).collect();
    assert_eq!(events, ["t", "gap", "t"]);
    assert!(client.seen[1].data.contains(r#""reason":"oversize""#));
}

#[test]
fn a_thousand_narrow_streams_get_their_own_events_only() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let mut clients: Vec<Client> = (0..300)
        .map(|n| Client::open(server.addr(), &format!("topic=user.{n}"), "", 1 << 16))
        .collect();
    let mut builder = EventBuilder::new();
    for round in 0..5 {
        for n in 0..300 {
            publish(
                &hub,
                &mut builder,
                &format!("user.{n}"),
                &format!("{n}/{round}"),
            );
        }
    }
    for (n, client) in clients.iter_mut().enumerate() {
        client.read_until(|client| client.seen.len() == 5);
        let data: Vec<String> = client.seen.iter().map(|seen| seen.data.clone()).collect();
        assert_eq!(
            data,
            (0..5)
                .map(|round| format!("{n}/{round}"))
                .collect::<Vec<_>>()
        );
    }
}

/// A small generator, so that a failing run can be run again from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

#[test]
fn random_readers_that_stall_cut_and_resume_get_exactly_their_events() {
    for seed in 1..=4 {
        random_readers(seed);
    }
}

fn random_readers(seed: u64) {
    const TOPICS: [&str; 4] = ["a.x", "a.y", "b.x", "b.y.z"];
    const FILTERS: [&str; 5] = [">", "a.*", "*.x", "b.>", "b.y.z"];
    let mut random = Random(seed);
    let hub = Hub::new();
    let server = serve(&hub, |config| config.frame_log_bytes = 64 << 10);
    let open =
        |filter: &str, id: &str| Client::open(server.addr(), &format!("topic={filter}"), id, 4096);
    let mut clients: Vec<(&str, Client)> = Vec::new();
    for n in 0..20 {
        let filter = FILTERS[n % FILTERS.len()];
        clients.push((filter, open(filter, "")));
    }
    let mut builder = EventBuilder::new();
    let mut published: Vec<&str> = Vec::new();
    for _ in 0..2000 {
        let topic = TOPICS[random.below(4) as usize];
        published.push(topic);
        let bytes = 1 + random.below(3) * random.below(4000);
        let number = published.len() as u64;
        publish(
            &hub,
            &mut builder,
            topic,
            &long_text(number, bytes as usize),
        );
        let (filter, client) = &mut clients[random.below(20) as usize];
        match random.below(20) {
            0 => {
                let id = client.last_id().to_owned();
                let seen = std::mem::take(&mut client.seen);
                *client = open(filter, &id);
                client.seen.splice(0..0, seen);
            }
            1..=10 => {
                client.read_some(1 + random.below(20_000) as usize, Duration::from_millis(1));
            }
            _ => {}
        }
    }
    for (filter, client) in &mut clients {
        let filter = Filter::parse([*filter]).unwrap();
        let numbers = 1..=published.len() as u64;
        let wanted: Vec<u64> = numbers
            .filter(|n| filter.matches(published[*n as usize - 1]))
            .collect();
        client.read_until(|client| client.seen.len() >= wanted.len());
        let offsets: Vec<u64> = client.seen.iter().map(Seen::offset).collect();
        assert_eq!(offsets, wanted, "seed {seed}");
        for seen in &client.seen {
            let unit = format!("<{}>", seen.offset());
            assert!(
                seen.data.split_inclusive('>').all(|part| part == unit),
                "seed {seed}"
            );
        }
    }
}
