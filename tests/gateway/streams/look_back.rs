//! Looking back costs what it returns, and nobody who is live waits for it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eventring::event::{EventBatch, EventBuilder, Position};
use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;

use super::client::{Client, publish, serve};

/// Events of other topics around those that are looked for.
const OTHERS: u64 = 100_000;
const WANTED: u64 = 25;

/// A ring full of what nobody looks for, with a few events of `rare.a` in it.
fn full() -> Hub {
    let hub = Hub::builder()
        .capacity(OTHERS as usize + 1_000)
        .build()
        .unwrap();
    let (mut batch, mut builder) = (EventBatch::new(), EventBuilder::new());
    for n in 1..=OTHERS {
        let topic = match n % (OTHERS / WANTED) {
            0 => "rare.a".to_owned(),
            _ => format!("busy.n{}", n % 3_000),
        };
        builder.clear().topic(&topic).ty("t").text(&n.to_string());
        batch.push(builder.build_ref().unwrap());
        if batch.len() == 1_000 {
            hub.publish_batch(&batch).unwrap();
            batch.clear();
        }
    }
    hub
}

fn offsets(client: &Client) -> Vec<u64> {
    client.events().map(|seen| seen.offset()).collect()
}

/// Once: each of these looked at all 100,000 events.
#[test]
fn looking_back_costs_what_it_returns() {
    let hub = full();
    let server = serve(&hub, |_| {});
    let step = OTHERS / WANTED;
    let all: Vec<u64> = (1..=WANTED).map(|n| n * step).collect();
    let old = Position {
        epoch: hub.epoch(),
        offset: 1,
    };
    let last_id = format!("last-event-id={old}");
    let whole = |expected: usize| all[all.len() - expected..].to_vec();
    let before = server.handle().stats().looked_back;
    let mut returned = 0;
    for topic in ["topic=rare.a", "topic=rare.*", "topic=rare.a&topic=none.>"] {
        for (start, expected) in [
            ("last=20", 20),
            ("last=1", 1),
            ("last=1000", 25),
            ("since=2000-01-01T00:00:00Z", 25),
            ("from=beginning", 25),
            (&last_id, 25),
        ] {
            let mut client = Client::open(server.addr(), &format!("{topic}&{start}"));
            client.read_until(|client| offsets(client).len() >= expected);
            assert_eq!(offsets(&client), whole(expected), "{topic}&{start}");
            returned += expected as u64;
        }
    }
    let looked_back = server.handle().stats().looked_back - before;
    assert!(
        looked_back <= returned + 18 * 64,
        "{looked_back} events were looked at for {returned}"
    );
}

/// What looks back together gets a bounded part of each turn.
#[test]
fn a_turn_has_a_bounded_part_for_history() {
    let hub = full();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let mut server = Server::bind(&hub, config).unwrap();
    let address = server.local_addrs()[0];
    let handle = server.handle();
    let mut clients: Vec<TcpStream> = (0..20)
        .map(|n| {
            // Everything, and a pattern over more topics than can be looked up.
            let topic = ["%3E", "*.a"][n % 2];
            let mut stream = TcpStream::connect(address).unwrap();
            ask(&mut stream, &format!("topic={topic}&from=beginning"));
            stream.set_nonblocking(true).unwrap();
            stream
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    let (mut most_looked, mut turns) = (0, 0);
    let mut buffer = vec![0; 1 << 20];
    // Until everybody has passed all of it: half of them want all there is.
    while handle.stats().looked_back < 20 * OTHERS {
        assert!(Instant::now() < deadline, "{:?}", handle.stats());
        let before = handle.stats();
        server.turn(Some(Duration::ZERO)).unwrap();
        let after = handle.stats();
        most_looked = most_looked.max(after.looked_back - before.looked_back);
        turns += 1;
        for client in &mut clients {
            // Who talks meanwhile, which nobody asked for, gets no less.
            while client.write(&buffer[..64 << 10]).is_ok() {}
            while client.read(&mut buffer).is_ok_and(|n| n == buffer.len()) {}
        }
    }
    // 512 KiB, at 64 bytes an event that is looked at, and one part more.
    assert!(
        most_looked <= 8_192 + 1_024,
        "{most_looked} in a turn of {turns}"
    );
    // What a socket did not take in its turn leaves in a later one: all turns together count.
    let sent = handle.stats().bytes_sent;
    assert!(
        sent <= turns * ((512 + 64) << 10),
        "{sent} in {turns} turns"
    );
}

fn ask(stream: &mut TcpStream, query: &str) {
    let request = format!("GET /api/v1/events/stream?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
}

/// Three hundred that look back at once, against three hundred that do not.
#[test]
fn who_is_live_hardly_notices_who_looks_back() {
    let hub = full();
    let server = serve(&hub, |_| {});
    let old = Position {
        epoch: hub.epoch(),
        offset: 1,
    };
    let looking_back = [
        "topic=rare.a&last=20".to_owned(),
        "topic=rare.*&since=2000-01-01T00:00:00Z".to_owned(),
        format!("topic=rare.a&last-event-id={old}"),
        "topic=rare.a&from=beginning".to_owned(),
        "topic=*.a&last=20".to_owned(),
    ];
    let measure = || {
        let plain = worst_delay(&hub, server.addr(), &["topic=rare.a".to_owned()]);
        let delayed = worst_delay(&hub, server.addr(), &looking_back);
        (
            delayed <= plain * 5 + Duration::from_millis(200),
            delayed,
            plain,
        )
    };
    // A busy machine may hold one of them up; what looking back costs would show in all.
    let mut measured = measure();
    for _ in 0..4 {
        if measured.0 {
            break;
        }
        measured = measure();
    }
    let (calm, delayed, plain) = measured;
    assert!(
        calm,
        "a live event took {delayed:?} at worst, and {plain:?} while nobody looked back"
    );
}

/// The longest that an event for a live reader takes while three hundred connect.
fn worst_delay(hub: &Hub, address: SocketAddr, queries: &[String]) -> Duration {
    let mut live = Client::open(address, "topic=live");
    let done = AtomicBool::new(false);
    let mut worst = Duration::ZERO;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut clients: Vec<TcpStream> = (0..300)
                .map(|_| TcpStream::connect(address).unwrap())
                .collect();
            for (n, client) in clients.iter_mut().enumerate() {
                let query = &queries[n % queries.len()];
                ask(client, query);
            }
            // All have been answered.
            let deadline = Instant::now() + Duration::from_secs(60);
            for client in &mut clients {
                client
                    .set_read_timeout(Some(Duration::from_secs(60)))
                    .unwrap();
                assert!(client.read(&mut [0; 4096]).unwrap() > 0);
            }
            assert!(Instant::now() < deadline);
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            let began = Instant::now();
            let offset = publish(hub, "live", "x");
            live.read_to(offset);
            worst = worst.max(began.elapsed());
        }
    });
    worst
}
