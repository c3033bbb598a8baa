//! An hour with servers that do what they should not, by a virtual clock: how often does a client connect?
//!
//! The clients are the real ones, with all that they decide; only sockets, time and waits are played.

mod world;

use std::sync::Arc;
use std::time::Duration;

use super::{Cause, ClientError, ReadError, SseClient, SseItem, WsClient, WsItem};
use world::{Kind, Play, Said, World};

const NO_TIME: Duration = Duration::ZERO;

/// The servers, by what the guide calls them.
const SERVERS: &[(&str, Play)] = &[
    ("refuses connections", Play::Refuse),
    ("does not answer the attempt to connect", Play::Unanswered),
    ("closes at once", Play::Answer("")),
    ("never answers the request", Play::Silence("")),
    ("answers a byte a minute", Play::Drip("HTTP/1.1 200 OK\r\n")),
    (
        "closes after the head of the stream",
        Play::Stream(Said::Nothing, NO_TIME),
    ),
    (
        "closes after a comment, or a `welcome`",
        Play::Stream(Said::Comment, NO_TIME),
    ),
    (
        "says `retry: 0`, or `bye` with `retry_ms` 0, and closes",
        Play::Stream(Said::Retry(0), NO_TIME),
    ),
    ("the same with 1", Play::Stream(Said::Retry(1), NO_TIME)),
    ("the same with 20", Play::Stream(Said::Retry(20), NO_TIME)),
    (
        "closes a stream that lived for 6 s without an event",
        Play::Stream(Said::Comment, Duration::from_secs(6)),
    ),
    (
        "closes after an event",
        Play::Stream(Said::Event(None), NO_TIME),
    ),
    (
        "closes after an event and `retry: 0`, or `bye` with 0",
        Play::Stream(Said::Event(Some(0)), NO_TIME),
    ),
    ("204", Play::Answer("204 No Content\r\n")),
    ("401", Play::Answer("401 Unauthorized\r\n")),
    ("404", Play::Answer("404 Not Found\r\n")),
    (
        "200 with a page",
        Play::Answer("200 OK\r\nContent-Type: text/html\r\n"),
    ),
    (
        "redirects to itself",
        Play::Answer("302 Found\r\nLocation: http://h/s?topic=t\r\n"),
    ),
    (
        "429 with `Retry-After: 60`",
        Play::Answer("429 Too Many Requests\r\nRetry-After: 60\r\n"),
    ),
    (
        "503 with `Retry-After: 120`",
        Play::Answer("503 Service Unavailable\r\nRetry-After: 120\r\n"),
    ),
    (
        "503 with a date five minutes ahead",
        Play::Answer(
            "503 Service Unavailable\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Retry-After: Sun, 06 Nov 1994 08:54:37 GMT\r\n",
        ),
    ),
    (
        "503 with a date a year ahead",
        Play::Answer("503 Service Unavailable\r\nRetry-After: Fri, 01 Jan 1971 00:00:00 GMT\r\n"),
    ),
    (
        "503 with `Retry-After: 0`",
        Play::Answer("503 Service Unavailable\r\nRetry-After: 0\r\n"),
    ),
    ("500", Play::Answer("500 Internal Server Error\r\n")),
];

fn sse_client(world: &World) -> SseClient {
    let builder = SseClient::builder("http://h/s?topic=t").unwrap();
    builder.build_on(Arc::new(world.clone()))
}

fn ws_client(world: &World) -> WsClient {
    let builder = WsClient::builder("ws://h/s?topic=t").unwrap();
    builder.build_on(Arc::new(world.clone()))
}

/// Plays an hour of a program: connects, and the error that ended it, if one did. A stubborn one takes
/// errors for anything else.
fn hour(play: Play, kind: Kind, stubborn: bool) -> (u64, Option<ClientError>) {
    let world = World::new(play, kind);
    let mut next: Box<dyn FnMut() -> Option<ClientError>> = match kind {
        Kind::Sse => {
            let mut client = sse_client(&world);
            Box::new(move || client.next_item().err())
        }
        Kind::Ws => {
            let mut client = ws_client(&world);
            Box::new(move || client.next_item().err())
        }
    };
    while !world.is_over() {
        if let Some(error) = next().filter(|_| !stubborn) {
            return (world.passed().connects, Some(error));
        }
    }
    (world.passed().connects, None)
}

