//! `GET /api/v1/events/history`: what was published, a page at a time.

use eventring::event::{Event, Filter};
use eventring::gateway::{
    AccessRequest, Authorizer, Decision, Principal, Server, ServerConfig, ServerThread,
};
use eventring::hub::{Hub, TopicConfig};
use eventring::journal::{Durability, MemoryJournal};
use serde_json::{Value, json};

use crate::contract;
use crate::streams::client::{Client, serve};

const PATH: &str = "/api/v1/events/history";

/// A hub with 25 events: every fifth one on `b`, the others on `a`; and its server.
fn world() -> (Hub, ServerThread) {
    let hub = Hub::new();
    for n in 1..=25 {
        let topic = if n % 5 == 0 { "b" } else { "a" };
        let data = format!(r#"{{"n":{n}}}"#);
        let event = Event::builder(topic, "t").json(&data).build().unwrap();
        hub.publish(event).unwrap();
    }
    let server = serve(&hub, |_| {});
    (hub, server)
}

/// The answer to a query: its status, and its body.
fn ask(server: &ServerThread, query: &str) -> (u16, Value) {
    let path = format!("{PATH}?{query}");
    let mut client = Client::get(server.addr(), &path, "Connection: close\r\n", 1 << 20);
    let body = client.json_body();
    let content_type = match client.status() {
        200 => "application/json",
        _ => "application/problem+json",
    };
    let bytes = serde_json::to_vec(&body).unwrap();
    contract::check("GET", PATH, client.status(), content_type, &bytes);
    (client.status(), body)
}

fn page(server: &ServerThread, query: &str) -> Value {
    let (status, page) = ask(server, query);
    assert_eq!(status, 200, "{query}: {page}");
    page
}

/// The numbers of the events of a page.
fn numbers(page: &Value) -> Vec<u64> {
    let events = page["events"].as_array().unwrap().iter();
    events
        .map(|one| one["data"]["n"].as_u64().unwrap())
        .collect()
}

#[test]
fn events_are_cloudevents_with_their_data_and_position() {
    let (hub, server) = world();
    let page = page(&server, "limit=2");
    let first = &page["events"][0];
    assert_eq!(first["specversion"], "1.0");
    assert_eq!(first["topic"], "a");
    assert_eq!(first["data"], json!({ "n": 1 }));
    assert_eq!(first["position"], format!("{}-1", hub.epoch()));
    assert_eq!(page["has_more"], true);
    assert_eq!(page["total"], Value::Null);
    // Its position is an id: a stream goes on behind it.
    let id = first["position"].as_str().unwrap();
    let mut stream = Client::open(server.addr(), &format!("last-event-id={id}"));
    stream.read_to(25);
    assert_eq!(stream.events().count(), 24);
}

#[test]
fn pages_follow_each_other_both_ways() {
    let (_, server) = world();
    for (order, expected) in [
        ("asc", (1..=25).collect::<Vec<u64>>()),
        ("desc", (1..=25).rev().collect()),
    ] {
        let (mut got, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = page(&server, &format!("order={order}&limit=7{cursor}"));
            got.extend(numbers(&page));
            let Some(next) = page["next"].as_str() else {
                assert_eq!(page["has_more"], false);
                break;
            };
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            assert!(
                next.chars().all(is_plain),
                "goes into an address as it is: {next}"
            );
            cursor = format!("&cursor={next}");
        }
        assert_eq!(got, expected, "{order}");
    }
}

#[test]
fn descending_pages_do_not_move_under_who_publishes() {
    let (hub, server) = world();
    let first = page(&server, "order=desc&limit=5&total=true");
    assert_eq!(first["total"], 25);
    let event = Event::builder("a", "t")
        .json(r#"{"n":26}"#)
        .build()
        .unwrap();
    hub.publish(event).unwrap();
    let next = first["next"].as_str().unwrap();
    let second = page(&server, &format!("limit=5&cursor={next}"));
    assert_eq!(numbers(&second), [20, 19, 18, 17, 16]);
    assert_eq!(second["as_of"], first["as_of"]);
}

#[test]
fn topics_and_an_offset_narrow_it() {
    let (_, server) = world();
    assert_eq!(numbers(&page(&server, "topic=b")), [5, 10, 15, 20, 25]);
    assert_eq!(numbers(&page(&server, "topic=b&offset=3")), [20, 25]);
    assert_eq!(numbers(&page(&server, "topic=none")), Vec::<u64>::new());
    let none = page(&server, "since=2100-01-01T00:00:00Z");
    assert_eq!(numbers(&none), Vec::<u64>::new());
    let all = page(&server, "until=2100-01-01T00:00:00%2B01:00");
    assert_eq!(numbers(&all).len(), 25);
}

/// What only memory had was missing without a word.
#[test]
fn what_has_left_memory_is_told_where_it_may_have_been() {
    let hub = Hub::builder().capacity(64).journal(MemoryJournal::new());
    let hub = hub.build().unwrap();
    let unkept = TopicConfig::default().durability(Durability::None);
    hub.create_topic("ticks", unkept).unwrap();
    for n in 1..=300 {
        let topic = if n % 3 == 0 { "ticks" } else { "orders" };
        let event = Event::builder(topic, "t").json("{}").build().unwrap();
        hub.publish(event).unwrap();
    }
    let server = serve(&hub, |_| {});
    let epoch = hub.epoch();
    let first = page(&server, "limit=20");
    // It begins with 1, 2, 4 and ends with 28, 29; 31 is on the next one.
    let gap =
        json!({ "reason": "memory", "from": format!("{epoch}-3"), "to": format!("{epoch}-30") });
    assert_eq!(first["gaps"], json!([gap]));
    let orders = page(&server, "topic=orders&limit=20");
    assert_eq!(orders["gaps"], Value::Null);
    let ticks = page(&server, "topic=ticks");
    let gaps = ticks["gaps"].as_array().unwrap();
    assert_eq!(
        (gaps.len(), &gaps[0]["reason"]),
        (1, &json!("memory")),
        "{ticks}"
    );
}

#[test]
fn faults_name_the_field() {
    let (hub, server) = world();
    let future = format!("cursor={}-26-a26", hub.epoch());
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("order=newest", "order"),
        ("since=yesterday", "since"),
        ("until=tomorrow", "until"),
        (
            "since=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z",
            "since",
        ),
        ("cursor=junk", "cursor"),
        ("cursor=00000000004hm-7-a1", "cursor"),
        (&future, "cursor"),
        ("offset=-1", "offset"),
        ("total=maybe", "total"),
        ("topic=a..b", "topic"),
        ("order=asc&order=desc", "order"),
        ("form=beginning", "form"),
    ] {
        let (status, problem) = ask(&server, query);
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{query}");
    }
}

/// Lets everybody read `b`.
struct OnlyB;

impl Authorizer for OnlyB {
    fn authorize(&self, _: &AccessRequest<'_>) -> Decision {
        let topics = Filter::parse(["b"]).unwrap();
        Decision::Now(Ok(Principal::new().subscribe(Some(topics))))
    }
}

#[test]
fn a_client_gets_what_it_may_read_and_counts_nothing_else() {
    let (hub, _server) = world();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::builder(&hub)
        .authorizer(OnlyB)
        .bind(config)
        .unwrap();
    let server = server.spawn().unwrap();
    assert_eq!(numbers(&page(&server, "")), [5, 10, 15, 20, 25]);
    assert_eq!(page(&server, "total=true")["total"], 5);
    let mixed = page(&server, "topic=a&topic=b");
    assert_eq!(numbers(&mixed), [5, 10, 15, 20, 25]);
}

#[test]
fn head_is_answered_and_pages_are_pipelined() {
    use std::io::{Read, Write};
    let (_, server) = world();
    let mut stream = std::net::TcpStream::connect(server.addr()).unwrap();
    let request = |method, query: &str, more: &str| {
        format!("{method} {PATH}?{query} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n")
    };
    let all = [
        request("HEAD", "limit=1", ""),
        request("GET", "topic=b&limit=1", ""),
        request("GET", "order=desc&limit=1", "Connection: close\r\n"),
    ];
    stream.write_all(all.concat().as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let heads = text.matches("HTTP/1.1 200").count();
    assert_eq!(heads, 3, "{text}");
    let places = [r#""n":5}"#, r#""n":25}"#].map(|part| text.find(part));
    assert!(places[0] < places[1] && places[0].is_some(), "{text}");
}
