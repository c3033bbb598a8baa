//! A folder that is copied: with the server stopped, and file by file while it runs, which is no backup.

use crate::common::{Http, Process, Server, Stream, epoch};
use rustix::process::Signal;
use std::path::Path;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("our folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        // The index of the log is memory of the processes that have it open.
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}

fn all(server: &Server, count: usize) -> Vec<String> {
    let mut stream = Stream::open(server.address, "topic=t&from=beginning");
    let events = stream.take(count).into_iter();
    events.map(|event| event.data).collect()
}

#[test]
fn a_copy_is_another_log_and_readers_of_the_old_one_begin_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, copied) = (folder.path().join("data"), folder.path().join("copied"));
    let mut server = Server::start_on(&data, &[]);
    let events: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    server.publish_all("t", &events, 10);
    let last = server.health().head;
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0, "{}", server.process.stderr());
    copy(&data, &copied);
    let (old, new) = (Server::start_on(&data, &[]), Server::start_on(&copied, &[]));
    assert_eq!(epoch(&old.health().head), epoch(&last));
    assert_ne!(epoch(&new.health().head), epoch(&last));
    assert_eq!(all(&old, 50), events);
    assert_eq!(all(&new, 50), events);
    let last = [&*format!("Last-Event-ID: {last}")];
    let mut stream = Stream::open_with(new.address, "topic=t", &last);
    assert_eq!(stream.next().event, "reset");
    old.publish("t", "\"old\"");
    new.publish("t", "\"new\"");
}

/// It starts and hands out nothing that was not published, or is refused with the folder's name.
#[test]
fn a_copy_of_a_running_server_hands_out_nothing_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, copied) = (folder.path().join("data"), folder.path().join("copied"));
    let server = Server::start_on(&data, &[]);
    let published = |n: usize| format!("\"{n} {}\"", "x".repeat(2_000));
    let events: Vec<String> = (0..2_000).map(published).collect();
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| server.publish_all("t", &events, 10));
        while !publishing.is_finished() {
            let _ = std::fs::remove_dir_all(&copied);
            copy(&data, &copied);
        }
    });
    let path = copied.to_str().expect("UTF-8");
    let mut other = Process::eventring(&["serve", "--listen", "127.0.0.1:0", "--data", path]);
    crate::common::wait_until("it starts, or does not", || {
        other.has_ended() || other.stdout().contains("dashboard")
    });
    if other.has_ended() {
        assert_eq!(other.code(), 2);
        assert!(other.stderr().contains(path), "{}", other.stderr());
        return;
    }
    let out = other.stdout();
    let address = out
        .lines()
        .find_map(|line| line.strip_prefix("listening on http://"));
    let address = address.expect("a line").parse().expect("an address");
    let target = "/api/v1/events/history?topic=t&limit=1000";
    let page = Http::connect(address).get(target).response();
    assert_eq!(page.status, 200, "{}", page.text());
    for event in page.json()["events"].as_array().expect("events") {
        let data = event["data"].to_string();
        assert!(events.contains(&data), "{event}");
    }
}
