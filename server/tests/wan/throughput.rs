//! One reader over a link that is long and narrow: what the kernel may hold unsent (16 KiB, far less than
//! what is on the way) does not slow it, where a bound on all that it holds would.

use crate::common::{Server, Stream, measured};
use crate::link::{Fault, Link};
use crate::rounds::{alone, median};
use std::thread;
use std::time::{Duration, Instant};

const RATE: u64 = 4 << 20;
const FAULT: Fault = Fault {
    delay: Duration::from_millis(40),
    loss_percent: 0,
    rate: Some(RATE),
};
/// What is read at once, in bytes: less than a frame log holds.
const WHOLE: usize = 3 << 20;
/// The same, for what is slow.
const PART: usize = WHOLE / 3;
const EVENT: usize = 4 << 10;
const ROUNDS: usize = 3;
/// Share of the throughput without the bound that there must be with it.
const SHARE_MIN: f64 = 0.9;
/// Share that a bound on everything leaves at most: without that, the test would see nothing.
const SHARE_BOUNDED: f64 = 0.6;

#[test]
fn the_bound_on_unsent_bytes_slows_nobody_who_reads() {
    let _alone = alone();
    let Some(link) = Link::lay(FAULT) else { return };
    let start = |flags: &[&str]| link.near.inside(|| Server::start_at(&link.listen(), flags));
    let (default, lifted) = (start(&[]), start(&["--notsent-lowat", "64M"]));
    let (mut as_is, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        as_is.push(throughput(&link, &default, WHOLE));
        without.push(throughput(&link, &lifted, WHOLE));
    }
    let bounded = throughput(&link, &start(&["--send-buffer", "4K"]), PART);
    let (as_is, without) = (median(as_is), median(without));
    let figures = format!(
        "{as_is:.2} MB/s, {without:.2} without the bound, {bounded:.2} with 4 KiB for all; \
         the link: {:.2}; {} segments sent again",
        RATE as f64 / 1e6,
        link.near.sent_again(),
    );
    measured(&figures);
    assert!(as_is >= without * SHARE_MIN, "{figures}");
    assert!(bounded <= without * SHARE_BOUNDED, "{figures}");
}

/// Megabytes a second that a reader gets, from the first event to the last.
fn throughput(link: &Link, server: &Server, bytes: usize) -> f64 {
    let mut stream = link
        .far
        .inside(|| Stream::open(server.address, "topic=load"));
    let data = format!("\"{}\"", "x".repeat(EVENT));
    let events = vec![data; bytes / EVENT];
    let seconds = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let first = stream.next().offset();
            let began = Instant::now();
            let rest = stream.take(events.len() - 1);
            assert_eq!(rest[0].offset(), first + 1);
            began.elapsed().as_secs_f64()
        });
        link.near
            .inside(|| server.publish_all("load", &events, 100));
        reader.join().expect("it got everything")
    });
    bytes as f64 / 1e6 / seconds
}
