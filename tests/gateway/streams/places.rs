//! Endpoints made at run time, connections that are looked at, ended and sent to: over HTTP and from the
//! program itself.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use eventring::event::{Event, Filter};
use eventring::gateway::{
    ConnectionInfo, ConnectionStatus, EndpointError, EndpointInfo, StreamOptions,
};
use eventring::hub::Hub;
use serde_json::{Value, json};

use super::client::{Client, PATIENCE, eventually, publish, serve};

/// Sends a request; returns the status and the body as JSON.
fn ask(address: SocketAddr, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    crate::contract::check_exchange(&request, answer.as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    let status = head[9..12].parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn get(address: SocketAddr, path: &str) -> (u16, Value) {
    ask(address, "GET", path, &Value::Null)
}

#[test]
fn an_endpoint_streams_what_it_has_until_it_is_removed() {
    for reactors in [1, 2] {
        let hub = Hub::new();
        let server = serve(&hub, |config| config.reactors = reactors);
        let address = server.addr();
        let wish =
            json!({"path": "/live/prices", "topics": ["prices.>"], "retry": 7, "slow": "latest"});
        let (status, made) = ask(address, "POST", "/api/v1/endpoints", &wish);
        assert_eq!((status, &made["path"]), (201, &json!("/live/prices")));
        let mut all = Client::get(address, "/live/prices", "", 1 << 20);
        let mut gold = Client::get(address, "/live/prices?topic=*.gold", "", 1 << 20);
        publish(&hub, "secret", "no");
        publish(&hub, "prices.silver", "1");
        publish(&hub, "secret.gold", "no");
        let end = publish(&hub, "prices.gold", "2");
        all.read_to(end);
        gold.read_to(end);
        let data = |client: &Client| client.events().map(|s| s.data.clone()).collect::<Vec<_>>();
        assert_eq!(
            (data(&all), data(&gold)),
            (vec!["1".into(), "2".into()], vec!["2".into()])
        );
        assert_eq!(all.decoder.retry(), Some(7000));
        let (_, listed) = get(address, "/api/v1/endpoints");
        let listed = &listed["endpoints"][0];
        assert_eq!(
            (&listed["connections"], &listed["slow"]),
            (&json!(2), &json!("latest"))
        );
        let path = "/api/v1/endpoints?path=/live/prices";
        assert_eq!(ask(address, "DELETE", path, &Value::Null).0, 204);
        for client in [&mut all, &mut gold] {
            client.read_to_end();
            let last = client.seen.last().unwrap();
            assert_eq!(
                (last.event.as_str(), &last.json()["reason"]),
                ("disconnect", &json!("removed"))
            );
        }
        assert_eq!(get(address, "/live/prices").0, 404);
        assert_eq!(ask(address, "DELETE", path, &Value::Null).0, 404);
    }
}

#[test]
fn bad_endpoints_and_connections_are_refused_by_field() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let address = server.addr();
    server
        .handle()
        .create_endpoint("/a", Filter::all(), StreamOptions::default())
        .unwrap();
    for (route, wish, status, field) in [
        ("endpoints", json!({"path": "/b?c"}), 400, "path"),
        ("endpoints", json!({"path": "/b\u{1}"}), 400, "path"),
        ("endpoints", json!({"path": "b"}), 400, "path"),
        ("endpoints", json!({"path": "/healthz"}), 400, "path"),
        ("endpoints", json!({}), 400, "path"),
        ("endpoints", json!({"path": "/a"}), 409, "path"),
        (
            "endpoints",
            json!({"path": "/b", "heartbeat": 0.5}),
            400,
            "heartbeat",
        ),
        (
            "endpoints",
            json!({"path": "/b", "heartbeat": 3601}),
            400,
            "heartbeat",
        ),
        (
            "endpoints",
            json!({"path": "/b", "buffer": 100}),
            400,
            "buffer",
        ),
        ("connections", json!({"hold_ms": 21}), 400, "hold"),
        ("connections", json!({"topics": ["a..b"]}), 400, "topics"),
        ("connections", json!({"topic": "a"}), 400, "topic"),
        ("connections", json!([1]), 400, "body"),
        ("broadcast", json!({"ids": 1}), 400, "ids"),
        ("broadcast", json!({"endpoint": "/none"}), 404, "path"),
    ] {
        let (got, problem) = ask(address, "POST", &format!("/api/v1/{route}"), &wish);
        assert_eq!(
            (got, &problem["field"]),
            (status, &json!(field)),
            "{wish}: {problem}"
        );
    }
    let made: Vec<EndpointInfo> = server.handle().endpoints();
    assert_eq!(made.len(), 1, "nothing was made of them");
    let unknown = server.handle().remove_endpoint("/b");
    assert_eq!(unknown, Err(EndpointError::Unknown { path: "/b".into() }));
    for (method, path, status) in [
        ("GET", "/api/v1/connections/none/status", 404),
        ("GET", "/api/v1/connections/none/stream", 404),
        ("DELETE", "/api/v1/connections/0-12345", 404),
        ("GET", "/api/v1/connections?limit=0", 400),
        ("GET", "/api/v1/connections?limit=1001", 400),
        ("PUT", "/api/v1/connections", 405),
        ("POST", "/a", 405),
        ("DELETE", "/api/v1/endpoints", 400),
    ] {
        assert_eq!(
            ask(address, method, path, &Value::Null).0,
            status,
            "{method} {path}"
        );
    }
}

#[test]
fn a_connection_that_is_made_has_a_life_of_its_own() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let address = server.addr();
    let wish = json!({"topics": ["a.*"], "heartbeat": 5});
    let (status, made) = ask(address, "POST", "/api/v1/connections", &wish);
    assert_eq!((status, &made["status"]), (201, &json!("connecting")));
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/connections/{id}");
    let state = |status: &str| {
        let (code, told) = get(address, &format!("{path}/status"));
        assert_eq!(code, 200);
        told["status"] == *status
    };
    assert!(state("connecting"));
    let mut client = Client::get(address, made["url"].as_str().unwrap(), "", 1 << 20);
    publish(&hub, "b.x", "no");
    let end = publish(&hub, "a.x", "yes");
    client.read_to(end);
    let (_, told) = get(address, &format!("{path}/status"));
    assert_eq!(told["status"], "connected");
    assert_eq!(
        (&told["delivered"], &told["lag"], &told["filter"]),
        (&json!(1), &json!(0), &json!("a.*"))
    );
    assert!(
        told["last_event"].as_str().unwrap().ends_with('Z'),
        "{told}"
    );
    assert!(told["bytes"].as_u64().unwrap() > 100);
    drop(client);
    eventually("it is told as gone", || state("disconnected"));
    let mut again = Client::get(address, made["url"].as_str().unwrap(), "", 1 << 20);
    eventually("it came back", || state("connected"));
    // Who comes back before it was seen to go takes the place.
    let mut third = Client::get(address, made["url"].as_str().unwrap(), "", 1 << 20);
    again.read_to_end();
    assert!(state("connected"));
    assert_eq!(ask(address, "DELETE", &path, &Value::Null).0, 204);
    third.read_to_end();
    assert_eq!(third.seen.last().unwrap().json()["reason"], "disconnected");
    assert_eq!(get(address, &format!("{path}/status")).0, 404);
    assert_eq!(ask(address, "DELETE", &path, &Value::Null).0, 404);
}

