//! Streams are there for others to see, see who comes and goes, and end with their topic.

use eventring::event::Event;
use eventring::hub::{Hub, Subscription};
use serde_json::{Value, json};
use std::net::SocketAddr;

use super::client::{Client, eventually, publish, serve};

fn there(address: SocketAddr, topic: &str) -> Value {
    let path = format!("/api/v1/topics/{topic}/presence");
    let mut client = Client::get(address, &path, "", 1 << 20);
    assert_eq!(client.status(), 200, "{}", client.head);
    client.json_body()
}

/// Weakness 3: a connection whose socket had failed stayed registered.
#[test]
fn weakness_3_a_connection_that_is_gone_is_no_longer_there() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let mut all: Vec<Client> = (0..20)
        .map(|_| Client::open(server.addrs()[0], "topic=a"))
        .collect();
    eventually("all are there", || hub.presence("a").len() == 20);
    let last = publish(&hub, "a", "1");
    all.iter_mut().for_each(|client| client.read_to(last));
    all.truncate(5);
    eventually("15 left", || hub.presence("a").len() == 5);
    let last = publish(&hub, "a", "2");
    all.iter_mut().for_each(|client| client.read_to(last));
    server.stop().unwrap();
}

/// Weakness 29: a payload could set the frame's type, and so end a stream.
#[test]
fn an_event_cannot_be_taken_for_a_control() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let mut client = Client::open(server.addrs()[0], "");
    let mut whole = Client::open(server.addrs()[0], "format=cloudevents");
    for ty in ["gap", "reset", "disconnect", "join", "leave", "t"] {
        hub.publish(Event::builder("a", ty).text("mine").build().unwrap())
            .unwrap();
    }
    client.read_to(6);
    whole.read_to(6);
    let names: Vec<&str> = client.seen.iter().map(|seen| seen.event.as_str()).collect();
    let message = "message";
    assert_eq!(names, [message, message, message, message, message, "t"]);
    assert!(client.seen.iter().all(|seen| seen.data == "mine"));
    let types: Vec<Value> = whole
        .seen
        .iter()
        .map(|seen| seen.json()["type"].clone())
        .collect();
    assert_eq!(types, ["gap", "reset", "disconnect", "join", "leave", "t"]);
    server.stop().unwrap();
}

#[test]
fn streams_appear_in_the_presence_of_their_topics_and_leave() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let address = server.addrs()[0];
    let nobody = json!({"topic": "orders.eu", "at": 0, "count": 0, "present": []});
    assert_eq!(there(address, "orders.eu"), nobody);
    let orders = Client::open(address, "topic=orders.*");
    let users = Client::open(address, "topic=users");
    let _receiver = hub.subscribe(Subscription::topic("users").id("in-process"));
    eventually("both are there", || {
        hub.presence("orders.eu").len() == 1 && hub.presence("users").len() == 2
    });
    let present = there(address, "users");
    assert_eq!(present["count"], 2);
    assert_eq!(present["present"][1], "in-process");
    assert_eq!(hub.subscriptions().len(), 1, "a stream is no subscription");
    drop(orders);
    eventually("it left", || hub.presence("orders.eu").is_empty());
    drop(users);
    eventually("it left", || hub.presence("users").len() == 1);
    let mut bad = Client::get(address, "/api/v1/topics/a..b/presence", "", 1 << 20);
    assert_eq!(
        (bad.status(), bad.json_body()["field"].clone()),
        (400, json!("topic"))
    );
    server.stop().unwrap();
}

#[test]
fn who_asks_is_told_who_joins_and_leaves() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let mut watching = Client::open(server.addrs()[0], "topic=rooms.*&presence=true");
    let mut quiet = Client::open(server.addrs()[0], "topic=rooms.1");
    eventually("both are there", || hub.presence("rooms.1").len() == 2);
    let ann = hub.subscribe(Subscription::topic("rooms.1").id("ann"));
    let other = hub.subscribe(Subscription::topic("other").id("other"));
    drop(ann);
    drop(other);
    let last = publish(&hub, "rooms.1", "hello");
    let of_ann = |client: &Client| {
        let seen = client
            .seen
            .iter()
            .filter(|seen| seen.data.starts_with(r#"{"id":"ann","at":"#));
        seen.map(|seen| seen.event.clone()).collect::<Vec<_>>()
    };
    watching.read_until(|client| of_ann(client).len() == 2 && client.events().count() == 1);
    assert_eq!(of_ann(&watching), ["join", "leave"]);
    assert!(
        watching
            .seen
            .iter()
            .all(|seen| !seen.data.contains("other"))
    );
    quiet.read_to(last);
    assert_eq!(quiet.seen.len(), 1, "it did not ask: {:?}", quiet.seen);
    let mut bad = Client::get(
        server.addrs()[0],
        "/api/v1/events/stream?presence=maybe",
        "",
        1 << 20,
    );
    assert_eq!(
        (bad.status(), bad.json_body()["field"].clone()),
        (400, json!("presence"))
    );
    server.stop().unwrap();
}

#[test]
fn a_stream_ends_with_its_topic_and_is_told_so() {
    let hub = Hub::new();
    publish(&hub, "a", "1");
    publish(&hub, "b", "2");
    let server = serve(&hub, |_| {});
    let mut named = Client::open(server.addrs()[0], "topic=a&framing=chunked");
    let mut pattern = Client::open(server.addrs()[0], "topic=*");
    let mut both = Client::open(server.addrs()[0], "topic=a&topic=b");
    eventually("all are there", || hub.presence("a").len() == 3);
    hub.delete_topic("a").unwrap();
    named.read_to_end();
    let last = named.seen.last().unwrap();
    assert_eq!(
        (last.event.as_str(), last.json()),
        ("disconnect", json!({"reason": "topic_deleted"}))
    );
    let last = publish(&hub, "b", "3");
    pattern.read_to(last);
    both.read_to(last);
    assert!(!pattern.ended && !both.ended, "they have other topics");
    eventually("it left", || hub.presence("a").len() == 2);
    // Whoever knows the id can end a stream, as a subscription.
    for id in hub.presence("b") {
        assert!(hub.unsubscribe(&id));
    }
    pattern.read_to_end();
    both.read_to_end();
    assert_eq!(
        pattern.seen.last().unwrap().json()["reason"],
        "disconnected"
    );
    server.stop().unwrap();
}

#[test]
fn presence_can_be_switched_off() {
    let hub = Hub::new();
    let server = serve(&hub, |config| config.presence = false);
    let mut client = Client::open(server.addrs()[0], "topic=a&presence=true");
    let last = publish(&hub, "a", "1");
    client.read_to(last);
    assert_eq!(there(server.addrs()[0], "a")["count"], 0);
    server.stop().unwrap();
}
