//! `eventring bench`: the truth about a good server, and about bad ones that the tests play.

use crate::common::{Process, Server, wait_until};
use eventring::wire::ws::{self, Opcode};
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
    streams: Vec<(TcpStream, Form)>,
    published: u64,
    held: Option<Said>,
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Sse,
    Ws,
}

/// What is said to every client.
#[derive(Clone)]
enum Said {
    Event(u64, String),
    Gap(u64),
}

impl Said {
    fn bytes(&self, form: Form) -> Vec<u8> {
        match (form, self) {
            (Form::Sse, Said::Event(n, data)) => format!("id: p-{n}\ndata: {data}\n\n").into(),
            (Form::Sse, Said::Gap(n)) => {
                format!("event: gap\nid: p-{n}\ndata: {{\"missing\":1}}\n\n").into()
            }
            (Form::Ws, Said::Event(n, data)) => frame(&format!(
                r#"{{"type":"event","id":"p-{n}","topic":"bench","event":"message","data":"{data}"}}"#
            )),
            (Form::Ws, Said::Gap(n)) => {
                frame(&format!(r#"{{"type":"gap","id":"p-{n}","missing":1}}"#))
            }
        }
    }
}

/// A whole text message.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    ws::frame(&mut frame, Opcode::Text, text.as_bytes());
    frame
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
            let form = match head.contains("Upgrade: websocket") {
                true => Form::Ws,
                false => Form::Sse,
            };
            let _ = out.write_all(&beginning(form, state.published));
            let stream = stream.try_clone().expect("a descriptor");
            state.streams.push((stream, form));
            continue;
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.expect("a length").parse().expect("a number")];
        input.read_exact(&mut body).expect("a body");
        let taken = state.take(&String::from_utf8(body).expect("ASCII"), flaw);
        // Not every server says 200 of what it has taken.
        let line = if taken {
            "202 Accepted"
        } else {
            "503 Service Unavailable"
        };
        let _ = out.write_all(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").as_bytes());
    }
}

