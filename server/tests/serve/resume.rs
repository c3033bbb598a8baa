//! Coming back: after the last event seen, or with a word on why that cannot be.

use crate::common::{Event, Http, Server, Stream, epoch as epoch_of, offset, wait_until};
use eventring::wire::sse::EventDecoder;
use std::time::Duration;

/// A server that holds `{"n":1}` to `{"n":count}` on topic `t`, and the epoch of its positions.
fn server_with(count: usize, flags: &[&str]) -> (Server, String) {
    let server = Server::start(flags);
    let data: Vec<String> = (1..=count).map(|n| format!("{{\"n\":{n}}}")).collect();
    server.publish_all("t", &data, 10);
    let head = server.health().head;
    assert_eq!(offset(&head), count as u64);
    let epoch = epoch_of(&head).to_string();
    (server, epoch)
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events
        .iter()
        .map(|event| event.json()["n"].as_u64().expect("a number"))
        .collect()
}

/// The stream goes on with what is published from now on.
fn is_live(server: &Server, stream: &mut Stream) {
    let position = server.publish("t", r#"{"live":true}"#);
    let event = stream.next();
    assert_eq!(
        (event.id.as_str(), event.data.as_str()),
        (&*position, r#"{"live":true}"#)
    );
}

#[test]
fn header_beats_query_beats_from() {
    let (server, epoch) = server_with(20, &[]);
    let header = format!("Last-Event-ID: {epoch}-15");
    let query = format!("topic=t&last-event-id={epoch}-10&from=beginning");
    let first = |stream: &mut Stream| numbers(&[stream.next()])[0];
    assert_eq!(
        first(&mut Stream::open_with(server.address, &query, &[&header])),
        16
    );
    assert_eq!(first(&mut Stream::open(server.address, &query)), 11);
    assert_eq!(
        first(&mut Stream::open(server.address, "topic=t&from=beginning")),
        1
    );
    let from = format!("topic=t&from={epoch}-7");
    assert_eq!(first(&mut Stream::open(server.address, &from)), 8);
    is_live(
        &server,
        &mut Stream::open(server.address, "topic=t&from=now"),
    );
    is_live(&server, &mut Stream::open(server.address, "topic=t"));
}

#[test]
fn resume_is_exact_into_the_live_stream() {
    let (server, epoch) = server_with(300, &[]);
    let header = format!("Last-Event-ID: {epoch}-123");
    let mut stream = Stream::open_with(server.address, "topic=t", &[&header]);
    let events = stream.take(177);
    assert_eq!(numbers(&events), (124..=300).collect::<Vec<_>>());
    assert_eq!(events[0].id, format!("{epoch}-124"));
    is_live(&server, &mut stream);
    assert!(
        stream.retry().is_some(),
        "a stream says how long to wait before coming back"
    );
}

#[test]
fn resume_from_the_head_has_nothing_to_repeat() {
    let (server, epoch) = server_with(5, &[]);
    let header = format!("Last-Event-ID: {epoch}-5");
    is_live(
        &server,
        &mut Stream::open_with(server.address, "topic=t", &[&header]),
    );
    let header = format!("Last-Event-ID: {epoch}-0");
    let mut all = Stream::open_with(server.address, "topic=t", &[&header]);
    assert_eq!(all.next().id, format!("{epoch}-1"));
}

#[test]
fn ids_that_mean_nothing_get_a_reset_and_the_live_stream() {
    let (server, epoch) = server_with(12, &[]);
    let long = "x".repeat(3000);
    let mut cases = vec![
        ("future", format!("{epoch}-13")),
        ("future", format!("{epoch}-99999")),
    ];
    let junk = [
        "junk",
        "-",
        "12",
        "\u{e9}",
        "a b",
        "18446744073709551616",
        &long,
    ];
    cases.extend(junk.map(|id| ("junk", id.to_string())));
    cases.push(("junk", format!("{epoch}-")));
    cases.push(("junk", format!("{epoch}--1")));
    cases.push(("junk", format!("{epoch}-18446744073709551616")));
    for (reason, id) in cases {
        let header = format!("Last-Event-ID: {id}");
        let mut stream = Stream::open_with(server.address, "topic=t", &[&header]);
        let reset = stream.next();
        assert_eq!(reset.event, "reset", "{id:?}: {reset:?}");
        let json = reset.json();
        assert_eq!(json["reason"], reason, "{id:?}");
        let head = json["head"].as_str().expect("head");
        assert_eq!(epoch_of(head), epoch, "{id:?}");
        let asked = json["asked"].as_str().expect("asked");
        assert!(
            id.starts_with(asked.trim_end_matches('…')) && asked.len() < 300,
            "{asked:?}"
        );
        is_live(&server, &mut stream);
        assert_eq!(offset(head) + 1, offset(&server.health().head), "{id:?}");
    }
}

#[test]
fn ids_of_an_earlier_process_get_a_reset() {
    let (_, old) = server_with(3, &[]);
    let (server, new) = server_with(3, &[]);
    assert_ne!(
        old, new,
        "each start of a memory hub is an epoch of its own"
    );
    let header = format!("Last-Event-ID: {old}-2");
    let mut stream = Stream::open_with(server.address, "topic=t", &[&header]);
    let reset = stream.next();
    assert_eq!(
        (reset.event.as_str(), &reset.json()["reason"]),
        ("reset", &"epoch".into())
    );
    assert_eq!(reset.json()["asked"], format!("{old}-2"));
    is_live(&server, &mut stream);
    assert_eq!(epoch_of(stream.last_event_id()), new);
}

#[test]
fn what_is_gone_is_told_as_a_gap_and_the_rest_follows() {
    let (server, epoch) = server_with(200, &["--capacity", "64"]);
    let header = format!("Last-Event-ID: {epoch}-5");
    let mut narrow = Stream::open_with(server.address, "topic=t", &[&header]);
    let bound = narrow.next().json();
    assert_eq!(
        (&bound["missing"], &bound["exact"]),
        (&131.into(), &false.into())
    );
    assert_eq!(numbers(&narrow.take(64)), (137..=200).collect::<Vec<_>>());

    let mut stream = Stream::open_with(server.address, "topic=%3E", &[&header]);
    let gap = stream.next();
    assert_eq!(gap.event, "gap");
    let json = gap.json();
    assert_eq!(json["reason"], "retention");
    assert_eq!(json["asked"], format!("{epoch}-5"));
    assert_eq!(
        json["earliest"],
        format!("{epoch}-137"),
        "64 of 200 are kept"
    );
    assert_eq!(json["missing"], 131);
    assert_eq!(json["exact"], true);
    assert_eq!(numbers(&stream.take(64)), (137..=200).collect::<Vec<_>>());
    is_live(&server, &mut stream);
}

#[test]
fn the_beginning_is_what_is_kept_without_a_gap() {
    let (server, _) = server_with(200, &["--capacity", "64"]);
    let mut stream = Stream::open(server.address, "topic=t&from=beginning");
    assert_eq!(numbers(&stream.take(64)), (137..=200).collect::<Vec<_>>());
}

#[test]
fn a_filter_resumes_past_what_it_does_not_want() {
    let server = Server::start(&[]);
    let first = server.publish("a", r#"{"n":1}"#);
    for _ in 0..10 {
        server.publish("b", r#"{"n":0}"#);
    }
    server.publish("a", r#"{"n":2}"#);
    let header = format!("Last-Event-ID: {first}");
    let mut stream = Stream::open_with(server.address, "topic=a", &[&header]);
    let event = stream.next();
    assert_eq!(
        (numbers(std::slice::from_ref(&event)), event.offset()),
        (vec![2], offset(&first) + 11)
    );
}

#[test]
fn a_heartbeat_moves_the_id_of_a_quiet_stream() {
    let server = Server::start(&["--heartbeat", "1"]);
    let mut quiet = Stream::open(server.address, "topic=quiet");
    let position = server.publish("busy", "1");
    wait_until("the heartbeat", || {
        let event = quiet.next_within(Duration::from_millis(50));
        assert_eq!(event, None, "nothing is published to it");
        quiet.last_event_id() == position
    });
}

/// Once: after a kill, `EventSource` got a 404 and gave up for good, silently.
#[test]
fn who_comes_back_after_a_kill_to_what_was_in_memory_is_told_by_a_reset() {
    let server = Server::start(&[]);
    let post = |target: &str, body: &str| {
        let headers = ["Content-Type: application/json"];
        let mut http = Http::connect(server.address);
        http.post(target, &headers, body.as_bytes()).response()
    };
    let made = post("/api/v1/endpoints", r#"{"path":"/prices"}"#);
    assert_eq!(made.status, 201, "{}", made.text());
    let made = post("/api/v1/connections", "{}").json();
    let made = made["id"].as_str().expect("an id");
    let paths = [
        "/prices".to_string(),
        format!("/api/v1/connections/{made}/stream"),
    ];
    let ask = |server: &Server, path: &str, id: &str| {
        let mut http = Http::connect(server.address);
        let line = match id {
            "" => String::new(),
            id => format!("Last-Event-ID: {id}\r\n"),
        };
        http.send(format!(
            "GET {path}?framing=close HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{line}\r\n"
        ));
        let head = http.head();
        assert_eq!(head.status, 200, "{path}: {head:?}");
        http
    };
    let ids = paths.clone().map(|path| {
        let mut http = ask(&server, &path, "");
        let mut decoder = EventDecoder::default();
        loop {
            let bytes = std::mem::take(&mut http.input);
            decoder.push(&bytes, |_| ()).expect("a stream");
            match decoder.last_event_id() {
                "" => assert!(http.fill(), "{path}: it ended"),
                id => return id.to_string(),
            }
        }
    });
    let server = server.killed_and_restarted(&[]);
    for (path, id) in paths.iter().zip(&ids) {
        let mut http = ask(&server, path, id);
        while http.fill() {}
        let mut told = Vec::new();
        let mut decoder = EventDecoder::default();
        let taken = decoder.push(&http.input, |event| {
            told.push((event.event.to_string(), event.data.to_string()));
        });
        taken.expect("a stream");
        let [(name, data)] = &told[..] else {
            panic!("{path}: {told:?}")
        };
        let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(
            (name.as_str(), &data["reason"], &data["asked"]),
            ("reset", &"gone".into(), &id.as_str().into())
        );
        assert!(
            decoder.retry().is_some_and(|ms| ms >= 10_000),
            "{path}: {:?}",
            decoder.retry()
        );
    }
}
