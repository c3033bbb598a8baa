//! The HTTP routes: what goes in, what comes out, and what each mistake is answered with.

use crate::common::server::{cloudevent, published};
use crate::common::{Http, Server, Stream, offset, wait_until};
use rustix::process::Signal;
use serde_json::json;
use std::time::{Duration, Instant};

const TOPIC: &str = "/api/v1/topics/t/events";
const JSON: &str = "Content-Type: application/json";
const CE: &str = "Content-Type: application/cloudevents+json; charset=utf-8";
const CE_BATCH: &str = "Content-Type: application/cloudevents-batch+json";
const NDJSON: &str = "Content-Type: application/x-ndjson";

#[test]
fn binary_mode_takes_any_content_type_and_attributes() {
    let server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=t&format=cloudevents");
    let mut http = Http::connect(server.address);
    let attributes = [
        JSON,
        "ce-specversion: 1.0",
        "ce-id: 42",
        "ce-type: order.placed",
        "ce-source: /shop",
        "ce-subject: s%20%C3%A9",
        "ce-shard: eu",
    ];
    let response = http
        .post(TOPIC, &attributes, b"{\"n\": 1.10, \"s\":\"\xc3\xa9\"}")
        .response();
    let position = published(&response, 1)["first"].clone();
    let event = stream.next();
    assert_eq!(
        (event.event.as_str(), &json!(event.id)),
        ("order.placed", &position)
    );
    assert!(event.data.contains(r#"{"n": 1.10, "s":"é"}"#), "{event:?}");
    let json = event.json();
    assert_eq!(
        (&json["id"], &json["source"]),
        (&json!("42"), &json!("/shop"))
    );
    assert_eq!(
        (&json["subject"], &json["shard"]),
        (&json!("s é"), &json!("eu"))
    );

    published(
        &http
            .post(TOPIC, &["Content-Type: text/plain"], b"plain\ntext")
            .response(),
        1,
    );
    assert_eq!(stream.next().json()["data"], "plain\ntext");
    published(
        &http
            .post(TOPIC, &["Content-Type: image/x"], b"\x00\xff\x01")
            .response(),
        1,
    );
    assert_eq!(stream.next().json()["data_base64"], "AP8B");
}

#[test]
fn structured_and_batch_mode_and_lines() {
    let server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=t");
    let mut http = Http::connect(server.address);
    published(
        &http
            .post(TOPIC, &[CE], cloudevent(r#"{"a":1.0}"#).as_bytes())
            .response(),
        1,
    );
    let batch = format!("[{},\n{}]", cloudevent("2"), cloudevent("\"three\""));
    published(
        &http.post(TOPIC, &[CE_BATCH], batch.as_bytes()).response(),
        2,
    );
    published(
        &http
            .post(TOPIC, &[NDJSON], "{\"l\":4}\n{\"l\":\"é\"}\n".as_bytes())
            .response(),
        2,
    );
    let data: Vec<String> = stream.take(5).into_iter().map(|event| event.data).collect();
    assert_eq!(
        data,
        [
            r#"{"a":1.0}"#,
            "2",
            "\"three\"",
            r#"{"l":4}"#,
            r#"{"l":"é"}"#
        ]
    );
}

#[test]
fn a_batch_is_whole_or_nothing() {
    let server = Server::start(&[]);
    let mut http = Http::connect(server.address);
    let before = server.health().head;
    let problem = http
        .post(TOPIC, &[NDJSON], b"{\"a\":1}\n{\"a\":2}\n{oops}\n")
        .response();
    assert_eq!(problem.problem(400)["line"], 3);
    let batch = format!("[{},{{\"specversion\":\"1.0\"", cloudevent("1"));
    let problem = http.post(TOPIC, &[CE_BATCH], batch.as_bytes()).response();
    assert!(problem.problem(400)["at"].is_u64(), "{problem:?}");
    assert_eq!(server.health().head, before, "nothing of it was published");

    let lines = "{}\n".repeat(1001);
    let problem = http.post(TOPIC, &[NDJSON], lines.as_bytes()).response();
    assert_eq!(problem.problem(413)["limit"], 1000);
    assert_eq!(server.health().head, before);
}

#[test]
fn lines_one_by_one_get_an_answer_each() {
    let server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=t");
    let mut http = Http::connect(server.address);
    let target = format!("{TOPIC}?atomic=false");
    let response = http
        .post(&target, &[NDJSON], b"{\"n\":1}\n{bad\n{\"n\":3}\n")
        .response();
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("content-type"),
        Some("application/x-ndjson")
    );
    let text = response.text();
    assert!(text.ends_with('\n'));
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(
        (&lines[0]["line"], &lines[2]["line"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(lines[1]["line"], 2);
    assert!(
        lines[1]["error"].is_string() && lines[1]["at"].is_u64(),
        "{text}"
    );
    let events = stream.take(2);
    assert_eq!(json!(events[0].id), lines[0]["position"]);
    assert_eq!(json!(events[1].id), lines[2]["position"]);

    // More lines than any atomic request may have.
    let many: String = (0..5000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let response = http.post(&target, &[NDJSON], many.as_bytes()).response();
    assert_eq!(response.text().lines().count(), 5000);
    assert_eq!(stream.take(5000)[4999].json()["n"], 4999);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(&[]);
    let mut http = Http::connect(server.address);
    let mut requests = String::new();
    for n in 0..100 {
        requests.push_str(&match n % 3 {
            0 => "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_string(),
            1 => "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n".to_string(),
            _ => format!(
                "POST {TOPIC} HTTP/1.1\r\nHost: localhost\r\n{JSON}\r\nContent-Length: 2\r\n\r\n{n:2}"
            ),
        });
    }
    http.send(&requests);
    let mut last = None;
    for n in 0..100 {
        let response = http.response();
        match n % 3 {
            0 => assert_eq!(response.status, 200),
            1 => assert_eq!(response.problem(404)["status"], 404),
            _ => {
                let json = published(&response, 1);
                let this = offset(json["first"].as_str().expect("a position"));
                assert!(last.is_none_or(|last| this == last + 1));
                last = Some(this);
            }
        }
    }
    assert_eq!(http.get("/healthz").response().status, 200, "kept alive");
}

#[test]
fn chunked_bodies_and_expectations() {
    let server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=t");
    let mut http = Http::connect(server.address);
    http.send(format!(
        "POST {TOPIC} HTTP/1.1\r\nHost: localhost\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
    http.send("3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n");
    published(&http.response(), 1);
    assert_eq!(stream.next().data, "[1,2]");

    let head =
        format!("POST {TOPIC} HTTP/1.1\r\nHost: localhost\r\n{JSON}\r\nContent-Length: 1\r\n");
    http.send(format!("{head}Expect: 100-continue\r\n\r\n"));
    assert_eq!(http.head().status, 100);
    http.send("7");
    published(&http.response(), 1);
    assert_eq!(stream.next().data, "7");
    // A client that does not wait for the 100 is served all the same.
    http.send(format!("{head}Expect: 100-continue\r\n\r\n8"));
    let mut response = http.head();
    if response.status == 100 {
        response = http.head();
    }
    assert_eq!(response.status, 200);
    assert_eq!(stream.next().data, "8");
}

#[test]
fn head_and_http_1_0() {
    let server = Server::start(&[]);
    for target in ["/healthz", "/api/v1/events/stream?topic=t"] {
        let mut http = Http::connect(server.address);
        let head = http
            .send(format!("HEAD {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .head();
        assert_eq!(head.status, 200, "{target}");
        http.stream
            .shutdown(std::net::Shutdown::Write)
            .expect("half-closed");
        assert!(http.is_closed(), "an answer to HEAD has no body: {target}");
    }
    let mut http = Http::connect(server.address);
    let response = http.send("GET /healthz HTTP/1.0\r\n\r\n").response();
    assert_eq!(response.status, 200);
    assert!(http.is_closed(), "HTTP/1.0 closes");
    let mut http = Http::connect(server.address);
    let head = http
        .send("GET /api/v1/events/stream?topic=t&framing=chunked HTTP/1.0\r\n\r\n")
        .head();
    assert_eq!((head.status, head.header("transfer-encoding")), (200, None));
}

#[test]
fn mistakes_are_answered_with_what_is_wrong() {
    let server = Server::start(&["--body-bytes", "64K", "--payload-bytes", "1K"]);
    let mut http = Http::connect(server.address);
    http.get("/nowhere").response().problem(404);
    let stream = "/api/v1/events/stream";
    for (request, allowed) in [
        ("DELETE /healthz", ["GET", "HEAD"].as_slice()),
        ("PUT /api/v1/topics/t/events", &["POST"]),
        ("POST /api/v1/events/stream", &["GET", "HEAD"]),
    ] {
        http.send(format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        ));
        let response = http.response();
        response.problem(405);
        let allow = response.header("allow").expect("Allow");
        assert!(
            allowed.iter().all(|method| allow.contains(method)),
            "{request}: {allow}"
        );
    }
    let bad = http.post(TOPIC, &[JSON], br#"{"a":}"#).response();
    assert_eq!(bad.problem(400)["at"], 5, "{bad:?}");
    let large = http
        .post(
            TOPIC,
            &[JSON],
            format!("\"{}\"", "x".repeat(2000)).as_bytes(),
        )
        .response();
    assert_eq!(large.problem(413)["limit"], 1024);
    for topic in [
        "a..b",
        ".a",
        "a.",
        "%00",
        "a%0Ab",
        &"x".repeat(256),
        "a.%FF",
    ] {
        let target = format!("/api/v1/topics/{topic}/events");
        // A body that is refused unread ends the connection.
        let problem = Http::connect(server.address)
            .post(&target, &[JSON], b"1")
            .response();
        assert_eq!(problem.problem(400)["field"], "topic", "{topic:?}");
    }
    for (query, field) in [
        ("topic=a..b", "topic"),
        ("topic=a*", "topic"),
        ("topic=%3E.a", "topic"),
        ("topic=%zz", "topic"),
        ("topic=t&format=xml", "format"),
        ("topic=t&framing=none", "framing"),
        (&["topic=t"; 65].join("&"), "topic"),
    ] {
        let problem = http.get(&format!("{stream}?{query}")).response();
        assert_eq!(problem.problem(400)["field"], field, "{query}");
    }
    assert_eq!(
        http.get("/healthz").response().status,
        200,
        "still the same connection"
    );

    let head = format!(
        "POST {TOPIC} HTTP/1.1\r\nHost: localhost\r\n{JSON}\r\nContent-Length: 70000\r\n\r\n"
    );
    let declared = http.send(head).response();
    assert_eq!(
        declared.problem(413)["limit"],
        65_536,
        "before a byte of the body was read"
    );
}

#[test]
fn topics_are_percent_encoded() {
    let server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=caf%C3%A9.%2F%20x.*");
    let topic = "caf%c3%a9.%2f%20x.1";
    let position = server.publish(topic, "1");
    assert_eq!(stream.next().id, position);
}

#[test]
fn several_patterns_are_one_stream() {
    let server = Server::start(&[]);
    let mut some = Stream::open(server.address, "topic=a.*&topic=b.%3E&topic=a.1&topic=c");
    let mut all = Stream::open(server.address, "topic=%3E");
    let topics = ["a.1", "a.1.2", "b", "b.1", "b.1.2", "c", "c.1", "a.2"];
    let ids: Vec<String> = topics
        .iter()
        .map(|topic| server.publish(topic, "0"))
        .collect();
    for wanted in [0, 3, 4, 5, 7] {
        assert_eq!(some.next().id, ids[wanted], "{}", topics[wanted]);
    }
    assert_eq!(
        all.take(8)
            .into_iter()
            .map(|event| event.id)
            .collect::<Vec<_>>(),
        ids
    );
    let patterns: Vec<String> = (0..64).map(|n| format!("topic=t{n}")).collect();
    Stream::open(server.address, &patterns.join("&"));
}

/// Clients that read a body of unknown length by size get nothing for a while: such bodies are chunked.
#[test]
fn streams_are_chunked_by_default_and_close_delimited_on_request() {
    let server = Server::start(&[]);
    for (framing, coding) in [
        ("", Some("chunked")),
        ("&framing=close", None),
        ("&framing=chunked", Some("chunked")),
    ] {
        let mut http = Http::connect(server.address);
        let head = http
            .get(&format!("/api/v1/events/stream?topic=t{framing}"))
            .head();
        assert_eq!(head.status, 200);
        assert_eq!(head.header("transfer-encoding"), coding);
        assert_eq!(head.header("content-length"), None);
        assert_eq!(head.header("cache-control"), Some("no-cache, no-transform"));
        assert_eq!(head.header("x-accel-buffering"), Some("no"));
        assert_eq!(head.header("connection"), Some("close"));
        server.publish("t", r#"{"framed":true}"#);
        let mut body = String::new();
        while !body.contains("\ndata: {\"framed\":true}\n\n") {
            if http.input.is_empty() {
                assert!(http.fill(), "cut: {body}");
            }
            body.push_str(&match coding {
                None => String::from_utf8(std::mem::take(&mut http.input)).expect("UTF-8"),
                Some(_) => http.chunk(),
            });
        }
    }
}

#[test]
fn payloads_with_line_ends_arrive_as_lines() {
    let server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=t");
    let mut http = Http::connect(server.address);
    for (sent, got) in [
        ("a\nb\r\nc\rd", "a\nb\nc\nd"),
        ("end\n", "end\n"),
        ("", ""),
        (" x", " x"),
    ] {
        published(
            &http
                .post(TOPIC, &["Content-Type: text/plain"], sent.as_bytes())
                .response(),
            1,
        );
        assert_eq!(stream.next().data, got, "{sent:?}");
    }
    let inject = ["Content-Type: text/plain", "ce-type: a%0Adata: b"];
    http.post(TOPIC, &inject, b"x").response().problem(400);
}

/// A process that is stopped, or a machine that is suspended, does not take it out on who was in
/// time.
#[test]
fn the_rest_of_a_request_that_came_while_the_process_was_stopped_is_in_time() {
    let server = Server::start(&["--head-timeout", "1", "--body-timeout", "1"]);
    let post = format!("POST {TOPIC} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n");
    let halves = [
        (
            "GET /healthz HTTP/1.1\r\nHost: loc".to_owned(),
            "alhost\r\n\r\n",
        ),
        (format!("{post}Content-Length: 4\r\n\r\nha"), "lf"),
    ];
    let mut waiting: Vec<Http> = halves
        .iter()
        .map(|(first, _)| {
            let mut http = Http::connect(server.address);
            http.send(first);
            http
        })
        .collect();
    // An answer behind them: they have been read, and nothing else is done.
    server.wait_for_connections(waiting.len() as u64);
    assert_eq!(
        Http::connect(server.address)
            .get("/healthz")
            .response()
            .status,
        200
    );
    server.signal(Signal::STOP);
    let stopped = Instant::now();
    for (http, (_, rest)) in waiting.iter_mut().zip(&halves) {
        http.send(rest);
    }
    wait_until("their deadlines to pass", || {
        stopped.elapsed() > Duration::from_millis(1300)
    });
    server.signal(Signal::CONT);
    for http in &mut waiting {
        assert_eq!(http.response().status, 200);
    }
}
