//! The command line: settings that cannot be, lines that are bad, and how each command ends.

use crate::common::{Http, Process, Server, Stream, wait_until};
use rustix::process::Signal;
use std::process::Stdio;

fn eventring(args: &[&str]) -> (i32, String, String) {
    let mut process = Process::eventring(args);
    (process.code(), process.stdout(), process.stderr())
}

/// Runs `publish` to topic `t` with this input; exit code and stderr.
fn publish(url: &str, flags: &[&str], input: &str) -> (i32, String) {
    let args = [&["publish", "--url", url, "--topic", "t"], flags].concat();
    let mut process = Process::eventring(&args);
    process.write(input);
    (process.code(), process.stderr())
}

#[test]
fn start_tells_where_and_what() {
    let server = Server::start(&[]);
    let url = server.url();
    wait_until("the last line", || {
        server.process.stdout().lines().count() == 3
    });
    let out = server.process.stdout();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[0],
        "memory only: events are gone when this process ends"
    );
    assert_eq!(lines[1], format!("listening on {url}"));
    assert_eq!(lines[2], format!("dashboard {url}/"));
    let root = Http::connect(server.address).get("/").response();
    assert_eq!(root.status, 200);
    assert!(
        root.text().contains("/api/v1/events/stream"),
        "it names the routes"
    );
}

#[test]
fn serve_is_the_default_and_listens_on_several_addresses() {
    let mut process = Process::eventring(&[
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "127.0.0.2:0",
        "--memory",
    ]);
    wait_until("two addresses", || process.stdout().contains("dashboard"));
    let out = process.stdout();
    let addresses = out
        .lines()
        .filter_map(|line| line.strip_prefix("listening on http://"));
    let addresses: Vec<_> = addresses.map(|a| a.parse().expect("an address")).collect();
    assert_eq!(addresses.len(), 2);
    for address in addresses {
        assert_eq!(
            Http::connect(address).get("/healthz").response().status,
            200
        );
    }
    process.signal(Signal::INT);
    assert_eq!(process.code(), 0);
}

#[test]
fn who_listens_beyond_loopback_is_warned() {
    for (address, warned) in [("0.0.0.0:0", true), ("127.0.0.1:0", false)] {
        let mut server = Process::eventring(&["serve", "--memory", "--listen", address]);
        server.wait_for_lines(3);
        server.signal(Signal::TERM);
        assert_eq!(server.code(), 0);
        let told = server.stderr();
        assert_eq!(
            told.contains("may publish and read everything"),
            warned,
            "{told}"
        );
        assert_eq!(told.contains("allowed_hosts"), warned, "{told}");
    }
}

#[test]
fn it_listens_on_ipv6() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        crate::common::skipped("no IPv6 here");
        return;
    }
    let process = Process::eventring(&["serve", "--memory", "--listen", "[::1]:0"]);
    wait_until("an address", || process.stdout().contains("dashboard"));
    let out = process.stdout();
    let url = out
        .lines()
        .find_map(|line| line.strip_prefix("listening on "))
        .expect("listening");
    assert!(url.starts_with("http://[::1]:"), "{url}");
    assert_eq!(publish(url, &[], "1\n"), (0, String::new()));
}

