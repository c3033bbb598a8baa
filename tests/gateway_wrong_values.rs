//! No query parameter and no header without a test of its wrong value. What there is, is read off the
//! sources: whoever adds one adds a case here. (`server/src/config/tests.rs` does the same for flags,
//! variables and keys of the file.)
#![cfg(feature = "gateway")]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use eventring::gateway::{Running, Server, ServerConfig};
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

const CONNECTIONS: &str = "/api/v1/connections";
const STREAM: &str = "/api/v1/events/stream";
const PUBLISH: &str = "/api/v1/topics/t/events";

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
    // A browser that gets anything but a stream never tries again.
    ("last-event-id", STREAM, "junk", Told("junk")),
    ("atomic", PUBLISH, "maybe", Refused(400)),
    ("limit", CONNECTIONS, "0", Refused(400)),
    ("after", CONNECTIONS, "%zz", Refused(400)),
];

/// Header, method and path, wrong value.
const HEADERS: &[(&str, &str, &str, Then)] = &[
    ("host", "GET /healthz", "a b", Refused(400)),
    ("host", "GET /healthz", "evil.example", Refused(421)),
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
    ("last-event-id", STREAM, "junk", Told("junk")),
    ("accept", "GET /healthz", "strange", Ignored),
    ("accept-encoding", "GET /healthz", "strange;q=2", Ignored),
];

fn serve() -> Running {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    Server::bind(&Hub::new(), config).unwrap().spawn().unwrap()
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
            return text;
        }
        match stream.read(&mut buffer) {
            Ok(0) => return text,
            Ok(n) => answer.extend_from_slice(&buffer[..n]),
            Err(error) => panic!("{request:?}: {error}; so far {text:?}"),
        }
    }
}

fn judge(name: &str, request: &str, then: &Then, address: SocketAddr) {
    let until = match then {
        Told(text) => text,
        Ignored => "\r\n\r\n",
        Refused(_) => "",
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
        let method = if *path == PUBLISH { "POST" } else { "GET" };
        let request = format!(
            "{method} {path}?{name}={value} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
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

/// The code of the files in a folder, without comments and tests.
fn code(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let rust = files.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    rust.map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    })
    .collect()
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
fn no_parameter_that_is_looked_at_lacks_a_case() {
    let mut read = BTreeSet::new();
    for code in code("src/gateway") {
        for part in code.split("in query(").skip(1) {
            let end = part.find("\n    }").unwrap_or(part.len());
            quoted(&part[..end], "name == ", " ", &mut read);
            quoted(&part[..end], "\n                ", " ", &mut read);
        }
    }
    assert!(read.len() > 6, "{read:?}");
    for name in &read {
        let tested = PARAMETERS.iter().any(|(tested, ..)| tested == name);
        assert!(tested, "no wrong value for ?{name}=: add one to PARAMETERS");
    }
}