#[test]
fn all_connections_are_listed_in_pages_and_ended_by_id() {
    for reactors in [1, 3] {
        let hub = Hub::new();
        let server = serve(&hub, |config| config.reactors = reactors);
        let address = server.addr();
        let mut clients: Vec<Client> = (0..7).map(|_| Client::open(address, "topic=a")).collect();
        server
            .handle()
            .create_connection(Filter::all(), StreamOptions::default())
            .unwrap();
        let (mut ids, mut after) = (Vec::new(), String::new());
        loop {
            let (_, page) = get(
                address,
                &format!("/api/v1/connections?limit=3&after={after}"),
            );
            assert_eq!(page["total"], 8);
            let listed = page["connections"].as_array().unwrap();
            ids.extend(listed.iter().map(|c| c["id"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => break,
            }
        }
        assert_eq!(ids.len(), 8);
        assert_eq!(
            ids.iter().collect::<HashSet<_>>().len(),
            8,
            "each once: {ids:?}"
        );
        ids.sort_unstable();
        let open: Vec<ConnectionInfo> = server.handle().connections().unwrap();
        assert_eq!(
            open.iter().map(|c| &c.id).collect::<Vec<_>>(),
            ids.iter().collect::<Vec<_>>()
        );
        let streams = open
            .iter()
            .filter(|c| c.status == ConnectionStatus::Connected);
        for info in streams {
            assert_eq!((info.filter.as_str(), info.delivered), ("a", 0));
            assert_eq!(server.handle().disconnect(&info.id), Ok(true));
        }
        for client in &mut clients {
            client.read_to_end();
        }
        assert_eq!(server.handle().disconnect("0-1234"), Ok(false));
        eventually("they are gone", || {
            server.handle().connections().unwrap().len() == 1
        });
    }
}

#[test]
fn a_broadcast_reaches_all_or_those_that_are_named() {
    for reactors in [1, 2] {
        let hub = Hub::new();
        let server = serve(&hub, |config| config.reactors = reactors);
        let address = server.addr();
        let handle = server.handle();
        handle
            .create_endpoint("/e", Filter::all(), StreamOptions::default())
            .unwrap();
        let mut plain = Client::open(address, "topic=none");
        let mut at_endpoint = Client::get(address, "/e", "", 1 << 20);
        let id = handle
            .create_connection(Filter::all(), StreamOptions::default())
            .unwrap();
        let url = format!("/api/v1/connections/{id}/stream");
        let mut named = Client::get(address, &url, "", 1 << 20);
        let event = |text: &str| Event::builder("x", "notice").text(text).build().unwrap();
        assert_eq!(handle.broadcast(event("all"), None).unwrap().sent, 3);
        assert_eq!(
            handle
                .broadcast(event("endpoint"), Some("/e"))
                .unwrap()
                .sent,
            1
        );
        let told = handle
            .broadcast_to(event("named"), [id.as_str(), "nobody", "0-77"])
            .unwrap();
        assert_eq!(
            (told.sent, told.unknown),
            (1, vec!["nobody".to_owned(), "0-77".to_owned()])
        );
        let body = json!({"ids": [id, "who"], "type": "notice", "data": {"n": 1}});
        let (status, told) = ask(address, "POST", "/api/v1/broadcast", &body);
        assert_eq!(
            (status, told),
            (200, json!({"sent": 1, "full": [], "unknown": ["who"]}))
        );
        let end = publish(&hub, "live", "after");
        let id_before = plain.decoder.last_event_id().to_owned();
        for (client, expected) in [
            (&mut plain, &["all"][..]),
            (&mut at_endpoint, &["all", "endpoint"]),
            (&mut named, &["all", "named", r#"{"n":1}"#]),
        ] {
            client.read_until(|client| {
                client
                    .seen
                    .iter()
                    .filter(|seen| seen.event == "notice")
                    .count()
                    >= expected.len()
            });
            let notices = client.seen.iter().filter(|seen| seen.event == "notice");
            assert_eq!(
                notices.map(|seen| seen.data.as_str()).collect::<Vec<_>>(),
                expected
            );
        }
        assert_eq!(
            plain.decoder.last_event_id(),
            id_before,
            "it moves nobody's position"
        );
        named.read_until(|client| client.events().any(|seen| seen.offset() == end));
    }
}

#[test]
fn a_broadcast_to_who_takes_nothing_is_bounded_and_never_tears_a_frame() {
    let hub = Hub::new();
    let server = serve(&hub, |config| config.send_buffer = Some(8 << 10));
    let mut stalled = Client::get(server.addr(), "/api/v1/events/stream", "", 4096);
    let text = "x".repeat(30_000);
    for _ in 0..20 {
        publish(&hub, "a", &text);
    }
    let blocked = || server.handle().connections().unwrap()[0].lag > 0;
    eventually("it stalls", blocked);
    let notice = || {
        Event::builder("x", "notice")
            .text(&"y".repeat(10_000))
            .build()
            .unwrap()
    };
    let (mut sent, mut full) = (0, 0);
    for _ in 0..20 {
        let told = server.handle().broadcast(notice(), None).unwrap();
        sent += told.sent;
        full += told.full.len();
    }
    assert!(sent > 0 && full > 0, "{sent} sent, {full} refused");
    stalled.read_to(20);
    stalled.read_until(|client| {
        client.seen.iter().filter(|s| s.event == "notice").count() as u64 >= sent
    });
    assert!(stalled.events().all(|seen| seen.data == text));
    let offsets: Vec<u64> = stalled.events().map(|seen| seen.offset()).collect();
    assert_eq!(offsets, (1..=20).collect::<Vec<_>>());
    assert!(
        stalled
            .seen
            .iter()
            .all(|s| s.event != "notice" || s.data.len() == 10_000)
    );
}

#[test]
fn a_server_that_nobody_drives_does_not_answer_its_program() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let handle = server.handle().clone();
    assert!(handle.connections().unwrap().is_empty());
    server.stop().unwrap();
    assert!(handle.connections().is_err());
    assert!(
        handle
            .broadcast(Event::builder("x", "t").build().unwrap(), None)
            .is_err()
    );
}

/// A misspelt parameter of an address is refused; members of bodies are, too.
#[test]
fn a_misspelt_member_is_refused_and_the_right_name_is_told() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    for (route, body, field, meant) in [
        ("connections", json!({"topic": "a"}), "topic", "topics"),
        (
            "endpoints",
            json!({"path": "/a", "heart_beat": 5}),
            "heart_beat",
            "heartbeat",
        ),
        ("broadcast", json!({"id": ["a"], "data": 1}), "id", "ids"),
    ] {
        let path = format!("/api/v1/{route}");
        let (status, told) = ask(server.addr(), "POST", &path, &body);
        assert_eq!((status, &told["field"]), (400, &json!(field)), "{told}");
        let detail = told["detail"].as_str().unwrap();
        assert!(
            detail.contains(&format!("did you mean {meant}?")),
            "{detail}"
        );
    }
}

/// What a client of event streams sends that comes back after a restart.
const COMES_BACK: &str = "Accept: text/event-stream\r\nLast-Event-ID: 6z2k0e9m3qv1d-42\r\n";
/// The same when it comes for the first time.
const COMES: &str = "Accept: text/event-stream\r\n";

/// `EventSource` gives up for good on a 404, silently.
#[test]
fn who_comes_back_to_an_endpoint_of_an_earlier_life_gets_a_reset() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let gone = |headers: &str| {
        let mut client = Client::get(server.addr(), "/live/prices", headers, 1 << 20);
        assert_eq!(client.status(), 200, "{}", client.head);
        client.read_to_end();
        let told = client.seen[0].clone();
        assert_eq!(told.event, "reset");
        (told, client.decoder.retry())
    };
    for headers in [COMES_BACK, COMES] {
        let (told, retry) = gone(headers);
        let data = told.json();
        assert_eq!(data["reason"], "gone");
        assert!(
            data["detail"].as_str().unwrap().contains("/live/prices"),
            "{data}"
        );
        assert!(retry.unwrap() >= 10_000, "it must not come back at once");
    }
    let (told, _) = gone(COMES_BACK);
    assert_eq!(told.json()["asked"], "6z2k0e9m3qv1d-42");
    // Once it is there again, the id that the reset gave goes on behind it.
    publish(&hub, "prices.a", "between");
    let options = StreamOptions::default();
    server
        .handle()
        .create_endpoint("/live/prices", Filter::all(), options)
        .unwrap();
    let headers = format!(
        "Accept: text/event-stream\r\nLast-Event-ID: {}\r\n",
        told.id
    );
    let mut again = Client::get(server.addr(), "/live/prices", &headers, 1 << 20);
    again.read_to(1);
    assert_eq!(again.seen[0].data, "between");
}

/// The same for connections that were made.
#[test]
fn who_comes_back_to_a_connection_of_an_earlier_life_gets_a_reset() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let earlier = serve(&hub, |_| {});
    let id = earlier
        .handle()
        .create_connection(Filter::all(), StreamOptions::default())
        .unwrap();
    let path = format!("/api/v1/connections/{id}/stream");
    for headers in [COMES_BACK, COMES] {
        let mut client = Client::get(server.addr(), &path, headers, 1 << 20);
        assert_eq!(client.status(), 200, "{}", client.head);
        client.read_to_end();
        let data = client.seen[0].json();
        assert_eq!(
            (client.seen[0].event.as_str(), &data["reason"]),
            ("reset", &json!("gone"))
        );
        assert!(
            data["detail"]
                .as_str()
                .unwrap()
                .contains("POST /api/v1/connections"),
            "{data}"
        );
        assert!(
            client.decoder.retry().unwrap() >= 60_000,
            "no id comes back"
        );
    }
}

