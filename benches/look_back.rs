//! Five hundred streams that look back at once, beside one that is live.
//!
//! `cargo bench --bench look_back`. It prints how long live events take from `publish` to the reader, while nobody does
//! anything else, while five hundred connections ask for streams that do not look back, and while they ask for streams
//! that do; and what the look-backs themselves come to. Fails if the live reader's 99th percentile while others look back
//! is more than twice that while they do not. Run it on a quiet machine.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use eventring::event::{Event, EventBatch, EventBuilder, Position};
use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;

const LOOKING: usize = 500;
/// Events of other topics in the ring, which has room for as many live ones.
const EVENTS: u64 = 65_536;
/// Every so manieth is of the topic `rare`, of which twenty are asked for, and of `some`.
const RARE: u64 = 3_000;
const SOME: u64 = 32;
/// Between two live events.
const PAUSE: Duration = Duration::from_millis(1);
const ROUNDS: usize = 8;
/// How long is listened while nobody does anything.
const QUIET: Duration = Duration::from_secs(2);

fn full() -> Hub {
    let hub = Hub::builder().capacity(2 * EVENTS as usize).build();
    let hub = hub.expect("a hub");
    let (mut batch, mut builder) = (EventBatch::new(), EventBuilder::new());
    for n in 1..=EVENTS {
        let topic = match n {
            n if n % RARE == 0 => "rare.one".to_owned(),
            n if n % SOME == 0 => "some".to_owned(),
            n => format!("busy.{}", n % 5_000),
        };
        builder
            .clear()
            .topic(&topic)
            .ty("t")
            .text(&format!("{n:0128}"));
        batch.push(builder.build_ref().expect("an event"));
        if batch.len() == 1024 {
            hub.publish_batch(&batch).expect("published");
            batch.clear();
        }
    }
    hub.publish_batch(&batch).expect("published");
    hub
}

/// What a stream asks for, and how many events that is.
struct Asked {
    name: &'static str,
    query: String,
    events: usize,
}

/// Connects, and asks later.
struct Client {
    stream: TcpStream,
    seen: usize,
    /// The last byte came after a line end: the frame is over.
    at_line: bool,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        Self {
            stream,
            seen: 0,
            at_line: false,
        }
    }

    fn ask(&mut self, query: &str) {
        let request = format!(
            "GET /api/v1/events/stream?{query}&framing=close HTTP/1.1\r\nHost: localhost\r\n\r\n"
        );
        self.stream
            .write_all(request.as_bytes())
            .expect("a request");
        self.stream.set_nonblocking(true).expect("a socket");
    }

    /// Takes what is there, and counts the lines that begin with `data:`.
    fn read(&mut self, buffer: &mut [u8]) {
        loop {
            let n = match self.stream.read(buffer) {
                Ok(0) => panic!("the stream ended"),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            };
            // Frames are short: where one is cut is told by its line end, which is counted once.
            for byte in &buffer[..n] {
                if self.at_line && *byte == b'd' {
                    self.seen += 1;
                }
                self.at_line = *byte == b'\n';
            }
        }
    }
}

/// Publishes live events, and tells how long each took to come, until `over`.
fn live(hub: &Hub, address: SocketAddr, over: &AtomicBool) -> Vec<Duration> {
    let mut client = Client::connect(address);
    client.ask("topic=live");
    client.stream.set_nonblocking(false).expect("a socket");
    let mut buffer = [0; 4096];
    assert!(client.stream.read(&mut buffer).expect("a head") > 0);
    let mut took = Vec::new();
    while !over.load(Ordering::Acquire) {
        thread::sleep(PAUSE);
        let event = Event::builder("live", "t").text("live").build();
        let published = Instant::now();
        hub.publish(event.expect("an event")).expect("published");
        assert!(client.stream.read(&mut buffer).expect("an event") > 0);
        took.push(published.elapsed());
    }
    took
}

