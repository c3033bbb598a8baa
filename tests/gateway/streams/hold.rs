//! Batches: events that are collected leave together, and what a busy server finds does anyway. Ages:
//! connections end between two frames and say so.

use std::io::Write as _;
use std::time::Duration;

use eventring::event::{Event, EventBatch};
use eventring::hub::Hub;

use super::client::{Client, eventually, publish, serve};

#[test]
fn held_events_leave_in_far_fewer_writes() {
    let count = 200;
    let sends = |hold| {
        let hub = Hub::new();
        let server = serve(&hub, |config| config.hold = hold);
        let mut client = Client::open(server.addr(), "");
        let before = server.handle().stats().sends;
        for number in 1..=count {
            publish(&hub, "a", &number.to_string());
            // What is not held leaves before the next one is published.
            if hold.is_zero() {
                client.read_to(number);
            }
        }
        client.read_to(count);
        let offsets: Vec<u64> = client.events().map(|seen| seen.offset()).collect();
        assert_eq!(offsets, (1..=count).collect::<Vec<_>>());
        let sends = move || server.handle().stats().sends - before;
        if hold.is_zero() {
            // A write is counted after it was made: its bytes may be here first.
            eventually("each left alone", || sends() >= count);
        }
        sends()
    };
    let (at_once, held) = (sends(Duration::ZERO), sends(Duration::from_millis(20)));
    assert!(held <= at_once / 5, "{held} writes for {count} events");
}

#[test]
fn a_burst_leaves_together_without_any_hold() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let mut client = Client::open(server.addr(), "");
    let before = server.handle().stats().sends;
    let mut batch = EventBatch::new();
    for number in 0..1000 {
        batch.push(
            Event::builder("a", "t")
                .text(&number.to_string())
                .build()
                .unwrap(),
        );
    }
    hub.publish_batch(&batch).unwrap();
    client.read_to(1000);
    let sends = server.handle().stats().sends - before;
    assert!(sends <= 20, "{sends} writes for one batch of 1000");
}

#[test]
fn a_connection_ends_at_its_age_and_its_client_goes_on() {
    let hub = Hub::new();
    let server = serve(&hub, |config| config.max_age = Duration::from_secs(1));
    let mut client = Client::open(server.addr(), "");
    publish(&hub, "a", "before");
    client.read_to_end();
    assert_eq!(client.events().count(), 1);
    publish(&hub, "a", "between");
    let resume = format!("Last-Event-ID: {}\r\n", client.decoder.last_event_id());
    let mut again = Client::get(server.addr(), "/api/v1/events/stream", &resume, 1 << 20);
    again.read_to(2);
    assert_eq!(again.seen[0].data, "between");
    // A connection without a stream has no age.
    let mut plain = Client::get(server.addr(), "/healthz", "", 1 << 20);
    plain.json_body();
    again.read_to_end();
    plain
        .stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    assert!(plain.read_some(4096));
    drop(plain);
    eventually("all connections are gone", || {
        server.handle().stats().connections == 0
    });
}
