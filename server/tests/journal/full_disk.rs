//! A disk that is full, and has room again: a small tmpfs, where the test may mount one.

use crate::common::{Http, Response, Server, Stream, skipped, wait_until};
use serde_json::Value;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;

/// Room for the journal with what it keeps in reserve, and a little more.
const MIB: usize = 48;

/// A file system of its own in a folder; dropped, it is gone.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Option<Disk> {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={MIB}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Disk(folder)),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                skipped(&format!("no tmpfs can be mounted here: {}", said.trim()));
                None
            }
            Err(error) => {
                skipped(&format!("mount does not run: {error}"));
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes up all the room that is left.
    fn fill(&self) {
        let mut ballast = File::options()
            .create(true)
            .append(true)
            .open(self.path().join("ballast"))
            .expect("a file");
        for piece in [64 << 10, 4096, 1] {
            let refused = loop {
                if let Err(error) = ballast.write_all(&vec![1; piece]) {
                    break error;
                }
            };
            assert_eq!(refused.kind(), ErrorKind::StorageFull);
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("ballast")).expect("our file");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

fn publish(server: &Server, topic: &str, data: &str) -> Response {
    let target = format!("/api/v1/topics/{topic}/events");
    let headers = ["Content-Type: application/json"];
    Http::connect(server.address)
        .post(&target, &headers, data.as_bytes())
        .response()
}

fn ready(server: &Server) -> Response {
    Http::connect(server.address)
        .get("/health/ready")
        .response()
}

#[test]
fn a_full_disk_refuses_what_is_durable_until_there_is_room() {
    let Some(disk) = Disk::mount() else { return };
    let data = disk.path().join("data");
    let server = Server::start_on(&data, &[]);
    let volatile = r#"{"durability":"none"}"#;
    let request = format!(
        "PUT /api/v1/topics/volatile HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{volatile}",
        volatile.len()
    );
    let made = Http::connect(server.address).send(request).response();
    assert!((200..300).contains(&made.status), "{}", made.text());
    let mut acknowledged: Vec<String> = Vec::new();
    for n in 0..10 {
        let response = publish(&server, "t", &n.to_string());
        assert_eq!(response.status, 200, "{}", response.text());
        acknowledged.push(position(&response));
    }
    assert_eq!(ready(&server).status, 200);

    // What is kept in reserve goes first, and other writers of the disk take that, too.
    let large = format!("\"{}\"", "x".repeat(100_000));
    let mut refused = None;
    wait_until("507", || {
        disk.fill();
        let response = publish(&server, "t", &large);
        match response.status {
            200 => acknowledged.push(position(&response)),
            507 => refused = Some(response),
            // The commit that met the end of the room: nothing of it is there.
            503 => {}
            other => panic!("{other}: {}", response.text()),
        }
        refused.is_some()
    });
    let problem = refused.expect("just seen").json();
    assert_eq!(problem["status"], 507, "{problem}");
    let not_ready = ready(&server);
    assert_eq!(not_ready.status, 503, "{}", not_ready.text());
    let said = not_ready.text();
    assert!(said.contains("journal"), "{said}");
    // It lives, and reads and what is in memory go on.
    let live = Http::connect(server.address).get("/health/live").response();
    assert_eq!(live.status, 200);
    let volatile = publish(&server, "volatile", "1");
    assert_eq!(volatile.status, 200, "{}", volatile.text());
    read(&server, &acknowledged);

    disk.make_room();
    wait_until("it takes events again by itself", || {
        let response = publish(&server, "t", "\"again\"");
        match response.status {
            200 => acknowledged.push(position(&response)),
            507 | 503 => {}
            other => panic!("{other}: {}", response.text()),
        }
        response.status == 200
    });
    wait_until("it is ready", || ready(&server).status == 200);
    read(&server, &acknowledged);
    // All of it survives a kill behind that.
    let mut server = server;
    server.signal(rustix::process::Signal::KILL);
    server.process.wait();
    let server = Server::start_on(&data, &[]);
    read(&server, &acknowledged);
}

/// The position of an event that was taken.
fn position(response: &Response) -> String {
    let json = response.json();
    json["first"].as_str().expect("a position").to_owned()
}

/// Reads the topic: exactly what was acknowledged is there.
fn read(server: &Server, acknowledged: &[String]) {
    let mut stream = Stream::open(server.address, "topic=t&from=beginning");
    let mut got = Vec::new();
    while got.len() < acknowledged.len() {
        let event = stream.next();
        // What was in memory alone is told; what was refused is, too.
        if event.event == "gap" {
            let told: Value = event.json();
            assert!(told["reason"].is_string(), "{told}");
            continue;
        }
        got.push(event.id);
    }
    assert_eq!(got, acknowledged);
}
