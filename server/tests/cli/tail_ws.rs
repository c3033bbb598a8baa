//! `tail --ws`: what `tail` prints, over a WebSocket.

use crate::common::server::published;
use crate::common::{Http, Process, Server, Stream, wait_until};
use eventring::wire::ws::{self, Opcode};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Runs the program to its end: exit code, stdout, stderr.
fn eventring(args: &[&str]) -> (i32, String, String) {
    let mut process = Process::eventring(args);
    (process.code(), process.stdout(), process.stderr())
}

/// What `tail` prints of all that is kept on `t.*`, over Server-Sent Events and over a WebSocket.
fn both(server: &Server, more: &[&str]) -> [String; 2] {
    let url = server.url();
    let tail = |ws: &[&str]| {
        let args = ["tail", "--url", &url, "--topic", "t.*"];
        let (code, out, err) = eventring(&[&args, more, ws].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{more:?}");
        out
    };
    [tail(&[]), tail(&["--ws"])]
}

fn publish(server: &Server, content_type: &str, data: &[u8]) -> String {
    let header = format!("Content-Type: {content_type}");
    let mut http = Http::connect(server.address);
    http.post("/api/v1/topics/t.1/events", &[&header], data);
    let json = published(&http.response(), 1);
    json["first"].as_str().expect("a position").to_string()
}

#[test]
fn it_prints_the_same() {
    let server = Server::start(&[]);
    let first = publish(
        &server,
        "application/json",
        br#"{"n" : 1.0e1, "m": 12345678901234567890123}"#,
    );
    publish(&server, "text/plain", "two\nlines, \u{e9}".as_bytes());
    publish(&server, "image/png", b"\x89PNG\xff\x00");
    publish(&server, "application/json", b"[4]");
    for format in ["data", "sse"] {
        let more = ["--from", "beginning", "--count", "4", "--format", format];
        let [sse, ws] = both(&server, &more);
        assert_eq!(ws, sse, "{format}");
        assert!(ws.contains(r#"{"n" : 1.0e1, "m": 12345678901234567890123}"#));
    }
    let [_, ws] = both(&server, &["--from", &first, "--count", "1"]);
    assert_eq!(ws, "two\nlines, é\n");
}

#[test]
fn whole_events_are_not_to_be_had() {
    let args = ["tail", "--topic", "t", "--ws", "--format", "cloudevents"];
    let (code, out, err) = eventring(&args);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(
        err.contains("--format cloudevents cannot be used with --ws"),
        "{err}"
    );
}

#[test]
fn gaps_are_told_on_stderr() {
    let server = Server::start(&["--capacity", "64", "--batch-events", "32"]);
    let data: Vec<String> = (1..=500).map(|n| n.to_string()).collect();
    server.publish_all("t", &data, 25);
    let from = format!("{}-5", server.health().epoch);
    let url = server.url();
    let args = [
        "tail", "--ws", "--url", &url, "--topic", ">", "--from", &from, "--count", "1",
    ];
    let (code, out, err) = eventring(&args);
    assert_eq!(code, 0, "{err}");
    let first: u64 = out.trim().parse().expect("a number");
    let missing = first - 6;
    assert!(
        err.contains(&format!("gap: {missing} events are missing (retention)")),
        "{err}"
    );
}

#[test]
fn it_comes_back_after_a_restart_and_says_what_happened() {
    let server = Server::start(&["--retry", "0.1"]);
    let url = server.url();
    let tail = Process::eventring(&["tail", "--ws", "--url", &url, "--topic", "t"]);
    server.wait_for_streams(1);
    server.publish("t", "\"before\"");
    tail.wait_for_lines(1);
    let again = server.killed_and_restarted(&["--retry", "0.1"]);
    tail.wait_for_stderr("again in");
    tail.wait_for_stderr("reset: cannot resume after");
    again.publish("t", "\"after\"");
    tail.wait_for_lines(2);
    assert_eq!(tail.stdout(), "\"before\"\n\"after\"\n");
}

#[test]
fn it_ends_with_the_server_if_it_is_told_to() {
    let server = Server::start(&[]);
    let url = server.url();
    let args = [
        "tail",
        "--ws",
        "--no-reconnect",
        "--url",
        &url,
        "--topic",
        "t",
    ];
    let mut tail = Process::eventring(&args);
    server.wait_for_streams(1);
    server.signal(Signal::TERM);
    assert_eq!(tail.code(), 0, "{}", tail.stderr());
    assert_eq!(tail.stderr(), "");
    let mut nobody = Process::eventring(&args);
    assert_eq!(nobody.code(), 1);
}

#[test]
fn it_tells_refusals_and_waits_for_servers() {
    let server = Server::start(&["--max-connections", "2"]);
    let url = server.url();
    let (code, _, err) = eventring(&["tail", "--ws", "--url", &url, "--topic", "a..b"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("the server answered 400") && err.contains("topic"),
        "{err}"
    );
    let streams = [(); 2].map(|()| Stream::open(server.address, "topic=t"));
    let args = [
        "tail", "--ws", "--url", &url, "--topic", "t", "--count", "1",
    ];
    let mut tail = Process::eventring(&args);
    tail.wait_for_stderr("the server answered 503");
    tail.wait_for_stderr("again in");
    drop(streams);
    wait_until("the tail to get in", || server.health().streams == 1);
    server.publish("t", "\"x\"");
    assert_eq!((tail.code(), tail.stdout()), (0, "\"x\"\n".to_string()));
}

#[test]
fn it_resumes_after_the_last_whole_event() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let args = [
        "tail",
        "--ws",
        "--url",
        &url,
        "--topic",
        "t",
        "--from",
        "beginning",
        "--count",
        "2",
    ];
    let mut tail = Process::eventring(&args);
    let said = |numbers: &[u32]| {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("ASCII");
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = ws::accept(key.expect("a key").as_bytes());
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes();
        for n in numbers {
            let event =
                format!(r#"{{"type":"event","id":"e-{n}","topic":"t","event":"n","data":{n}}}"#);
            ws::frame(&mut answer, Opcode::Text, event.as_bytes());
        }
        // Cut inside the last one, unless it is the only one.
        let whole = answer.len() - if numbers.len() > 1 { 9 } else { 0 };
        stream.write_all(&answer[..whole]).expect("sent");
        head
    };
    let first = said(&[1, 2]);
    assert!(first.starts_with("GET /api/v1/ws?from=beginning&topic=t HTTP/1.1\r\n"));
    let second = said(&[2]);
    assert!(
        second.starts_with("GET /api/v1/ws?from=beginning&topic=t&last-event-id=e-1 HTTP/1.1\r\n"),
        "{second}"
    );
    assert_eq!(tail.code(), 0, "{}", tail.stderr());
    assert_eq!(tail.stdout(), "1\n2\n");
}
