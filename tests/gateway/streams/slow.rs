//! Slow streams get what they asked for, and every event is there or announced.

use std::collections::HashMap;

use eventring::gateway::{ServerThread, SlowPolicy};
use eventring::hub::Hub;

use super::client::{Client, long_text, offset, publish, serve};

const COUNT: u64 = 1500;
const BYTES: usize = 8000;

fn topic(number: u64) -> String {
    // Topics 0 to 6, and one that is quiet after its only event.
    match number {
        40 => "quiet".into(),
        _ => format!("topic.{}", number % 7),
    }
}

/// A stream that stalls while far more is published than fits between the two, then reads on.
fn stalled(query: &str) -> (ServerThread, Hub, Client) {
    let hub = Hub::new();
    let server = serve(&hub, |config| {
        config.frame_log_bytes = 256 << 10;
        config.send_buffer = Some(16 << 10);
    });
    let path = format!("/api/v1/events/stream?{query}");
    let mut client = Client::get(server.addr(), &path, "", 4096);
    let mut healthy = Client::open(server.addr(), "");
    client.read_until(|client| !client.decoder.last_event_id().is_empty());
    for number in 1..=COUNT {
        publish(&hub, &topic(number), &long_text(number, BYTES));
        healthy.read_to(number);
    }
    let all: Vec<u64> = healthy.events().map(|seen| seen.offset()).collect();
    assert_eq!(
        all,
        (1..=COUNT).collect::<Vec<_>>(),
        "others are not in its way"
    );
    (server, hub, client)
}

/// Each event came whole, in order, or lies in a gap of that reason; returns how many came and how
/// many were announced as missing.
fn judge(client: &Client, reason: &str) -> (u64, u64) {
    let (mut last, mut came, mut missing) = (0, 0, 0);
    let mut pending = 0;
    for seen in &client.seen {
        if seen.event == "gap" {
            let gap = seen.json();
            assert_eq!(gap["reason"], reason);
            let (from, to) = (
                offset(gap["from"].as_str().unwrap()),
                offset(gap["to"].as_str().unwrap()),
            );
            assert_eq!(offset(gap["asked"].as_str().unwrap()), from - 1);
            assert_eq!(offset(gap["earliest"].as_str().unwrap()), to + 1);
            assert_eq!((seen.offset(), gap["exact"].as_bool()), (to, Some(true)));
            let most = gap["missing_at_most"].as_u64().unwrap();
            assert_eq!(gap["missing"].as_u64().unwrap(), most);
            assert_eq!(most + pending, to - last, "{gap}");
            missing += most;
            (last, pending) = (to, 0);
        } else {
            assert!(seen.offset() > last, "{} after {last}", seen.offset());
            assert_eq!(seen.data, long_text(seen.offset(), BYTES), "a torn frame");
            came += 1;
            if seen.offset() == last + 1 && pending == 0 {
                last = seen.offset();
            } else {
                pending += 1;
            }
        }
    }
    assert_eq!(pending, 0, "what lies between was not announced");
    (came, missing)
}

#[test]
fn a_gap_jumps_to_the_newest_and_says_what_was_left_out() {
    let (_server, hub, mut client) = stalled("slow=gap");
    client.read_until(|client| client.seen.iter().any(|seen| seen.event == "gap"));
    let end = publish(&hub, "topic.1", &long_text(COUNT + 1, BYTES));
    client.read_to(end);
    let (came, missing) = judge(&client, "slow");
    assert_eq!(came + missing, end);
    assert!(missing > COUNT / 2, "it was hardly slow: {missing}");
}

#[test]
fn latest_gets_the_newest_of_each_topic_in_order() {
    let (_server, hub, mut client) = stalled("slow=latest");
    client.read_until(|client| client.seen.iter().any(|seen| seen.event == "gap"));
    let end = publish(&hub, "end", &long_text(COUNT + 1, BYTES));
    client.read_to(end);
    let (came, missing) = judge(&client, "coalesced");
    assert_eq!(came + missing, end);
    assert!(missing > COUNT / 2, "it was hardly slow: {missing}");
    let mut newest = HashMap::new();
    for seen in client.events().filter(|seen| seen.offset() <= COUNT) {
        newest.insert(topic(seen.offset()), seen.offset());
    }
    for number in COUNT - 6..=COUNT {
        assert_eq!(newest[&topic(number)], number, "{newest:?}");
    }
    assert_eq!(newest["quiet"], 40, "a quiet topic is there, too");
}

#[test]
fn disconnect_says_why_and_the_client_resumes_without_loss() {
    let (server, _hub, mut client) = stalled("slow=disconnect");
    client.read_to_end();
    let last = client.seen.last().expect("a reason");
    assert_eq!(
        (last.event.as_str(), last.retry),
        ("disconnect", Some(2000))
    );
    assert_eq!(last.json()["reason"], "too_slow");
    let resume = format!("Last-Event-ID: {}\r\n", client.decoder.last_event_id());
    let mut again = Client::get(server.addr(), "/api/v1/events/stream", &resume, 1 << 20);
    again.read_to(COUNT);
    let both = client.events().chain(again.events());
    let offsets: Vec<u64> = both.map(|seen| seen.offset()).collect();
    assert_eq!(offsets, (1..=COUNT).collect::<Vec<_>>());
}

#[test]
fn a_buffer_of_its_own_bounds_how_far_behind_a_stream_may_be() {
    let hub = Hub::new();
    let server = serve(&hub, |config| {
        config.slow = SlowPolicy::Gap;
        config.buffer = 64 << 10;
        config.send_buffer = Some(16 << 10);
    });
    let mut client = Client::get(server.addr(), "/api/v1/events/stream", "", 4096);
    let mut healthy = Client::open(server.addr(), "");
    // Far less than the frame log of 4 MiB holds.
    for number in 1..=200 {
        publish(&hub, "a", &long_text(number, BYTES));
        healthy.read_to(number);
    }
    client.read_until(|client| client.seen.iter().any(|seen| seen.event == "gap"));
    let end = publish(&hub, "a", &long_text(201, BYTES));
    client.read_to(end);
    let (came, missing) = judge(&client, "slow");
    assert_eq!(came + missing, 201);
    assert!(missing > 100, "{missing}");
    assert_eq!(healthy.events().count(), 200, "who keeps up gets all");
}
