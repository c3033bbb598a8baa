//! `publish` and `tail` against servers that hang up, stall or answer strangely.

use crate::common::{Process, wait_until};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A server that the test plays itself.
struct Played(TcpListener);

impl Played {
    fn new() -> Played {
        Played(TcpListener::bind("127.0.0.1:0").expect("a port"))
    }

    fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("an address"))
    }

    /// The next connection and the head of its request.
    fn accept(&self) -> (TcpStream, String) {
        let (mut stream, _) = self.0.accept().expect("a client");
        stream
            .set_read_timeout(Some(crate::common::DEADLINE))
            .expect("a deadline");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        (stream, String::from_utf8(head).expect("ASCII"))
    }

    /// Accepts and answers with these bytes, then hangs up.
    fn answer(&self, bytes: &str) -> String {
        let (mut stream, head) = self.accept();
        stream.write_all(bytes.as_bytes()).expect("sent");
        // What the client still sends is read, or the hang-up would reset the answer away.
        stream.shutdown(std::net::Shutdown::Write).expect("hung up");
        let _ = stream.read_to_end(&mut Vec::new());
        head
    }

    fn nobody_comes(&self) {
        self.0.set_nonblocking(true).expect("non-blocking");
        assert!(self.0.accept().is_err(), "another connection");
    }

    fn tail(&self, more: &[&str]) -> Process {
        Process::eventring(&[&["tail", "--url", &self.url(), "--topic", "t"], more].concat())
    }

    fn publish(&self, input: &str, more: &[&str]) -> Process {
        let url = self.url();
        let args = [&["publish", "--url", &url, "--topic", "é/t"], more].concat();
        let mut process = Process::eventring(&args);
        process.write(input);
        process.stdin = None;
        process
    }
}

const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 20\n\n";
const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}\n";

#[test]
fn tail_resumes_after_the_last_whole_event() {
    let server = Played::new();
    let mut tail = server.tail(&["--count", "3", "--from", "beginning"]);
    let first = server.answer(&format!("{STREAM}id: e-1\ndata: one\n\nid: e-2\ndata: cut"));
    assert!(first.starts_with("GET /api/v1/events/stream?from=beginning&topic=t HTTP/1.1\r\n"));
    assert!(!first.contains("Last-Event-ID"), "{first}");
    // A heartbeat moves the id without an event.
    let second = server.answer(&format!("{STREAM}id: e-2\ndata: two\n\nid: e-9\n:\n\n"));
    assert!(second.contains("\r\nLast-Event-ID: e-1\r\n"), "{second}");
    let chunked = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
                   Transfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n8\r\n three\n\n\r\n";
    let third = server.answer(chunked);
    assert!(third.contains("\r\nLast-Event-ID: e-9\r\n"), "{third}");
    assert_eq!(tail.code(), 0, "{}", tail.stderr());
    assert_eq!(tail.stdout(), "one\ntwo\nthree\n");
    // Whatever `retry` says, not at once: a tenth of a second at least, and somewhat at random.
    assert!(
        tail.stderr()
            .contains("the server ended the stream; again in 0.1 s"),
        "{}",
        tail.stderr()
    );
}

#[test]
fn tail_gives_up_where_it_will_not_get_better() {
    for (answer, code, said) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", 0, ""),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            1,
            "not an event stream",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
            1,
            "redirects to /x",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nwhat",
            1,
            "answered 404: what",
        ),
    ] {
        let server = Played::new();
        let mut tail = server.tail(&[]);
        server.answer(answer);
        assert_eq!(tail.code(), code, "{answer}: {}", tail.stderr());
        assert!(tail.stderr().contains(said), "{answer}: {}", tail.stderr());
        server.nobody_comes();
    }
}

#[test]
fn tail_without_reconnecting_ends_with_the_stream() {
    let server = Played::new();
    let mut tail = server.tail(&["--no-reconnect"]);
    server.answer(&format!("{STREAM}data: one\n\n"));
    assert_eq!(
        (tail.code(), tail.stdout(), tail.stderr()),
        (0, "one\n".into(), String::new())
    );
    let mut tail = server.tail(&["--no-reconnect"]);
    server.answer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(tail.code(), 1);
    server.nobody_comes();
}

#[test]
fn tail_leaves_a_server_that_went_silent() {
    let server = Played::new();
    let mut tail = server.tail(&["--timeout", "0.2", "--count", "1"]);
    let (mut silent, _) = server.accept();
    silent.write_all(STREAM.as_bytes()).expect("sent");
    tail.wait_for_stderr("no sign of the server within 0.2 seconds");
    server.answer(&format!("{STREAM}data: x\n\n"));
    assert_eq!(tail.code(), 0);
}

#[test]
fn publish_never_sends_twice_what_may_have_arrived() {
    let server = Played::new();
    let mut publish = server.publish("1\n2\n3\n", &["--format", "ndjson", "--batch", "2"]);
    let (mut stream, head) = server.accept();
    assert!(
        head.starts_with("POST /api/v1/topics/%C3%A9%2Ft/events HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("\r\nContent-Type: application/x-ndjson\r\n"),
        "{head}"
    );
    stream.write_all(DONE.as_bytes()).expect("sent");
    let mut rest = String::new();
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .expect("a deadline");
    wait_until("the second request", || {
        let _ = stream.read_to_string(&mut rest);
        rest.ends_with("\r\n\r\n3")
    });
    drop(stream);
    assert_eq!(publish.code(), 1);
    let err = publish.stderr();
    assert!(err.contains("line 3 may be published or not"), "{err}");
    assert!(err.contains("lines published: 2"), "{err}");
    server.nobody_comes();
}

#[test]
fn publish_connects_again_where_nothing_was_on_its_way() {
    let server = Played::new();
    let url = server.url();
    let args = ["publish", "--url", &url, "--topic", "t"];
    let mut publish = Process::eventring(&args);
    publish.write("one\n");
    let closing = DONE.replace("Content-Length", "Connection: close\r\nContent-Length");
    server.answer(&closing);
    publish.write("two\n");
    publish.stdin = None;
    server.answer(DONE);
    assert_eq!(publish.code(), 0, "{}", publish.stderr());
}

#[test]
fn publish_tells_a_refusal_of_everything() {
    let server = Played::new();
    let mut publish = server.publish("{}\n", &[]);
    server.answer("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 8\r\n\r\n<h1>no\r\n");
    assert_eq!(publish.code(), 1);
    let err = publish.stderr();
    assert!(
        err.contains("line 1 not published: the server answered 502: <h1>no"),
        "{err}"
    );
    let mut publish = server.publish("{}\n", &[]);
    server.answer("SSH-2.0-nonsense\r\n\r\n");
    assert_eq!(publish.code(), 1);
    assert!(
        publish.stderr().contains("may be published or not"),
        "{}",
        publish.stderr()
    );
}
