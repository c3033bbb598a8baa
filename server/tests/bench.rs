//! `eventring bench`: the truth about a good server, and about bad ones that the tests play.

mod common;

use common::{Process, Server, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

fn bench(args: &[&str]) -> (i32, String, String) {
    let mut process = Process::eventring(&[&["bench"], args].concat());
    (process.code(), process.stdout(), process.stderr())
}

fn report(args: &[&str]) -> (i32, Value) {
    let (code, out, err) = bench(&[&["--json"], args].concat());
    let json = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out} {err}"));
    (code, json)
}

const SHORT: [&str; 6] = ["--seconds", "0.5", "--connections", "20", "--rate", "200"];

/// What the server that a test plays does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    Loses,
    Doubles,
    Swaps,
    Announces,
    Refuses,
    /// Ends the stream behind an event and loses the next one, though it was asked for it.
    LosesAtResume,
}

/// A server that fans out what is published, except where it is flawed.
struct Played {
    url: String,
}

#[derive(Default)]
struct State {
    streams: Vec<TcpStream>,
    published: u64,
    held: Option<String>,
}

impl Played {
    fn new(flaw: Flaw) -> Played {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, state) = (stream.expect("a client"), Arc::clone(&state));
                std::thread::spawn(move || serve(stream, &state, flaw));
            }
        });
        Played { url }
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>, flaw: Flaw) {
    let mut input = BufReader::new(stream.try_clone().expect("a descriptor"));
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if input.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let mut state = state.lock().expect("no panic");
        let mut out = &stream;
        if head.starts_with("GET ") {
            let id = format!("id: p-{}\n\n", state.published);
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
            let _ = out.write_all(format!("{head}{id}").as_bytes());
            state
                .streams
                .push(stream.try_clone().expect("a descriptor"));
            continue;
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.expect("a length").parse().expect("a number")];
        input.read_exact(&mut body).expect("a body");
        let taken = state.take(&String::from_utf8(body).expect("ASCII"), flaw);
        let line = if taken {
            "200 OK"
        } else {
            "503 Service Unavailable"
        };
        let _ = out.write_all(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").as_bytes());
    }
}

impl State {
    /// Fans out, but for the fifth event; answers whether it was taken.
    fn take(&mut self, payload: &str, flaw: Flaw) -> bool {
        self.published += 1;
        let event = format!("id: p-{}\ndata: {payload}\n\n", self.published);
        let gap = format!(
            "event: gap\nid: p-{}\ndata: {{\"missing\":1}}\n\n",
            self.published
        );
        let sent = match flaw {
            _ if self.published != 5 => format!("{event}{}", self.held.take().unwrap_or_default()),
            Flaw::None => event,
            Flaw::Loses => String::new(),
            Flaw::Refuses => return false,
            Flaw::Doubles => event.repeat(2),
            Flaw::Announces => gap,
            Flaw::Swaps => {
                self.held = Some(event);
                String::new()
            }
            Flaw::LosesAtResume => {
                for stream in self.streams.drain(..) {
                    stream.shutdown(Shutdown::Both).expect("open until now");
                }
                String::new()
            }
        };
        self.streams
            .retain(|mut stream| stream.write_all(sent.as_bytes()).is_ok());
        true
    }
}

/// What the bench says of a server with this flaw: missing, duplicates, reordered, announced.
fn verdict(flaw: Flaw) -> (i32, [u64; 4]) {
    let played = Played::new(flaw);
    let (code, json) = report(&[&SHORT as &[_], &["--url", &played.url]].concat());
    let names = ["missing", "duplicates", "reordered", "announced_missing"];
    let figures = names.map(|name| json[name].as_u64().unwrap_or_else(|| panic!("{json}")));
    assert_eq!(json["clean"], code == 0, "{json}");
    (code, figures)
}

