//! The bounds of a journal, by flags: what they say, what goes, and who is told.

use crate::common::{Http, Server};
use serde_json::Value;
use std::time::{Duration, Instant};

/// What has to happen has happened by then.
const PATIENCE: Duration = Duration::from_secs(60);

fn get(server: &Server, target: &str) -> String {
    let response = Http::connect(server.address).get(target).response();
    assert_eq!(response.status, 200, "{target}: {}", response.text());
    response.text()
}

fn journal(server: &Server) -> Value {
    let stats: Value = serde_json::from_str(&get(server, "/api/v1/stats")).expect("JSON");
    stats["journal"].clone()
}

#[test]
fn the_oldest_events_go_and_who_comes_back_from_before_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let flags = [
        "--retention-events",
        "500",
        "--retention-age",
        "7d",
        "--retention-bytes",
        "1G",
        "--journal-compression",
        "deflate",
    ];
    let server = Server::start_on(folder.path(), &flags);
    let first = server.publish("t", "1");
    let events: Vec<String> = (0..2_000).map(|n| format!("\"{n:01000}\"")).collect();
    server.publish_all("t", &events, 10);
    let deadline = Instant::now() + PATIENCE;
    let floor = loop {
        let floor = journal(&server)["floor"].as_u64().expect("a number");
        if floor > 1_000 {
            break floor;
        }
        assert!(Instant::now() < deadline, "nothing goes: {floor}");
        std::thread::yield_now();
    };
    let removed = journal(&server)["removed_events"].as_u64();
    assert!(
        removed.is_some_and(|removed| removed >= floor - 1),
        "{removed:?}"
    );
    let metrics = get(&server, "/metrics");
    for name in [
        "eventring_journal_floor_offset",
        "eventring_journal_removed_events_total",
        "eventring_journal_removed_bytes_total",
        "eventring_journal_age_suspended",
        "eventring_journal_holds_cut_total",
    ] {
        assert!(metrics.contains(&format!("\n{name} ")), "{name}: {metrics}");
    }
    server.process.wait_for_stderr("the oldest events go");
    // What the ring has goes with the process.
    let mut server = server;
    server.signal(rustix::process::Signal::KILL);
    server.process.wait();
    let server = Server::start_on(folder.path(), &flags);
    let out = server.process.stdout();
    let bounds = "keeps at most 1.0 GiB, 500 events, 7 days";
    assert!(
        out.lines()
            .next()
            .is_some_and(|line| line.ends_with(bounds)),
        "{out}"
    );
    let mut stream = Http::connect(server.address);
    let request = format!(
        "GET /api/v1/events/stream?topic=t HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {first}\r\n\r\n"
    );
    assert_eq!(stream.send(&request).head().status, 200);
    let mut said = String::new();
    while !said.contains("\ndata:") && !said.contains("event:gap") && !said.contains("event: gap") {
        said += &stream.chunk();
    }
    assert!(said.contains("retention"), "{said}");
    // A page that begins anew begins with what there is.
    let page: Value =
        serde_json::from_str(&get(&server, "/api/v1/events/history?limit=1")).expect("JSON");
    let first = page["events"][0]["position"].as_str().expect("a position");
    let offset: u64 = first
        .rsplit('-')
        .next()
        .unwrap_or("")
        .parse()
        .expect("a number");
    assert!(offset >= floor && page.get("gaps").is_none(), "{page}");
}
