//! No query parameter and no header without a test of its wrong value. What there is, is read off the
//! sources: whoever adds one adds a case here. (`server/src/config/tests.rs` does the same for flags,
//! variables and keys of the file.)

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use eventring::event::Filter;
use eventring::gateway::{Server, ServerConfig, ServerThread, StreamOptions, WebSocketStream};
use eventring::hub::Hub;

/// What a wrong value comes to.
enum Then {
    /// This status, and a problem whose detail and `field` name it.
    Refused(u16),
    /// A stream or an answer all the same, which holds this text.
    Told(&'static str),
    /// Nothing: every value is right, and this one means the same as none.
    Ignored,
}
use Then::{Ignored, Refused, Told};

use crate::contract;

const CONNECTIONS: &str = "/api/v1/connections";
const TOPICS: &str = "/api/v1/topics";
const ENDPOINTS: &str = "/api/v1/endpoints";
const CLIENTS: &str = "/clients";
const STREAM: &str = "/api/v1/events/stream";
const HISTORY: &str = "/api/v1/events/history";
const PUBLISH: &str = "/api/v1/topics/t/events";
const TRUNCATE: &str = "/api/v1/topics/d/events";

/// Query parameter, path, wrong value.
const PARAMETERS: &[(&str, &str, &str, Then)] = &[
    ("topic", STREAM, "a..b", Refused(400)),
    ("topic", STREAM, "%zz", Refused(400)),
    ("format", STREAM, "xml", Refused(400)),
    ("names", STREAM, "all", Refused(400)),
    ("framing", STREAM, "none", Refused(400)),
    ("from", STREAM, "yesterday", Refused(400)),
    ("last", STREAM, "some", Refused(400)),
    ("since", STREAM, "noon", Refused(400)),
    ("slow", STREAM, "wait", Refused(400)),
    ("compression", STREAM, "zip", Refused(400)),
    ("presence", STREAM, "maybe", Refused(400)),
    ("buffer", STREAM, "1", Refused(400)),
    ("heartbeat", STREAM, "3601", Refused(400)),
    ("heartbeat", STREAM, "-1", Refused(400)),
    ("until", HISTORY, "noon", Refused(400)),
    ("cursor", HISTORY, "junk", Refused(400)),
    ("offset", HISTORY, "-1", Refused(400)),
    ("order", HISTORY, "newest", Refused(400)),
    ("total", HISTORY, "maybe", Refused(400)),
    // A browser that gets anything but a stream never tries again.
    ("last-event-id", STREAM, "junk", Told("junk")),
    ("atomic", PUBLISH, "maybe", Refused(400)),
    ("durability", PUBLISH, "safe", Refused(400)),
    ("below", TRUNCATE, "noon", Refused(400)),
    ("streams", TRUNCATE, "maybe", Refused(400)),
    ("prefix", TOPICS, "%zz", Refused(400)),
    ("limit", TOPICS, "1001", Refused(400)),
    ("after", TOPICS, "%zz", Refused(400)),
    ("limit", CONNECTIONS, "0", Refused(400)),
    ("after", CONNECTIONS, "%zz", Refused(400)),
    ("path", ENDPOINTS, "%zz", Refused(400)),
    ("client", CLIENTS, "a%20b", Refused(400)),
];

/// Header, method and path, wrong value.
const HEADERS: &[(&str, &str, &str, Then)] = &[
    ("host", "GET /healthz", "a b", Refused(400)),
    ("host", "GET /metrics", "evil.example", Refused(421)),
    ("content-length", PUBLISH, "+5", Refused(400)),
    (
        "content-length",
        PUBLISH,
        "99999999999999999999",
        Refused(400),
    ),
    ("transfer-encoding", PUBLISH, "gzip", Refused(400)),
    ("connection", "GET /healthz", "of course", Ignored),
    ("expect", PUBLISH, "200-maybe", Ignored),
    (
        "content-type",
        PUBLISH,
        "application/cloudevents+avro",
        Refused(415),
    ),
    ("content-encoding", PUBLISH, "br", Refused(415)),
    ("ce-specversion", PUBLISH, "0.3", Refused(400)),
    ("ce-id", PUBLISH, "%zz", Refused(400)),
    ("ce-time", PUBLISH, "noon", Refused(400)),
    ("ce-type", PUBLISH, "%FF", Refused(400)),
    ("ce-datacontenttype", PUBLISH, "text/plain", Refused(400)),
    (
        "origin",
        "GET /healthz",
        "https://evil.example",
        Refused(403),
    ),
    ("sec-fetch-site", "GET /healthz", "cross-site", Refused(403)),
    ("sec-fetch-mode", "GET /healthz", "strange", Ignored),
    ("sec-fetch-dest", "GET /healthz", "strange", Ignored),
    (
        "access-control-request-method",
        "GET /healthz",
        "strange",
        Ignored,
    ),
    (
        "access-control-request-headers",
        "GET /healthz",
        "strange",
        Ignored,
    ),
    (
        "access-control-request-private-network",
        "GET /healthz",
        "strange",
        Ignored,
    ),
    ("last-event-id", STREAM, "junk", Told("junk")),
    (
        "if-none-match",
        "GET /api/v1/openapi.json",
        "strange",
        Ignored,
    ),
    ("accept", "GET /healthz", "strange", Ignored),
    ("accept-encoding", "GET /healthz", "strange;q=2", Ignored),
];

/// What asks for a WebSocket.
const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn serve() -> ServerThread {
    let config = ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .allowed_parameters(vec!["tenant".to_owned(), "x-*".to_owned()]);
    let clients = WebSocketStream::new(Default::default());
    let server = Server::builder(&Hub::new()).clients(CLIENTS, &clients);
    server.bind(config).unwrap().spawn().unwrap()
}

/// The whole answer, or as much of it as holds `until`.
fn ask(address: SocketAddr, request: &str, until: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if !until.is_empty() && text.contains(until) {
            contract::check_exchange(request, &answer);
            return text;
        }
        match stream.read(&mut buffer) {
            Ok(0) => {
                contract::check_exchange(request, &answer);
                return text;
            }
            Ok(n) => answer.extend_from_slice(&buffer[..n]),
            Err(error) => panic!("{request:?}: {error}; so far {text:?}"),
        }
    }
}