/// Listens while `work` runs.
fn beside<R: Send>(
    hub: &Hub,
    address: SocketAddr,
    work: impl FnOnce() -> R + Send,
) -> (Vec<Duration>, R) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let working = scope.spawn(|| {
            thread::sleep(PAUSE * 20);
            let result = work();
            over.store(true, Ordering::Release);
            result
        });
        let took = live(hub, address, &over);
        (took, working.join().expect("it ends"))
    })
}

/// All ask at once; returns how long it took until each had what it asked for.
fn ask_all(address: SocketAddr, asked: &Asked) -> Duration {
    let mut clients: Vec<Client> = (0..LOOKING).map(|_| Client::connect(address)).collect();
    let began = Instant::now();
    clients
        .iter_mut()
        .for_each(|client| client.ask(&asked.query));
    let mut buffer = vec![0; 256 << 10];
    let mut left = clients.len();
    while left > 0 {
        left = 0;
        for client in &mut clients {
            // The head and `retry:` come to all; where no event is asked for they are enough.
            if client.seen < asked.events || !client.at_line {
                client.read(&mut buffer);
                left += 1;
            }
        }
        thread::sleep(Duration::from_micros(200));
    }
    began.elapsed()
}

fn percentile(took: &mut [Duration], share: f64) -> f64 {
    took.sort_unstable();
    let at = (took.len() as f64 * share) as usize;
    took[at.min(took.len() - 1)].as_secs_f64() * 1e3
}

fn told(name: &str, took: &mut [Duration]) -> f64 {
    let p99 = percentile(took, 0.99);
    let (p50, worst) = (percentile(took, 0.5), percentile(took, 1.0));
    println!(
        "live, {name:<44} {:>6} events: p50 {p50:>7.3} ms, p99 {p99:>7.3} ms, worst {worst:>7.3} ms",
        took.len()
    );
    p99
}

fn main() {
    let hub = full();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::bind(&hub, config).expect("a port");
    let server = server.spawn().expect("a thread");
    let address = server.addr();
    let (mut took, ()) = beside(&hub, address, || thread::sleep(QUIET));
    told("nobody else", &mut took);
    let old = Position {
        epoch: hub.epoch(),
        offset: hub.earliest() + 1_000,
    };
    let some = (EVENTS / SOME) as usize - 100;
    let kinds = [
        Asked {
            name: "500 that do not look back",
            query: "topic=rare.one".into(),
            events: 0,
        },
        Asked {
            name: "500 x last=20 of a rare topic",
            query: "topic=rare.one&last=20".into(),
            events: 20,
        },
        Asked {
            name: "500 x since=2000 of a rare pattern",
            query: "topic=rare.*&since=2000-01-01T00:00:00Z".into(),
            events: 20,
        },
        Asked {
            name: "500 x an old id of a rare topic",
            query: format!("topic=rare.one&last-event-id={old}"),
            events: 20,
        },
        Asked {
            name: "500 x from=beginning of 2,000 events",
            query: "topic=some&from=beginning".into(),
            events: some,
        },
    ];
    let (mut none, mut worst) = (f64::NAN, 0.0_f64);
    for asked in &kinds {
        let (mut all, mut elapsed) = (Vec::new(), Duration::ZERO);
        for _ in 0..ROUNDS {
            let (took, time) = beside(&hub, address, || ask_all(address, asked));
            all.extend(took);
            elapsed += time;
        }
        let p99 = told(asked.name, &mut all);
        if asked.events == 0 {
            none = p99;
            continue;
        }
        let each = elapsed.as_secs_f64() / ROUNDS as f64;
        println!(
            "  {:.0} ms for all of them: {:.0} look-backs/s, {:.2} M events/s",
            each * 1e3,
            LOOKING as f64 / each,
            (LOOKING * asked.events) as f64 / each / 1e6
        );
        worst = worst.max(p99 / none);
    }
    println!("p99 while others look back, against while they do not: {worst:.2} at worst");
    assert!(worst <= 2.0, "live events wait for who looks back");
}
