//! The table of HTTP requests, good, odd and bad, against a server: its answers, and that it lives on.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;
use serde_json::Value;

use super::super::table;
use super::answers::{Answers, parse};
use super::exchange::{Exchange, Feed};
use super::frames;

/// What the words of the table stand for.
const OK: &str = "/healthz";
const POST: &str = "/api/v1/topics/t/events";
const JSON: &str = r#"{"n":1}"#;
const WS: &str = "/api/v1/ws";
const SSE: &str = "/api/v1/events/stream";
/// Silence after which nothing more is expected. An answer that comes later than this is missed, and the
/// case passes: a busy machine fails nothing.
const QUIET: Duration = Duration::from_millis(300);
/// Silence in which an unfinished request must not be answered.
const WAIT: Duration = Duration::from_millis(1000);
/// Most cases are waits.
const AT_ONCE: usize = 32;
/// The key of RFC 6455, 1.3, stands in all handshakes.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn server(change: impl FnOnce(ServerConfig) -> ServerConfig) -> ServerThread {
    let config = change(ServerConfig::default().listen(([127, 0, 0, 1], 0).into()));
    let server = Server::bind(&Hub::new(), config).expect("a free port");
    server.spawn().expect("a thread")
}

/// The bytes of a case: each character is one byte.
fn bytes(value: &Value, server: SocketAddr) -> Vec<u8> {
    let text = table::text(value)
        .replace("{HOST}", &server.to_string())
        .replace("{OK}", OK)
        .replace("{POST}", POST)
        .replace("{JSON}", JSON)
        .replace("{JLEN}", &JSON.len().to_string())
        .replace("{JHEX}", &format!("{:x}", JSON.len()))
        .replace("{WS}", WS)
        .replace("{SSE}", SSE);
    let byte = |character: char| u8::try_from(character).expect("a character that is a byte");
    text.chars().map(byte).collect()
}

fn names(value: &Value) -> Vec<&str> {
    let names = value.as_array().map(Vec::as_slice).unwrap_or_default();
    names.iter().filter_map(Value::as_str).collect()
}

fn feeds<'a>(case: &Value, bytes: &'a [u8]) -> Vec<(String, Feed<'a>)> {
    let named = names(&case["feeds"]);
    let mut feeds = vec![("whole".to_owned(), Feed::whole(bytes))];
    if named.contains(&"bytes") {
        feeds.push(("by bytes".to_owned(), Feed::bytes(bytes)));
    }
    if named.contains(&"halves") {
        let end = bytes
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .expect("a head");
        let cuts = (end + 1..=end + 4).chain([bytes.len() / 2]);
        for at in cuts.collect::<BTreeSet<_>>() {
            let (one, two) = bytes.split_at(at);
            let pieces = [one, two].into_iter().filter(|piece| !piece.is_empty());
            let feed = Feed::cut(pieces.collect(), Duration::from_millis(30));
            feeds.push((format!("cut at {at}"), feed));
        }
    }
    feeds
}

/// Runs a case with each of its feeds, and says what is wrong.
fn run(case: &Value, server: SocketAddr) -> Vec<String> {
    let bytes = bytes(&case["send"], server);
    let mut faults = Vec::new();
    for (how, feed) in feeds(case, &bytes) {
        let heads = heads(case);
        let exchange = Exchange::run(server, &feed, |exchange| is_done(case, &heads, exchange));
        let ended = exchange.ended && !exchange.reset;
        let found = match parse(&exchange.input, &heads, ended) {
            Ok(answers) => judge(case, &exchange, &answers),
            Err(malformed) => vec![format!("malformed: {malformed}")],
        };
        faults.extend(found.into_iter().map(|fault| format!("{how}: {fault}")));
    }
    if !is_alive(server) {
        faults.push("the server is dead or stuck after it".to_owned());
    }
    faults
}

fn heads(case: &Value) -> Vec<u64> {
    let heads = case["head"].as_array().map(Vec::as_slice);
    let heads = heads.unwrap_or_default().iter();
    heads.filter_map(Value::as_u64).collect()
}

/// Returns whether no more is expected on a connection that is still open.
fn is_done(case: &Value, heads: &[u64], exchange: &Exchange) -> bool {
    if names(&case["accept"]) == ["wait"] {
        return exchange.is_quiet(WAIT);
    }
    if case["closes"] == true || !exchange.is_quiet(QUIET) {
        return false;
    }
    let Ok(answers) = parse(&exchange.input, heads, false) else {
        return true;
    };
    let most = case["answers"][1].as_u64().expect("a number");
    let pong = case["pong"] != true || has_pong(&answers);
    answers.all.len() as u64 >= most.max(1) && pong
}

fn has_pong(answers: &Answers) -> bool {
    answers
        .upgraded
        .windows(6)
        .any(|frame| frame == b"\x8a\x04ping")
}