fn judge(name: &str, request: &str, then: &Then, address: SocketAddr) {
    let until = match then {
        Told(text) => text,
        Ignored => "\r\n\r\n",
        Refused(_) => "}\n",
    };
    let answer = ask(address, request, until);
    let status = answer.split(' ').nth(1).unwrap_or_default();
    match then {
        Refused(expected) => {
            assert_eq!(status, expected.to_string(), "{request:?}: {answer}");
            let detail = answer
                .split_once(r#""detail":""#)
                .expect(&answer)
                .1
                .to_ascii_lowercase();
            // Those of a browser are told in the words of its console.
            let named = name.strip_prefix("sec-fetch-").map_or(name, |_| "origin");
            assert!(detail.contains(named), "{name}: {answer}");
            let field = format!(r#""field":"{named}""#);
            assert!(answer.contains(&field), "{name}: {answer}");
        }
        Told(text) => assert!(status == "200" && answer.contains(text), "{answer}"),
        Ignored => assert_eq!(status, "200", "{request:?}: {answer}"),
    }
}

#[test]
fn a_wrong_parameter_is_named() {
    let server = serve();
    for (name, path, value, then) in PARAMETERS {
        let method = match *path {
            PUBLISH => "POST",
            ENDPOINTS | TRUNCATE => "DELETE",
            _ => "GET",
        };
        let connection = match *path {
            CLIENTS => UPGRADE,
            _ => "Connection: close\r\n",
        };
        let request = format!(
            "{method} {path}?{name}={value} HTTP/1.1\r\nHost: localhost\r\n{connection}\
             Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n"
        );
        judge(name, &request, then, server.addr());
    }
}

#[test]
fn a_wrong_header_is_named() {
    let server = serve();
    for (name, place, value, then) in HEADERS {
        let line = match *place {
            PUBLISH => format!("POST {PUBLISH}"),
            STREAM => format!("GET {STREAM}"),
            place => place.to_owned(),
        };
        let mut request = format!("{line} HTTP/1.1\r\n{name}: {value}\r\n");
        for other in [
            "Host: localhost",
            "Connection: close",
            "Content-Type: text/plain",
            "Content-Length: 0",
        ] {
            let given = other.split(':').next().unwrap_or_default();
            let is_length = given == "Content-Length" && *name == "transfer-encoding";
            if !given.eq_ignore_ascii_case(name) && !is_length {
                request += &format!("{other}\r\n");
            }
        }
        judge(name, &(request + "\r\n"), then, server.addr());
    }
}

/// The status and the whole answer to a GET, or to what else `line` says.
fn answer(address: SocketAddr, line: &str) -> (u16, String) {
    let line = if line.starts_with('/') {
        format!("GET {line}")
    } else {
        line.to_owned()
    };
    let upgrade = if line.contains("/ws") || line.contains(CLIENTS) {
        UPGRADE
    } else {
        "Connection: close\r\n"
    };
    let request = format!("{line} HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n");
    let head = ask(address, &request, "\r\n\r\n");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    if status < 400 {
        return (status, head);
    }
    (status, ask(address, &request, "}\n"))
}

/// Once: a misspelt filter subscribed to everything.
#[test]
fn a_misspelt_parameter_is_refused_and_the_right_name_is_told() {
    let server = serve();
    let handle = server.handle();
    let all = || (Filter::all(), StreamOptions::default());
    let (filter, options) = all();
    handle.create_endpoint("/prices", filter, options).unwrap();
    let (filter, options) = all();
    let made = handle.create_connection(filter, options).unwrap();
    let made = format!("/api/v1/connections/{made}/stream");
    for (path, query, name, meant) in [
        (STREAM, "topics=a", "topics", "topic"),
        (STREAM, "topic[]=a", "topic[]", "topic"),
        (STREAM, "topic[0]=a", "topic[0]", "topic"),
        (STREAM, "topic[12]=a&topic[13]=b", "topic[12]", "topic"),
        (STREAM, "topic%5B%5D=a", "topic[]", "topic"),
        (STREAM, "topic%5b0%5d=a", "topic[0]", "topic"),
        (STREAM, "%54opic=a", "Topic", "topic"),
        (STREAM, "Topic=a", "Topic", "topic"),
        (STREAM, "TOPIC=a", "TOPIC", "topic"),
        (STREAM, "+topic=a", " topic", "topic"),
        (STREAM, "topic=a&form=now", "form", "from"),
        (STREAM, "topic=a&amp;from=beginning", "amp;from", "from"),
        (STREAM, "lastEventIds=1-1", "lastEventIds", "last-event-id"),
        (STREAM, "heart_beat=5", "heart_beat", "heartbeat"),
        ("/api/v1/ws", "topics=a", "topics", "topic"),
        ("/api/v1/ws", "topic[]=a", "topic[]", "topic"),
        ("/api/v1/ws", "topic=a&Last=5", "Last", "last"),
        ("/prices", "topics=a", "topics", "topic"),
        (&made, "topic%5B%5D=a", "topic[]", "topic"),
        (
            "POST /api/v1/topics/t/events",
            "atomci=false",
            "atomci",
            "atomic",
        ),
        (CONNECTIONS, "limits=5", "limits", "limit"),
        ("DELETE /api/v1/endpoints", "Path=/prices", "Path", "path"),
    ] {
        let (status, told) = answer(server.addr(), &format!("{path}?{query}"));
        assert_eq!(status, 400, "{path}?{query}: {told}");
        let detail = format!("unknown parameter {name}: did you mean {meant}?");
        assert!(told.contains(&detail), "{path}?{query}: {told}");
        assert!(told.contains(&format!(r#""field":"{name}""#)), "{told}");
    }
    assert_eq!(handle.endpoints().len(), 1);
}

/// What stands in a query that asks for no stream that there is; the field that is named, and the detail.
const WRONG_STREAMS: &[(&str, &str, &str)] = &[
    (
        "from=now&last=3",
        "last",
        "last cannot be given with from: a stream has one start",
    ),
    (
        "last=3&from=now",
        "last",
        "last cannot be given with from: a stream has one start",
    ),
    (
        "from=beginning&since=2026-03-01T12:00:00Z",
        "since",
        "since cannot be given with from: a stream has one start",
    ),
    (
        "since=2026-03-01T12:00:00Z&from=beginning",
        "since",
        "since cannot be given with from: a stream has one start",
    ),
    (
        "last=3&since=2026-03-01T12:00:00Z",
        "since",
        "since cannot be given with last: a stream has one start",
    ),
    (
        "since=2026-03-01T12:00:00Z&last=3",
        "since",
        "since cannot be given with last: a stream has one start",
    ),
    (
        "from=now&last=3&since=2026-03-01T12:00:00Z",
        "last",
        "last cannot be given with from: a stream has one start",
    ),
    (
        // An id that a client remembers makes no two starts one.
        "from=now&last=3&last-event-id=x",
        "last",
        "last cannot be given with from: a stream has one start",
    ),
    ("from=now&from=now", "from", "from is there twice"),
    ("last=1&last=2", "last", "last is there twice"),
    (
        "from=yesterday",
        "from",
        "from is now, beginning or a position",
    ),
    ("from=", "from", "from is now, beginning or a position"),
    (
        // Nor does one make a wrong start right.
        "from=yesterday&last-event-id=x",
        "from",
        "from is now, beginning or a position",
    ),
    (
        "last=some",
        "last",
        "last is how many of the newest events to begin with",
    ),
    (
        "last=-1",
        "last",
        "last is how many of the newest events to begin with",
    ),
    (
        "since=noon",
        "since",
        "since is a time as 2026-03-01T12:00:00Z (RFC 3339)",
    ),
    (
        "topic=a..b",
        "topic",
        "topic: pattern 1: empty segment at column 3",
    ),
    ("compression=zip", "compression", "compression is off, gzip"),
    (
        "heartbeat=3601",
        "heartbeat",
        "heartbeat is 0 (none) to 3600 seconds",
    ),
    (
        "heartbeat=-1",
        "heartbeat",
        "heartbeat is 0 (none) to 3600 seconds",
    ),
    ("presence=maybe", "presence", "presence is true or false"),
    (
        // Of two faults, the same one is told everywhere.
        "topic=a..b&from=yesterday",
        "topic",
        "topic: pattern 1: empty segment at column 3",
    ),
    (
        "from=yesterday&compression=zip",
        "compression",
        "compression is off, gzip",
    ),
];

/// `EventSource` and WebSocket ask for the same streams: what one refuses, the other may not take for something else.
#[test]
fn all_streams_refuse_the_same_queries_in_the_same_words() {
    let server = serve();
    let handle = server.handle();
    let all = || (Filter::all(), StreamOptions::default());
    let (filter, options) = all();
    handle.create_endpoint("/prices", filter, options).unwrap();
    let (filter, options) = all();
    let made = handle.create_connection(filter, options).unwrap();
    let made = format!("/api/v1/connections/{made}/stream");
    for (query, field, detail) in WRONG_STREAMS {
        let body = |path: &str| {
            let (status, told) = answer(server.addr(), &format!("{path}?topic=a&{query}"));
            assert_eq!(status, 400, "{path}?{query}: {told}");
            told.split_once("\r\n\r\n").expect(&told).1.to_owned()
        };
        let told = body(STREAM);
        assert!(told.contains(&format!(r#""field":"{field}""#)), "{told}");
        assert!(told.contains(&format!(r#""detail":"{detail}"#)), "{told}");
        for path in ["/prices", &made, "/api/v1/ws"] {
            assert_eq!(body(path), told, "{path}?{query}");
        }
    }
}

/// Clients come back to the address that they first went to, with an id: that goes before the start which stands there.
#[test]
fn an_id_beside_a_start_goes_before_it_on_all_streams() {
    let server = serve();
    let (filter, options) = (Filter::all(), StreamOptions::default());
    let handle = server.handle();
    handle.create_endpoint("/prices", filter, options).unwrap();
    for start in [
        "from=now",
        "from=beginning",
        "last=3",
        "since=2026-03-01T12:00:00Z",
    ] {
        for path in [STREAM, "/prices", "/api/v1/ws"] {
            for (query, header) in [("&last-event-id=junk", ""), ("", "Last-Event-ID: junk\r\n")] {
                let upgrade = if path.ends_with("/ws") { UPGRADE } else { "" };
                let request = format!(
                    "GET {path}?topic=a&{start}{query} HTTP/1.1\r\nHost: localhost\r\n{upgrade}{header}\r\n"
                );
                let told = ask(server.addr(), &request, r#""asked":"junk""#);
                assert!(told.contains("reset"), "{request}: {told}");
            }
        }
    }
}

/// Misspelt parameters of routes that have none, and of those where no name is near.
#[test]
fn a_route_refuses_what_it_does_not_know_and_says_what_it_knows() {
    let server = serve();
    for path in [
        "/metrics",
        "/api/v1/stats",
        "/api/v1/topics/a/presence",
        "/api/v1/endpoints",
        "POST /api/v1/connections",
        "POST /api/v1/broadcast",
        "DELETE /api/v1/connections/0-1",
    ] {
        let (status, told) = answer(server.addr(), &format!("{path}?colour=red"));
        assert_eq!(status, 400, "{path}: {told}");
        let detail = "unknown parameter colour: this address takes none";
        assert!(told.contains(detail), "{path}: {told}");
    }
    let (status, told) = answer(server.addr(), "/api/v1/connections?colour=red");
    assert_eq!(status, 400);
    assert!(
        told.contains("unknown parameter colour: this address takes limit, after"),
        "{told}"
    );
    // Load balancers, links and versions of files put what they like behind these.
    for path in [
        "/healthz?probe=lb-7",
        "/?ref=mail",
        "/dashboard.js?version=3",
        "/favicon.svg?x",
    ] {
        assert_eq!(answer(server.addr(), path).0, 200, "{path}");
    }
}

/// What others add to an address is no misspelt filter.
#[test]
fn what_caches_and_trackers_add_to_an_address_passes() {
    let server = serve();
    let added = "_=1700000000000&t=1&cb=x&nocache=1&utm_source=mail&utm_x=&fbclid=y&access_token=z\
                 &tenant=7&x-a=1";
    for path in [
        STREAM,
        "/api/v1/stats",
        "/metrics",
        CONNECTIONS,
        "/api/v1/endpoints",
    ] {
        assert_eq!(
            answer(server.addr(), &format!("{path}?{added}")).0,
            200,
            "{path}"
        );
    }
    let path = format!("/api/v1/ws?topic=a&{added}");
    assert_eq!(answer(server.addr(), &path).0, 101);
}

/// Once: of two values one was left out without a word.
#[test]
fn a_parameter_that_stands_once_is_refused_the_second_time() {
    let server = serve();
    for (path, query, name) in [
        (STREAM, "from=now&from=beginning", "from"),
        (STREAM, "format=data&topic=a&format=data", "format"),
        ("/api/v1/ws", "topic=a&heartbeat=1&heartbeat=2", "heartbeat"),
        ("/api/v1/ws", "topic=a&last=5&from=now", "last"),
        (CONNECTIONS, "limit=1&limit=2", "limit"),
        (
            "POST /api/v1/topics/t/events",
            "atomic=true&atomic=false",
            "atomic",
        ),
        ("DELETE /api/v1/endpoints", "path=/a&path=/b", "path"),
    ] {
        let (status, told) = answer(server.addr(), &format!("{path}?{query}"));
        assert_eq!(status, 400, "{path}?{query}: {told}");
        assert!(told.contains(&format!(r#""field":"{name}""#)), "{told}");
    }
    // Patterns add up.
    assert_eq!(
        answer(server.addr(), &format!("{STREAM}?topic=a&topic=b")).0,
        200
    );
}

/// Numbers with something around them are none.
#[test]
fn a_number_is_digits() {
    let server = serve();
    for (path, name) in [
        (STREAM, "heartbeat"),
        (STREAM, "last"),
        (STREAM, "buffer"),
        (CONNECTIONS, "limit"),
    ] {
        for value in ["%2B5", "5s", "0x5", "5.0", "5+", "", "%EF%BC%95"] {
            let (status, told) = answer(server.addr(), &format!("{path}?{name}={value}"));
            assert_eq!(status, 400, "{name}={value}: {told}");
            assert!(told.contains(&format!(r#""field":"{name}""#)), "{told}");
        }
    }
}

/// Once: of two headers one was left out, and said how the body was read.
#[test]
fn two_headers_that_differ_are_refused() {
    let server = serve();
    for (lines, status, field) in [
        (
            "Content-Type: text/plain\r\nContent-Type: application/x-ndjson\r\n",
            400,
            "content-type",
        ),
        (
            "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n",
            415,
            "content-encoding",
        ),
        (
            "Content-Type: text/plain\r\nContent-Type: text/plain\r\nContent-Encoding: Identity\r\n",
            200,
            "",
        ),
    ] {
        let request = format!(
            "POST {PUBLISH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n{lines}\r\nx"
        );
        let told = ask(server.addr(), &request, "}\n");
        assert!(
            told.starts_with(&format!("HTTP/1.1 {status} ")),
            "{lines:?}: {told}"
        );
        assert!(told.contains(field), "{told}");
    }
}

/// The code of the files in a folder and those in it, without comments and tests.
fn code(folder: &str) -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut all = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("ws") {
                // It reads the members of messages, by calls that are spelt alike.
            } else if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                let lines = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"));
                all.push(lines.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    all
}

/// What stands in quotes right behind `before`, where `after` comes next.
fn quoted(code: &str, before: &str, after: &str, found: &mut BTreeSet<String>) {
    for rest in code.split(&format!("{before}\"")).skip(1) {
        if let Some((name, rest)) = rest.split_once('"')
            && rest.starts_with(after)
        {
            found.insert(name.to_owned());
        }
    }
}

#[test]
fn no_header_that_is_looked_at_lacks_a_case() {
    let mut read = BTreeSet::new();
    for code in code("src/gateway").iter().chain(&code("src/wire/http")) {
        for call in ["header(", "header_values(", "value(", "values(", "single("] {
            quoted(code, call, ")", &mut read);
        }
        quoted(code, "has_token(", ",", &mut read);
    }
    assert!(read.len() > 12, "{read:?}");
    for name in &read {
        let tested = HEADERS.iter().any(|(tested, ..)| tested == name);
        assert!(
            tested,
            "no wrong value for the header {name}: add one to HEADERS"
        );
    }
    assert!(HEADERS.iter().any(|(name, ..)| name.starts_with("ce-")));
}

#[test]
fn no_parameter_that_is_known_lacks_a_case() {
    let mut known = BTreeSet::new();
    for code in code("src/gateway/http/query") {
        let code: String = code.split_whitespace().collect();
        for before in ["once(", "name:"] {
            quoted(&code, before, ",", &mut known);
        }
    }
    assert!(known.len() > 12, "{known:?}");
    for name in &known {
        let tested = PARAMETERS.iter().any(|(tested, ..)| tested == name);
        assert!(tested, "no wrong value for ?{name}=: add one to PARAMETERS");
    }
}
