//! Clients that die, stall or never speak: the others do not notice, and nothing is left behind.

use crate::common::{Http, Process, Server, Stream, curl_is_there, wait_until};
use rustix::process::Signal;
use std::net::Shutdown;
use std::process::{Command, Stdio};

/// A payload whose frame is larger than what small socket buffers take.
fn large(tag: &str) -> String {
    format!(
        "{{\"tag\":\"{tag}\",\"fill\":\"{}\"}}",
        "x".repeat(200 << 10)
    )
}

fn small(n: usize) -> String {
    format!("{{\"n\":{n}}}")
}

/// Publishes `count` events and checks that `stream` gets each of them.
fn served(server: &Server, stream: &mut Stream, count: usize) {
    let data: Vec<String> = (0..count).map(small).collect();
    server.publish_all("t", &data, 100);
    let got: Vec<String> = stream
        .take(count)
        .into_iter()
        .map(|event| event.data)
        .collect();
    assert_eq!(got, data);
}

#[test]
fn a_killed_client_leaves_no_trace_and_resumes_exactly() {
    if !curl_is_there() {
        return;
    }
    let server = Server::start(&[]);
    let mut other = Stream::open(server.address, "topic=t");
    let url = format!("{}/api/v1/events/stream?topic=t", server.url());
    let mut command = Command::new("curl");
    command
        .args(["-sN", &url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut curl = Process::spawn_as_is(&mut command);
    server.wait_for_streams(2);

    served(&server, &mut other, 10);
    wait_until("curl's ten events", || {
        curl.stdout().matches("data: ").count() == 10
    });
    curl.signal(Signal::KILL);
    curl.wait();
    let seen = curl.stdout();
    let last = seen
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("id: "))
        .expect("an id");
    server.wait_for_connections(1);

    served(&server, &mut other, 150);
    let header = format!("Last-Event-ID: {last}");
    let mut resumed = Stream::open_with(server.address, "topic=t", &[&header]);
    let missed: Vec<String> = resumed
        .take(150)
        .into_iter()
        .map(|event| event.data)
        .collect();
    assert_eq!(missed, (0..150).map(small).collect::<Vec<_>>());
    served(&server, &mut resumed, 5);
}

#[test]
fn curl_inflates_each_event_as_it_comes() {
    if !curl_is_there() {
        return;
    }
    let server = Server::start(&[]);
    let url = format!(
        "{}/api/v1/events/stream?topic=t&compression=gzip",
        server.url()
    );
    let mut curls: Vec<Process> = (0..9)
        .map(|_| {
            let mut command = Command::new("curl");
            command
                .args(["-sN", "--compressed", &url])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null());
            Process::spawn_as_is(&mut command)
        })
        .collect();
    server.wait_for_streams(9);
    let mut other = Stream::open(server.address, "topic=t");
    for count in 1..=3 {
        served(&server, &mut other, 10);
        for curl in &curls {
            wait_until("what was published", || {
                curl.stdout().matches("data: ").count() == 10 * count
            });
        }
    }
    for curl in &mut curls {
        curl.signal(Signal::KILL);
        curl.wait();
    }
}

#[test]
fn half_closed_and_reset_clients_are_noticed_without_a_write() {
    let server = Server::start(&["--heartbeat", "0"]);
    let mut other = Stream::open(server.address, "topic=t");
    let half = Stream::open(server.address, "topic=t");
    let reset = Stream::open(server.address, "topic=t");
    server.wait_for_streams(3);

    half.http
        .stream
        .shutdown(Shutdown::Write)
        .expect("half-closed");
    server.wait_for_streams(2);
    reset.http.reset();
    server.wait_for_streams(1);
    server.wait_for_connections(1);
    served(&server, &mut other, 10);
}

#[test]
fn a_half_closed_request_still_gets_its_answer() {
    let server = Server::start(&[]);
    let mut http = Http::connect(server.address);
    http.get("/healthz")
        .stream
        .shutdown(Shutdown::Write)
        .expect("half-closed");
    assert_eq!(http.response().status, 200);
    assert!(http.is_closed());
    server.wait_for_connections(0);
}

#[test]
fn a_client_that_never_reads_does_not_slow_the_others() {
    let server = Server::start(&["--write-timeout", "1", "--frame-log-bytes", "1M"]);
    let mut other = Stream::open(server.address, "topic=t");
    let stuck = Stream::on(Http::connect_small(server.address), "topic=t", &[]);
    server.wait_for_streams(2);
    // Much more than buffers and frame log hold: the stuck one is lapped while the other reads.
    for n in 0..60 {
        server.publish("t", &large(&n.to_string()));
        assert_eq!(other.next().json()["tag"], n.to_string());
    }
    served(&server, &mut other, 100);
    // It takes no byte within the write timeout, so it is cut.
    server.wait_for_connections(1);
    drop(stuck);
    served(&server, &mut other, 10);
}

