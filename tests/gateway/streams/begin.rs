//! Streams that begin with a part of what is kept: exact, or with a gap that says what is gone.

use std::time::{SystemTime, UNIX_EPOCH};

use eventring::event::{Event, EventBuilder};
use eventring::hub::Hub;

use super::client::{Client, Seen, publish, serve};

/// Offset `n` has the time of second `n` and topic `a`, `b` or `c`.
fn filled(capacity: usize, count: u64) -> Hub {
    let hub = Hub::builder().capacity(capacity).build().unwrap();
    let mut builder = EventBuilder::new();
    for number in 1..=count {
        let topic = ["a", "b", "c"][number as usize % 3];
        builder
            .clear()
            .topic(topic)
            .ty("t")
            .text(&number.to_string());
        builder.time_nanos(number as i64 * 1_000_000_000);
        hub.publish(builder.build_ref().unwrap()).unwrap();
    }
    hub
}

fn offsets(client: &Client) -> Vec<u64> {
    client.events().map(|seen| seen.offset()).collect()
}

#[test]
fn a_part_of_what_is_kept_comes_before_the_live_events() {
    let mut hub = filled(10_000, 5000);
    for (query, expected) in [
        ("last=3", vec![4998, 4999, 5000]),
        ("last=0", vec![]),
        ("topic=a&last=2", vec![4995, 4998]),
        ("topic=a&topic=b&last=3", vec![4996, 4998, 4999]),
        ("last=9999999999", (1..=5000).collect()),
        (
            "topic=a&last=5000",
            (1..=5000).filter(|n| n % 3 == 0).collect(),
        ),
        (
            "since=1970-01-01T01:23:18%2B00:00&topic=b",
            (1..=5000).filter(|n| n % 3 == 1).collect(),
        ),
        ("since=1970-01-01T00:00:00Z", (1..=5000).collect()),
        ("since=2199-01-01T00:00:00Z", vec![]),
    ] {
        let server = serve(&hub, |_| {});
        let mut client = Client::open(server.addr(), query);
        publish(&hub, "a", "live");
        publish(&hub, "b", "live");
        client.read_until(|client| offsets(client).iter().any(|n| *n > 5000));
        let kept = offsets(&client).into_iter().filter(|n| *n <= 5000);
        assert_eq!(kept.collect::<Vec<_>>(), expected, "{query}");
        assert!(client.seen.iter().all(|seen| seen.event == "t"), "{query}");
        hub = filled(10_000, 5000);
    }
}

/// The time now, after any event that came before, as `since` takes it.
fn now() -> String {
    let millis = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        since.as_millis() as i64
    };
    let before = millis();
    while millis() < before + 2 {
        std::thread::yield_now();
    }
    let now = millis();
    while millis() < now + 2 {
        std::thread::yield_now();
    }
    let mut builder = EventBuilder::new();
    builder.topic("t").ty("t").time_nanos(now * 1_000_000);
    let mut text = Vec::new();
    builder.build_ref().unwrap().write_time(&mut text);
    String::from_utf8(text).unwrap()
}

/// Once: these began live, and said nothing of 1,100 events or of ten.
#[test]
fn since_goes_by_when_events_came_whatever_time_they_name() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let first = now();
    (0..10).for_each(|_| _ = publish(&hub, "a", "now"));
    let second = now();
    let mut builder = EventBuilder::new();
    for _ in 0..1_100 {
        builder.clear().topic("a").ty("t").text("old");
        builder.time_nanos(1_577_836_800_000_000_000);
        hub.publish(builder.build_ref().unwrap()).unwrap();
    }
    let third = now();
    let last = publish(&hub, "a", "last");
    for (since, earliest, latest) in [(first, 1, 1), (second, 2, 11), (third, 1_111 - 255, 1_111)] {
        let mut client = Client::open(server.addr(), &format!("since={since}"));
        client.read_until(|client| offsets(client).last() == Some(&last));
        let found = offsets(&client);
        assert!((earliest..=latest).contains(&found[0]), "{}", found[0]);
        assert_eq!(found, (found[0]..=last).collect::<Vec<_>>());
        assert!(client.seen.iter().all(|seen| seen.event == "t"));
    }
}

#[test]
fn what_is_gone_of_it_is_a_gap() {
    let hub = filled(100, 1000);
    let server = serve(&hub, |_| {});
    let earliest = hub.earliest();
    for (query, missing, exact) in [
        ("last=300", 300 - (1001 - earliest), true),
        ("last=5000", earliest - 1, true),
        ("topic=a&last=5000", earliest - 1, false),
        ("since=1970-01-01T00:00:10Z", earliest - 1, false),
    ] {
        let mut client = Client::open(server.addr(), query);
        client.read_until(|client| offsets(client).iter().any(|n| *n >= 998));
        let first = &client.seen[0];
        assert_eq!(first.event, "gap", "{query}");
        let gap = first.json();
        assert_eq!(gap["reason"], "retention", "{query}");
        assert_eq!(gap["missing"].as_u64(), Some(missing), "{query}");
        assert_eq!(gap["exact"].as_bool(), Some(exact), "{query}");
        assert_eq!(first.offset(), earliest - 1, "{query}");
        assert!(client.events().next().unwrap().offset() >= earliest);
    }
    // All of the last hundred are there: nothing is gone.
    let mut client = Client::open(server.addr(), "last=50");
    client.read_to(1000);
    assert_eq!(offsets(&client), (951..=1000).collect::<Vec<_>>());
}

#[test]
fn a_remembered_id_beats_the_start_in_the_address() {
    let hub = filled(10_000, 100);
    let server = serve(&hub, |_| {});
    let id = format!("Last-Event-ID: {}-98\r\n", hub.epoch());
    let path = "/api/v1/events/stream?last=50";
    let mut client = Client::get(server.addr(), path, &id, 1 << 20);
    client.read_to(100);
    assert_eq!(offsets(&client), [99, 100]);
}

