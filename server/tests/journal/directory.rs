//! The folder of the journal: whose it is, what is in it, and what the server says of it.

use crate::common::{Http, Process, Server, Stream, wait_until};
use rustix::process::Signal;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Starts a server that cannot start; returns what it said.
fn refused(data: &str) -> String {
    let mut process = Process::eventring(&["serve", "--listen", "127.0.0.1:0", "--data", data]);
    assert_eq!(process.code(), 2, "{}", process.stderr());
    assert_eq!(process.stdout(), "");
    let said = process.stderr();
    // Many a machine has few files for each process, and that is told first.
    let lines = said
        .lines()
        .filter(|line| !line.contains("open-file limit"));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 1, "{said}");
    lines[0].to_owned()
}

fn first_line(server: &Server) -> String {
    let out = server.process.stdout();
    out.lines().next().unwrap_or_default().to_owned()
}

fn stopped(mut server: Server) {
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0, "{}", server.process.stderr());
    let said = server.process.stderr();
    assert!(
        said.contains("everything went out; the journal is closed"),
        "{said}"
    );
}

#[test]
fn it_is_made_for_its_owner_alone_and_the_first_line_says_what_is_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("deep/er");
    let server = Server::start_on(&data, &[]);
    let nothing = format!(
        "journal {}: no events; durability durable; keeps at most 10.0 GiB",
        text(&data)
    );
    assert_eq!(first_line(&server), nothing);
    let mode = std::fs::metadata(&data).expect("made").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let events: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    server.publish_all("t", &events, 10);
    let head = server.health().head;
    stopped(server);
    let server = Server::start_on(&data, &["--durability", "buffered"]);
    let line = first_line(&server);
    let some = format!("journal {}: 20 events in ", text(&data));
    assert!(line.starts_with(&some), "{line}");
    assert!(line.contains("iB, the oldest of 20"), "{line}");
    let end = "Z; durability buffered; keeps at most 10.0 GiB";
    assert!(line.ends_with(end), "{line}");
    assert_eq!(server.health().head, head);
    let mut stream = Stream::open(server.address, "topic=t&from=beginning");
    let got: Vec<String> = stream
        .take(20)
        .into_iter()
        .map(|event| event.data)
        .collect();
    assert_eq!(got, events);
    stopped(server);
}

#[test]
fn a_second_server_on_it_is_told_whose_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Server::start_on(folder.path(), &[]);
    let said = refused(text(folder.path()));
    assert!(said.contains(text(folder.path())), "{said}");
    let pid = first.process.pid().as_raw_nonzero().to_string();
    assert!(said.contains(&pid), "{said}");
    // It has harmed nothing.
    first.publish("t", "1");
    stopped(first);
    stopped(Server::start_on(folder.path(), &[]));
}

#[test]
fn what_cannot_be_a_journal_is_named_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    // Nobody may make a folder there, root neither.
    let said = refused("/proc/eventring");
    assert!(said.contains("/proc/eventring"), "{said}");
    let file = folder.path().join("file");
    std::fs::write(&file, "text").expect("our folder");
    let said = refused(text(&file));
    assert!(said.contains(text(&file)), "{said}");

    let foreign = folder.path().join("foreign");
    std::fs::create_dir(&foreign).expect("our folder");
    let database = foreign.join("journal.sqlite");
    let words = "this is no database, and nobody may write over it. ".repeat(100);
    std::fs::write(&database, &words).expect("our folder");
    let said = refused(text(&foreign));
    assert!(
        said.contains(text(&database)) && said.contains("not a journal"),
        "{said}"
    );
    assert_eq!(
        std::fs::read_to_string(&database).expect("still there"),
        words
    );

    let newer = folder.path().join("newer");
    stopped(Server::start_on(&newer, &[]));
    let database = newer.join("journal.sqlite");
    let mut bytes = std::fs::read(&database).expect("closed in order");
    // SQLite's file format, 1.3: the user version, big-endian.
    bytes[60..64].copy_from_slice(&1_000_u32.to_be_bytes());
    std::fs::write(&database, &bytes).expect("our folder");
    let said = refused(text(&newer));
    assert!(
        said.contains(text(&database)) && said.contains("1000 is newer"),
        "{said}"
    );
}

/// Where the server listens nowhere, it leaves nothing behind that the next one would trip over.
#[test]
fn a_start_that_fails_lets_go_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let data = text(folder.path());
    let mut process = Process::eventring(&["serve", "--listen", &address, "--data", data]);
    assert_eq!(process.code(), 2);
    assert!(process.stderr().contains(&address), "{}", process.stderr());
    stopped(Server::start_on(folder.path(), &[]));
}

/// Who comes too late for a deadline is told what was left; the journal has all of it nevertheless.
#[test]
fn a_stop_at_the_deadline_still_closes_the_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start_on(folder.path(), &["--stop-timeout", "0"]);
    let mut stream = Http::connect_small(server.address);
    assert_eq!(
        stream.get("/api/v1/events/stream?topic=t").head().status,
        200
    );
    let large = format!("\"{}\"", "x".repeat(500_000));
    for _ in 0..10 {
        server.publish("t", &large);
    }
    server.signal(Signal::TERM);
    let code = server.process.code();
    let said = server.process.stderr();
    assert!(
        code == 3 && said.contains("the journal is closed"),
        "{code}: {said}"
    );
    let server = Server::start_on(folder.path(), &[]);
    assert!(
        first_line(&server).contains(": 10 events in "),
        "{}",
        first_line(&server)
    );
    wait_until("it is ready", || {
        Http::connect(server.address)
            .get("/readyz")
            .response()
            .status
            == 200
    });
}