#[test]
fn a_busy_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let (code, out, err) = eventring(&["serve", "--memory", "--listen", &address]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains(&address), "{err}");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    for (args, named) in [
        (&["--capacity", "0"] as &[&str], "--capacity"),
        (&["--capacity", "99999999999999999999"], "--capacity"),
        (&["--capacity", "9000000000000000000"], "--capacity"),
        (&["--ring-bytes", "0"], "--ring-bytes"),
        (&["--ring-bytes", "1"], "--ring-bytes"),
        (&["--ring-bytes", "lots"], "--ring-bytes"),
        (&["--payload-bytes", "0"], "--payload-bytes"),
        (&["--frame-log-bytes", "0"], "--frame-log-bytes"),
        (
            &["--listen", "127.0.0.1:0", "--frame-log-bytes", "1K"],
            "--frame-log-bytes",
        ),
        (&["--max-connections", "0"], "--max-connections"),
        (&["--head-timeout", "0"], "--head-timeout"),
        (&["--body-timeout=-1"], "--body-timeout"),
        (&["--idle-timeout", "soon"], "--idle-timeout"),
        (&["--write-timeout", "nan"], "--write-timeout"),
        (&["--publish-timeout", "0"], "--publish-timeout"),
        (&["--heartbeat", "0.5"], "--heartbeat"),
        (&["--retry", ""], "--retry"),
        (&["--stop-timeout", "1e9"], "--stop-timeout"),
        (&["--body-bytes", "1.5M"], "--body-bytes"),
        (&["--bodies-in-flight", "0"], "--bodies-in-flight"),
        (&["--batch-events", "0"], "--batch-events"),
        (&["--private-bytes", "0"], "--private-bytes"),
        (&["--half-sent-bytes", "0"], "--half-sent-bytes"),
        (&["--max-pending-publishes", "0"], "--max-pending-publishes"),
        (&["--notsent-lowat", "5G"], "--notsent-lowat"),
        (&["--send-buffer", "0"], "--send-buffer"),
        (&["--listen", "8080"], "--listen"),
        (&["--listen", "127.0.0.1:99999"], "--listen"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--memory=5"], "--memory"),
        (&["extra"], "extra"),
    ] {
        let (code, out, err) = eventring(&[&["serve"], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(named), "{args:?}: {err}");
    }
    for args in [
        &["publish", "--topic", "t", "--batch", "0"] as &[&str],
        &["publish", "--topic", "t", "--batch", "1001"],
        &["publish", "--topic", "t", "--in-flight", "0"],
        &["publish", "--topic", "t", "--format", "xml"],
        &["publish", "--topic", "t", "--on-error", "ask"],
        &["publish", "--topic", "t", "--url", "https://localhost"],
        &["publish", "--topic", ""],
        &["publish"],
        &["tail"],
        &["tail", "--topic", "t", "--from", "a b"],
        &["tail", "--topic", "t", "--count", "0"],
        &["tail", "--topic", "t", "--url", "ftp://localhost"],
        &["frobnicate"],
    ] {
        let (code, out, err) = eventring(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(!err.is_empty(), "{args:?}");
    }
}

#[test]
fn settings_come_from_the_environment_too() {
    let mut command = Process::command(&[]);
    command
        .env("EVENTRING_LISTEN", "127.0.0.1:0,127.0.0.1:0")
        .env("EVENTRING_MEMORY", "true")
        .env("EVENTRING_CAPACITY", "100");
    let process = Process::spawn(&mut command);
    wait_until("two addresses", || process.stdout().contains("dashboard"));
    assert_eq!(process.stdout().matches("listening on").count(), 2);
    let mut command = Process::command(&[]);
    let mut refused = Process::spawn(command.env("EVENTRING_CAPACITY", "none"));
    assert_eq!(refused.code(), 2);
    assert!(
        refused.stderr().contains("--capacity"),
        "{}",
        refused.stderr()
    );
}

#[test]
fn too_few_files_are_a_warning() {
    let script = "ulimit -n 200; exec \"$0\" serve --memory --listen 127.0.0.1:0";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_eventring")]);
    let process = Process::spawn(&mut command);
    process.wait_for_stderr("the open-file limit is 200, so --max-connections is 136");
    wait_until("it serves all the same", || {
        process.stdout().contains("listening on")
    });
}

#[test]
fn a_bad_line_stops_behind_what_stands_before_it() {
    let server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=t");
    let (code, err) = publish(
        &server.url(),
        &[],
        "{\"n\":1}\n\n{\"n\":2}\n{bad}\n{\"n\":3}\n",
    );
    assert_eq!(code, 1);
    assert!(err.contains("line 4: not JSON"), "{err}");
    assert!(err.contains("lines published: 2"), "{err}");
    assert_eq!(stream.take(2)[1].data, "{\"n\":2}");
    server.publish("t", "\"next\"");
    assert_eq!(
        stream.next().data,
        "\"next\"",
        "nothing behind the bad line"
    );
}

#[test]
fn bad_lines_can_be_skipped() {
    let server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=t");
    let flags = ["--on-error", "skip", "--batch", "2"];
    let (code, err) = publish(
        &server.url(),
        &flags,
        "{\"n\":1}\n{bad}\n{\"n\":2}\n{\"n\":3}\nworse\n{\"n\":4}",
    );
    assert_eq!(code, 1);
    assert!(
        err.contains("line 2: ") && err.contains("line 5: "),
        "{err}"
    );
    assert!(err.contains("lines published: 4; bad lines: 2"), "{err}");
    assert_eq!(stream.take(4)[3].data, "{\"n\":4}");
}

#[test]
fn lines_that_only_the_server_refuses_have_their_numbers_too() {
    let server = Server::start(&["--payload-bytes", "100"]);
    let long = format!("\"{}\"", "x".repeat(200));
    let input = format!("1\n2\n{long}\n3\n{long}\n4\n");
    let mut stream = Stream::open(server.address, "topic=t");
    let flags = ["--format", "ndjson"];
    let (code, err) = publish(
        &server.url(),
        &[&flags as &[_], &["--on-error", "skip"]].concat(),
        &input,
    );
    assert_eq!(code, 1);
    assert!(
        err.contains("line 3: ") && err.contains("line 5: "),
        "{err}"
    );
    let data: Vec<String> = stream.take(4).into_iter().map(|event| event.data).collect();
    assert_eq!(data, ["1", "2", "3", "4"]);
    let (code, err) = publish(&server.url(), &flags, &input);
    assert_eq!(code, 1);
    assert!(
        err.contains("line 3: ") && !err.contains("line 5: "),
        "{err}"
    );
    assert_eq!(stream.take(2)[1].data, "2");
    assert!(server.health().head.ends_with("-6"), "and nothing more");
}

#[test]
fn formats_decide_what_a_line_is() {
    let server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=t&format=cloudevents");
    let url = server.url();
    assert_eq!(
        publish(&url, &[], "plain é\n\n\"quoted\"\r\n"),
        (0, String::new())
    );
    let data: Vec<_> = stream
        .take(3)
        .iter()
        .map(|event| event.json()["data"].clone())
        .collect();
    assert_eq!(data, ["plain é", "", "\"quoted\""]);
    assert_eq!(
        publish(&url, &["--format", "ndjson", "--type", "x.y"], "42\n"),
        (0, String::new())
    );
    let event = stream.next();
    assert_eq!(
        (event.event.as_str(), &event.json()["data"]),
        ("x.y", &42.into())
    );
    let line = r#"{"specversion":"1.0","id":"7","source":"/s","type":"z","data":[1]}"#;
    assert_eq!(
        publish(&url, &["--format", "cloudevents"], line),
        (0, String::new())
    );
    let event = stream.next();
    assert_eq!(
        (event.event.as_str(), &event.json()["id"]),
        ("z", &"7".into())
    );
}

/// Once: a mark in front of the first line was an error, or made text of JSON.
#[test]
fn a_mark_in_front_of_a_file_is_skipped_and_utf16_is_named() {
    let server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=t");
    let folder = tempfile::tempdir().expect("a folder");
    let cloudevent = r#"{"specversion":"1.0","id":"7","source":"/s","type":"z","data":[3]}"#;
    for (name, text, data) in [
        ("a.ndjson", "{\"n\":1.10}\n", "{\"n\":1.10}"),
        ("a.txt", "{\"n\":2}\n", "{\"n\":2}"),
        ("b.txt", "plain\n", "plain"),
        ("cloudevents", cloudevent, "[3]"),
        ("-", "{\"n\":4}\n", "{\"n\":4}"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("\u{feff}{text}")).expect("a file");
        let file = match name {
            "-" => "-",
            _ => path.to_str().expect("a name"),
        };
        let format = if name == "cloudevents" { name } else { "auto" };
        let flags = ["--format", format, file];
        let input = format!("\u{feff}{text}");
        assert_eq!(publish(&server.url(), &flags, &input), (0, String::new()));
        assert_eq!(stream.next().data, data, "{name}");
    }
    let utf16: Vec<u8> = "\u{feff}{\"n\":1}\n{\"n\":2}\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for name in ["u.ndjson", "u.txt"] {
        let path = folder.path().join(name);
        std::fs::write(&path, &utf16).expect("a file");
        let file = path.to_str().expect("a name");
        let (code, err) = publish(&server.url(), &["--on-error", "skip", file], "");
        assert_eq!((code, err.contains("line 1: UTF-16")), (1, true), "{err}");
    }
    assert!(
        server.health().head.ends_with("-5"),
        "nothing of it was published"
    );
}

/// Whoever may publish to one topic would publish to any: the same from the shell.
#[test]
fn a_whole_event_of_another_topic_is_not_published() {
    let server = Server::start(&[]);
    let line = r#"{"specversion":"1.0","id":"7","source":"/s","type":"z","topic":"secret.x"}"#;
    let (code, err) = publish(&server.url(), &["--format", "cloudevents"], line);
    assert_eq!(code, 1);
    assert!(
        err.contains("line 1: ") && err.contains(r#""secret.x""#) && err.contains(r#""t""#),
        "{err}"
    );
    assert!(server.health().head.ends_with("-0"));
    let line = line.replace("secret.x", "t");
    assert_eq!(
        publish(&server.url(), &["--format", "cloudevents"], &line),
        (0, String::new())
    );
}

#[test]
fn publish_asks_for_safety() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_on(folder.path(), &["--durability", "none"]);
    let url = server.url();
    let durable = ["--durability", "durable"];
    assert_eq!(publish(&url, &durable, "1\n2\n"), (0, String::new()));
    let stats = Http::connect(server.address)
        .get("/api/v1/stats")
        .response();
    let flushed = stats.json()["journal"]["commits"].as_u64();
    assert!(flushed >= Some(1), "{flushed:?}");
    let (code, said) = publish(Server::start(&[]).url().as_str(), &durable, "1\n");
    assert!(code == 1 && said.contains("durability"), "{said}");
    let (code, said) = publish(&url, &["--durability", "safe"], "1\n");
    assert!(code == 2 && said.contains("--durability"), "{said}");
}

#[test]
fn publish_tells_what_the_server_does_not_take() {
    let server = Server::start(&[]);
    let (code, _, err) = eventring(&[
        "publish",
        "--url",
        &server.url(),
        "--topic",
        "t",
        "/no/such",
    ]);
    assert_eq!(code, 1);
    assert!(err.contains("/no/such"), "{err}");
    let mut process = Process::eventring(&["publish", "--url", &server.url(), "--topic", "a..b"]);
    process.write("1\n");
    assert_eq!(process.code(), 1);
    let err = process.stderr();
    assert!(
        err.contains("line 1 not published") && err.contains("topic"),
        "{err}"
    );
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let (code, err) = publish(&url, &[], "1\n");
    assert_eq!(code, 1);
    assert!(
        err.contains("line 1 not published: cannot connect"),
        "{err}"
    );
}

#[test]
fn tail_prints_what_is_asked_for() {
    let server = Server::start(&[]);
    let (first, second) = (
        server.publish("t.1", "{\"n\":1}"),
        server.publish("t.2", "{\"n\":2}"),
    );
    let url = server.url();
    let tail = |more: &[&str]| {
        let args = [
            &[
                "tail",
                "--url",
                &url,
                "--topic",
                "t.*",
                "--from",
                "beginning",
            ],
            more,
        ]
        .concat();
        let (code, out, err) = eventring(&args);
        assert_eq!((code, err.as_str()), (0, ""));
        out
    };
    assert_eq!(tail(&["--count", "2"]), "{\"n\":1}\n{\"n\":2}\n");
    assert_eq!(tail(&["--count", "1"]), "{\"n\":1}\n");
    let sse = tail(&["--count", "2", "--format", "sse"]);
    assert!(
        sse.contains(&format!("id: {first}\n")) && sse.contains(&second),
        "{sse}"
    );
    let whole = tail(&["--count", "2", "--format", "cloudevents"]);
    let events: Vec<serde_json::Value> = whole
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(events[1]["data"]["n"], 2);
    assert_eq!(events[1]["specversion"], "1.0");
    let args = [
        "tail", "--url", &url, "--topic", "t.*", "--from", &first, "--count", "1",
    ];
    assert_eq!(eventring(&args), (0, "{\"n\":2}\n".into(), String::new()));
}

#[test]
fn tail_ends_quietly_when_nobody_reads() {
    let server = Server::start(&[]);
    let mut command = Process::command(&["tail", "--url", &server.url(), "--topic", "t"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    server.wait_for_streams(1);
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    server.wait_for_connections(0);
}

#[test]
fn tail_tells_refusals_and_waits_for_servers() {
    let server = Server::start(&["--max-connections", "2"]);
    let (code, _, err) = eventring(&["tail", "--url", &server.url(), "--topic", "a..b"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("the server answered 400") && err.contains("topic"),
        "{err}"
    );
    let streams: Vec<Stream> = (0..2)
        .map(|_| Stream::open(server.address, "topic=t"))
        .collect();
    let tail = Process::eventring(&["tail", "--url", &server.url(), "--topic", "t"]);
    tail.wait_for_stderr("the server answered 503");
    tail.wait_for_stderr("again in");
    drop(streams);
    wait_until("the tail to get in", || {
        let mut http = Http::connect(server.address);
        let response = http.post(
            "/api/v1/topics/t/events",
            &["Content-Type: text/plain"],
            b"x",
        );
        let _ = response.response();
        drop(http);
        std::thread::sleep(std::time::Duration::from_millis(50));
        tail.stdout().contains('x')
    });
}

#[test]
fn tail_comes_back_after_a_restart_and_says_what_happened() {
    let server = Server::start(&["--retry", "0.1"]);
    let address = server.address.to_string();
    let url = server.url();
    let tail = Process::eventring(&["tail", "--url", &url, "--topic", "t"]);
    server.wait_for_streams(1);
    server.publish("t", "\"before\"");
    tail.wait_for_lines(1);
    drop(server); // killed: nobody said goodbye
    tail.wait_for_stderr("again in");
    let again = Process::eventring(&["serve", "--memory", "--listen", &address, "--retry", "0.1"]);
    wait_until("the server to listen again", || {
        again.stdout().contains("dashboard")
    });
    tail.wait_for_stderr("reset: cannot resume after");
    assert_eq!(
        publish(&url, &["--format", "ndjson"], "\"after\"\n"),
        (0, String::new())
    );
    tail.wait_for_lines(2);
    assert_eq!(tail.stdout(), "\"before\"\n\"after\"\n");
}

#[test]
fn a_stop_lets_out_what_is_published() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut server = Server::start(&[]);
        let mut stream = Stream::open(server.address, "topic=t");
        let data: Vec<String> = (0..2000).map(|n| format!("{{\"n\":{n}}}")).collect();
        server.publish_all("t", &data, 500);
        server.signal(signal);
        let got: Vec<String> = stream.rest().into_iter().map(|event| event.data).collect();
        assert_eq!(got, data);
        assert_eq!(server.process.code(), 0, "{}", server.process.stderr());
        assert!(
            std::net::TcpStream::connect(server.address).is_err(),
            "nobody listens any more"
        );
    }
}

/// A server with a client that takes nothing of the megabytes that wait for it.
fn stuck(flags: &[&str]) -> (Server, Stream) {
    let server = Server::start(flags);
    let stream = Stream::on(Http::connect_small(server.address), "topic=t", &[]);
    server.wait_for_streams(1);
    for _ in 0..8 {
        server.publish("t", &format!("\"{}\"", "x".repeat(400 << 10)));
    }
    (server, stream)
}

#[test]
fn a_stop_at_the_deadline_tells_what_was_left() {
    let (mut server, _stream) = stuck(&["--stop-timeout", "0.3"]);
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 3, "{}", server.process.stderr());
    assert!(
        server.process.stderr().contains("not everything was sent"),
        "{}",
        server.process.stderr()
    );
}

#[test]
fn a_second_signal_ends_at_once() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (mut server, _stream) = stuck(&["--stop-timeout", "3600"]);
        server.signal(signal);
        server.process.wait_for_stderr("stopping");
        server.signal(signal);
        assert_eq!(server.process.code(), code);
    }
}

