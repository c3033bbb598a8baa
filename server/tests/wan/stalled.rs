//! 40 ms there, 40 ms back, one packet in a hundred lost, and readers that do not read: the others get
//! everything in order, no later than without them.

use crate::common::{Http, Server, Stream, measured, wait_until};
use crate::link::{Fault, Link};
use crate::rounds::{alone, median, percentile};
use std::thread;
use std::time::{Duration, Instant};

const FAULT: Fault = Fault {
    delay: Duration::from_millis(40),
    loss_percent: 1,
    rate: None,
};
/// Readers that read, and those that do not: three in ten.
const READERS: usize = 14;
const STALLED: usize = 6;
/// Events that everybody wants, of one KiB, and how far apart.
const EVENTS: usize = 60;
const SIZE: usize = 1 << 10;
const APART: Duration = Duration::from_millis(15);
/// As often, what only the stalled ones want: in a round, more than the frame log holds.
const BULK: usize = 80 << 10;
const ROUNDS: usize = 3;
/// How much longer than without the stalled ones the middle of all events may take, and the slowest of a
/// hundred: as long as a loss more takes to be made good.
const MEDIAN_MAX: f64 = 1.5;
const P99_MAX: f64 = 3.0;

/// Median and 99th percentile, in milliseconds.
struct Latency {
    median: f64,
    p99: f64,
}

#[test]
fn readers_that_stall_take_nothing_from_the_others() {
    let _alone = alone();
    let Some(link) = Link::lay(FAULT) else { return };
    let server = link.near.inside(|| Server::start_at(&link.listen(), &[]));
    let before = link.near.sent_again();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(round(&link, &server, 0));
        with.push(round(&link, &server, STALLED));
    }
    // The loss was felt: by the relay's count, and by the server's kernel.
    let again = link.near.sent_again() - before;
    assert!(
        again > READERS as u64,
        "no loss: {again} segments sent again"
    );
    assert!(link.dropped() != Some(0), "the relay has dropped nothing");
    let medians = [&without, &with].map(|all| median(all.iter().map(|l| l.median).collect()));
    let p99s = [&without, &with].map(|all| median(all.iter().map(|l| l.p99).collect()));
    let figures = format!(
        "median {medians:.1?} ms, p99 {p99s:.1?} ms without and with {STALLED} stalled readers; \
         {again} segments sent again, {:?} packets dropped",
        link.dropped()
    );
    measured(&figures);
    assert!(medians[1] <= medians[0] * MEDIAN_MAX, "{figures}");
    assert!(p99s[1] <= p99s[0] * P99_MAX, "{figures}");
}

/// All readers of a round get all its events in order; answers with how long those took.
fn round(link: &Link, server: &Server, stalled: usize) -> Latency {
    let (before, _) = link.near.inside(|| behind_and_blocked(server));
    let everything = "topic=live&topic=bulk";
    let stalled: Vec<Stream> = link.far.inside(|| {
        let open = |_| Stream::on(Http::connect_small(server.address), everything, &[]);
        (0..stalled).map(open).collect()
    });
    let readers = open(link, server);
    let began = Instant::now();
    let latencies: Vec<Duration> = thread::scope(|scope| {
        let reading = readers.into_iter();
        let reading: Vec<_> = reading
            .map(|stream| scope.spawn(move || read(stream, began)))
            .collect();
        link.near.inside(|| publish(server, began));
        let all = reading.into_iter();
        all.flat_map(|reader| reader.join().expect("it got everything"))
            .collect()
    });
    link.near.inside(|| {
        let count = stalled.len() as u64;
        wait_until("the stalled ones far behind", || {
            let (behind, blocked) = behind_and_blocked(server);
            behind >= before + count && blocked == count
        });
        drop(stalled);
        server.wait_for_connections(0);
    });
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    Latency {
        median: milliseconds(percentile(latencies.clone(), 50)),
        p99: milliseconds(percentile(latencies, 99)),
    }
}

/// The streams of all readers, opened at once.
fn open(link: &Link, server: &Server) -> Vec<Stream> {
    let one = || Stream::open(server.address, "topic=live");
    thread::scope(|scope| {
        let opening: Vec<_> = (0..READERS)
            .map(|_| scope.spawn(|| link.far.inside(one)))
            .collect();
        let all = opening.into_iter();
        all.map(|stream| stream.join().expect("a stream")).collect()
    })
}

/// Publishes at an even pace, each event with the time since `began` in nanoseconds.
fn publish(server: &Server, began: Instant) {
    let filling = "x".repeat(SIZE);
    let bulk = format!("\"{}\"", "y".repeat(BULK));
    let start = Instant::now();
    for number in 0..EVENTS {
        server.publish("bulk", &bulk);
        let due = start + APART * number as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let at = began.elapsed().as_nanos();
        let event = format!(r#"{{"number":{number},"at":{at},"filling":"{filling}"}}"#);
        server.publish("live", &event);
    }
}

/// Reads all events of the round; answers with the time that each took.
fn read(mut stream: Stream, began: Instant) -> Vec<Duration> {
    (0..EVENTS)
        .map(|number| {
            let event = stream.next().json();
            let now = began.elapsed();
            assert_eq!(event["number"], number, "out of order");
            let at = event["at"].as_u64().expect("a time");
            now - Duration::from_nanos(at)
        })
        .collect()
}

/// Streams that fell behind the frame log so far, and those that take nothing now.
fn behind_and_blocked(server: &Server) -> (u64, u64) {
    let mut http = Http::connect(server.address);
    let figures = http.get("/api/v1/stats").response().json();
    let number = |name: &str| figures[name].as_u64().expect("a number");
    (number("fell_behind"), number("blocked"))
}
