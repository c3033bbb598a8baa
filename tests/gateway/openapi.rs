//! The document of the routes: served as a file is, and true of what they answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;
use serde_json::Value;

use crate::contract;

const DOCUMENT: &str = "/api/v1/openapi.json";

fn serve() -> ServerThread {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::bind(&Hub::new(), config).unwrap();
    server.spawn().unwrap()
}

/// The whole answer to a request after which the connection ends.
fn ask(address: SocketAddr, method: &str, target: &str, fields: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    contract::check_exchange(&request, &answer);
    String::from_utf8(answer).unwrap()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a body").1
}

fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let lines = answer.lines().filter_map(|line| line.split_once(": "));
    let mut values = lines.filter(|(own, _)| own.eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value)
}

#[test]
fn the_document_is_served_as_a_file_is() {
    let server = serve();
    let answer = ask(server.addr(), "GET", DOCUMENT, "", "");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(field(&answer, "content-type"), Some("application/json"));
    let document: Value = serde_json::from_str(body(&answer)).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/v1/events/stream"]["get"].is_object());

    let tag = field(&answer, "etag").unwrap();
    let head = ask(server.addr(), "HEAD", DOCUMENT, "", "");
    assert_eq!(field(&head, "etag"), Some(tag));
    assert_eq!(
        field(&head, "content-length"),
        field(&answer, "content-length")
    );
    assert_eq!(body(&head), "");
    let known = format!("If-None-Match: W/\"x\", {tag}\r\n");
    let known = ask(server.addr(), "GET", DOCUMENT, &known, "");
    assert!(known.starts_with("HTTP/1.1 304 "), "{known}");
    assert_eq!((field(&known, "etag"), body(&known)), (Some(tag), ""));

    let index = ask(server.addr(), "GET", "/", "", "");
    assert!(index.contains(DOCUMENT), "{index}");
}

#[test]
fn parameters_have_their_ranges_and_words() {
    let parameters = &contract::document()["paths"]["/api/v1/events/stream"]["get"]["parameters"];
    let named = |name: &str| {
        let all = parameters.as_array().unwrap().iter();
        all.clone().find(|one| one["name"] == name).expect(name)
    };
    assert_eq!(named("topic")["schema"]["type"], "array");
    assert_eq!(named("heartbeat")["schema"]["maximum"], 3600);
    assert_eq!(named("slow")["schema"]["enum"][0], "catch-up");
    assert_eq!(named("presence")["schema"]["type"], "boolean");
    assert_eq!(named("Last-Event-ID")["in"], "header");
}

#[test]
fn rights_are_named() {
    let paths = &contract::document()["paths"];
    for (path, method, actions, resources) in [
        ("/metrics", "get", r#"["observe"]"#, r#"["server"]"#),
        (
            "/api/v1/ws",
            "get",
            r#"["subscribe","publish"]"#,
            r#"["topics","topics"]"#,
        ),
        (
            "/api/v1/topics/{topic}/events",
            "post",
            r#"["publish"]"#,
            r#"["topic"]"#,
        ),
        (
            "/api/v1/broadcast",
            "post",
            r#"["manage"]"#,
            r#"["all-topics"]"#,
        ),
        ("/healthz", "get", "null", "null"),
    ] {
        let operation = &paths[path][method];
        assert_eq!(
            operation["x-eventring-action"].to_string(),
            actions,
            "{path}"
        );
        assert_eq!(
            operation["x-eventring-resource"].to_string(),
            resources,
            "{path}"
        );
    }
}

/// Each is judged by `ask`.
#[test]
fn answers_are_as_documented() {
    let server = serve();
    let at = |method: &str, target: &str, fields: &str, body: &str| {
        ask(server.addr(), method, target, fields, body)
    };
    for target in [
        "/healthz",
        "/readyz",
        "/health/live",
        "/health/ready",
        "/api/v1/events/history?limit=3",
        "/api/v1/events/history?limit=0",
        "/api/v1/stats",
        "/api/v1/topics/t/presence",
        "/api/v1/connections/none/status",
        "/nowhere",
        "/api/v1/stats?x=1",
    ] {
        at("GET", target, "", "");
    }
    let json = "Content-Type: application/json\r\n";
    let made = at("POST", "/api/v1/connections", json, r#"{"topics":["a.>"]}"#);
    assert!(made.starts_with("HTTP/1.1 201 "), "{made}");
    let made: Value = serde_json::from_str(body(&made)).unwrap();
    let id = made["id"].as_str().unwrap();
    let status = at("GET", &format!("/api/v1/connections/{id}/status"), "", "");
    assert!(status.contains(r#""status":"connecting""#), "{status}");
    let endpoint = r#"{"path":"/live","heartbeat":1.5,"retry":2}"#;
    let made = at("POST", "/api/v1/endpoints", json, endpoint);
    assert!(made.starts_with("HTTP/1.1 201 "), "{made}");
    let listed = at("GET", "/api/v1/endpoints", "", "");
    assert!(listed.contains(r#""heartbeat":1.5,"retry":2,"#), "{listed}");
    let listed = at("GET", "/api/v1/connections", "", "");
    assert!(listed.contains(id), "{listed}");
    let sent = at("POST", "/api/v1/broadcast", json, r#"{"data":1}"#);
    assert!(sent.starts_with("HTTP/1.1 200 "), "{sent}");
    at("POST", "/api/v1/broadcast", json, r#"{"colour":1}"#);
    let lines = "Content-Type: application/x-ndjson\r\n";
    for (fields, body, status) in [(json, "1", 200), (lines, "1\n2\n", 200), (lines, "", 400)] {
        let published = at("POST", "/api/v1/topics/t/events", fields, body);
        assert!(
            published.starts_with(&format!("HTTP/1.1 {status} ")),
            "{published}"
        );
    }
    at(
        "POST",
        "/api/v1/topics/t/events",
        "Content-Type: text/plain\r\n",
        "\u{fffd}",
    );
    at("DELETE", "/api/v1/endpoints?path=/live", "", "");
}

#[test]
#[should_panic(expected = "not as documented")]
fn an_answer_that_drifts_is_found() {
    let body = br#"{"status":"ready","since":1}"#;
    contract::check("GET", "/readyz", 200, "application/json", body);
}

#[test]
#[should_panic(expected = "is not documented to answer 202")]
fn a_status_that_is_not_documented_is_found() {
    contract::check("GET", "/readyz", 202, "application/json", b"{}");
}
