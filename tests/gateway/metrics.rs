//! What `/metrics` and the stats say is what happened, in the format that Prometheus reads.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;
use serde_json::Value;

use crate::contract;

const PATIENCE: Duration = Duration::from_secs(20);

fn serve(hub: &Hub) -> ServerThread {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    Server::bind(hub, config).unwrap().spawn().unwrap()
}

fn publish(hub: &Hub, topic: &str, count: usize) {
    for n in 0..count {
        let text = n.to_string();
        hub.publish(Event::builder(topic, "t").text(&text).build().unwrap())
            .unwrap();
    }
}

/// Opens a connection and sends a request.
fn open(address: SocketAddr, request: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    BufReader::new(stream)
}

/// The status and the body of an answer that has a length.
fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let mut reader = open(address, request);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let length = head.split("Content-Length: ").nth(1).unwrap();
    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    contract::check_exchange(request, &[head.as_bytes(), &body].concat());
    (head, String::from_utf8(body).unwrap())
}

fn read_until(reader: &mut BufReader<TcpStream>, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        assert_ne!(
            reader.read_line(&mut text).unwrap(),
            0,
            "the end, before {wanted}: {text}"
        );
    }
    text
}

/// Parses the text format, strictly, and checks what its specification asks of it.
fn parse(text: &str) -> HashMap<String, f64> {
    let mut types: HashMap<&str, &str> = HashMap::new();
    let mut helped: Option<&str> = None;
    let mut helps = HashSet::new();
    let mut samples = HashMap::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect(line);
            assert!(!help.is_empty(), "{line}");
            assert!(helps.insert(name), "{name} is explained twice");
            unescape(help, "\\n");
            helped = Some(name);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect(line);
            assert_eq!(helped, Some(name), "HELP precedes TYPE");
            assert!(
                ["counter", "gauge", "histogram", "untyped"].contains(&kind),
                "{line}"
            );
            assert_eq!(types.insert(name, kind), None, "{name} comes twice");
        } else {
            assert!(!line.starts_with('#'), "{line}");
            let (series, value) = line.rsplit_once(' ').expect(line);
            let name = series.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| {
                    name.strip_suffix(suffix)
                        .filter(|f| types.get(f) == Some(&"histogram"))
                })
                .unwrap_or(name);
            assert_eq!(helped, Some(family), "samples follow their family: {line}");
            let kind = types[family];
            assert_eq!(kind == "counter", family.ends_with("_total"), "{line}");
            if let Some(labels) = series
                .strip_prefix(name)
                .filter(|labels| !labels.is_empty())
            {
                let inside = labels.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
                // No value of ours holds a comma.
                for label in inside.split(',') {
                    let (label, value) = label.split_once('=').expect(line);
                    assert!(
                        label.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                        "{line}"
                    );
                    let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
                    let value = value.expect(line);
                    assert!(!value.is_empty(), "{line}");
                    unescape(value, "\\n\"");
                }
            }
            let value: f64 = value.parse().expect(line);
            assert!(value >= 0.0, "{line}");
            assert_eq!(
                samples.insert(series.to_owned(), value),
                None,
                "{line} comes twice"
            );
        }
    }
    for family in types.keys().filter(|family| types[*family] == "histogram") {
        check_histogram(family, text, &samples);
    }
    samples
}

/// Undoes escapes of those characters; there are no others.
fn unescape(text: &str, escaped: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        plain.push(match next {
            '\\' => {
                let next = rest.next().expect(text);
                assert!(escaped.contains(next), "{text}");
                if next == 'n' { '\n' } else { next }
            }
            next => {
                assert!(next == 'n' || !escaped.contains(next), "{text}");
                next
            }
        });
    }
    plain
}

/// Checks that buckets come in order, hold all that smaller ones do, and end with all that there is.
fn check_histogram(family: &str, text: &str, samples: &HashMap<String, f64>) {
    let begins = format!("{family}_bucket{{le=\"");
    let buckets: Vec<(f64, f64)> = text
        .lines()
        .filter_map(|line| line.strip_prefix(&begins)?.split_once("\"} "))
        .map(|(le, count)| (le.parse().expect(le), count.parse().expect(count)))
        .collect();
    assert!(buckets.len() > 1, "{text}");
    for pair in buckets.windows(2) {
        assert!(pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1, "{text}");
    }
    let (le, count) = buckets[buckets.len() - 1];
    assert_eq!(le, f64::INFINITY);
    assert_eq!(count, samples[&format!("{family}_count")]);
    assert!(samples.contains_key(&format!("{family}_sum")));
}

