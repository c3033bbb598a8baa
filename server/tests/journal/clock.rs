//! A clock that is ten years ahead, and back again: `faketime` moves it, and leaves the time that only passes alone.

use crate::common::{Http, Process, Server, Stream, skipped, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const TEN_YEARS: &str = "+3650d";
/// Milliseconds of nine years: what is that far ahead was given a wrong time.
const AHEAD: i64 = 9 * 365 * 24 * 3600 * 1000;

/// Starts a server whose clock is ahead; `None`: that cannot be done here.
fn start_ahead(data: &Path, flags: &[&str]) -> Option<Server> {
    let data = data.to_str().expect("UTF-8");
    // It would stay between, and get the signals: what it sets is set instead.
    let faked = Command::new("faketime")
        .args(["--exclude-monotonic", "-f", TEN_YEARS, "env"])
        .output();
    let faked = match faked {
        Ok(output) if output.status.success() => output.stdout,
        other => {
            skipped(&format!("faketime does not run: {other:?}"));
            return None;
        }
    };
    let own = ["serve", "--listen", "127.0.0.1:0", "--data", data];
    let mut command = Process::command(&[&own[..], flags].concat());
    let faked = String::from_utf8_lossy(&faked).into_owned();
    let names = ["LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"];
    let set = faked.lines().filter_map(|line| line.split_once('='));
    command.envs(set.filter(|(name, _)| names.contains(name)));
    let mut process = Process::spawn(&mut command);
    let mut address = None;
    wait_until("the server to listen", || {
        let out = process.stdout();
        let line = out
            .lines()
            .find_map(|line| line.strip_prefix("listening on http://"));
        address = line
            .filter(|_| out.contains("dashboard"))
            .map(str::to_owned);
        assert!(!process.has_ended(), "it ended: {}", process.stderr());
        address.is_some()
    });
    let address = address?.parse().expect("an address");
    Some(Server { process, address })
}

fn stop(mut server: Server) {
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0, "{}", server.process.stderr());
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_millis() as i64
}

/// When the journal took its last event, by its own word.
fn last_recorded(data: &Path) -> i64 {
    let path = data.join("journal.sqlite");
    let output = Command::new("sqlite3")
        .arg("-readonly")
        .arg(path)
        .arg("SELECT max(recorded_last) FROM chunk")
        .output();
    match output {
        Ok(output) => String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .unwrap_or(0),
        Err(_) => 0,
    }
}

fn is_age_suspended(server: &Server) -> bool {
    let page = Http::connect(server.address).get("/metrics").response();
    let text = page.text();
    text.lines()
        .any(|line| line.starts_with("eventring_journal_age_suspended") && line.ends_with(" 1"))
}

fn history(server: &Server) -> Vec<Value> {
    let target = "/api/v1/events/history?topic=t&limit=100";
    let response = Http::connect(server.address).get(target).response();
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["events"]
        .as_array()
        .expect("events")
        .clone()
}

#[test]
fn a_clock_ten_years_ahead_deletes_nothing_and_times_never_go_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let kept = ["--retention-age", "30d"];
    let server = Server::start_on(&data, &kept);
    let before: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    server.publish_all("t", &before, 5);
    stop(server);

    let Some(server) = start_ahead(&data, &kept) else {
        return;
    };
    server.publish("t", "20");
    let mut stream = Stream::open(server.address, "topic=t&from=beginning");
    let got: Vec<String> = stream
        .take(21)
        .into_iter()
        .map(|event| event.data)
        .collect();
    assert_eq!(got.len(), 21);
    drop(stream);
    wait_until("age is suspended", || is_age_suspended(&server));
    stop(server);
    let recorded = last_recorded(&data);
    assert!(recorded == 0 || recorded > now() + AHEAD, "{recorded}");

    // Back again: what comes next is given no earlier time, and nothing of before goes.
    let server = Server::start_on(&data, &kept);
    server.publish("t", "21");
    let mut stream = Stream::open(server.address, "topic=t&from=beginning");
    let got: Vec<String> = stream
        .take(22)
        .into_iter()
        .map(|event| event.data)
        .collect();
    assert_eq!(got.last().map(String::as_str), Some("21"));
    assert_eq!(history(&server).len(), 22);
    let mut server = server;
    server.signal(Signal::KILL);
    server.process.wait();
    let server = Server::start_on(&data, &kept);
    assert_eq!(history(&server).len(), 22);
    let after = last_recorded(&data);
    assert!(after >= recorded, "{after} {recorded}");
    stop(server);
}
