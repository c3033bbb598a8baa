//! A damaged journal is repaired, and a server goes on with it.

use crate::common::{Server, Stream};
use crate::{done, journal};
use rustix::process::Signal;

#[test]
fn what_is_damaged_goes_aside_and_a_server_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::start_on(&data, &[]);
    let events: Vec<String> = (0..200).map(|n| format!("\"{n:0>400}\"")).collect();
    server.publish_all("t", &events, 200);
    // Not while somebody has it.
    let (code, _, said) = journal("repair", &data, &["--apply"]);
    let pid = server.process.pid().as_raw_nonzero().to_string();
    assert_eq!(code, 2);
    assert!(
        said.contains(&pid) && said.contains("stop it first"),
        "{said}"
    );
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0);
    assert!(done("repair", &data, &[]).starts_with("whole: 200 events"));
    let path = data.join("journal.sqlite");
    let mut bytes = std::fs::read(&path).expect("ours");
    let marker = format!("{:0>30}", 77).into_bytes();
    let places = bytes
        .windows(30)
        .enumerate()
        .filter(|(_, part)| *part == marker);
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| bytes[at + 3] ^= 1);
    std::fs::write(&path, &bytes).expect("ours");

    let (code, out, said) = journal("repair", &data, &[]);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("damaged: event 78") && said.contains("--apply"),
        "{out}{said}"
    );
    assert_eq!(
        std::fs::read(&path).expect("ours"),
        bytes,
        "nothing is changed"
    );
    let out = done("repair", &data, &["--apply"]);
    assert!(
        out.contains("repaired: 199 events; 1 rows written anew"),
        "{out}"
    );
    assert!(
        out.contains("missing: events 78 to 78; readers are told"),
        "{out}"
    );
    let aside = out
        .lines()
        .find_map(|line| line.strip_prefix("what was there is in "));
    let aside = std::path::Path::new(aside.expect("it is named"));
    assert_eq!(
        std::fs::read(aside.join("journal.sqlite")).expect("all of it"),
        bytes
    );
    let whole = done("verify", &data, &["--deep"]);
    assert!(whole.starts_with("whole: 199 events"), "{whole}");
    let server = Server::start_on(&data, &[]);
    assert!(server.publish("t", "1").ends_with("-201"));
    let mut stream = Stream::open(server.address, "topic=t&from=beginning");
    let got: Vec<String> = stream
        .take(77)
        .into_iter()
        .map(|event| event.data)
        .collect();
    assert_eq!(got, events[..77]);
}

#[test]
fn a_clock_ahead_is_taken_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::start_on(&data, &[]);
    let epoch = server.health().epoch;
    server.publish("t", "1");
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0);
    let out = done("repair", &data, &["--apply", "--rebase-clock"]);
    assert!(out.contains("repaired: 1 events"), "{out}");
    let server = Server::start_on(&data, &[]);
    assert_ne!(server.health().epoch, epoch);
    assert!(server.publish("t", "2").ends_with("-2"));
}