fn scrape(server: &ServerThread) -> HashMap<String, f64> {
    let (head, text) = ask(server.addr(), "GET /metrics");
    assert!(
        head.contains("Content-Type: text/plain; version=0.0.4"),
        "{head}"
    );
    parse(&text)
}

/// Scrapes until a series is as it should be; fails with all of them.
fn scrape_until(
    server: &ServerThread,
    series: &str,
    done: impl Fn(f64) -> bool,
) -> HashMap<String, f64> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let samples = scrape(server);
        match samples.get(series) {
            Some(value) if done(*value) => return samples,
            None => panic!("no {series} in {samples:#?}"),
            Some(value) => assert!(Instant::now() < deadline, "{series} stays {value}"),
        }
    }
}

/// What dashboards and alerts are made of: names, types, helps, labels, and their order. `data/metrics.txt` has all lines
/// without their values.
#[test]
fn no_series_changes_its_name() {
    let server = serve(&Hub::new());
    let (_, text) = ask(server.addr(), "GET /metrics");
    let expected =
        include_str!("../data/metrics.txt").replace("VERSION", env!("CARGO_PKG_VERSION"));
    let mut lines = expected.lines();
    for line in text.lines() {
        let told = match line.strip_prefix('#') {
            Some(_) => line,
            None => line.rsplit_once(' ').expect(line).0,
        };
        assert_eq!(Some(told), lines.next());
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn counters_of_the_program_are_shown_by_the_names_that_it_gave_them() {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let (named, odd) = (
        r#"Orders, "large" ones."#,
        "A backslash \\ and\na second line.",
    );
    let server = Server::builder(&Hub::new())
        .counter("shop_orders_total", named, || 7)
        .counter("shop:visits", odd, || u64::MAX)
        .bind(config)
        .unwrap();
    let server = server.spawn().unwrap();
    let (_, text) = ask(server.addr(), "GET /metrics");
    let samples = parse(&text);
    assert_eq!(samples["shop_orders_total"], 7.0);
    for line in [
        r#"# HELP shop_orders_total Orders, "large" ones."#,
        "# TYPE shop_orders_total counter",
        "shop_orders_total 7",
        r"# HELP shop:visits A backslash \\ and\na second line.",
        // A counter would be `shop:visits_total`.
        "# TYPE shop:visits untyped",
        "shop:visits 18446744073709551615",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}: {text}");
    }
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let refused = Server::builder(&Hub::new())
        .counter("shop-orders", "Orders.", || 0)
        .counter("shop_orders_total", "Orders.", || 0)
        .counter("shop_orders_total", "Visits.", || 0)
        .bind(config)
        .err();
    assert_eq!(
        refused.expect("no names of Prometheus").to_string(),
        "counter \"shop-orders\" must have a name like shop_orders_total; \
         counter \"shop_orders_total\" is there already"
    );
}

/// Of a scraper that wants OpenMetrics most: all of them take the classic text, too.
#[test]
fn the_content_type_is_that_of_the_text_whatever_a_scraper_prefers() {
    let server = serve(&Hub::new());
    let accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3";
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    let content_type = "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(head.contains(content_type), "{head}");
    parse(text);
}

#[test]
fn a_fresh_server_has_every_family_and_nothing_counted() {
    let samples = scrape(&serve(&Hub::new()));
    for (series, value) in &samples {
        let may_be_more = [
            "build_info",
            "uptime",
            "earliest",
            "accepted",
            "connections{state=\"request\"",
            "stall_max",
            "unfinished_max",
        ];
        if !may_be_more.iter().any(|part| series.contains(part)) {
            assert_eq!(*value, 0.0, "{series}");
        }
    }
    assert!(samples.len() > 60, "{}", samples.len());
}

#[test]
fn what_is_published_and_delivered_is_counted_exactly() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut wide = open(server.addr(), "GET /api/v1/events/stream");
    let mut narrow = open(server.addr(), "GET /api/v1/events/stream?topic=a.*");
    read_until(&mut wide, "retry:");
    read_until(&mut narrow, "retry:");
    for round in 0..20 {
        publish(&hub, "a.x", 5);
        publish(&hub, "b.x", 2);
        let last = format!("-{}\n", (round + 1) * 7);
        let before = format!("-{}\n", (round + 1) * 7 - 2);
        read_until(&mut wide, &last);
        read_until(&mut narrow, &before);
    }
    let samples = scrape(&server);
    assert_eq!(samples["eventring_published_events_total"], 140.0);
    assert_eq!(
        samples[r#"eventring_delivered_events_total{source="live"}"#],
        140.0 + 100.0
    );
    assert_eq!(samples[r#"eventring_connections{state="live"}"#], 2.0);
    assert_eq!(
        samples[r#"eventring_requests_total{route="stream",status="2xx"}"#],
        2.0
    );
    assert!(samples["eventring_publish_to_socket_seconds_count"] >= 20.0);
    let infinite = r#"eventring_publish_to_socket_seconds_bucket{le="+Inf"}"#;
    assert_eq!(
        samples[infinite],
        samples["eventring_publish_to_socket_seconds_count"]
    );
    let mut late = open(
        server.addr(),
        "GET /api/v1/events/stream?from=beginning&topic=b.*",
    );
    read_until(&mut late, "-140\n");
    let samples = scrape(&server);
    let (live, history) = (
        samples[r#"eventring_delivered_events_total{source="live"}"#],
        samples[r#"eventring_delivered_events_total{source="history"}"#],
    );
    assert_eq!((live, history), (240.0, 40.0));
}

#[test]
fn what_is_lost_refused_and_ended_is_counted_by_reason() {
    let hub = Hub::builder().capacity(10).build().unwrap();
    let server = serve(&hub);
    publish(&hub, "a", 100);
    let first = format!("{}-1", hub.epoch());
    let mut behind = open(
        server.addr(),
        &format!("GET /api/v1/events/stream?last-event-id={first}"),
    );
    read_until(&mut behind, "event: gap");
    let mut junk = open(
        server.addr(),
        "GET /api/v1/events/stream?last-event-id=junk",
    );
    read_until(&mut junk, "event: reset");
    drop((behind, junk));
    ask(server.addr(), "GET /nowhere");
    ask(server.addr(), "GET /bad path");
    let ended = r#"eventring_streams_ended_total{reason="closed"}"#;
    let reset = r#"eventring_streams_ended_total{reason="reset"}"#;
    // A socket that is closed with bytes unread sends a reset.
    let deadline = Instant::now() + PATIENCE;
    let samples = loop {
        let samples = scrape(&server);
        if samples[ended] + samples[reset] == 2.0 {
            break samples;
        }
        assert!(Instant::now() < deadline, "{samples:#?}");
    };
    for (series, value) in [
        (r#"eventring_gaps_total{reason="retention"}"#, 1.0),
        (r#"eventring_resets_total{reason="junk"}"#, 1.0),
        (
            r#"eventring_requests_total{route="none",status="4xx"}"#,
            2.0,
        ),
        (r#"eventring_refused_total{reason="malformed"}"#, 1.0),
        (r#"eventring_connections{state="live"}"#, 0.0),
    ] {
        assert_eq!(samples[series], value, "{series}");
    }
}

#[test]
fn who_takes_nothing_is_seen_as_blocked_and_behind_and_its_end_as_stalled() {
    let hub = Hub::builder().capacity(100).build().unwrap();
    let config = ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .frame_log_bytes(64 << 10)
        .send_buffer(Some(4 << 10))
        .write_timeout(Duration::from_secs(2));
    let server = Server::bind(&hub, config).unwrap().spawn().unwrap();
    let mut stalled = open(server.addr(), "GET /api/v1/events/stream");
    read_until(&mut stalled, "retry:");
    let text = "x".repeat(10_000);
    let deadline = Instant::now() + PATIENCE;
    while server.handle().stats().blocked == 0 {
        assert!(Instant::now() < deadline);
        hub.publish(Event::builder("a", "t").text(&text).build().unwrap())
            .unwrap();
        std::thread::yield_now();
    }
    hub.publish(Event::builder("a", "t").text(&text).build().unwrap())
        .unwrap();
    let stalled_end = r#"eventring_streams_ended_total{reason="stalled"}"#;
    let samples = scrape_until(&server, "eventring_stream_lag_events_max", |lag| lag > 0.0);
    assert_eq!(samples["eventring_streams_lagging"], 1.0);
    scrape_until(&server, stalled_end, |ended| ended == 1.0);
}

/// The data of the next `stats` event.
fn next_stats(reader: &mut BufReader<TcpStream>) -> Value {
    read_until(reader, "event: stats\n");
    let data = read_until(reader, "\n\n");
    serde_json::from_str(data.trim_start_matches("data: ").trim_end()).expect(&data)
}

#[test]
fn the_stats_stream_ticks_and_tells_topics() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut stats = open(server.addr(), "GET /api/v1/stats/stream");
    let first = next_stats(&mut stats);
    assert_eq!(first["published"], 0);
    // Nobody streams: topics are counted for the watcher alone.
    publish(&hub, "busy", 30);
    publish(&hub, "quiet \"one\"".replace([' ', '"'], "-").as_str(), 3);
    let deadline = Instant::now() + PATIENCE;
    let tick = loop {
        let tick = next_stats(&mut stats);
        if tick["topics"].as_array().unwrap().len() == 2 {
            break tick;
        }
        assert!(Instant::now() < deadline, "{tick}");
    };
    assert_eq!(tick["published"], 33);
    assert_eq!(tick["watchers"], 1);
    assert_eq!(tick["topics"][0]["topic"], "busy");
    assert_eq!(tick["topics"][0]["events"], 30);
    assert_eq!(tick["topics"][1]["events"], 3);
    assert!(tick["uptime_ms"].as_u64() > first["uptime_ms"].as_u64());
    let (_, once) = ask(server.addr(), "GET /api/v1/stats");
    let once: Value = serde_json::from_str(&once).unwrap();
    assert_eq!(once["published"], 33);
    drop(stats);
    scrape_until(
        &server,
        r#"eventring_connections{state="watching_stats"}"#,
        |n| n == 0.0,
    );
    assert!(server.stop().unwrap().clean);
}

#[test]
fn a_watcher_does_not_hold_up_a_stop() {
    let server = serve(&Hub::new());
    let mut stats = open(server.addr(), "GET /api/v1/stats/stream");
    next_stats(&mut stats);
    assert!(server.stop().unwrap().clean);
}

#[test]
fn a_stream_without_names_gives_events_of_all_types_to_onmessage() {
    let hub = Hub::new();
    let server = serve(&hub);
    let mut stream = open(
        server.addr(),
        "GET /api/v1/events/stream?names=none&format=cloudevents",
    );
    read_until(&mut stream, "retry:");
    publish(&hub, "a", 1);
    let text = read_until(&mut stream, "-1\n") + &read_until(&mut stream, "\n\n");
    assert!(
        !text.contains("event:") && text.contains(r#""type":"t""#),
        "{text}"
    );
    let (head, body) = ask(server.addr(), "GET /api/v1/events/stream?names=x");
    assert!(
        head.starts_with("HTTP/1.1 400") && body.contains(r#""field":"names""#),
        "{body}"
    );
}

/// Once: a counter of a program could have the name of one of the server's, and scrapers refused the whole answer.
#[test]
fn no_counter_of_a_program_has_a_name_of_the_servers_own() {
    let ours = include_str!("../data/metrics.txt");
    let ours = ours.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let ours: Vec<&'static str> = ours.filter_map(|line| line.split(' ').next()).collect();
    assert!(ours.len() > 20);
    for name in ours {
        let builder = Server::builder(&Hub::new()).counter(name, "Mine.", || 1);
        let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
        let error = builder.bind(config).err().unwrap().to_string();
        assert!(error.contains(name) && error.contains("own"), "{error}");
    }
}