#[test]
fn a_server_of_its_own_loses_nothing() {
    let (code, json) = report(&[&SHORT as &[_], &["--spawn"]].concat());
    assert_eq!(code, 0, "{json}");
    let published = json["published"].as_u64().expect("a count");
    assert!(published > 0, "{json}");
    assert_eq!(json["deliveries"], published * 20);
    for name in [
        "missing",
        "duplicates",
        "reordered",
        "announced_missing",
        "refused",
        "foreign",
    ] {
        assert_eq!(json[name], 0, "{name}: {json}");
    }
    assert_eq!(json["latency_ms"]["samples"], published * 20);
    assert!(
        json["server"]["pss_kib"]["end"].as_u64() > Some(0),
        "{json}"
    );
    assert!(
        json["server"]["cpu_us_per_delivery"].as_f64() > Some(0.0),
        "{json}"
    );
}

#[test]
fn cuts_and_stalls_lose_nothing_either() {
    let server = Server::start(&[]);
    let url = server.url();
    let pid = server.process.pid().as_raw_nonzero().to_string();
    let trouble = [
        "--cut-share",
        "2",
        "--slow-share",
        "0.2",
        "--url",
        &url,
        "--pid",
        &pid,
    ];
    let (code, out, err) = bench(&[&SHORT as &[_], &trouble].concat());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let row = |name: &str| {
        let row = out.lines().find(|line| line.starts_with(name));
        row.unwrap_or_else(|| panic!("{name}: {out}"))[14..].to_string()
    };
    assert_eq!(
        (row("missing"), row("duplicates"), row("reordered")),
        ("0".into(), "0".into(), "0".into())
    );
    assert!(row("clients").ends_with("4 of them slow"), "{out}");
    assert!(!row("connections").starts_with("0 cut by us"), "{out}");
    assert!(row("server's Pss").contains("MiB"), "{out}");
    server.wait_for_connections(0);
}

#[test]
fn as_fast_as_possible_keeps_to_the_window() {
    let args = [
        "--spawn",
        "--rate",
        "max",
        "--window",
        "4",
        "--connections",
        "5",
        "--seconds",
        "0.3",
    ];
    let (code, json) = report(&args);
    assert_eq!(code, 0, "{json}");
    assert!(json["published"].as_u64() > Some(4), "{json}");
    assert_eq!(json["missing"], 0, "{json}");
}

#[test]
fn what_slow_clients_are_told_is_no_loss() {
    let server = Server::start(&["--capacity", "64", "--batch-events", "32"]);
    let url = server.url();
    let args = [
        "--url",
        &url,
        "--slow-share",
        "0.5",
        "--connections",
        "4",
        "--size",
        "8K",
    ];
    let (code, json) = report(&[&args as &[_], &["--rate", "1000", "--seconds", "1"]].concat());
    assert_eq!(code, 0, "{json}");
    assert!(json["announced_missing"].as_u64() > Some(0), "{json}");
    assert!(json["gaps"].as_u64() > Some(0), "{json}");
    let sum = json["deliveries"].as_u64().expect("a count")
        + json["announced_missing"].as_u64().expect("a count");
    assert_eq!(
        sum,
        json["published"].as_u64().expect("a count") * 4,
        "{json}"
    );
}

#[test]
fn flawed_servers_are_found_out() {
    assert_eq!(verdict(Flaw::None), (0, [0, 0, 0, 0]));
    assert_eq!(verdict(Flaw::Loses), (1, [20, 0, 0, 0]));
    assert_eq!(verdict(Flaw::Doubles), (1, [0, 20, 0, 0]));
    assert_eq!(verdict(Flaw::Swaps), (1, [0, 0, 20, 0]));
    assert_eq!(verdict(Flaw::Announces), (0, [0, 0, 0, 20]));
    assert_eq!(verdict(Flaw::Refuses), (0, [0, 0, 0, 0]));
    let (code, [missing, duplicates, ..]) = verdict(Flaw::LosesAtResume);
    assert!(
        code == 1 && missing >= 20 && duplicates == 0,
        "{missing} {duplicates}"
    );
}

