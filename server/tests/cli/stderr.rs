//! Nobody reads the log: the server serves on, counts what it dropped, and says so once it can.

use crate::common::http::Http;
use crate::common::process::Process;
use crate::common::wait_until;
use rustix::process::Signal;
use std::io::{PipeReader, Read, pipe};
use std::net::SocketAddr;
use std::process::Stdio;

/// More lines than a pipe and the queue before it hold.
const STREAMS: usize = 3000;

/// A server that logs a line for each stream that ends, and the pipe that it logs to.
fn start() -> (Process, SocketAddr, PipeReader) {
    let (reader, writer) = pipe().expect("a pipe");
    let mut command = Process::command(&[
        "serve",
        "--memory",
        "--listen",
        "127.0.0.1:0",
        "--log-level",
        "info",
    ]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(writer);
    let server = Process::spawn_as_is(&mut command);
    // The command holds the other end, which would keep the pipe open.
    drop(command);
    server.wait_for_lines(3);
    let out = server.stdout();
    let address = out
        .lines()
        .find_map(|line| line.strip_prefix("listening on http://"))
        .expect("an address");
    (server, address.parse().expect("an address"), reader)
}

fn dropped(address: SocketAddr) -> u64 {
    let metrics = Http::connect(address).get("/metrics").response().text();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("eventring_log_lines_dropped_total "))
        .expect("the metric");
    line.parse().expect("a number")
}

/// Ends streams until lines are dropped.
fn fill(address: SocketAddr) {
    for n in 0..STREAMS {
        let mut stream = Http::connect(address);
        assert_eq!(stream.get("/api/v1/events/stream").head().status, 200);
        if n % 100 == 0 && dropped(address) > 0 {
            return;
        }
    }
    panic!("{STREAMS} streams ended and no line was dropped");
}

#[test]
fn a_stderr_that_nobody_reads_holds_up_neither_events_nor_the_end() {
    let (mut server, address, unread) = start();
    fill(address);
    let mut stream = Http::connect(address);
    assert_eq!(stream.get("/api/v1/events/stream").head().status, 200);
    let mut publisher = Http::connect(address);
    publisher.post(
        "/api/v1/topics/t/events",
        &["Content-Type: text/plain"],
        b"still here",
    );
    assert_eq!(publisher.response().status, 200);
    while !String::from_utf8_lossy(&stream.input).contains("data: still here") {
        assert!(stream.fill(), "the stream ended");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.code(), 0);
    drop(unread);
}

#[test]
fn what_was_dropped_is_told_once_somebody_reads() {
    let (mut server, address, mut reader) = start();
    fill(address);
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        reader.read_to_string(&mut log).expect("text");
        log
    });
    server.signal(Signal::TERM);
    assert_eq!(server.code(), 0);
    let log = log.join().expect("the reader");
    let told = log
        .lines()
        .find(|line| line.contains("log lines dropped"))
        .unwrap_or_else(|| panic!("no line tells of it: {log}"));
    assert!(told.contains("WARN") && told.contains("lines="), "{told}");
    assert!(
        log.contains("eventring: stopped; everything went out"),
        "{log}"
    );
}

#[test]
fn a_stderr_that_is_closed_is_no_reason_to_stop() {
    let (mut server, address, reader) = start();
    drop(reader);
    for _ in 0..3 {
        let mut stream = Http::connect(address);
        assert_eq!(stream.get("/api/v1/events/stream").head().status, 200);
    }
    wait_until("lines that were not taken", || dropped(address) > 0);
    server.signal(Signal::TERM);
    assert_eq!(server.code(), 0);
}

#[test]
fn a_log_without_a_thread_is_a_start_that_fails_with_a_reason() {
    let mut command = Process::command(&["serve", "--memory", "--listen", "127.0.0.1:0"]);
    // Stacks larger than the address space: the system refuses every thread.
    let huge = (1u64 << 47).to_string();
    let mut server = Process::spawn(command.env("RUST_MIN_STACK", huge));
    assert_eq!(server.code(), 1);
    let said = server.stderr();
    assert!(
        said.contains("cannot start the thread that writes the log"),
        "{said}"
    );
    assert!(!said.contains("panicked"), "{said}");
}
