//! What a publish may choose for itself, over HTTP and on a WebSocket alike: not the topic.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};

use eventring::event::{Event, Filter};
use eventring::gateway::{AccessRequest, Authorizer, Decision, Principal, Server};
use eventring::hub::{Hub, Subscription, TopicConfig, TopicMode};
use serde_json::Value;

use super::client::{Client, ask};
use super::{config, serve};

/// Publishes a body; returns the status and the body of the answer.
fn post(address: SocketAddr, target: &str, fields: &[&str], body: &str) -> (u16, String) {
    let stream = TcpStream::connect(address).unwrap();
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{fields}\r\n{body}"
    );
    let (mut stream, head) = ask(stream, &request);
    let mut body = String::new();
    stream.read_to_string(&mut body).unwrap();
    crate::contract::check_exchange(&request, format!("{}{body}", head.text).as_bytes());
    (head.status, body)
}

const PATH: &str = "/api/v1/topics/public.a/events";
const NDJSON: &str = "Content-Type: application/x-ndjson";
const EVENT: &str = "Content-Type: application/cloudevents+json";
const BATCH: &str = "Content-Type: application/cloudevents-batch+json";

fn event(topic: &str) -> String {
    format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t","topic":"{topic}"}}"#)
}

/// Checks that a text names both topics.
fn names_both(told: &str) {
    let named = told.contains("secret.x") && told.contains("public.a");
    assert!(named && told.contains("topic"), "{told}");
}

/// Once: whoever might publish to one topic published to any.
#[test]
fn an_event_is_published_to_the_topic_of_the_path_and_to_no_other() {
    let hub = Hub::new();
    let server = serve(&hub);
    let address = server.addr();
    let mut secret = hub.subscribe(Subscription::topic("secret.>")).unwrap();
    let escaped = event("secret.x").replace("topic", "\\u0074opic");
    let batch = format!("[{},{}]", event("public.a"), event("secret.x"));
    let header = "ce-topic: secret.x";
    for (fields, body) in [
        (&[header][..], "hi"),
        (&["CE-Topic: secret%2Ex", "Content-Type: text/plain"], "hi"),
        (&["ce-topic: \"secret.x\"", "ce-type: t"], ""),
        (&[header, NDJSON], "1\n2\n"),
        (&[header, EVENT], &event("public.a")),
        (&[EVENT], &event("secret.x")),
        (&[EVENT], &escaped),
        (&[BATCH], &batch),
    ] {
        let (status, told) = post(address, PATH, fields, body);
        assert_eq!(status, 400, "{fields:?} {told}");
        names_both(&told);
    }
    let by_line = format!("{PATH}?atomic=false");
    let (status, told) = post(address, &by_line, &[header, NDJSON], "1\n");
    assert_eq!(status, 400, "{told}");
    names_both(&told);
    assert_eq!(hub.head(), 0, "nothing was published");

    // One that names the same topic, or none, is as good as ever.
    for (fields, body) in [
        (&["ce-topic: public.a"][..], "hi"),
        (&["ce-topic: public.a", NDJSON], "1\n"),
        (&[EVENT], &event("public.a")),
    ] {
        let (status, told) = post(address, PATH, fields, body);
        assert_eq!(status, 200, "{told}");
    }
    assert_eq!(hub.head(), 3);
    assert!(secret.try_recv().is_err(), "nothing came there");
}

/// The same on a WebSocket.
#[test]
fn a_message_publishes_to_its_topic_and_to_no_other() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut client = Client::new(server.addr(), "/api/v1/ws");
    client.expect("welcome");
    let publish = |topic: &str| {
        let event = event(topic);
        format!(r#"{{"request":1,"type":"publish","topic":"public.a","cloudevent":{event}}}"#)
    };
    let refused: Value = client.request(&publish("secret.x"));
    assert_eq!(refused["code"], "invalid", "{refused}");
    names_both(refused["detail"].as_str().unwrap());
    assert_eq!(hub.head(), 0);
    assert_eq!(client.request(&publish("public.a"))["type"], "published");
}

