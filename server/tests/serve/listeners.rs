//! Where the server listens: Unix sockets in folders of every kind, and both families of IP at once.

use crate::common::{Http, Process, Server, skipped, wait_until};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Once: it waited for that lock without a word, and heard no signal.
#[test]
fn a_lock_on_the_folder_of_its_socket_keeps_a_server_for_a_moment_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut holder = Command::new("flock");
    // It holds the lock until its input ends, which it does with this test, however that ends: to kill flock alone would
    // leave the program that it has started behind.
    holder
        .arg(folder.path())
        .args(["sh", "-c", "echo held; exec cat"]);
    if Command::new("flock").arg("--version").output().is_err() {
        return skipped("flock is not installed");
    }
    let holder = Process::spawn(&mut holder);
    holder.wait_for_lines(1);
    let listen = format!("unix:{}/e.sock", folder.path().display());
    let mut server = Process::eventring(&["serve", "--memory", "--listen", &listen]);
    assert_eq!(server.code(), 2);
    assert!(server.stderr().contains(&listen), "{}", server.stderr());
    assert!(
        server.stderr().contains("holds a lock"),
        "{}",
        server.stderr()
    );
    drop(holder);
}

/// Once: permission denied. A folder that may be written and entered need not be readable.
#[test]
fn a_socket_in_a_folder_that_cannot_be_read_is_made_and_taken_away() {
    const NOBODY: u32 = 65534;
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("inner");
    std::fs::create_dir(&folder).expect("our folder");
    let mode = |path: &Path, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, mode).expect("our folder");
    };
    mode(outer.path(), 0o755);
    mode(&folder, 0o333);
    let listen = format!("unix:{}/e.sock", folder.display());
    let mut command = Process::command(&[
        "serve",
        "--memory",
        "--listen",
        &listen,
        "--unix-mode",
        "666",
    ]);
    if rustix::process::geteuid().is_root() {
        // Root may read everything.
        command.uid(NOBODY).gid(NOBODY);
        let may_run = |mut command: Command| command.uid(NOBODY).gid(NOBODY).output().is_ok();
        if !may_run(Process::command(&["--version"])) {
            return skipped("nobody may not run the program where it is");
        }
    }
    for _ in 0..2 {
        let mut server = Process::spawn(&mut command);
        let socket = folder.join("e.sock");
        wait_until("the socket", || {
            assert!(!server.has_ended(), "{}", server.stderr());
            UnixStream::connect(&socket).is_ok()
        });
        let mut stream = UnixStream::connect(&socket).expect("it listens");
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(!folder.join("e.sock.lock").exists());
        server.signal(Signal::TERM);
        assert_eq!(server.code(), 0);
        assert!(!socket.exists());
    }
}

fn free_port() -> Option<u16> {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)) else {
        skipped("there is no IPv6");
        return None;
    };
    Some(listener.local_addr().expect("an address").port())
}

fn answers(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
        && Http::connect(address).get("/healthz").response().status == 200
}

/// It is said in the help, and `0.0.0.0` is IPv4 alone.
#[test]
fn the_unspecified_address_of_ipv6_takes_both_families_unless_told() {
    let Some(port) = free_port() else { return };
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    let listen = format!("[::]:{port}");
    let server = Server::start_at(&listen, &["--max-connections-per-address", "100"]);
    assert!(answers(v4) && answers(v6));
    // It is known by its own address: as one of loopback, that is.
    let mut http = Http::connect(v4);
    http.get("/api/v1/events/stream?topic=t").head();
    drop(http);
    server.process.wait_for_stderr("stream ended");
    let told = server.process.stderr();
    assert!(told.contains("peer=127.0.0.1:"), "{told}");
    drop(server);

    let server = Server::start_at(&listen, &["--ipv6-only"]);
    assert!(answers(v6) && TcpStream::connect(v4).is_err());
    drop(server);

    // Each by itself, as before.
    let both = format!("0.0.0.0:{port}");
    let server = Server::start_at(&listen, &["--listen", &both]);
    assert!(answers(v4) && answers(v6));
    drop(server);
    let help = Process::command(&["serve", "--help"])
        .output()
        .expect("help");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(help.contains("takes IPv4 as well"), "{help}");
}