#[test]
fn the_table_tells_of_losses_and_refusals() {
    let played = Played::new(Flaw::Loses);
    let (code, out, _) = bench(&[&SHORT as &[_], &["--url", &played.url]].concat());
    assert_eq!(code, 1);
    assert!(out.contains("missing       20"), "{out}");
    assert!(
        out.contains("20 clients lost something without a word"),
        "{out}"
    );
    let played = Played::new(Flaw::Refuses);
    let (code, out, _) = bench(&[&SHORT as &[_], &["--url", &played.url]].concat());
    assert_eq!(code, 0);
    assert!(
        out.contains("not taken     1; the server answered 503"),
        "{out}"
    );
}

#[test]
fn events_of_others_are_not_judged() {
    let server = Server::start(&[]);
    let url = server.url();
    let bench = Process::eventring(&[
        "bench",
        "--url",
        &url,
        "--json",
        "--connections",
        "2",
        "--seconds",
        "1",
    ]);
    server.wait_for_streams(2);
    server.publish("bench", "\"of somebody else\"");
    let mut bench = bench;
    assert_eq!(bench.code(), 0, "{}", bench.stderr());
    let json: Value = serde_json::from_str(&bench.stdout()).expect("JSON");
    assert_eq!(
        (&json["foreign"], &json["missing"]),
        (&2.into(), &0.into()),
        "{json}"
    );
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let full = Server::start(&["--max-connections", "4"]);
    let (url, free) = (
        full.url(),
        TcpListener::bind("127.0.0.1:0").expect("a port"),
    );
    let nobody = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    for (args, code, said) in [
        (
            &["--url", "http://192.0.2.1:80"] as &[&str],
            2,
            "--i-own-this-server",
        ),
        (&["--connections", "1000000"], 2, "--connections 1000000"),
        (&["--url", &url, "--pid", "4194305"], 2, "--pid 4194305"),
        (&["--url", &nobody], 1, "0 of 100 clients connected, then"),
        (&["--url", &url], 1, "the server answered 503"),
        (
            &[
                "--url",
                &full.url(),
                "--topic",
                "a..b",
                "--connections",
                "1",
            ],
            1,
            "the server answered 400",
        ),
    ] {
        let (ended, out, err) = bench(args);
        assert_eq!((ended, out.as_str()), (code, ""), "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
}

#[test]
fn the_open_file_limit_is_named() {
    let script = "ulimit -n 200; exec \"$0\" bench --connections 500";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_eventring")]);
    let mut process = Process::spawn(&mut command);
    assert_eq!(process.code(), 2);
    let err = process.stderr();
    assert!(
        err.contains("--connections 500: the open-file limit (RLIMIT_NOFILE) of 200 leaves 120"),
        "{err}"
    );
}

#[test]
fn a_server_that_does_not_start_says_why() {
    let mut command = Process::command(&["bench", "--spawn"]);
    let mut process = Process::spawn(command.env("EVENTRING_CAPACITY", "0"));
    assert_eq!(process.code(), 1);
    let err = process.stderr();
    assert!(
        err.contains("--spawn") && err.contains("EVENTRING_CAPACITY"),
        "{err}"
    );
}

#[test]
fn a_signal_ends_it() {
    let server = Server::start(&[]);
    let url = server.url();
    let args = [
        "bench",
        "--url",
        &url,
        "--seconds",
        "3600",
        "--connections",
        "3",
    ];
    let mut process = Process::eventring(&args);
    server.wait_for_streams(3);
    wait_until("it publishes", || !server.health().head.ends_with("-0"));
    process.signal(Signal::INT);
    assert_eq!(process.code(), 1);
    assert!(
        process.stderr().contains("ended by a signal"),
        "{}",
        process.stderr()
    );
    server.wait_for_connections(0);
}