/// Once: it was 503 with `Retry-After`, and clients went on trying.
#[test]
fn a_topic_that_the_program_has_not_made_is_not_found() {
    let hub = Hub::builder().topics(TopicMode::Explicit).build().unwrap();
    let server = serve(&hub);
    for (kind, body) in [
        ("Content-Type: application/json", "1"),
        (NDJSON, "1\n2\n"),
        (EVENT, &event("public.a")),
        (BATCH, &format!("[{}]", event("public.a"))),
    ] {
        let (status, told) = post(server.addr(), PATH, &[kind], body);
        let problem: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(
            (status, &problem["field"]),
            (404, &"topic".into()),
            "{told}"
        );
    }
    let mut client = Client::new(server.addr(), "/api/v1/ws");
    client.expect("welcome");
    let publish = r#"{"request":1,"type":"publish","topic":"public.a","data":1}"#;
    assert_eq!(client.request(publish)["code"], "unknown");
    assert_eq!(hub.head(), 0);
    hub.create_topic("public.a", TopicConfig::default())
        .unwrap();
    assert_eq!(client.request(publish)["type"], "published");
}

/// Lets anybody read and publish to all topics, and to reserved ones.
struct Generous;

impl Authorizer for Generous {
    fn authorize(&self, _: &AccessRequest<'_>) -> Decision {
        let topics = Filter::parse([">", "$sys.>"]).unwrap();
        let principal = Principal::all().subscribe(Some(topics.clone()));
        Decision::Now(Ok(principal.publish(Some(topics))))
    }
}

/// What begins with `$` is the program's own: whoever could publish there would speak in its name.
#[test]
fn nobody_publishes_to_a_reserved_topic_from_outside() {
    let hub = Hub::new();
    let server = Server::builder(&hub)
        .authorizer(Generous)
        .bind(config())
        .unwrap();
    let server = server.spawn().unwrap();
    let address = server.addr();
    let reserved = "/api/v1/topics/$sys.x/events";
    let escaped = "/api/v1/topics/%24sys.x/events";
    let by_line = |path: &str| format!("{path}?atomic=false");
    let header = "ce-topic: $sys.x";
    let batch = format!("[{},{}]", event("public.a"), event("$sys.x"));
    for (path, fields, body) in [
        (reserved, &[][..], "hi"),
        (escaped, &["ce-type: t"], "hi"),
        (reserved, &[EVENT], &event("$sys.x")),
        (reserved, &[BATCH], &batch),
        (reserved, &[NDJSON], "1\n"),
        (&by_line(reserved), &[NDJSON], "1\n"),
        (PATH, &[header], "hi"),
        (PATH, &["ce-topic: %24sys.x"], "hi"),
        (PATH, &[header, NDJSON], "1\n"),
        (&by_line(PATH), &[header, NDJSON], "1\n"),
        (PATH, &[EVENT], &event("$sys.x")),
        (PATH, &[BATCH], &batch),
    ] {
        let (status, told) = post(address, path, fields, body);
        assert_eq!(status, 403, "{path} {fields:?} {told}");
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["field"], "topic", "{told}");
    }
    let mut client = Client::new(address, "/api/v1/ws");
    client.expect("welcome");
    for message in [
        r#"{"request":1,"type":"publish","topic":"$sys.x","data":1}"#.to_owned(),
        format!(
            r#"{{"request":1,"type":"publish","topic":"public.a","cloudevent":{}}}"#,
            event("$sys.x")
        ),
    ] {
        let refused = client.request(&message);
        assert_eq!(refused["type"], "error", "{refused}");
        assert_eq!(refused["code"], "forbidden", "{refused}");
        assert_eq!(refused["field"], "topic", "{refused}");
    }
    assert_eq!(hub.head(), 0, "nothing was published");
    // The program itself may, and `$` elsewhere is a letter.
    let own = Event::builder("$sys.x", "t").build().unwrap();
    hub.publish(&own).unwrap();
    let (status, told) = post(address, "/api/v1/topics/a.$x/events", &[], "hi");
    assert_eq!(status, 200, "{told}");
    // Whoever may publish everywhere else is told why not here.
    let server = serve(&Hub::new());
    let (status, told) = post(server.addr(), reserved, &[], "hi");
    assert_eq!(status, 403, "{told}");
    assert!(told.contains("begins with"), "{told}");
}