/// Once: the output was lost, with exit code 0.
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let server = Server::start(&[]);
    let url = server.url();
    let short = [
        "bench",
        "--seconds",
        "0.1",
        "--connections",
        "2",
        "--url",
        &url,
    ];
    let bench = [&short as &[_], &["--json"]].concat();
    let tail = [
        "tail",
        "--topic",
        "t",
        "--from",
        "beginning",
        "--count",
        "1",
        "--url",
        &url,
    ];
    assert_eq!(publish(&url, &[], "1\n"), (0, String::new()));
    for args in [
        &["check-config"] as &[&str],
        &bench,
        &short,
        &tail,
        &["completions", "bash"],
        &["man"],
        &["man", "serve"],
        &["--help"],
        &["--version"],
        &["help", "bench"],
        &["serve", "-h"],
    ] {
        let (full, broken) = (std::fs::File::create("/dev/full"), std::io::pipe());
        let run = |stdout: Stdio| {
            let mut command = Process::command(args);
            let command = command
                .stdout(stdout)
                .stdin(Stdio::null())
                .stderr(Stdio::piped());
            let mut process = Process::spawn_as_is(command);
            (process.code(), process.stderr())
        };
        let (code, err) = run(full.expect("there").into());
        assert_eq!(code, 1, "{args:?}: {err}");
        assert!(err.contains("cannot write"), "{args:?}: {err}");
        // Who has seen enough is no failure.
        let (reader, writer) = broken.expect("a pipe");
        drop(reader);
        let (code, err) = run(writer.into());
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
    }
}

/// A server is there to serve: it says that nobody reads where it is, and goes on.
#[test]
fn a_server_serves_without_a_place_to_say_where() {
    let full = std::fs::File::create("/dev/full").expect("there");
    let mut command = Process::command(&["serve", "--memory", "--listen", "127.0.0.1:0"]);
    let command = command
        .stdout(full)
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut server = Process::spawn_as_is(command);
    server.wait_for_stderr("cannot write to standard output");
    server.signal(Signal::TERM);
    assert_eq!(server.code(), 0);
}
