//! What has gone leaves the files.

use crate::common::{Http, Server};
use crate::{done, journal};
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;

/// The events that a journal has, by `info`.
fn events(data: &Path) -> u64 {
    let said: Value = serde_json::from_str(&done("info", data, &["--json"])).expect("JSON");
    said["events"].as_u64().expect("a number")
}

/// Whether a text is in any file of a folder.
fn is_there(data: &Path, text: &str) -> bool {
    let mut files = std::fs::read_dir(data).expect("ours");
    files.any(|file| {
        let bytes = std::fs::read(file.expect("ours").path()).expect("a file");
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

#[test]
fn bounds_of_the_command_let_go_and_what_was_truncated_is_erased() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::start_on(&data, &[]);
    let secrets: Vec<String> = (0..100)
        .map(|n| format!("\"a secret {n:0>200}\""))
        .collect();
    server.publish_all("people", &secrets, 10);
    let others: Vec<String> = (0..3000).map(|n| format!("\"{n:0>400}\"")).collect();
    server.publish_all("others", &others, 100);
    let head = server.health().head;
    let target = format!("/api/v1/topics/people/events?below={head}");
    let request = format!("DELETE {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let status = Http::connect(server.address).send(request).head().status;
    assert!((200..300).contains(&status), "{status}");
    let (code, _, said) = journal("scavenge", &data, &[]);
    assert_eq!(code, 2);
    assert!(said.contains("stop it first"), "{said}");
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0);
    assert!(is_there(&data, "a secret"));
    let out = done("scavenge", &data, &["--erase"]);
    assert!(out.contains("no byte of what has gone is left"), "{out}");
    assert!(!is_there(&data, "a secret"));
    assert!(done("verify", &data, &["--deep"]).starts_with("whole: 3000 events"));
    done("scavenge", &data, &["--retention-events", "1000"]);
    let left = events(&data);
    assert!((900..1100).contains(&left), "{left}");
    let whole = done("verify", &data, &["--deep"]);
    assert!(whole.starts_with("whole: "), "{whole}");
    // A journal is not made where there is none.
    let (code, _, _) = journal("scavenge", &folder.path().join("none"), &[]);
    assert_eq!(code, 2);
    assert!(!folder.path().join("none").exists());
    let (code, _, said) = journal("scavenge", &data, &["--retention-bytes", "0"]);
    assert_eq!(code, 2);
    assert!(said.contains("more than 0"), "{said}");
}