/// Once: quotes were kept, or refused.
#[test]
fn quoted_attributes_are_unquoted() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut all = hub.subscribe(Subscription::all()).unwrap();
    let fields = [
        r#"ce-specversion: "1.0""#,
        r#"ce-type: "order""#,
        r#"ce-id: "a\"b\\""#,
        r#"ce-source: "/s%20t""#,
        r#"ce-subject: "a b""#,
        r#"ce-time: "2026-01-01T00:00:00Z""#,
        r#"ce-tenant: say "hi""#,
    ];
    for mode in ["Content-Type: text/plain", NDJSON] {
        let fields: Vec<&str> = fields
            .into_iter()
            .chain([mode])
            // Lines are many events: they cannot have one id.
            .filter(|field| mode != NDJSON || !field.starts_with("ce-id"))
            .collect();
        let (status, told) = post(server.addr(), PATH, &fields, "1");
        assert_eq!(status, 200, "{told}");
        let event = all.try_recv().unwrap().event;
        let event = event.as_ref();
        assert_eq!(event.ty(), "order");
        assert_eq!((event.source(), event.subject()), ("/s t", Some("a b")));
        assert_eq!(event.time(), 1_767_225_600_000_000_000);
        let tenant = event.attribute("tenant").unwrap();
        assert_eq!(tenant.text(), Some(r#"say "hi""#));
        if mode != NDJSON {
            assert_eq!(event.id(), r#"a"b\"#);
        }
    }
    for broken in [r#"ce-specversion: "0.3""#, r#"ce-time: "noon""#] {
        let (status, told) = post(server.addr(), PATH, &[broken], "1");
        assert_eq!(status, 400, "{told}");
    }
}

/// Once: a body that begins with a byte-order mark was refused, or kept it.
#[test]
fn a_mark_in_front_of_a_body_is_no_part_of_it() {
    const MARK: &str = "\u{feff}";
    let hub = Hub::new();
    let server = serve(&hub);
    let mut all = hub.subscribe(Subscription::all()).unwrap();
    let plain = event("public.a").replace('}', r#","data":[1]}"#);
    let by_line = format!("{PATH}?atomic=false");
    for (path, kind, body, data) in [
        (PATH, "Content-Type: application/json", "[1]", "[1]"),
        (PATH, "Content-Type: text/plain", "hi", "hi"),
        (PATH, NDJSON, "1\r\n", "1"),
        (&by_line, NDJSON, "1\n", "1"),
        (PATH, EVENT, &plain, "[1]"),
        (PATH, BATCH, &format!("[{plain}]"), "[1]"),
    ] {
        let (status, told) = post(server.addr(), path, &[kind], &format!("{MARK}{body}"));
        assert_eq!(
            (status, told.contains("error")),
            (200, false),
            "{kind} {told}"
        );
        let event = all.try_recv().unwrap().event;
        assert_eq!(event.data(), data.as_bytes(), "{kind}");
    }
    let target = "/api/v1/connections";
    let (status, told) = post(server.addr(), target, &[], &format!("{MARK}{{}}"));
    assert_eq!(status, 201, "{told}");
    // Bytes that are no text stay what they are.
    let kind = "Content-Type: application/octet-stream";
    let (status, _) = post(server.addr(), PATH, &[kind], MARK);
    assert_eq!(status, 200);
    assert_eq!(all.try_recv().unwrap().event.data(), MARK.as_bytes());
    // What every second byte is zero of, is UTF-16.
    for kind in ["Content-Type: application/json", NDJSON, EVENT, BATCH] {
        let (status, told) = post(server.addr(), PATH, &[kind], "{\0}\0");
        assert_eq!(
            (status, told.contains("UTF-16")),
            (400, true),
            "{kind} {told}"
        );
    }
}
