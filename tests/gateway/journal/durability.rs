//! A publish may ask for more safety than its topic, and for no less.

use eventring::event::Filter;
use eventring::hub::{Durability, Hub, TopicConfig};
use eventring::journal::{MemoryJournal, MemoryLog, Scan};
use std::ops::ControlFlow;

use super::client::{Client, ask};
use super::{PATH, serve};
use crate::sockets::client::Client as Socket;

const NDJSON: &str = "Content-Type: application/x-ndjson\r\n";
const BATCH: &str = "Content-Type: application/cloudevents-batch+json\r\n";
const ONE: &str = r#"[{"specversion":"1.0","id":"1","source":"/s","type":"t"}]"#;

#[test]
fn a_hub_without_a_journal_has_none_to_give() {
    let hub = Hub::new();
    let server = serve(&hub);
    let asked = |durability: &str| {
        ask(
            server.addr(),
            "POST",
            &format!("{PATH}?durability={durability}"),
            "1",
        )
    };
    asked("buffered").is_problem(400, "durability");
    asked("durable").is_problem(400, "durability");
    asked("safe").is_problem(400, "durability");
    asked("").is_problem(400, "durability");
    assert_eq!(hub.head(), 0);
    assert_eq!(asked("none").status, 200);
    let mut socket = Socket::new(server.addr(), "/api/v1/ws");
    socket.expect("welcome");
    for (durability, field) in [
        (r#""durable""#, "durability"),
        (r#""safe""#, "durability"),
        ("1", "durability"),
    ] {
        let told = socket.request(&format!(
            r#"{{"type":"publish","request":1,"topic":"t","data":1,"durability":{durability}}}"#
        ));
        assert_eq!(
            (&told["code"], &told["field"]),
            (&"invalid".into(), &field.into()),
            "{told}"
        );
    }
    assert_eq!(hub.head(), 1);
}

/// The offsets that a journal has.
fn kept(hub: &Hub) -> Vec<u64> {
    let mut reader = hub.journal().unwrap().view().reader().unwrap();
    let mut offsets = Vec::new();
    let filter = Filter::all();
    let scan = Scan::new(&filter, 1..hub.visible() + 1);
    let read = reader.read(&scan, &mut |event| {
        offsets.push(event.offset);
        ControlFlow::Continue(())
    });
    read.unwrap();
    offsets
}

#[test]
fn more_is_given_and_less_is_refused() {
    let log = MemoryLog::default();
    let hub = Hub::builder().journal(MemoryJournal::open(&log)).build();
    let hub = hub.unwrap();
    let none = TopicConfig::default().durability(Durability::None);
    hub.set_topic("t", none).unwrap();
    let server = serve(&hub);
    let mut client = Client::connect(server.addr());
    let mut post = |path: &str, query: &str, fields: &str, body: &str| {
        client.ask("POST", &format!("{path}{query}"), fields, body)
    };
    // 1, in memory; 2 to 6, in the journal.
    assert_eq!(post(PATH, "", "", "1").status, 200);
    for (query, fields, body) in [
        ("?durability=durable", "", "2"),
        ("?durability=buffered", "", "3"),
        ("?durability=durable", BATCH, ONE),
        ("?durability=durable", NDJSON, "5\n"),
        ("?durability=durable&atomic=false", NDJSON, "6\n"),
    ] {
        let answer = post(PATH, query, fields, body);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.body.contains("error"), "{answer:?}");
    }
    let mut socket = Socket::new(server.addr(), "/api/v1/ws");
    socket.expect("welcome");
    let told = socket
        .request(r#"{"type":"publish","request":1,"topic":"t","data":7,"durability":"durable"}"#);
    assert_eq!(told["type"], "published", "{told}");
    assert_eq!(kept(&hub), [2, 3, 4, 5, 6, 7]);

    // The hub's own default is durable.
    let other = "/api/v1/topics/other/events";
    for (query, fields, body) in [
        ("?durability=none", "", "1"),
        ("?durability=buffered", "", "1"),
        ("?durability=none", NDJSON, "1\n2\n"),
        ("?durability=none", BATCH, ONE),
    ] {
        post(other, query, fields, body).is_problem(409, "durability");
    }
    let lines = post(other, "?durability=none&atomic=false", NDJSON, "1\n");
    assert!(lines.body.contains(r#""field":"durability""#), "{lines:?}");
    let told = socket
        .request(r#"{"type":"publish","request":2,"topic":"other","data":7,"durability":"none"}"#);
    assert_eq!(
        (&told["code"], &told["field"]),
        (&"conflict".into(), &"durability".into())
    );
    assert_eq!(hub.head(), 7, "nothing of it was published");
}
