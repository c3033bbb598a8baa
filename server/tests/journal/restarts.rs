//! What comes back after a restart beside the events: topics' settings, endpoints, connections that were made.

use crate::common::{Http, Response, Server, Stream};
use serde_json::{Value, json};

fn send(server: &Server, method: &str, target: &str, body: &Value) -> Response {
    let body = body.to_string();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Http::connect(server.address).send(request).response()
}

fn get(server: &Server, target: &str) -> Value {
    let response = Http::connect(server.address).get(target).response();
    assert_eq!(response.status, 200, "{target}: {}", response.text());
    response.json()
}

#[test]
fn topics_endpoints_and_connections_come_back_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_on(folder.path(), &[]);
    let settings = json!({"durability": "buffered", "retain_events": 7});
    let made = send(&server, "PUT", "/api/v1/topics/orders.eu", &settings);
    assert!((200..300).contains(&made.status), "{}", made.text());
    let topic = get(&server, "/api/v1/topics/orders.eu");
    assert_eq!(
        (&topic["durability"], &topic["retain_events"]),
        (&json!("buffered"), &json!(7))
    );
    let endpoint = json!({"path": "/eu", "topics": ["orders.eu"]});
    let made = send(&server, "POST", "/api/v1/endpoints", &endpoint);
    assert!((200..300).contains(&made.status), "{}", made.text());
    let connection = json!({"topics": ["orders.>"]});
    let made = send(&server, "POST", "/api/v1/connections", &connection);
    assert!((200..300).contains(&made.status), "{}", made.text());
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let first = server.publish("orders.eu", "1");

    let kill = |mut server: Server| {
        server.signal(rustix::process::Signal::KILL);
        server.process.wait();
        Server::start_on(folder.path(), &[])
    };
    let server = kill(server);
    let topic = get(&server, "/api/v1/topics/orders.eu");
    assert_eq!(
        (&topic["durability"], &topic["retain_events"]),
        (&json!("buffered"), &json!(7))
    );
    let endpoints = get(&server, "/api/v1/endpoints").to_string();
    assert!(endpoints.contains("\"/eu\""), "{endpoints}");
    let last = format!("Last-Event-ID: {first}");
    let second = server.publish("orders.eu", "2");
    let mut stream = Stream::open_with(server.address, "topic=orders.eu", &[&last]);
    assert_eq!(stream.next().id, second);
    let mut made = Http::connect(server.address);
    let target = format!("/api/v1/connections/{id}/stream");
    assert_eq!(made.get(&target).head().status, 200);

    // What was taken away stays away.
    let mut gone = Http::connect(server.address);
    gone.send("DELETE /api/v1/topics/orders.eu HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(gone.head().status, 204);
    let server = kill(server);
    let topic = Http::connect(server.address)
        .get("/api/v1/topics/orders.eu")
        .response();
    let is_default = topic.status == 404 || topic.json()["durability"] != "buffered";
    assert!(is_default, "{}", topic.text());
}
