//! Every route, under the worst that clients without rights can do to it, while a stream of another topic is watched:
//! none may cost it 50 ms. Requests are pipelined, as long as they may be, and their answers are not read.

use eventring::event::{Event, Filter};
use eventring::gateway::StreamOptions;
use eventring::hub::Hub;

use super::stage::{Client, STALL_US, Stage, calmest, frame};
use crate::counting;

/// Clients that do it at once.
const CLIENTS: usize = 24;
/// Bytes that each sends, of as many requests as that takes.
const SENT: usize = 48 << 10;
/// Turns for which they go on.
const TURNS: usize = 60;
/// Turns after which an event has to be with the stream that is watched.
const LATE: usize = 24;
/// What the server may hold for each of them: what came and waits, answers that wait, and one answer more.
const HELD_EACH: i64 = 768 << 10;

/// What is sent again and again.
struct Row {
    name: &'static str,
    bytes: Vec<u8>,
    web_socket: bool,
}

fn get(name: &'static str, target: &str) -> Row {
    let bytes = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n");
    Row {
        name,
        bytes: bytes.into_bytes(),
        web_socket: false,
    }
}

fn post(name: &'static str, target: &str, content_type: &str, body: &str) -> Row {
    request(name, "POST", target, content_type, body)
}

fn request(name: &'static str, method: &str, target: &str, content_type: &str, body: &str) -> Row {
    let length = body.len();
    let bytes = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    Row {
        name,
        bytes: bytes.into_bytes(),
        web_socket: false,
    }
}

fn messages(name: &'static str, text: &str) -> Row {
    Row {
        name,
        bytes: frame(0x81, text.as_bytes()),
        web_socket: true,
    }
}

fn long_query(first: &str) -> String {
    let topics: Vec<String> = (0..60)
        .map(|n| format!("topic=t{n}.{}", "x".repeat(110)))
        .collect();
    format!("{first}?{}", topics.join("&"))
}

fn rows() -> Vec<Row> {
    let many = (0..900)
        .map(|n| format!("\"0-{n:x}\""))
        .collect::<Vec<_>>()
        .join(",");
    let lines = "{\"a\":1}\n".repeat(500);
    vec![
        get("GET /", "/"),
        get("GET /healthz", "/healthz"),
        get("GET /metrics", "/metrics"),
        get("GET stats", "/api/v1/stats"),
        get("GET stats/stream", "/api/v1/stats/stream"),
        get("GET events/stream", &long_query("/api/v1/events/stream")),
        get(
            "GET events/stream, look back",
            "/api/v1/events/stream?topic=old.*&last=1000",
        ),
        get("GET presence", "/api/v1/topics/watched/presence"),
        get("GET topics", "/api/v1/topics?limit=1000"),
        get("GET a topic", "/api/v1/topics/old.7"),
        request(
            "PUT a topic",
            "PUT",
            "/api/v1/topics/flood",
            "application/json",
            r#"{"retain_events":10}"#,
        ),
        request(
            "DELETE a topic",
            "DELETE",
            "/api/v1/topics/old.7",
            "text/plain",
            "",
        ),
        get("GET checkpoints", "/api/v1/checkpoints?limit=1000"),
        get("GET connections", "/api/v1/connections?limit=1000"),
        get("GET connection", "/api/v1/connections/0-7/status"),
        get("GET connection stream", "/api/v1/connections/none/stream"),
        get("GET endpoints", "/api/v1/endpoints"),
        get("GET an endpoint", "/live"),
        get("GET nothing", "/nothing"),
        post(
            "POST events",
            "/api/v1/topics/flood/events",
            "text/plain",
            &"x".repeat(900),
        ),
        post(
            "POST lines",
            "/api/v1/topics/flood/events?atomic=false",
            "application/x-ndjson",
            &lines,
        ),
        post(
            "POST a batch",
            "/api/v1/topics/flood/events",
            "application/x-ndjson",
            &lines,
        ),
        post(
            "POST connections",
            "/api/v1/connections",
            "application/json",
            r#"{"topic":["a.*"]}"#,
        ),
        post(
            "POST endpoints",
            "/api/v1/endpoints",
            "application/json",
            r#"{"path":"/e","topic":["a"]}"#,
        ),
        post(
            "POST broadcast, many ids",
            "/api/v1/broadcast",
            "application/json",
            &format!(r#"{{"ids":[{many}],"topic":"flood","type":"t","data":1}}"#),
        ),
        messages(
            "WebSocket subscribe",
            r#"{"type":"subscribe","request":"1","topic":["a.*","b"]}"#,
        ),
        messages(
            "WebSocket publish",
            r#"{"type":"publish","request":"1","topic":"flood","data":1}"#,
        ),
        messages("WebSocket nonsense", r#"[[[[[[[[{"a":[1,2,3]}]]]]]]]]"#),
    ]
}

/// Has clients do it; returns what the server held for each of them at most.
fn suffer(row: &Row, stage: &mut Stage) -> i64 {
    for n in 0..3_000 {
        let event = Event::builder(&format!("old.{}", n % 50), "t")
            .text("x")
            .build()
            .unwrap();
        stage.hub.publish(&event).unwrap();
    }
    for n in 0..30 {
        let path = if n == 0 {
            "/live".to_owned()
        } else {
            format!("/live/{n}")
        };
        let handle = stage.server.handle();
        handle
            .create_endpoint(&path, Filter::all(), StreamOptions::default())
            .unwrap();
        handle
            .create_connection(Filter::all(), StreamOptions::default())
            .unwrap();
    }
    let watch = "GET /api/v1/events/stream?topic=watched HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut watched = stage.ask(watch.as_bytes());
    stage.read_until(&mut watched, |text, _| text.contains("retry:"));
    let flood = row.bytes.repeat(SENT.div_ceil(row.bytes.len()));
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|_| match row.web_socket {
            true => stage.web_socket("/api/v1/ws", ""),
            false => stage.connect(),
        })
        .collect();
    stage.turn();
    let before = counting::live();
    let (mut held, mut wanted, mut since) = (0, 0, 0);
    for turn in 0..TURNS {
        if turn % 12 == 0 {
            clients.iter_mut().for_each(|client| client.offer(&flood));
        }
        if since == 0 {
            wanted += 1;
            let event = Event::builder("watched", "t")
                .text(&format!("<{wanted}>"))
                .build()
                .unwrap();
            stage.hub.publish(&event).unwrap();
        }
        stage.turn();
        watched.read();
        since += 1;
        if String::from_utf8_lossy(&watched.text).contains(&format!("<{wanted}>")) {
            watched.text.clear();
            since = 0;
        }
        assert!(
            since < LATE,
            "{}: event {wanted} is late by {since} turns",
            row.name
        );
        held = held.max(counting::live() - before);
    }
    held / CLIENTS as i64
}

#[test]
fn no_route_costs_another_stream_50_ms_or_the_process_more_than_its_bound() {
    println!("{:<32} {:>10} {:>14}", "route", "stall us", "bytes/client");
    let mut over = Vec::new();
    for row in rows() {
        let mut held = i64::MAX;
        let us = calmest(row.name, || {
            // Full before anybody comes: what is published then takes no more memory.
            let hub = Hub::builder().capacity(2_048).build().unwrap();
            let mut stage = Stage::of(hub, |_| {});
            held = held.min(suffer(&row, &mut stage));
            stage.stall_us()
        });
        println!("{:<32} {us:>10} {held:>14}", row.name);
        if us >= STALL_US || held >= HELD_EACH {
            over.push(row.name);
        }
    }
    assert!(over.is_empty(), "over their bounds: {over:?}");
}
