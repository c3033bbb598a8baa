//! What works beside a running server, and after one that was killed: nothing is changed, and the server goes on.

use crate::common::{Server, Stream};
use crate::{done, journal};
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;

fn info(data: &Path) -> Value {
    serde_json::from_str(&done("info", data, &["--json"])).expect("JSON")
}

#[test]
fn info_verify_export_and_backup_work_beside_a_server_and_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::start_on(&data, &[]);
    let events: Vec<String> = (0..300).map(|n| format!("{{\"n\": {n}}}")).collect();
    server.publish_all("orders.eu", &events, 10);
    server.publish("others", "\"one\"");
    for is_running in [true, false] {
        let said = info(&data);
        assert_eq!((&said["events"], &said["last"]), (&301.into(), &301.into()));
        assert_eq!(said["used_by"].is_null(), !is_running, "{said}");
        assert_eq!(said["clean"], is_running, "{said}");
        assert_eq!(said["topics"], 2, "{said}");
        let text = done("info", &data, &[]);
        assert!(text.contains("301, 1 to 301, of 20"), "{text}");
        assert!(
            text.contains(said["epoch"].as_str().expect("text")),
            "{text}"
        );
        for deep in [&["--deep"][..], &[]] {
            let whole = done("verify", &data, deep);
            assert!(whole.starts_with("whole: 301 events in "), "{whole}");
            assert!(!whole.contains("missing"), "{whole}");
        }
        let lines = done("export", &data, &["--topic", "orders.>"]);
        assert_eq!(lines.lines().count(), 302);
        let some = done("export", &data, &["--from", "10", "--to", "12"]);
        assert_eq!(some.lines().count(), 5, "{some}");
        let none = done("export", &data, &["--since", "2100-01-01T00:00:00Z"]);
        assert_eq!(none.lines().count(), 2, "{none}");
        let copy = folder.path().join(format!("copy-{is_running}"));
        let said = done("backup", &data, &[copy.to_str().expect("UTF-8")]);
        assert!(said.contains("up to event 301"), "{said}");
        assert!(done("verify", &copy, &["--deep"]).starts_with("whole: 301 "));
        if is_running {
            // It goes on as if nobody had looked.
            server.publish("others", "\"two\"");
            server.signal(Signal::KILL);
            server.process.wait();
            let last = info(&data)["events"].clone();
            assert_eq!(last, 302);
            // The rest of the loop is about what was there before: a journal that ended by a kill.
            server = Server::start_on(&copy, &[]);
            let mut stream = Stream::open(server.address, "topic=orders.eu&from=beginning");
            let got: Vec<String> = stream
                .take(300)
                .into_iter()
                .map(|event| event.data)
                .collect();
            assert_eq!(got, events);
            // A new log: positions of the one that was copied mean nothing in it.
            let epoch = server.health().epoch;
            assert_ne!(info(&data)["epoch"], Value::from(epoch));
            server.signal(Signal::TERM);
            assert_eq!(server.process.code(), 0);
            std::fs::remove_dir_all(&data).expect("ours");
            let server = Server::start_on(&data, &[]);
            server.publish_all("orders.eu", &events, 10);
            server.publish("others", "\"one\"");
            server.signal(Signal::KILL);
            let mut server = server;
            server.process.wait();
        }
    }
}

#[test]
fn damage_is_an_exit_code_with_offsets() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::start_on(&data, &[]);
    let events: Vec<String> = (0..200).map(|n| format!("\"{n:0>400}\"")).collect();
    server.publish_all("t", &events, 200);
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0);
    let path = data.join("journal.sqlite");
    let mut bytes = std::fs::read(&path).expect("ours");
    let marker = format!("{:0>30}", 77).into_bytes();
    let places: Vec<usize> = bytes
        .windows(30)
        .enumerate()
        .filter(|(_, part)| *part == marker)
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| bytes[at + 3] ^= 1);
    std::fs::write(&path, bytes).expect("ours");
    let (code, out, _) = journal("verify", &data, &[]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("damaged: event 78: "), "{out}");
    assert!(out.contains("\ndamaged: 199 events in "), "{out}");
    let (code, out, _) = journal("verify", &data, &["--json"]);
    let said: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &said["whole"]), (1, &false.into()));
    let lost = said["damage"].as_array().expect("a list");
    assert!(
        lost.iter()
            .any(|one| one["first"] == 78 && one["events"] == 1),
        "{said}"
    );
    // What can be read goes out, and it is said that it is not all.
    let (code, out, said) = journal("export", &data, &[]);
    assert_eq!((code, out.lines().count()), (1, 201));
    assert!(said.contains("events 78 to 78 are damaged"), "{said}");
}