/// Reads what the guide says of a server: connects by Server-Sent Events and by WebSocket.
fn promised(server: &str) -> Option<[u64; 2]> {
    let guide = include_str!("../../guide/client.rs");
    let row = format!("//! | {server} | ");
    let row = guide.lines().find_map(|line| line.strip_prefix(&row))?;
    let mut counts = row.split(" | ").map(|cell| {
        let digits: String = cell.chars().filter(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    Some([counts.next()??, counts.next()??])
}

/// Once: the clients came back every half second to a second for ever, and at once where
/// the server said `retry: 0`.
#[test]
#[allow(clippy::print_stdout)]
fn clients_leave_every_server_in_peace() {
    let mut wrong = Vec::new();
    println!("| server that | SSE | WebSocket |\n| --- | --- | --- |");
    for &(name, play) in SERVERS {
        let met = [Kind::Sse, Kind::Ws].map(|kind| hour(play, kind, false));
        let counts = [met[0].0, met[1].0];
        println!("| {name} | {} | {} |", counts[0], counts[1]);
        let Some(promises) = promised(name) else {
            wrong.push(format!("the guide does not tell of a server that {name}"));
            continue;
        };
        for (count, promise) in counts.into_iter().zip(promises) {
            // Half of each wait is chance, and the first few are short.
            let spread = promise / 4;
            if !(promise - spread..=promise + spread).contains(&count) {
                wrong.push(format!("{name}: {count}, and the guide says {promise}"));
            }
        }
        // Whoever delivers nothing sees each client four times a minute at most, but for the first minute.
        let delivers = matches!(play, Play::Stream(Said::Event(_), _));
        let lives = matches!(play, Play::Stream(_, lives) if lives > NO_TIME);
        if !delivers && !lives && counts.iter().any(|&count| count > 4 * 60 + 10) {
            wrong.push(format!("{name}: {counts:?}"));
        }
        let ends = matches!(play, Play::Answer(text) if text.starts_with(['2', '3', '4']))
            && !name.starts_with("429");
        for (count, error) in &met {
            if error.is_some() != ends || ends && *count != 1 {
                wrong.push(format!("{name}: {count} and {error:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Once: a program that logs an error and asks for the next item connected at once.
#[test]
fn a_program_that_goes_on_after_errors_waits_too() {
    for &(name, play) in SERVERS {
        if !matches!(play, Play::Answer(_)) {
            continue;
        }
        for kind in [Kind::Sse, Kind::Ws] {
            let (count, _) = hour(play, kind, true);
            assert!(count <= 4 * 60 + 10, "{name}, {kind:?}: {count}");
        }
    }
}

/// No wait is too long to be added to a time.
#[test]
fn waits_for_ever_are_waits_of_a_day() {
    let world = World::new(Play::Refuse, Kind::Sse);
    let builder = SseClient::builder("http://h/s").unwrap();
    let builder = builder.pauses(Duration::MAX, Duration::MAX);
    let mut client = builder.timeout(Duration::MAX).build_on(Arc::new(world));
    for _ in 0..40 {
        let Ok(SseItem::Disconnected(disconnected)) = client.next_item() else {
            panic!("nobody is there")
        };
        assert!(disconnected.again_in <= Duration::from_secs(24 * 60 * 60));
    }
}

/// Once: the head of an answer that comes a byte a minute held a client for days.
#[test]
fn a_head_that_drips_is_left_within_the_timeout() {
    let play = Play::Drip("HTTP/1.1 200 OK\r\n");
    let timed = |world: &World, cause: Cause| {
        let unfinished = matches!(cause, Cause::Read(ReadError::Unfinished(s)) if s == 60.0);
        assert!(unfinished, "{cause:?}");
        assert!(world.passed().time <= Duration::from_secs(61));
    };
    let world = World::new(play, Kind::Sse);
    match sse_client(&world).next_item() {
        Ok(SseItem::Disconnected(disconnected)) => timed(&world, disconnected.cause),
        other => panic!("{other:?}"),
    }
    let world = World::new(play, Kind::Ws);
    match ws_client(&world).next_item() {
        Ok(WsItem::Disconnected(disconnected)) => timed(&world, disconnected.cause),
        other => panic!("{other:?}"),
    }
}

/// Once: so did the body of a refusal.
#[test]
fn a_refusal_that_drips_is_told_within_seconds() {
    for kind in [Kind::Sse, Kind::Ws] {
        let text = "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno";
        let world = World::new(Play::Silence(text), kind);
        let error = match kind {
            Kind::Sse => sse_client(&world).next_item().err(),
            Kind::Ws => ws_client(&world).next_item().err(),
        };
        let told =
            matches!(&error, Some(ClientError::Refused { status: 403, body }) if body == b"no");
        assert!(told, "{error:?}");
        assert!(world.passed().time <= Duration::from_secs(6));
    }
}