/// The head of an answer, and the id that it begins with.
fn beginning(form: Form, id: u64) -> Vec<u8> {
    match form {
        Form::Sse => format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nid: p-{id}\n\n"
        )
        .into(),
        // The answer to the one key that the bench sends: both stand in RFC 6455, 1.3.
        Form::Ws => {
            let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
            let welcome = frame(&format!(r#"{{"type":"welcome","id":"p-{id}"}}"#));
            [head.as_bytes(), &welcome].concat()
        }
    }
}

impl State {
    /// Fans out, but for the fifth event; answers whether it was taken.
    fn take(&mut self, payload: &str, flaw: Flaw) -> bool {
        self.published += 1;
        let event = Said::Event(self.published, payload.into());
        let mut said = Vec::new();
        match flaw {
            _ if self.published != 5 => said.extend([Some(event), self.held.take()]),
            Flaw::None => said.push(Some(event)),
            Flaw::Loses => {}
            Flaw::Refuses => return false,
            Flaw::Doubles => said.extend([Some(event.clone()), Some(event)]),
            Flaw::Announces => said.push(Some(Said::Gap(self.published))),
            Flaw::Swaps => self.held = Some(event),
            Flaw::LosesAtResume => {
                for (stream, _) in self.streams.drain(..) {
                    stream.shutdown(Shutdown::Both).expect("open until now");
                }
            }
        }
        self.streams.retain(|(stream, form)| {
            let all = said.iter().flatten().flat_map(|said| said.bytes(*form));
            let mut out = stream;
            out.write_all(&all.collect::<Vec<u8>>()).is_ok()
        });
        true
    }
}

/// What the bench says of a server with this flaw: missing, duplicates, reordered, announced.
fn verdict(flaw: Flaw, more: &[&str]) -> (i32, [u64; 4]) {
    let played = Played::new(flaw);
    let (code, json) = report(&[&SHORT as &[_], &["--url", &played.url], more].concat());
    let names = ["missing", "duplicates", "reordered", "announced_missing"];
    let figures = names.map(|name| json[name].as_u64().unwrap_or_else(|| panic!("{json}")));
    assert_eq!(json["clean"], code == 0, "{json}");
    let refused = u64::from(flaw == Flaw::Refuses);
    assert_eq!(json["refused"].as_u64(), Some(refused), "{json}");
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
    judge_flaws(&[]);
}

#[test]
fn flawed_websockets_are_found_out() {
    judge_flaws(&["--ws"]);
}

fn judge_flaws(form: &[&str]) {
    let verdict = |flaw| verdict(flaw, form);
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

/// Everything came to all of `clients`, or was announced.
fn assert_nothing_lost(code: i32, json: &Value, clients: u64) {
    let number = |name: &str| json[name].as_u64().unwrap_or_else(|| panic!("{json}"));
    assert_eq!((code, &json["clean"]), (0, &true.into()), "{json}");
    assert!(number("published") > 0, "{json}");
    assert_eq!(
        number("deliveries") + number("announced_missing"),
        number("published") * clients,
        "{json}"
    );
}

#[test]
fn websockets_and_gzip_resume_without_a_loss() {
    for (flag, form) in [("--ws", "ws"), ("--gzip", "sse+gzip")] {
        let args = [flag, "--spawn", "--cut-share", "2", "--slow-share", "0.2"];
        let (code, json) = report(&[&SHORT as &[_], &args].concat());
        assert_nothing_lost(code, &json, 20);
        assert_eq!(json["clients"], form);
        assert!(json["resumed"].as_u64() > Some(0), "{json}");
        assert_eq!(json["resume_ms"]["samples"], json["resumed"], "{json}");
    }
}

#[test]
fn gzip_is_counted_as_it_comes_over_the_wire() {
    let server = Server::start(&[]);
    let url = server.url();
    let each = |more: &[&str]| {
        let (code, json) = report(&[&SHORT as &[_], &["--url", &url], more].concat());
        assert_nothing_lost(code, &json, 20);
        let each = json["wire_bytes_per_delivery"].as_f64();
        each.unwrap_or_else(|| panic!("{json}"))
    };
    let (plain, gzip) = (each(&[]), each(&["--gzip"]));
    assert!(plain > 256.0 && gzip < plain / 2.0, "{plain} {gzip}");
    let plain = Server::start(&["--compression", "off"]);
    let (code, _, err) = bench(&["--url", &plain.url(), "--gzip"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("compression: gzip is not offered here"),
        "{err}"
    );
}

#[test]
fn memory_is_told_by_connection() {
    let args = ["--spawn", "--connections", "1000", "--rate", "5"];
    let (code, json) = report(&[&args as &[_], &["--seconds", "1"]].concat());
    assert_nothing_lost(code, &json, 1000);
    let heap = json["server"]["bytes_per_idle_connection"].as_f64();
    assert!(heap > Some(0.0) && heap < Some(65_536.0), "{json}");
    // Pages of the program that the bench shares make this one go down, too.
    let pss = &json["server"]["pss_bytes_per_idle_connection"];
    assert!(pss.is_f64(), "{json}");
    for name in ["idle_bytes", "published_bytes", "end_bytes"] {
        assert!(json["kernel_tcp"][name].is_i64(), "{name}: {json}");
    }
    assert!(
        json["kernel_tcp"]["bytes_per_stalled_reader"].is_null(),
        "{json}"
    );
    let pss = &json["server"]["pss_kib"];
    assert_eq!(
        pss["peak"].as_i64().expect("KiB") - pss["connected"].as_i64().expect("KiB"),
        pss["growth"].as_i64().expect("KiB")
    );
}

#[test]
fn latency_is_told_without_and_with_stalled_clients() {
    let args = ["--spawn", "--slow-share", "0.25", "--connections", "20"];
    let (code, json) = report(&[&args as &[_], &["--rate", "100", "--seconds", "1"]].concat());
    assert_nothing_lost(code, &json, 20);
    assert_eq!(json["slow"], 5);
    assert!(
        json["kernel_tcp"]["bytes_per_stalled_reader"].is_f64(),
        "{json}"
    );
    let samples = [
        "latency_ms_before_stall",
        "latency_ms_during_stall",
        "latency_ms",
    ]
    .map(|name| {
        json[name]["samples"]
            .as_u64()
            .unwrap_or_else(|| panic!("{json}"))
    });
    assert!(samples[0] > 0 && samples[1] > 0, "{json}");
    assert_eq!(samples[0] + samples[1], samples[2], "{json}");
    let published = json["published"].as_u64().expect("a count");
    assert_eq!(
        samples[2],
        published * 15,
        "those that stall are not counted"
    );
}

#[test]
fn what_cannot_be_carried_is_announced_or_comes() {
    let server = Server::start(&["--capacity", "64", "--batch-events", "32"]);
    let url = server.url();
    let pid = server.process.pid().as_raw_nonzero().to_string();
    let load = [
        "--connections",
        "20",
        "--rate",
        "50000",
        "--size",
        "4K",
        "--seconds",
        "1",
    ];
    let (code, json) = report(&[&load as &[_], &["--url", &url, "--pid", &pid]].concat());
    assert_nothing_lost(code, &json, 20);
    assert!(json["server"]["pss_kib"]["growth"].is_i64(), "{json}");
    assert!(json["bench_cpu_share"].as_f64() > Some(0.0), "{json}");
}

#[test]
fn a_storm_is_told_by_connection() {
    let server = Server::start(&[]);
    let url = server.url();
    let pid = server.process.pid().as_raw_nonzero().to_string();
    let storm = ["--storm", "--connections", "20", "--seconds", "0.5"];
    for more in [&[] as &[&str], &["--ws"], &["--gzip"]] {
        let there = ["--url", &url, "--pid", &pid];
        let (code, json) = report(&[&storm as &[_], &there, more].concat());
        assert_eq!((code, &json["errors"]), (0, &0.into()), "{json}");
        let made = json["connections"].as_u64().expect("a count");
        assert!(made > 20, "each comes again: {json}");
        assert_eq!(json["first_byte_ms"]["samples"], made, "{json}");
        assert!(json["connections_per_s"].as_f64() > Some(0.0), "{json}");
        assert!(
            json["server"]["cpu_us_per_connection"].as_f64() > Some(0.0),
            "{json}"
        );
    }
    server.wait_for_connections(0);
}

#[test]
fn a_storm_without_answers_is_a_failure() {
    let full = Server::start(&["--max-connections", "4"]);
    let storm = ["--storm", "--connections", "20", "--seconds", "0.3"];
    let (code, json) = report(&[&storm as &[_], &["--url", &full.url()]].concat());
    assert_eq!((code, &json["clean"]), (1, &false.into()), "{json}");
    assert!(json["errors"].as_u64() > Some(0), "{json}");
    let (code, out, _) = bench(&[&storm as &[_], &["--url", &full.url()]].concat());
    assert_eq!(code, 1);
    assert!(out.contains("not every connection was answered"), "{out}");
}

#[test]
fn the_first_byte_is_timed_alone_and_in_a_stream() {
    for more in [&[] as &[&str], &["--ws"], &["--gzip"]] {
        let args = ["--first-byte", "--spawn", "--seconds", "0.6"];
        let (code, json) = report(&[&args as &[_], more].concat());
        assert_nothing_lost(code, &json, 1);
        let samples = ["alone_us", "stream_us"].map(|name| {
            let (p50, p99) = (json[name]["p50"].as_f64(), json[name]["p99"].as_f64());
            assert!(p50 > Some(0.0) && p50 <= p99, "{name}: {json}");
            json[name]["samples"].as_u64().expect("a count")
        });
        assert!(samples[0] > 0 && samples[1] > samples[0], "{json}");
        assert_eq!(samples[0] + samples[1], json["published"], "{json}");
    }
}

#[test]
fn a_first_byte_that_never_comes_is_missing() {
    let played = Played::new(Flaw::Loses);
    let (code, json) = report(&["--first-byte", "--url", &played.url, "--seconds", "1"]);
    assert_eq!((code, &json["missing"]), (1, &1.into()), "{json}");
}

#[test]
fn flags_that_do_not_go_together_are_named() {
    for (args, said) in [
        (&["--ws", "--gzip"] as &[&str], "--gzip"),
        (&["--storm", "--first-byte"], "--first-byte"),
        (&["--storm", "--rate", "5"], "--rate"),
        (&["--storm", "--window", "5"], "--window"),
        (&["--storm", "--size", "1K"], "--size"),
        (&["--storm", "--slow-share", "0.1"], "--slow-share"),
        (&["--storm", "--cut-share", "0.1"], "--cut-share"),
        (&["--first-byte", "--connections", "5"], "--connections"),
        (&["--first-byte", "--window", "5"], "--window"),
        (&["--first-byte", "--slow-share", "0.1"], "--slow-share"),
        (&["--first-byte", "--cut-share", "0.1"], "--cut-share"),
        (&["--spawn", "--first-byte", "--rate", "max"], "--rate max"),
    ] {
        let (code, out, err) = bench(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
}

#[test]
fn no_line_of_a_table_is_wider_than_a_terminal() {
    let server = Server::start(&[]);
    let url = server.url();
    let pid = server.process.pid().as_raw_nonzero().to_string();
    for more in [
        &[
            "--connections",
            "20",
            "--cut-share",
            "1",
            "--slow-share",
            "0.2",
        ] as &[&str],
        &["--storm", "--connections", "20"],
        &["--first-byte"],
    ] {
        let there = ["--url", &url, "--pid", &pid, "--seconds", "0.5"];
        let (code, out, err) = bench(&[&there as &[_], more].concat());
        assert_eq!(code, 0, "{out} {err}");
        assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
        assert!(out.contains("\nverdict       "), "{out}");
    }
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
        // Of those over the limit 64 are answered, the others are dropped.
        (
            &["--url", &url, "--connections", "50"],
            1,
            "the server answered 503",
        ),
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

/// Once: it hung without a word, as did any server that came up and said something else.
#[cfg(feature = "tls")]
#[test]
fn a_spawned_server_with_a_certificate_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let Some(()) = certificate(&cert, &key) else {
        crate::common::skipped("openssl is not installed");
        return;
    };
    let mut command = Process::command(&["bench", "--spawn"]);
    let command = command
        .env("EVENTRING_TLS_CERT", cert)
        .env("EVENTRING_TLS_KEY", key);
    let mut process = Process::spawn(command);
    let code = process.code();
    let err = process.stderr();
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("--spawn") && err.contains("speaks no TLS"),
        "{err}"
    );
}

/// Makes a certificate; `None` where there is nothing to make one with.
#[cfg(feature = "tls")]
fn certificate(cert: &std::path::Path, key: &std::path::Path) -> Option<()> {
    let mut command = std::process::Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]);
    command.args(["-nodes", "-days", "2", "-subj", "/CN=localhost"]);
    command.arg("-out").arg(cert).arg("-keyout").arg(key);
    let made = command.output().ok()?;
    made.status.success().then_some(())
}

/// The children of a process.
#[cfg(target_os = "linux")]
fn children(pid: i32) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").expect("there");
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |child: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let behind_name = stat.rsplit(") ").next().unwrap_or_default();
        let mut fields = behind_name.split(' ');
        let ended = fields.next() == Some("Z");
        !ended && fields.next() == Some(&pid.to_string())
    };
    numbers.filter(is_child).collect()
}

/// Once: a bench that was killed left its server behind.
#[cfg(target_os = "linux")]
#[test]
fn a_spawned_server_ends_with_a_bench_that_is_killed() {
    let load = [
        "bench",
        "--spawn",
        "--seconds",
        "60",
        "--connections",
        "2",
        "--rate",
        "5",
    ];
    for signal in [Signal::KILL, Signal::TERM] {
        let mut bench = Process::eventring(&load);
        let pid = bench.pid().as_raw_nonzero().get();
        let mut server = Vec::new();
        wait_until("a server of its own", || {
            server = children(pid);
            // It listens on an address, and on nothing else that could be mistaken for one.
            server.len() == 1
                && std::fs::read_link(format!("/proc/{}/exe", server[0])).is_ok()
                && std::fs::read_dir(format!("/proc/{}/fd", server[0]))
                    .is_ok_and(|fds| fds.count() > 5)
        });
        bench.signal(signal);
        wait_until("its end", || {
            bench.has_ended() && std::fs::read_link(format!("/proc/{}/exe", server[0])).is_err()
        });
    }
}