#[test]
fn half_open_heads_do_not_hurt_and_are_cleared_away() {
    let server = Server::start(&["--head-timeout", "2"]);
    let mut other = Stream::open(server.address, "topic=t");
    let heads: Vec<Http> = (0..200)
        .map(|_| {
            let mut http = Http::connect(server.address);
            http.send("GET /healthz HTTP/1.1\r\nHost:");
            http
        })
        .collect();
    served(&server, &mut other, 50);
    // All of them time out, though they stay open on their side.
    server.wait_for_connections(1);
    served(&server, &mut other, 50);
    drop(heads);
}

#[test]
fn a_stall_in_the_middle_of_a_frame_is_nobody_elses_problem() {
    let server = Server::start(&[]);
    let mut other = Stream::open(server.address, "topic=t");
    let mut stalled = Stream::on(Http::connect_small(server.address), "topic=t", &[]);
    server.wait_for_streams(2);

    server.publish("t", &large("a"));
    while stalled.http.input.len() < 1000 {
        assert!(stalled.http.fill(), "the start of the frame");
    }
    assert_eq!(other.next().json()["tag"], "a");
    served(&server, &mut other, 200);

    // It goes on where it stopped: the frame is whole and what came behind it follows.
    let first = stalled.next();
    assert_eq!(first.json()["tag"], "a");
    let rest = stalled.take(200);
    assert_eq!(rest[0].offset(), first.offset() + 1);
}