/// What is wrong with the answers of one connection.
fn judge(case: &Value, exchange: &Exchange, answers: &Answers) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |good: bool, fault: &dyn Fn() -> String| {
        if !good {
            faults.push(fault());
        }
    };
    let all = &answers.all;
    let statuses: Vec<u16> = all.iter().map(|answer| answer.status).collect();
    let first = statuses.first().copied();
    let accept = names(&case["accept"]);
    check(
        accept
            .iter()
            .any(|word| accepts(word, first, exchange.ended)),
        &|| {
            let end = if exchange.ended { "the end" } else { "silence" };
            format!("{first:?} and {end}, not {}", accept.join(" or "))
        },
    );
    for status in &statuses {
        let broken = *status >= 500 && !matches!(status, 501 | 505);
        check(!broken, &|| format!("status {status}"));
    }
    let (least, most) = (case["answers"][0].as_u64(), case["answers"][1].as_u64());
    if first.is_some() {
        let count = all.len() as u64;
        let good =
            least.is_some_and(|least| count >= least) && most.is_some_and(|most| count <= most);
        check(good, &|| format!("{statuses:?}, not {}", case["answers"]));
        let stays = case["closes"] == true && !exchange.ended;
        check(!stays, &|| format!("left open after {first:?}"));
    }
    let stream = case["stream"] == true;
    // A reset may cut what was not read yet: the sender of too much has to live with it.
    let whole = all.iter().all(|answer| answer.complete) || stream || exchange.reset;
    check(whole, &|| "a body that is cut".to_owned());
    if let Some(answer) = all.first() {
        let kind = answer.field("content-type").unwrap_or_default();
        let good = !stream || answer.status != 200 || kind.starts_with("text/event-stream");
        check(good, &|| format!("content-type {kind}"));
        let old = case["no_chunked"] == true && answer.field("transfer-encoding").is_some();
        check(!old, &|| "chunks for HTTP/1.0".to_owned());
        let allow = answer.status != 405 || answer.field("allow").is_some();
        check(allow, &|| "405 without Allow".to_owned());
        if case["ws"] == true && answer.status == 101 {
            let field = |name| answer.field(name).unwrap_or_default();
            let good = field("sec-websocket-accept") == ACCEPT
                && field("upgrade").eq_ignore_ascii_case("websocket")
                && field("connection").eq_ignore_ascii_case("upgrade")
                && field("sec-websocket-protocol").is_empty();
            check(good, &|| format!("{answer:?}"));
            let extensions = field("sec-websocket-extensions");
            let extended = case["no_ext"] == true && !extensions.is_empty();
            check(!extended, &|| format!("the extension {extensions}"));
        }
    }
    if case["pong"] == true {
        check(has_pong(answers), &|| {
            "no pong for a frame in the segment of the handshake".to_owned()
        });
    }
    if let Some(codes) = case["close_code"].as_array() {
        let code = frames::close_code(&answers.upgraded);
        let code = code.map_or(Value::Null, Value::from);
        check(codes.contains(&code), &|| {
            format!("close code {code}, not {codes:?}")
        });
    }
    faults
}

/// Returns whether a word of `accept` allows this first status, or the end without one.
fn accepts(word: &str, status: Option<u16>, ended: bool) -> bool {
    match (word, status) {
        ("wait", None) => !ended,
        ("close" | "reject", None) => ended,
        ("reject", Some(status)) => matches!(status, 400..=499 | 501 | 505),
        (word, Some(status)) => {
            let class = format!("{}xx", status / 100);
            word == class || word == status.to_string()
        }
        _ => false,
    }
}

fn is_alive(server: SocketAddr) -> bool {
    let request = format!("GET {OK} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    let exchange = Exchange::run(server, &Feed::whole(request.as_bytes()), |_| false);
    let answers = parse(&exchange.input, &[], true);
    answers.is_ok_and(|answers| matches!(answers.all[..], [ref only] if only.status == 200))
}

/// Runs all cases, many at a time, and says what is wrong.
fn run_all(cases: &[Value], run: impl Fn(&Value) -> Vec<String> + Sync) {
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            for fault in run(case) {
                let (name, source) = (&case["name"], &case["src"]);
                let line = format!("{name} [{source}] {fault}");
                if case["level"] == "info" {
                    println!("for information: {line}");
                } else {
                    faults.lock().expect("no panic").push(line);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    let faults = faults.into_inner().expect("no panic");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_request_of_the_table_is_answered_as_it_must() {
    let server = server(|config| config);
    run_all(&table::cases("http_cases.json"), |case| {
        run(case, server.addr())
    });
}

#[test]
fn what_is_not_finished_in_time_is_ended() {
    let second = Duration::from_secs(1);
    let server = server(|config| config.head_timeout(second).body_timeout(second));
    let address = server.addr();
    // What a server has to wait for, it does not wait for without end.
    let mut cases = table::cases("http_cases.json");
    cases.retain(|case| names(&case["accept"]) == ["wait"]);
    let slow = table::read("http_cases.json")["slow"].take();
    cases.extend(slow.as_array().expect("cases").iter().cloned());
    run_all(&cases, |case| {
        let bytes = bytes(&case["send"], address);
        let drip = bytes_of_drip(case, address);
        let mut pieces = vec![&bytes[..]];
        // Each byte comes in time; the deadline is that of the whole.
        pieces.extend(drip.chunks(1));
        let feed = Feed::cut(pieces, Duration::from_millis(50));
        let exchange = Exchange::run(address, &feed, |_| false);
        let answers = match parse(&exchange.input, &[], true) {
            Ok(answers) => answers,
            Err(malformed) => return vec![format!("malformed: {malformed}")],
        };
        let before = case["after"].as_u64().unwrap_or(0) as usize;
        let status = answers.all.get(before).map(|answer| answer.status);
        let good = exchange.ended && matches!(status, Some(408) | None);
        let fault = (!good).then(|| format!("{status:?}, ended: {}", exchange.ended));
        fault.into_iter().collect()
    });
    assert!(is_alive(address));
}

fn bytes_of_drip(case: &Value, server: SocketAddr) -> Vec<u8> {
    match &case["drip"] {
        Value::Null => Vec::new(),
        drip => bytes(drip, server),
    }
}
