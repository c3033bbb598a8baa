//! The table of events to publish: what a reader of the stream sees of each, by our decoder and by npm's.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;
use eventring::wire::sse::EventDecoder;
use serde_json::{Value, json};

use super::super::table;
use super::answers::parse;
use super::exchange::{Exchange, Feed, PATIENCE};

/// A subscriber of everything. The body has no framing, so that its bytes are the stream.
struct Reader {
    stream: TcpStream,
    /// What came, the head first.
    raw: Vec<u8>,
    decoder: EventDecoder,
    /// Name, id and data of each event.
    seen: Vec<(String, String, String)>,
}

impl Reader {
    fn open(server: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(server).expect("the server accepts");
        let turn = Some(Duration::from_millis(50));
        stream.set_read_timeout(turn).expect("an option");
        let path = "/api/v1/events/stream?framing=close";
        let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut reader = Self {
            stream,
            raw: Vec::new(),
            decoder: EventDecoder::default(),
            seen: Vec::new(),
        };
        // Until something of the stream itself is there, so that what is published now comes.
        reader.read_until(|reader| !reader.body().is_empty());
        assert!(reader.raw.starts_with(b"HTTP/1.1 200 "));
        reader
    }

    fn body(&self) -> &[u8] {
        let end = self.raw.windows(4).position(|w| w == b"\r\n\r\n");
        end.map_or(&[], |end| &self.raw[end + 4..])
    }

    fn read_until(&mut self, done: impl Fn(&Self) -> bool) {
        let (begun, mut buffer) = (Instant::now(), [0; 16 << 10]);
        while !done(self) {
            assert!(
                begun.elapsed() < PATIENCE,
                "the last: {:?}",
                self.seen.last()
            );
            let length = match self.stream.read(&mut buffer) {
                Ok(0) => panic!("the stream ended after {:?}", self.seen.last()),
                Ok(length) => length,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    0
                }
                Err(error) => panic!("{error}"),
            };
            let old = self.body().len();
            self.raw.extend_from_slice(&buffer[..length]);
            let new = self.body()[old..].to_vec();
            let seen = &mut self.seen;
            let pushed = self.decoder.push(&new, |event| {
                seen.push((event.event.into(), event.id.into(), event.data.into()));
            });
            pushed.expect("within bounds");
        }
    }
}

/// Publishes a body, and returns the status of the answer.
fn publish(server: SocketAddr, topic: &str, body: &[u8]) -> u16 {
    // Every byte that may not stand in a path, and some that may.
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let topic: String = topic.bytes().map(escape).collect();
    let head = format!(
        "POST /api/v1/topics/{topic}/events HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\
         Content-Type: application/cloudevents+json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), body].concat();
    let exchange = Exchange::run(server, &Feed::whole(&request), |_| false);
    let answers = parse(&exchange.input, &[], true).expect("an answer");
    answers.all[0].status
}

/// The body that a case publishes.
fn body(case: &Value) -> Vec<u8> {
    if let Some(digits) = case["body_hex"].as_str() {
        return table::hex(digits);
    }
    if let Some(body) = case["body"].as_str() {
        return body.as_bytes().to_vec();
    }
    let member = |name: &str| table::text(&case[name]);
    let mut event = json!({
        "specversion": "1.0", "id": "1", "source": "/table", "datacontenttype": "text/plain",
        "type": member("type"), "data": member("data"),
    });
    // CloudEvents have no event without a type; streams have, and call it message.
    if member("type").is_empty() {
        event["type"] = "message".into();
    }
    if let Some(id) = case["id"].as_str() {
        event["id"] = id.into();
    }
    event.to_string().into_bytes()
}

/// What is wrong with what was seen of a case, given the status of its publish.
fn judge(case: &Value, status: u16, seen: &[(String, String, String)]) -> Option<&'static str> {
    let want = case["want"].as_str().expect("what is wanted");
    let (taken, refused) = (status / 100 == 2, status / 100 == 4);
    let wanted = |name: &str, or: &str| {
        let value = if case[name].is_null() {
            &case[or]
        } else {
            &case[name]
        };
        if value.is_null() {
            String::new()
        } else {
            table::text(value)
        }
    };
    let exact = match seen {
        [(event, _, data)] => {
            *event == wanted("received_type", "type") && *data == wanted("received", "data")
        }
        _ => false,
    };
    let good = match want {
        "delivered" => taken && exact,
        "either" | "lf" => refused || taken && exact,
        "rejected" => refused,
        "harmless" => {
            let id = case["id"].as_str();
            let injected = |(_, seen, data): &(String, String, String)| {
                data.contains("injected") || id == Some(seen.as_str())
            };
            (taken || refused) && seen.len() <= 1 && !seen.iter().any(injected)
        }
        _ => panic!("unknown: {want}"),
    };
    if refused && !seen.is_empty() {
        return Some("refused and delivered");
    }
    (!good).then_some("not as wanted")
}

#[test]
fn every_event_of_the_table_is_refused_or_read_as_it_was_published() {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::bind(&Hub::new(), config).expect("a free port");
    let server = server.spawn().expect("a thread");
    let mut reader = Reader::open(server.addr());
    let mut faults = Vec::new();
    for case in table::cases("sse_encode_cases.json") {
        let (from, name) = (reader.seen.len(), case["name"].as_str().expect("a name"));
        let topic = case["topic"].as_str().unwrap_or("t");
        let status = publish(server.addr(), topic, &body(&case));
        // Behind it comes this one, so that nothing has to be waited for that may never come.
        let mark = format!("mark of {name}");
        let event = json!({
            "specversion": "1.0", "id": "1", "source": "/table", "type": "mark", "data": mark,
            "datacontenttype": "text/plain",
        });
        let marked = publish(server.addr(), "t", event.to_string().as_bytes());
        assert_eq!(marked / 100, 2, "a plain event after {name}");
        reader.read_until(|reader| reader.seen.last().is_some_and(|(.., data)| *data == mark));
        let seen = &reader.seen[from..reader.seen.len() - 1];
        if let Some(fault) = judge(&case, status, seen) {
            let seen = format!("{seen:?}");
            faults.push(format!("{name}: {fault}: {status}, {seen:.300}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    match npm(reader.body()) {
        Some(events) => assert_eq!(events, reader.seen, "npm's parser and ours"),
        None => println!("skipped: eventsource-parser is not installed (scripts/clients)"),
    }
}

/// What npm's parser sees in a stream; `None` where it is not installed.
fn npm(stream: &[u8]) -> Option<Vec<(String, String, String)>> {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Where `scripts/clients` puts it.
    let modules: PathBuf = scratch.parent()?.join("clients/node/node_modules");
    if !modules.join("eventsource-parser").exists() {
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/sse_read.cjs");
    let file = scratch.join(format!("sse-{}", std::process::id()));
    std::fs::write(&file, stream).expect("a file");
    let output = Command::new("node")
        .arg(script)
        .arg(modules)
        .arg(&file)
        .output();
    std::fs::remove_file(&file).expect("it was there");
    let output = output.ok()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let events: Vec<[String; 3]> = serde_json::from_slice(&output.stdout).expect("JSON");
    Some(
        events
            .into_iter()
            .map(|[event, id, data]| (event, id, data))
            .collect(),
    )
}