/// What is not an event stream, was ended on purpose, or cannot have been there, is 404 as ever.
#[test]
fn what_was_never_there_or_was_ended_on_purpose_is_not_found() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let status =
        |path: &str, headers: &str| Client::get(server.addr(), path, headers, 1 << 20).status();
    let options = StreamOptions::default;
    let handle = server.handle();
    handle
        .create_endpoint("/removed", Filter::all(), options())
        .unwrap();
    handle.remove_endpoint("/removed").unwrap();
    let ended = handle.create_connection(Filter::all(), options()).unwrap();
    assert_eq!(handle.disconnect(&ended), Ok(true));
    let ended = format!("/api/v1/connections/{ended}/stream");
    for path in [
        "/removed",
        &ended,
        "/api/v1/event/stream",
        "/api/v1/connections/0-1/stream",
        "/a//b",
    ] {
        assert_eq!(status(path, COMES_BACK), 404, "{path}");
    }
    for headers in [
        "Accept: image/*\r\n",
        "Accept: text/html\r\n",
        "Accept: */*\r\n",
        "",
    ] {
        assert_eq!(status("/favicon.ico", headers), 404, "{headers}");
    }
    assert_eq!(ask(server.addr(), "POST", "/live", &json!({})).0, 404);
    // Made again under the same path, it is there again, and gone differently.
    handle
        .create_endpoint("/removed", Filter::all(), options())
        .unwrap();
    assert_eq!(status("/removed", COMES_BACK), 200);
}
