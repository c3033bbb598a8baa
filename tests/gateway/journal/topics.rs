//! Topics over HTTP: settled, looked at, listed in pages, deleted; and what a restart leaves of them.

use eventring::hub::Hub;
use serde_json::{Value, json};

use super::client::{Client, ask};
use super::place::Place;
use super::serve;

const TOPIC: &str = "/api/v1/topics/orders";

#[test]
fn a_topic_is_settled_looked_at_and_deleted() {
    let hub = Hub::new();
    let server = serve(&hub);
    let at = server.addr();
    ask(at, "GET", TOPIC, "").is_problem(404, "topic");
    ask(at, "DELETE", TOPIC, "").is_problem(404, "topic");
    let settings =
        r#"{"durability":"none","retain_events":5,"retain_bytes":1000,"retain_age_ms":60000}"#;
    let put = ask(at, "PUT", TOPIC, settings);
    assert_eq!(put.status, 200, "{put:?}");
    ask(at, "POST", &format!("{TOPIC}/events"), "1");
    let topic = ask(at, "GET", TOPIC, "").json();
    let last = hub.position().to_string();
    let expected = json!({
        "topic": "orders", "durability": "none", "retain_events": 5, "retain_bytes": 1000,
        "retain_age_ms": 60000, "published": 1, "last": last,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&topic[name], value, "{topic}");
    }
    // What is put takes the place of all that was.
    let put = ask(at, "PUT", TOPIC, r#"{"retain_events":1}"#).json();
    assert_eq!(
        (&put["retain_events"], &put["retain_age_ms"]),
        (&1.into(), &Value::Null)
    );
    assert_eq!(put["retain_bytes"], 1 << 20);
    let deleted = ask(at, "DELETE", TOPIC, "");
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    ask(at, "GET", TOPIC, "").is_problem(404, "topic");
}

#[test]
fn settings_that_are_none_are_refused_and_change_nothing() {
    let hub = Hub::new();
    let server = serve(&hub);
    let at = server.addr();
    for (body, field) in [
        (r#"{"durability":"safe"}"#, "durability"),
        // A server without a journal has none to give.
        (r#"{"durability":"durable"}"#, "durability"),
        (r#"{"retain_events":-1}"#, "retain_events"),
        (r#"{"retain_events":99999999999}"#, "retain_events"),
        (r#"{"retain_events":1,"retain_bytes":0}"#, "retain_bytes"),
        (r#"{"retain_age_ms":0}"#, "retain_age_ms"),
        (r#"{"retain":1}"#, "retain"),
        (r#"{"partitions":1}"#, "partitions"),
        ("[]", "body"),
        ("{", "body"),
    ] {
        let answer = ask(at, "PUT", TOPIC, body);
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        if field != "body" {
            answer.is_problem(400, field);
        }
    }
    let over = format!(r#"{{"retain_events":1,"retain_bytes":{}}}"#, 1_u64 << 40);
    ask(at, "PUT", TOPIC, &over).is_problem(409, "retain_bytes");
    ask(at, "PUT", "/api/v1/topics/a..b", "{}").is_problem(400, "topic");
    assert_eq!(ask(at, "PUT", "/api/v1/topics/$dead.x", "{}").status, 403);
    assert!(hub.topics().is_empty());
    ask(at, "GET", "/api/v1/topics?limit=0", "").is_problem(400, "limit");
    ask(at, "GET", "/api/v1/topics?limit=1001", "").is_problem(400, "limit");
    ask(at, "GET", "/api/v1/topics?perfix=a", "").is_problem(400, "perfix");
}

#[test]
fn topics_are_listed_in_pages() {
    let hub = Hub::new();
    let server = serve(&hub);
    let at = server.addr();
    let list = |query: &str| ask(at, "GET", &format!("/api/v1/topics{query}"), "").json();
    assert_eq!(
        list(""),
        json!({ "topics": [], "next": null, "has_more": false })
    );
    for n in 0..25 {
        let event = eventring::Event::builder(&format!("a.{n:02}"), "t").build();
        hub.publish(event.unwrap()).unwrap();
    }
    hub.create_topic("b", Default::default()).unwrap();
    let mut names = Vec::new();
    let mut after = String::new();
    loop {
        let page = list(&format!("?prefix=a.&limit=10{after}"));
        let topics = page["topics"].as_array().unwrap();
        names.extend(
            topics
                .iter()
                .map(|row| row["topic"].as_str().unwrap().to_owned()),
        );
        if page["has_more"] == false {
            assert_eq!(page["next"], Value::Null);
            break;
        }
        after = format!("&after={}", page["next"].as_str().unwrap());
    }
    let expected: Vec<String> = (0..25).map(|n| format!("a.{n:02}")).collect();
    assert_eq!(names, expected);
    let last = list("?after=a.24");
    let expected = json!([{ "topic": "b", "durability": "none", "published": 0, "last": null }]);
    assert_eq!(last["topics"], expected);
    let first = list("?limit=1");
    assert_eq!(first["topics"][0]["last"], format!("{}-1", hub.epoch()));
}

#[test]
fn settings_of_topics_are_there_after_a_restart() {
    for place in Place::all() {
        let hub = place.hub();
        let server = serve(&hub);
        let at = server.addr();
        let put = ask(
            at,
            "PUT",
            TOPIC,
            r#"{"durability":"none","retain_events":3}"#,
        );
        assert_eq!(put.status, 200, "{put:?}");
        assert_eq!(put.json()["durability"], "none");
        let put = ask(at, "PUT", "/api/v1/topics/gone", "{}");
        assert_eq!(put.json()["durability"], "durable", "the hub's own");
        assert_eq!(ask(at, "DELETE", "/api/v1/topics/gone", "").status, 204);
        server.stop().unwrap();
        drop(hub);

        let hub = place.hub();
        let server = serve(&hub);
        let topic = ask(server.addr(), "GET", TOPIC, "").json();
        assert_eq!(topic["durability"], "none", "{topic}");
        assert_eq!(topic["retain_events"], 3, "{topic}");
        ask(server.addr(), "GET", "/api/v1/topics/gone", "").is_problem(404, "topic");
    }
}

/// They were answered 200, and nothing of these topics ever went.
#[cfg(feature = "sqlite")]
#[test]
fn bounds_that_the_journal_does_not_keep_to_are_refused_or_counted() {
    use eventring::journal::{Journal, Retention, SqliteJournal, TopicPolicy};
    let place = Place::all().pop().unwrap();
    let Place::Directory(directory) = &place else {
        panic!("a journal in files")
    };
    let settings = r#"{"journal_events":5}"#;
    let hub = place.hub();
    let server = serve(&hub);
    assert_eq!(ask(server.addr(), "PUT", TOPIC, settings).status, 200);
    drop(server);
    hub.close();
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    let bounded = TopicPolicy::default().retention(Retention::default().events(Some(5)));
    for number in 0..4_096 {
        journal.set_topic(&format!("t.{number}"), &bounded).unwrap();
    }
    let hub = Hub::builder().journal(journal).build().unwrap();
    let server = serve(&hub);
    let at = server.addr();
    let count = |number: u32| {
        let metrics = Client::connect(at).ask("GET", "/metrics", "", "").body;
        let line = format!("eventring_journal_topics_not_taken {number}\n");
        assert!(metrics.contains(&line), "{metrics}");
    };
    // It was there before the others were.
    assert_eq!(ask(at, "GET", TOPIC, "").json()["journal_events"], 5);
    count(1);
    let refused = ask(at, "PUT", "/api/v1/topics/new", settings);
    refused.is_problem(409, "topic");
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("4096 topics have bounds"), "{detail}");
    ask(at, "GET", "/api/v1/topics/new", "").is_problem(404, "topic");
    assert_eq!(ask(at, "PUT", TOPIC, "{}").status, 200);
    count(0);
}
