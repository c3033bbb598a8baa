//! The subscribe protocol.

use eventring::event::Event;
use eventring::hub::Hub;
use serde_json::{Value, json};
use tungstenite::Message;

use super::client::{Client, connect};
use super::{publish, serve};

/// The numbers that the next `n` events carry.
fn numbers(client: &mut Client, n: usize) -> Vec<u64> {
    let next = |_| client.expect("event")["data"].as_u64().unwrap();
    (0..n).map(next).collect()
}

#[test]
fn an_address_alone_subscribes_and_resumes() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut client = Client::new(server.addr(), "/api/v1/ws?topic=orders.*");
    client.expect("welcome");
    publish(&hub, "other", 1);
    publish(&hub, "orders.a", 2);
    let event = client.expect("event");
    assert_eq!(
        (&event["topic"], &event["event"], &event["data"]),
        (&json!("orders.a"), &json!("number"), &json!(2))
    );
    drop(client);
    publish(&hub, "orders.b", 3);
    let id = event["id"].as_str().unwrap();
    let target = format!("/api/v1/ws?topic=orders.*&last-event-id={id}");
    let mut again = Client::new(server.addr(), &target);
    assert_eq!(again.expect("welcome")["id"], id);
    publish(&hub, "orders.c", 4);
    assert_eq!(numbers(&mut again, 2), [3, 4]);
}

#[test]
fn an_id_that_means_nothing_resets_and_a_gap_is_told() {
    let hub = Hub::builder().capacity(64).build().unwrap();
    let server = serve(&hub);
    for n in 1..=200 {
        publish(&hub, "a", n);
    }
    let mut client = Client::new(server.addr(), "/api/v1/ws?topic=a&last-event-id=junk");
    client.expect("welcome");
    let reset = client.expect("reset");
    assert_eq!(
        (&reset["reason"], &reset["asked"]),
        (&json!("junk"), &json!("junk"))
    );
    let head = reset["id"].as_str().unwrap();
    let first = head.replace("200", "0");
    let mut client = Client::new(
        server.addr(),
        &format!("/api/v1/ws?topic=a&last-event-id={first}"),
    );
    client.expect("welcome");
    let gap = client.expect("gap");
    let missing = gap["missing"].as_u64().unwrap();
    assert_eq!(
        numbers(&mut client, 200 - missing as usize).last(),
        Some(&200)
    );
}