#[test]
fn a_lapped_stall_is_whole_or_cut_and_then_resumes_exactly() {
    let server = Server::start(&["--frame-log-bytes", "1M", "--half-sent-bytes", "1M"]);
    let mut other = Stream::open(server.address, "topic=t");
    let mut stalled = Stream::on(Http::connect_small(server.address), "topic=t", &[]);
    server.wait_for_streams(2);
    for n in 0..30 {
        server.publish("t", &large(&n.to_string()));
        assert_eq!(other.next().json()["tag"], n.to_string());
    }
    // Thirty frames of 200 KB passed through a log of 1 MB. Whatever the stalled one gets is in
    // order and whole; when it was cut, it comes back with the id it has.
    let mut tags = Vec::new();
    while tags.len() < 30 {
        match stalled.next_within(crate::common::DEADLINE) {
            Some(event) => tags.push(event.json()["tag"].as_str().expect("a tag").to_string()),
            None => {
                let id = stalled.last_event_id();
                let header = format!("Last-Event-ID: {id}");
                let (query, headers) = match id {
                    "" => ("topic=t&from=beginning", vec![]),
                    _ => ("topic=t", vec![header.as_str()]),
                };
                stalled = Stream::open_with(server.address, query, &headers);
            }
        }
    }
    assert_eq!(tags, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn too_many_connections_get_503_and_room_comes_back() {
    let server = Server::start(&["--max-connections", "4"]);
    let streams: Vec<Stream> = (0..4)
        .map(|_| Stream::open(server.address, "topic=t"))
        .collect();
    let mut refused = Http::connect(server.address);
    let response = refused.get("/healthz").response();
    response.problem(503);
    let wait: u64 = response
        .header("retry-after")
        .expect("Retry-After")
        .parse()
        .expect("seconds");
    assert!(wait >= 1);
    assert!(refused.is_closed());
    drop(streams);
    wait_until("room for a connection", || {
        Http::connect(server.address)
            .get("/healthz")
            .response()
            .status
            == 200
    });
}

#[test]
fn one_pipelining_publisher_does_not_overrun_the_streams() {
    let server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=t");
    let body = "1\n".repeat(1000);
    let request = format!(
        "POST /api/v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut http = Http::connect(server.address);
    let mut writer = http.stream.try_clone().expect("a second handle");
    let writing = std::thread::spawn(move || {
        std::io::Write::write_all(&mut writer, request.repeat(300).as_bytes()).expect("taken");
    });
    for _ in 0..300 {
        assert_eq!(http.response().status, 200);
    }
    writing.join().expect("all sent");
    let last = server.publish("t", "\"last\"");
    // This reader may be too slow for what is kept, but the server must not be.
    loop {
        let event = stream.next();
        assert!(
            event.event != "gap" || event.json()["reason"] != "overrun",
            "{event:?}"
        );
        if event.id == last {
            break;
        }
    }
}

/// Once: a URL of a Unix socket was not understood, nor one whose scheme is in capitals.
#[test]
fn every_client_knows_unix_sockets_and_schemes_in_any_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = format!("unix:{}", folder.path().join("e.sock").display());
    let server = Process::eventring(&[
        "serve",
        "--memory",
        "--listen",
        &socket,
        "--listen",
        "127.0.0.1:0",
    ]);
    server.wait_for_lines(4);
    let out = server.stdout();
    let tcp = out
        .lines()
        .find_map(|line| line.strip_prefix("listening on http"));
    let capitals = format!("HTTP{}", tcp.expect("an address"));
    for url in [&socket, &socket.replace("unix:", "UNIX://"), &capitals] {
        let run = |args: &[&str], input: &str| {
            let mut process = Process::eventring(&[args, &["--url", url]].concat());
            process.write(input);
            (process.code(), process.stdout(), process.stderr())
        };
        let published = run(&["publish", "--topic", "t"], "7\n");
        assert_eq!(published, (0, String::new(), String::new()), "{url}");
        for ws in [&[] as &[&str], &["--ws"]] {
            let tail = [
                "tail",
                "--topic",
                "t",
                "--from",
                "beginning",
                "--count",
                "1",
            ];
            let (code, out, err) = run(&[&tail, ws].concat(), "");
            assert_eq!((code, out.as_str(), err.as_str()), (0, "7\n", ""), "{url}");
        }
        let load = [
            "--seconds",
            "0.3",
            "--connections",
            "5",
            "--rate",
            "50",
            "--topic",
            "b",
        ];
        for more in [
            &[] as &[&str],
            &["--ws", "--slow-share", "0.4"],
            &["--storm"],
        ] {
            let more = if more == ["--storm"] {
                vec!["bench", "--storm", "--seconds", "0.2", "--connections", "5"]
            } else {
                [&["bench"], &load as &[_], more].concat()
            };
            let (code, out, err) = run(&more, "");
            assert_eq!(code, 0, "{url} {more:?}: {out} {err}");
        }
    }
    // What could not be protected is not spoken to.
    for args in [
        &["serve", "--memory", "--listen", "unix:@e"] as &[&str],
        &["tail", "--topic", "t", "--url", "unix:@e"],
    ] {
        let mut process = Process::eventring(args);
        assert_eq!(process.code(), 2);
        assert!(
            process.stderr().contains("no permissions"),
            "{}",
            process.stderr()
        );
    }
}

/// A link-local address of this machine, with the name of its interface.
fn link_local() -> Option<String> {
    let all = std::fs::read_to_string("/proc/net/if_inet6").ok()?;
    let line = all.lines().find(|line| line.starts_with("fe80"))?;
    let mut fields = line.split_whitespace();
    let digits = u128::from_str_radix(fields.next()?, 16).ok()?;
    Some(format!(
        "{}%{}",
        std::net::Ipv6Addr::from(digits),
        fields.next_back()?
    ))
}

/// Once: the zone of a link-local address was refused, and led nowhere in a URL.
#[test]
fn link_local_addresses_are_listened_on_and_connected_to() {
    let Some(address) = link_local() else {
        crate::common::skipped("no link-local address here");
        return;
    };
    let mut server =
        Process::eventring(&["serve", "--memory", "--listen", &format!("[{address}]:0")]);
    wait_until("an address, or its end", || {
        server.stdout().contains("dashboard") || server.has_ended()
    });
    let out = server.stdout();
    let line = out.lines().find(|line| line.starts_with("listening"));
    let port = line.and_then(|line| line.rsplit(':').next());
    let port = port.unwrap_or_else(|| panic!("{}", server.stderr()));
    for percent in ["%25", "%"] {
        let url = format!("http://[{}]:{port}", address.replace('%', percent));
        let mut publish = Process::eventring(&["publish", "--url", &url, "--topic", "t"]);
        publish.write("7\n");
        assert_eq!(
            (publish.code(), publish.stderr()),
            (0, String::new()),
            "{url}"
        );
        let tail = [
            "tail",
            "--topic",
            "t",
            "--from",
            "beginning",
            "--count",
            "1",
        ];
        let mut tail = Process::eventring(&[&tail as &[_], &["--url", &url]].concat());
        assert_eq!((tail.code(), tail.stdout().as_str()), (0, "7\n"), "{url}");
    }
}
