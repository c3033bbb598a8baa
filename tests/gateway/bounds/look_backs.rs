//! Many who look back over all that is kept, for next to nothing of it, while a stream of another topic is watched: SSE,
//! WebSocket and connections that were made, by each way to say where a stream starts.

use std::io::Write;

use eventring::event::{Event, Filter, Position};
use eventring::gateway::StreamOptions;
use eventring::hub::Hub;

use super::stage::{Client, STALL_US, Stage, calmest, frame};
use crate::counting;

/// Clients that do it at once.
const CLIENTS: usize = 24;
/// Events that are kept.
const KEPT: usize = 16_384;
/// Turns for which they go on; they come anew after each dozen.
const TURNS: usize = 60;
/// Turns after which an event has to be with the stream that is watched.
const LATE: usize = 24;
/// Bytes that a WebSocket sends each time, of as many subscriptions as that takes.
const SENT: usize = 48 << 10;
/// What the server may hold for each of them: what came and waits, and what is sent.
const HELD_EACH: i64 = 256 << 10;

/// What a client does.
struct Row {
    name: String,
    /// Of a stream: the rest of its target and what else its head has. Of a WebSocket: a message.
    says: String,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    Stream,
    /// A connection that was made, by the client's number.
    Made,
    WebSocket,
}

/// A hub that is full of events of so many topics that none of them can be looked up; one is rare.
fn full() -> Hub {
    let hub = Hub::builder().capacity(KEPT).build().unwrap();
    let publish = |topic: &str| {
        let event = Event::builder(topic, "t").text("x").build().unwrap();
        hub.publish(&event).unwrap();
    };
    for n in 0..2 * KEPT {
        publish(&format!("t{}.x", n % (KEPT / 2)));
    }
    publish("very.rare");
    hub
}

fn rows(hub: &Hub) -> Vec<Row> {
    let old = Position {
        epoch: hub.epoch(),
        offset: hub.head() - KEPT as u64 / 2,
    };
    let starts = [
        ("last", "&last=1000".to_owned(), String::new()),
        (
            "since",
            "&since=2020-01-01T00:00:00Z".to_owned(),
            String::new(),
        ),
        ("from", "&from=beginning".to_owned(), String::new()),
        (
            "Last-Event-ID",
            String::new(),
            format!("Last-Event-ID: {old}\r\n"),
        ),
    ];
    let mut rows = Vec::new();
    for (start, query, line) in &starts {
        for topic in ["very.rare", "*.rare"] {
            rows.push(Row {
                name: format!("stream of {topic}, {start}"),
                says: format!("topic={topic}{query} HTTP/1.1\r\n{line}"),
                how: How::Stream,
            });
        }
        rows.push(Row {
            name: format!("made connection, {start}"),
            says: format!("topic=*.rare{query} HTTP/1.1\r\n{line}"),
            how: How::Made,
        });
    }
    for topic in ["very.rare", "*.rare"] {
        for from in ["beginning".to_owned(), old.to_string()] {
            rows.push(Row {
                name: format!("subscribe to {topic}, from {from}"),
                says: format!(
                    r#"{{"type":"subscribe","request":1,"topic":"{topic}","from":"{from}"}}"#
                ),
                how: How::WebSocket,
            });
        }
    }
    rows
}

fn come(row: &Row, made: &str, stage: &mut Stage) -> Client {
    let (says, path) = match row.how {
        How::Stream => (&row.says, "/api/v1/events/stream".to_owned()),
        How::Made => (&row.says, format!("/api/v1/connections/{made}/stream")),
        How::WebSocket => {
            let mut client = stage.web_socket("/api/v1/ws", "");
            let message = frame(0x81, row.says.as_bytes());
            client.offer(&message.repeat(SENT / message.len()));
            return client;
        }
    };
    let mut client = stage.connect();
    client.offer(format!("GET {path}?{says}Host: localhost\r\n\r\n").as_bytes());
    client
}

/// Has clients do it; returns what the server held for each of them at most.
fn suffer(row: &Row, stage: &mut Stage) -> i64 {
    let handle = stage.server.handle();
    let made: Vec<String> = (0..CLIENTS)
        .map(|_| {
            let filter = Filter::parse(["*.rare"]).unwrap();
            let made = handle.create_connection(filter, StreamOptions::default());
            made.unwrap()
        })
        .collect();
    let watch = "GET /api/v1/events/stream?topic=watched HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut watched = stage.ask(watch.as_bytes());
    stage.read_until(&mut watched, |text, _| text.contains("retry:"));
    let before = counting::live();
    let (mut held, mut wanted, mut since, mut clients) = (0, 0, 0, Vec::new());
    for turn in 0..TURNS {
        if turn % 12 == 0 {
            clients.clear();
            clients.extend(made.iter().map(|made| come(row, made, stage)));
        }
        if since == 0 {
            wanted += 1;
            let text = format!("<{wanted}>");
            let event = Event::builder("watched", "t").text(&text).build().unwrap();
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
    // Those whose looks take long are still at it.
    let streams = stage.server.handle().stats().streams;
    assert!(streams > 1, "{}: nobody looks back", row.name);
    held / CLIENTS as i64
}

#[test]
fn no_look_back_costs_another_stream_50_ms_or_the_process_more_than_its_bound() {
    let hub = full();
    println!(
        "{:<60} {:>10} {:>14}",
        "look-back", "stall us", "bytes/client"
    );
    let mut over = Vec::new();
    for row in rows(&hub) {
        let mut held = i64::MAX;
        let us = calmest(&row.name, || {
            let mut stage = Stage::of(hub.clone(), |_| {});
            held = held.min(suffer(&row, &mut stage));
            stage.stall_us()
        });
        println!("{:<60} {us:>10} {held:>14}", row.name);
        if us >= STALL_US || held >= HELD_EACH {
            over.push(row.name);
        }
    }
    assert!(over.is_empty(), "over their bounds: {over:?}");
}

/// Each subscription to what is kept waited in a list without a bound, while further requests were read.
#[test]
fn a_past_that_is_asked_for_again_and_again_is_not_read_ahead() {
    let mut stage = Stage::of(full(), |_| {});
    let mut client = stage.web_socket("/api/v1/ws", "");
    let message = br#"{"type":"subscribe","request":1,"topic":"*.rare","from":"beginning"}"#;
    let message = frame(0x81, message);
    let (mut sent, mut held, before) = (0, 0, counting::live());
    for _ in 0..400 {
        while let Ok(n @ 1..) = client.socket.write(&message[sent % message.len()..]) {
            sent += n;
        }
        stage.turn();
        held = held.max(counting::live() - before);
    }
    println!("{sent} bytes of subscriptions: {held} bytes held");
    assert!(held < 512 << 10, "{held} bytes");
    // They are answered all the same, one after the other.
    stage.read_until(&mut client, |text, _| {
        text.matches("caught_up").count() > 50
    });
}