#[test]
fn subscriptions_come_and_go_on_one_connection() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut client = Client::new(server.addr(), "/api/v1/ws");
    client.expect("welcome");
    publish(&hub, "a", 0);
    let answer = client.request(r#"{"type":"subscribe","request":1,"topic":["a","b"]}"#);
    assert_eq!(
        (&answer["type"], &answer["request"], &answer["topic"]),
        (&json!("subscribed"), &json!(1), &json!(["a", "b"]))
    );
    publish(&hub, "a", 1);
    publish(&hub, "c", 2);
    publish(&hub, "b", 3);
    assert_eq!(numbers(&mut client, 2), [1, 3]);
    let answer = client.request(r#"{"type":"unsubscribe","request":"two","topic":"a"}"#);
    assert_eq!(
        (&answer["type"], &answer["request"], &answer["topic"]),
        (&json!("unsubscribed"), &json!("two"), &json!(["b"]))
    );
    publish(&hub, "a", 4);
    publish(&hub, "b", 5);
    assert_eq!(numbers(&mut client, 1), [5]);
    client.send(r#"{"type":"unsubscribe","request":3}"#);
    assert_eq!(client.expect("unsubscribed")["topic"], json!([]));
    publish(&hub, "b", 6);
    assert_eq!(
        client.request(r#"{"type":"ping","request":4}"#)["type"],
        "pong"
    );
}

#[test]
fn one_that_starts_in_the_past_catches_up_and_joins_the_others() {
    let hub = Hub::new();
    let server = serve(&hub);
    for n in 0..3000 {
        publish(&hub, if n % 2 == 0 { "even" } else { "odd" }, n);
    }
    let mut client = Client::new(server.addr(), "/api/v1/ws?topic=odd");
    client.expect("welcome");
    client.send(r#"{"type":"subscribe","request":7,"topic":"even","from":"beginning"}"#);
    publish(&hub, "odd", 3001);
    let (mut old, mut live) = (Vec::new(), Vec::new());
    let caught_up = loop {
        let message = client.json();
        match message["type"].as_str() {
            Some("event") if message["topic"] == "even" => {
                old.push(message["data"].as_u64().unwrap())
            }
            Some("event") => live.push(message["data"].as_u64().unwrap()),
            // The event that was published meanwhile may be faster.
            Some("subscribed") => {}
            _ => break message,
        }
    };
    assert_eq!(
        (&caught_up["type"], &caught_up["request"]),
        (&json!("caught_up"), &json!(7))
    );
    assert!(
        old.iter().copied().eq((0..3000).step_by(2)),
        "{} old events",
        old.len()
    );
    publish(&hub, "even", 3002);
    publish(&hub, "odd", 3003);
    live.extend(numbers(&mut client, 3 - live.len()));
    assert_eq!(live, [3001, 3002, 3003]);
}

#[test]
fn publishing_is_answered_with_the_position() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut client = Client::new(server.addr(), "/api/v1/ws?topic=%3E");
    client.expect("welcome");
    let requests = [
        r#"{"type":"publish","request":1,"topic":"t","event":"made","data":{"n": 1.0}}"#,
        r#"{"type":"publish","request":2,"topic":"t","data":"text","datacontenttype":"text/plain"}"#,
        r#"{"type":"publish","request":3,"topic":"t","cloudevent":{"specversion":"1.0","type":"x","id":"7","source":"/s","data":[1]}}"#,
    ];
    let (mut published, mut events) = (Vec::new(), Vec::new());
    for request in requests {
        client.send(request);
    }
    while published.len() + events.len() < 6 {
        let message = client.json();
        match message["type"].as_str() {
            Some("published") => published.push(message["id"].clone()),
            Some("event") => events.push(message),
            _ => panic!("{message}"),
        }
    }
    let ids: Vec<Value> = events.iter().map(|event| event["id"].clone()).collect();
    assert_eq!(published, ids);
    assert_eq!(events[0]["data"], json!({"n": 1.0}));
    assert_eq!(
        (&events[1]["data"], &events[1]["event"]),
        (&json!("text"), &json!("message"))
    );
    assert_eq!(
        (&events[2]["data"], &events[2]["event"]),
        (&json!([1]), &json!("x"))
    );
}

#[test]
fn what_is_wrong_with_a_request_is_said_and_the_connection_stays() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut client = Client::new(server.addr(), "/api/v1/ws");
    client.expect("welcome");
    let table = [
        ("hello", "null", "invalid", ""),
        ("[]", "null", "invalid", ""),
        (r#"{"type":"ping"}"#, "null", "invalid", "request"),
        (
            r#"{"type":"ping","request":{}}"#,
            "null",
            "invalid",
            "request",
        ),
        (r#"{"request":1}"#, "1", "invalid", "type"),
        (r#"{"type":"dance","request":2}"#, "2", "unknown", "type"),
        (r#"{"type":"ping","request":3,"x":1}"#, "3", "invalid", "x"),
        (
            r#"{"type":"subscribe","request":4}"#,
            "4",
            "invalid",
            "topic",
        ),
        (
            r#"{"type":"subscribe","request":5,"topic":7}"#,
            "5",
            "invalid",
            "topic",
        ),
        (
            r#"{"type":"subscribe","request":6,"topic":"a..b"}"#,
            "6",
            "invalid",
            "topic",
        ),
        (
            r#"{"type":"subscribe","request":7,"topic":"a","from":"x"}"#,
            "7",
            "invalid",
            "from",
        ),
        (
            r#"{"type":"unsubscribe","request":8,"topic":"a"}"#,
            "8",
            "unknown",
            "topic",
        ),
        (r#"{"type":"publish","request":9}"#, "9", "invalid", "topic"),
        (
            r#"{"type":"publish","request":10,"topic":"a.*"}"#,
            "10",
            "invalid",
            "topic",
        ),
        (r#"{"type":"ack","request":11}"#, "11", "conflict", "type"),
    ];
    for (request, id, code, field) in table {
        let answer = client.request(request);
        assert_eq!(answer["type"], "error", "{request}");
        assert_eq!(
            (answer["request"].to_string(), answer["code"].as_str()),
            (id.to_owned(), Some(code)),
            "{answer}"
        );
        assert_eq!(
            answer["field"].as_str().unwrap_or_default(),
            field,
            "{answer}"
        );
    }
    client.0.send(Message::binary(vec![1])).unwrap();
    client.expect("error");
    assert_eq!(
        client.request(r#"{"type":"ping","request":12}"#)["request"],
        12
    );
}

#[test]
fn a_flood_of_errors_ends_in_1008() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut client = Client::new(server.addr(), "/api/v1/ws");
    for _ in 0..65 {
        client.send("nonsense");
    }
    assert_eq!(client.close_code(), Some(1008));
}

#[test]
fn binary_events_are_binary_messages_with_a_header() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut client = Client::new(server.addr(), "/api/v1/ws?topic=b");
    client.expect("welcome");
    let event = Event::builder("b", "blob")
        .data("image/png", &[0, 255, 7])
        .build()
        .unwrap();
    let id = hub.publish(event).unwrap().to_string();
    let Message::Binary(bytes) = client.0.read().unwrap() else {
        panic!("a binary message")
    };
    let mut want = vec![1];
    for field in [id.as_str(), "b", "blob", "image/png"] {
        want.extend_from_slice(&(field.len() as u16).to_be_bytes());
        want.extend_from_slice(field.as_bytes());
    }
    want.extend_from_slice(&[0, 255, 7]);
    assert_eq!(bytes.to_vec(), want);
}

#[test]
fn a_stop_says_when_to_come_back() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut clients: Vec<Client> = (0..8)
        .map(|_| Client::new(server.addr(), "/api/v1/ws?topic=a"))
        .collect();
    for client in &mut clients {
        client.expect("welcome");
    }
    publish(&hub, "a", 1);
    let reader = std::thread::spawn(move || {
        let told = clients.into_iter().map(|mut client| {
            client.expect("event");
            let bye = client.expect("bye");
            assert_eq!(client.close_code(), Some(1001));
            bye["retry_ms"].as_u64().unwrap()
        });
        told.collect::<Vec<_>>()
    });
    assert!(server.stop().unwrap().clean);
    let mut told = reader.join().unwrap();
    assert!(told.iter().all(|ms| (2000..7000).contains(ms)), "{told:?}");
    told.sort_unstable();
    told.dedup();
    assert!(told.len() > 4, "{told:?} are not spread");
}

#[test]
fn a_wrong_address_is_refused_before_the_upgrade() {
    let hub = Hub::new();
    let server = serve(&hub);
    for (query, field) in [
        ("?topic=a..b", "topic"),
        ("?from=now", "topic"),
        ("?topic=a&from=x", "from"),
        ("?topic=a&heartbeat=x", "heartbeat"),
    ] {
        let (_, head) = connect(server.addr(), &format!("/api/v1/ws{query}"), "");
        assert_eq!(head.status, 400, "{query} {field}");
    }
}

/// Once: it was ignored, and what was missed was missed silently.
#[test]
fn the_id_in_the_header_of_the_handshake_resumes() {
    let hub = Hub::new();
    let server = serve(&hub);
    for n in 1..=10 {
        publish(&hub, "a", n);
    }
    let header = |id: &str| format!("Last-Event-ID: {id}\r\n");
    let open = |target: &str, fields: &str| {
        let (stream, head) = connect(server.addr(), target, fields);
        (head.status == 101).then(|| {
            Client(tungstenite::WebSocket::from_raw_socket(
                stream,
                tungstenite::protocol::Role::Client,
                None,
            ))
        })
    };
    let at = |n: u64| format!("{}-{n}", hub.epoch());
    let target = format!("/api/v1/ws?topic=a&last=5&last-event-id={}", at(2));
    let mut client = open(&target, &header(&at(8))).unwrap();
    assert_eq!(client.expect("welcome")["id"], at(8));
    assert_eq!(numbers(&mut client, 2), [9, 10]);
    let mut client = open("/api/v1/ws?topic=a&last=5", &header("junk")).unwrap();
    client.expect("welcome");
    assert_eq!(client.expect("reset")["asked"], "junk");
    for none in ["", "null", "undefined"] {
        let mut client = open("/api/v1/ws?topic=a&last=1", &header(none)).unwrap();
        client.expect("welcome");
        assert_eq!(numbers(&mut client, 1), [10], "{none}");
    }
    for none in ["", "null"] {
        let target = format!("/api/v1/ws?topic=a&last=1&lastEventId={none}");
        let mut client = open(&target, "").unwrap();
        client.expect("welcome");
        assert_eq!(numbers(&mut client, 1), [10], "{none}");
    }
    // It is of a subscription, and nothing is subscribed to.
    assert!(open("/api/v1/ws", &header(&at(8))).is_none());
}

/// A misspelt parameter of an address is refused; members of requests are, too.
#[test]
fn a_misspelt_member_is_refused_and_the_right_name_is_told() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut client = Client::new(server.addr(), "/api/v1/ws");
    client.expect("welcome");
    for (request, field, meant) in [
        (
            r#"{"type":"subscribe","request":1,"topics":["a"]}"#,
            "topics",
            "topic",
        ),
        (
            r#"{"type":"subscribe","request":1,"topic":"a","From":"now"}"#,
            "From",
            "from",
        ),
        (
            r#"{"type":"unsubscribe","request":1,"topics":"a"}"#,
            "topics",
            "topic",
        ),
        (
            r#"{"type":"publish","request":1,"topic":"a","dta":1}"#,
            "dta",
            "data",
        ),
        (
            r#"{"type":"subscribe","Request":1,"topic":"a"}"#,
            "Request",
            "request",
        ),
    ] {
        let error = client.request(request);
        assert_eq!(error["code"], "invalid", "{error}");
        assert_eq!(error["field"], field, "{error}");
        let detail = error["detail"].as_str().unwrap();
        assert!(
            detail.ends_with(&format!("did you mean {meant}?")),
            "{detail}"
        );
    }
    let error = client.request(r#"{"type":"subscribe","request":1,"topic":"a","topic":"b"}"#);
    assert_eq!(
        (&error["code"], &error["field"]),
        (&json!("invalid"), &json!("topic"))
    );
}

/// All that is wrong with the patterns of a message, of an address and of a body is told at once.
#[test]
fn every_pattern_that_is_wrong_is_told() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut client = Client::new(server.addr(), "/api/v1/ws");
    client.expect("welcome");
    let subscribe = r#"{"type":"subscribe","request":1,"topic":["a..b","c",7,"d.>.e"]}"#;
    let refused = client.request(subscribe);
    assert_eq!(refused["field"], "topic", "{refused}");
    let detail = refused["detail"].as_str().unwrap();
    for fault in [
        "pattern 0: empty segment at column 3",
        "expected a string",
        "\">\" is only",
    ] {
        assert!(detail.contains(fault), "{detail}");
    }
    let many: Vec<String> = (0..65).map(|n| format!("\"t{n}\"")).collect();
    let many = many.join(",");
    let refused = client.request(&format!(
        r#"{{"type":"subscribe","request":2,"topic":[{many}]}}"#
    ));
    assert_eq!(refused["limit"], 64, "{refused}");
    let (_, head) = connect(
        server.addr(),
        "/api/v1/ws?topic=a..b&topic=c&topic=d.%3E.e",
        "",
    );
    assert_eq!(head.status, 400, "{}", head.text);
}
