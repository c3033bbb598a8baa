//! Signals: what ends the server and how, what only makes it read its certificate again, and that it
//! obeys from its first moment on, whatever it waits for.

use crate::common::{Http, Process, Server, Stream, wait_until};
use rustix::process::Signal;
use std::fs::File;
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;

fn status(server: &Server, path: &str) -> u16 {
    Http::connect(server.address).get(path).response().status
}

/// Once: SIGHUP killed a server without TLS.
#[test]
fn sighup_without_a_certificate_ends_nothing_and_says_so() {
    let mut server = Server::start(&[]);
    let mut stream = Stream::open(server.address, "topic=t");
    server.signal(Signal::HUP);
    server.process.wait_for_stderr("nothing is read again");
    server.publish("t", "1");
    assert_eq!(stream.next().data, "1");
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0);
}

/// The kernel sends SIGHUP, and what the server says has nowhere to go.
#[test]
fn a_server_whose_terminal_is_closed_goes_on() {
    let Ok(terminal) = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR) else {
        return crate::common::skipped("there are no pseudo terminals");
    };
    rustix::pty::grantpt(&terminal).expect("our terminal");
    rustix::pty::unlockpt(&terminal).expect("our terminal");
    let name = rustix::pty::ptsname(&terminal, Vec::new()).expect("a name");
    let name = Path::new(name.to_str().expect("a path")).to_owned();
    // Not as the terminal of the test itself.
    let no_terminal = rustix::pty::OpenptFlags::NOCTTY.bits() as i32;
    let open = || {
        File::options()
            .read(true)
            .write(true)
            .custom_flags(no_terminal)
            .open(&name)
            .expect("our terminal")
    };
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = port.local_addr().expect("an address");
    drop(port);
    let mut command = Command::new("setsid");
    if command.arg("--version").output().is_err() {
        return crate::common::skipped("setsid is not installed");
    }
    let mut command = Command::new("setsid");
    command.args([
        "--ctty",
        env!("CARGO_BIN_EXE_eventring"),
        "serve",
        "--memory",
        "--listen",
    ]);
    command.arg(address.to_string());
    command.stdin(open()).stdout(open()).stderr(open());
    let mut server = Process::spawn_as_is(&mut command);
    drop(command);
    wait_until("the server to listen", || {
        TcpStream::connect(address).is_ok()
    });
    drop(terminal);
    for _ in 0..20 {
        assert_eq!(
            Http::connect(address).get("/healthz").response().status,
            200
        );
        assert!(!server.has_ended());
        server.signal(Signal::HUP);
    }
    server.signal(Signal::TERM);
    assert_eq!(server.code(), 0);
}

/// Once: from the first moment on nobody was served, and `/readyz` never said 503.
#[test]
fn while_it_drains_it_serves_everybody_and_says_that_it_is_not_ready() {
    let mut server = Server::start(&["--drain-delay", "1h"]);
    let mut stream = Stream::open(server.address, "topic=t");
    assert_eq!(status(&server, "/readyz"), 200);
    server.signal(Signal::TERM);
    server.process.wait_for_stderr("draining");
    wait_until("503 of /readyz", || status(&server, "/readyz") == 503);
    assert_eq!(status(&server, "/healthz"), 200);
    server.publish("t", "1");
    assert_eq!(stream.next().data, "1");
    let mut late = Stream::open(server.address, "topic=t");
    server.publish("t", "2");
    assert_eq!(
        (stream.next().data, late.next().data),
        ("2".into(), "2".into())
    );
    // The second signal cuts it short; everybody still gets everything and a farewell.
    server.publish("t", "3");
    server.signal(Signal::TERM);
    for stream in [&mut stream, &mut late] {
        assert_eq!(stream.next().data, "3");
        assert_eq!(stream.rest().len(), 0);
    }
    assert_eq!(server.process.code(), 0, "{}", server.process.stderr());
}

/// The end of the delay does what a second signal does.
#[test]
fn the_drain_ends_by_itself_in_an_orderly_stop() {
    let mut server = Server::start(&["--drain-delay", "300ms"]);
    let mut stream = Stream::open(server.address, "topic=t");
    server.signal(Signal::TERM);
    assert_eq!(stream.rest().len(), 0);
    assert_eq!(server.process.code(), 0, "{}", server.process.stderr());
    assert!(server.process.stderr().contains("everything went out"));
}

fn fifo(folder: &Path, name: &str) -> String {
    let path = folder.join(name).display().to_string();
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    path
}

/// Who writes the settings may never come.
#[test]
fn a_server_that_waits_for_its_settings_obeys() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = fifo(folder.path(), "settings");
        let mut server = Process::eventring(&["serve", "--memory", "--config", &settings]);
        // Somebody who writes is let in once somebody reads: it waits for the first byte now.
        let hold = File::options()
            .write(true)
            .open(&settings)
            .expect("it reads");
        assert!(!server.has_ended());
        server.signal(signal);
        assert_eq!(server.code(), 0, "{}", server.stderr());
        drop(hold);
    }
}

#[cfg(feature = "tls")]
mod tls {
    use super::*;

    /// Once: with a key that nobody writes, no signal had any effect.
    #[test]
    fn a_server_that_waits_for_its_key_obeys() {
        for signal in [Signal::TERM, Signal::INT] {
            let folder = tempfile::tempdir().expect("a folder");
            let files = ["cert", "key"].map(|name| fifo(folder.path(), name));
            let mut server = Process::eventring(&[
                "serve",
                "--memory",
                "--listen",
                "127.0.0.1:0",
                "--tls-cert",
                &files[0],
                "--tls-key",
                &files[1],
            ]);
            // Somebody who writes is let in once somebody reads: it waits for the certificate now.
            let hold = File::options()
                .write(true)
                .open(&files[0])
                .expect("it reads");
            server.signal(signal);
            assert_eq!(server.code(), 0, "{}", server.stderr());
            drop(hold);
        }
    }

    /// Once: the thread of signals waited for the key, and no signal to stop was heard any more.
    #[test]
    fn a_server_that_waits_for_its_key_again_obeys() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=localhost",
            ])
            .arg("-keyout")
            .arg(folder.path().join("made.key"))
            .arg("-out")
            .arg(folder.path().join("cert"))
            .output();
        let Ok(made) = made else {
            return crate::common::skipped("openssl is not installed");
        };
        assert!(made.status.success());
        let key = fifo(folder.path(), "key");
        let cert = folder.path().join("cert").display().to_string();
        let mut server = Process::eventring(&[
            "serve",
            "--memory",
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            &cert,
            "--tls-key",
            &key,
        ]);
        let text = std::fs::read(folder.path().join("made.key")).expect("just made");
        std::fs::write(&key, text).expect("it reads");
        server.wait_for_lines(1);
        server.signal(Signal::HUP);
        server.signal(Signal::HUP);
        server.wait_for_stderr("the certificate stays as it is");
        server.signal(Signal::TERM);
        assert_eq!(server.code(), 0, "{}", server.stderr());
    }
}