#[test]
fn bad_parameters_are_named() {
    let hub = filled(100, 10);
    let server = serve(&hub, |_| {});
    for (query, field) in [
        ("last=-1", "last"),
        ("last=%2B5", "last"),
        ("last=", "last"),
        ("last=many", "last"),
        ("since=yesterday", "since"),
        ("since=2026-13-01T00:00:00Z", "since"),
        ("since=1772366400", "since"),
        ("last=5&since=2026-01-01T00:00:00Z", "since"),
        ("from=now&last=5", "last"),
        ("slow=drop", "slow"),
        ("buffer=100", "buffer"),
        ("buffer=99999999999", "buffer"),
        ("buffer=x", "buffer"),
        ("heartbeat=3601", "heartbeat"),
    ] {
        let path = format!("/api/v1/events/stream?{query}");
        let mut client = Client::get(server.addr(), &path, "", 1 << 20);
        assert_eq!(client.status(), 400, "{query}");
        assert_eq!(client.json_body()["field"], field, "{query}");
    }
}

/// Once: a page that follows the guide got a `reset` for ever.
#[test]
fn an_id_that_is_none_is_no_id() {
    for none in ["", "null", "undefined", "None", "%20"] {
        for (query, expected) in [
            (format!("last=2&last-event-id={none}"), vec![99, 100]),
            (
                format!("from=beginning&last-event-id={none}"),
                (1..=100).collect(),
            ),
            (
                format!("last-event-id=REAL-98&last-event-id={none}"),
                vec![99, 100],
            ),
            (format!("last-event-id={none}"), vec![]),
        ] {
            let hub = filled(10_000, 100);
            let server = serve(&hub, |_| {});
            let query = query.replace("REAL", &hub.epoch().to_string());
            let mut client = Client::open(server.addr(), &query);
            let end = publish(&hub, "d", "live");
            client.read_to(end);
            assert!(
                client.seen.iter().all(|seen| seen.event != "reset"),
                "{query}"
            );
            let kept = offsets(&client).into_iter().filter(|n| *n <= 100);
            assert_eq!(kept.collect::<Vec<_>>(), expected, "{query}");
        }
    }
    let hub = filled(10_000, 100);
    let server = serve(&hub, |_| {});
    for none in ["", "null", "undefined", " "] {
        let header = format!("Last-Event-ID: {none}\r\n");
        let path = "/api/v1/events/stream?last=2";
        let mut client = Client::get(server.addr(), path, &header, 1 << 20);
        client.read_to(100);
        assert_eq!(offsets(&client), [99, 100], "{none:?}");
    }
}

/// Once: what was missed was missed silently.
#[test]
fn the_id_is_understood_as_polyfills_spell_it() {
    let hub = filled(10_000, 100);
    let server = serve(&hub, |_| {});
    for name in [
        "last-event-id",
        "lastEventId",
        "lastEventID",
        "Last-Event-ID",
        "last_event_id",
        "LAST_EVENT_ID",
        "lasteventid",
        "evs_last_event_id",
    ] {
        let mut client = Client::open(server.addr(), &format!("{name}={}-98", hub.epoch()));
        client.read_to(100);
        assert_eq!(offsets(&client), [99, 100], "{name}");
    }
    // A polyfill appends what it saw to an address that names what the page saw before.
    let query = format!("last-event-id={e}-50&lastEventId={e}-98", e = hub.epoch());
    let mut client = Client::open(server.addr(), &query);
    client.read_to(100);
    assert_eq!(offsets(&client), [99, 100]);
}

/// Once: of two headers one was taken and one left out.
#[test]
fn two_headers_that_differ_are_no_id_of_ours() {
    let hub = filled(10_000, 100);
    let server = serve(&hub, |_| {});
    let first = |headers: &[u64]| -> Seen {
        let line = |n: &u64| format!("Last-Event-ID: {}-{n}\r\n", hub.epoch());
        let headers: String = headers.iter().map(line).collect();
        let path = "/api/v1/events/stream";
        let mut client = Client::get(server.addr(), path, &headers, 1 << 20);
        client.read_until(|client| !client.seen.is_empty());
        client.seen[0].clone()
    };
    let told = first(&[90, 95]);
    assert_eq!(
        (told.event.as_str(), &told.json()["reason"]),
        ("reset", &"junk".into())
    );
    assert_eq!(first(&[95, 95]).offset(), 96);
}

/// Once: a page took them for a broken connection.
#[test]
fn types_that_eventsource_has_for_itself_arrive_as_messages() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let mut plain = Client::open(server.addr(), "");
    let mut whole = Client::open(server.addr(), "format=cloudevents");
    let types = ["error", "open", "message", "Error", "opened"];
    for ty in types {
        hub.publish(Event::builder("t", ty).text("x").build().unwrap())
            .unwrap();
    }
    plain.read_to(5);
    whole.read_to(5);
    let names = |client: &Client| {
        client
            .seen
            .iter()
            .map(|seen| seen.event.clone())
            .collect::<Vec<_>>()
    };
    let expected = ["message", "message", "message", "Error", "opened"];
    assert_eq!(
        (names(&plain), names(&whole)),
        (
            expected.map(String::from).to_vec(),
            expected.map(String::from).to_vec()
        )
    );
    let kept: Vec<_> = whole
        .seen
        .iter()
        .map(|seen| seen.json()["type"].clone())
        .collect();
    assert_eq!(kept, types);
    assert!(
        Event::builder("t", "").build().is_err(),
        "no event is without a type"
    );
}
