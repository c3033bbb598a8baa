//! A disk that hangs, and one that becomes read-only under the server: ext4 in a file, where the test may mount one.

use crate::common::{Http, Response, Server, Stream, skipped, wait_until};
use std::path::Path;
use std::process::Command;

/// Room for the journal with what it keeps in reserve.
const MIB: u64 = 96;

/// A file system of its own; dropped, it is gone, and hangs nobody.
struct Disk {
    folder: tempfile::TempDir,
    is_frozen: bool,
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Disk {
    fn mount() -> Option<Disk> {
        let folder = tempfile::tempdir().expect("a folder");
        let image = folder.path().join("image");
        let file = std::fs::File::create(&image).expect("a file");
        file.set_len(MIB << 20).expect("a length");
        let mounted = std::fs::create_dir(folder.path().join("disk"))
            .map_err(|error| error.to_string())
            .and_then(|()| run(Command::new("mkfs.ext4").arg("-q").arg(&image)))
            .and_then(|()| {
                let mut mount = Command::new("mount");
                mount.args(["-t", "ext4", "-o", "loop"]).arg(&image);
                run(mount.arg(folder.path().join("disk")))
            });
        match mounted {
            Ok(()) => Some(Disk {
                folder,
                is_frozen: false,
            }),
            Err(said) => {
                skipped(&format!("no ext4 can be mounted here: {said}"));
                None
            }
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("disk")
    }

    /// Lets whoever writes to it hang, or go on. Nobody may look at it from here meanwhile.
    fn freeze(&mut self, freeze: bool) {
        let how = if freeze { "-f" } else { "-u" };
        let done = run(Command::new("fsfreeze").arg(how).arg(self.path()));
        assert_eq!(done, Ok(()));
        self.is_frozen = freeze;
    }

    /// Makes it read-only, as ext4 does of itself after an error.
    fn abort(&self) {
        let mut remount = Command::new("mount");
        remount.args(["-o", "remount,abort"]).arg(self.path());
        assert_eq!(run(&mut remount), Ok(()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_frozen {
            let _ = run(Command::new("fsfreeze").arg("-u").arg(self.path()));
        }
        let _ = run(Command::new("umount").arg("-l").arg(self.path()));
    }
}

fn publish(server: &Server, topic: &str) -> Response {
    let target = format!("/api/v1/topics/{topic}/events");
    let headers = ["Content-Type: application/json"];
    Http::connect(server.address)
        .post(&target, &headers, b"1")
        .response()
}

fn ready(server: &Server) -> Response {
    Http::connect(server.address)
        .get("/health/ready")
        .response()
}

fn make_volatile(server: &Server) {
    let settings = r#"{"durability":"none"}"#;
    let request = format!(
        "PUT /api/v1/topics/volatile HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{settings}",
        settings.len()
    );
    let made = Http::connect(server.address).send(request).response();
    assert!((200..300).contains(&made.status), "{}", made.text());
}

/// Reads the topic: as many events as were taken are there.
fn read(server: &Server, taken: usize) {
    let mut stream = Stream::open(server.address, "topic=t&from=beginning");
    let mut got = 0;
    while got < taken {
        got += usize::from(stream.next().event != "gap");
    }
}

fn killed_and_started(mut server: Server, data: &Path) -> Server {
    server.signal(rustix::process::Signal::KILL);
    server.process.wait();
    Server::start_on(data, &[])
}

#[test]
fn a_disk_that_becomes_read_only_is_told_and_loses_nothing() {
    let Some(disk) = Disk::mount() else { return };
    let data = disk.path().join("data");
    let server = Server::start_on(&data, &[]);
    make_volatile(&server);
    assert_eq!(publish(&server, "volatile").status, 200);
    for _ in 0..5 {
        assert_eq!(publish(&server, "t").status, 200);
    }
    disk.abort();
    // The first one may be there, for all that anybody knows.
    let first = publish(&server, "t");
    assert!((500..600).contains(&first.status), "{}", first.text());
    let next = publish(&server, "t");
    assert_eq!(next.status, 503, "{}", next.text());
    let not_ready = ready(&server);
    assert_eq!(not_ready.status, 503, "{}", not_ready.text());
    assert!(not_ready.text().contains("journal"), "{}", not_ready.text());
    let live = Http::connect(server.address).get("/health/live").response();
    assert_eq!(live.status, 200);
    assert_eq!(publish(&server, "volatile").status, 200);
    read(&server, 5);
    // It ends in time, and says that it could not close.
    let mut server = server;
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.process.code(), 3, "{}", server.process.stderr());
    drop(server);

    // A server does not start on it, and says why.
    let folder = data.to_str().expect("UTF-8").to_owned();
    let args = ["serve", "--listen", "127.0.0.1:0", "--data", &folder];
    let mut refused = crate::common::Process::eventring(&args);
    assert_eq!(refused.code(), 2, "{}", refused.stderr());
    assert!(refused.stderr().contains(&folder), "{}", refused.stderr());
    // Elsewhere it is what it was.
    let image = disk.folder.path().join("image");
    let unmounted = run(Command::new("umount").arg(disk.path()));
    assert_eq!(unmounted, Ok(()));
    let mut again = Command::new("mount");
    again.args(["-t", "ext4", "-o", "loop"]).arg(image);
    assert_eq!(run(again.arg(disk.path())), Ok(()));
    let server = Server::start_on(&data, &[]);
    read(&server, 5);
    assert_eq!(publish(&server, "t").status, 200);
}

/// Ten seconds, which the server gives a commit.
#[test]
fn a_disk_that_hangs_is_told_and_goes_on() {
    let Some(mut disk) = Disk::mount() else {
        return;
    };
    let data = disk.path().join("data");
    let server = Server::start_on(&data, &[]);
    for _ in 0..5 {
        assert_eq!(publish(&server, "t").status, 200);
    }
    disk.freeze(true);
    let mut waiting = Http::connect(server.address);
    let headers = ["Content-Type: application/json"];
    waiting.post("/api/v1/topics/t/events", &headers, b"1");
    wait_until("it says that the disk hangs", || {
        ready(&server).status == 503
    });
    let said = ready(&server).text();
    assert!(said.contains("journal"), "{said}");
    let live = Http::connect(server.address).get("/health/live").response();
    assert_eq!(live.status, 200);
    let told = waiting.response();
    assert!((500..600).contains(&told.status), "{}", told.text());
    read(&server, 5);
    disk.freeze(false);
    wait_until("it goes on", || ready(&server).status == 200);
    assert_eq!(publish(&server, "t").status, 200);
    // Nobody knew of the sixth, and it was committed.
    read(&server, 7);
    read(&killed_and_started(server, &data), 7);
}
