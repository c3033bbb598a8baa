//! The server over TLS: real clients, large events, a certificate that is changed while it runs, and
//! peers that do not get through the handshake. `cargo test --features tls`.

use super::peer;
use crate::common::{DEADLINE, Process, curl_is_there, skipped, wait_until};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

const STREAM: &str = "/api/v1/events/stream?topic=t";

/// A server with a certificate for `localhost` of its own.
struct Secured {
    process: Process,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

/// Makes a certificate and its key in the folder; false: openssl is missing.
fn certificate(folder: &Path) -> bool {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]);
    command.args([
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-subj",
        "/CN=localhost",
    ]);
    command.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
    command.arg("-keyout").arg(folder.join("key"));
    command.arg("-out").arg(folder.join("cert"));
    let Ok(output) = command.output() else {
        skipped("openssl is not installed");
        return false;
    };
    assert!(output.status.success(), "{output:?}");
    true
}

impl Secured {
    fn start(flags: &[&str]) -> Option<Secured> {
        let folder = tempfile::tempdir().expect("a folder");
        if !curl_is_there() || !certificate(folder.path()) {
            return None;
        }
        let file = |name: &str| folder.path().join(name).display().to_string();
        let (cert, key) = (file("cert"), file("key"));
        let mut args = vec![
            "serve",
            "--memory",
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            &cert,
        ];
        args.extend(["--tls-key", &key]);
        args.extend(flags);
        let mut process = Process::eventring(&args);
        let mut address = None;
        wait_until("the server to listen", || {
            assert!(!process.has_ended(), "it ended: {}", process.stderr());
            let out = process.stdout();
            let mut lines = out.lines();
            let line = lines.find_map(|l| l.strip_prefix("listening on https://"));
            address = line.and_then(|line| line.parse().ok());
            address.is_some() && out.contains("dashboard https://")
        });
        let address = address.expect("just seen");
        Some(Secured {
            process,
            address,
            folder,
        })
    }

    fn curl(&self, path: &str, args: &[&str]) -> Command {
        let mut command = Command::new("curl");
        command.args(["-sS", "-N", "--noproxy", "*", "--cacert"]);
        command.arg(self.folder.path().join("cert"));
        command.args(args);
        command.arg(format!("https://localhost:{}{path}", self.address.port()));
        command
    }

    fn ask(&self, path: &str, args: &[&str]) -> Output {
        self.curl(path, args).output().expect("curl runs")
    }

    fn publish(&self, body: &str) {
        let file = self.folder.path().join("body");
        std::fs::write(&file, body).expect("a file in a folder of ours");
        let data = format!("@{}", file.display());
        let json = "Content-Type: application/json";
        let args = ["--fail", "-H", json, "--data-binary", &data];
        let output = self.ask("/api/v1/topics/t/events", &args);
        assert!(output.status.success(), "{output:?}");
    }

    fn stream(&self, args: &[&str]) -> Process {
        let stream = Process::spawn(&mut self.curl(STREAM, args));
        wait_until("the head of a stream", || {
            stream.stdout().contains("retry:")
        });
        stream
    }
}

#[test]
fn events_large_and_small_come_over_both_versions_and_the_end_is_told() {
    let Some(server) = Secured::start(&["--reactors", "2"]) else {
        return;
    };
    let mut streams = [
        server.stream(&["--tls-max", "1.2"]),
        server.stream(&["--tlsv1.3"]),
    ];
    for n in 0..20 {
        server.publish(&format!("{{\"n\":{n}}}"));
        for stream in &streams {
            wait_until("an event", || {
                stream.stdout().contains(&format!("{{\"n\":{n}}}"))
            });
        }
    }
    // Many records, and more than a socket takes at once.
    let large = format!("\"{}\"", "x".repeat(400_000));
    server.publish(&large);
    server.publish("\"behind it\"");
    for stream in &streams {
        wait_until("a large event", || stream.stdout().contains("behind it"));
        assert!(stream.stdout().contains(&large));
    }
    server.process.signal(Signal::TERM);
    for stream in &mut streams {
        // curl complains of an end that TLS does not announce.
        assert_eq!(stream.code(), 0, "{}", stream.stderr());
        assert!(stream.stdout().contains("the server stops"));
    }
}

#[test]
fn a_new_certificate_is_taken_and_a_broken_one_is_not() {
    let Some(server) = Secured::start(&[]) else {
        return;
    };
    let stream = server.stream(&[]);
    let old = std::fs::read(server.folder.path().join("cert")).expect("made");
    assert!(certificate(server.folder.path()));
    // Nobody has said that it is new: the one that curl looks for now is not there.
    assert!(!server.ask("/healthz", &[]).status.success());
    server.process.signal(Signal::HUP);
    server
        .process
        .wait_for_stderr("the certificate was read again");
    assert!(server.ask("/healthz", &["--fail"]).status.success());
    server.publish("\"over the old one\"");
    wait_until("an event", || stream.stdout().contains("over the old one"));

    std::fs::write(server.folder.path().join("cert"), &old).expect("our folder");
    server.process.signal(Signal::HUP);
    server
        .process
        .wait_for_stderr("the certificate stays as it is");
    let key = server.folder.path().join("key").display().to_string();
    assert!(
        server.process.stderr().contains(&key),
        "the key does not fit"
    );
    let still = server.ask("/healthz", &["--fail", "-k"]);
    assert!(still.status.success(), "{still:?}");
}

#[test]
fn who_does_not_get_through_the_handshake_is_closed_in_time() {
    let Some(server) = Secured::start(&["--head-timeout", "1"]) else {
        return;
    };
    let ends = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(server.address).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        stream.write_all(bytes).expect("it reads");
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = stream.read_to_end(&mut rest);
        rest
    };
    assert!(ends(b"").is_empty());
    assert!(ends(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").is_empty());
    // An alert, and nothing in the clear.
    let alert = ends(b"\x15\x03\x01\x00\x01\x00");
    assert!(!alert.starts_with(b"HTTP"), "{alert:?}");
    let endless = [&b"\x16\x03\x01\x40\x00\x01\x00\xff\xff"[..], &[0; 40_000]].concat();
    assert!(!ends(&endless).starts_with(b"HTTP"));
    assert!(server.ask("/healthz", &["--fail"]).status.success());
}

/// What curl begins a handshake with.
fn hello(server: &Secured) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let mut curl = server.curl("", &["--connect-timeout", "5"]);
    curl.arg(format!("https://localhost:{port}/"));
    let curl = Process::spawn(&mut curl);
    let (mut stream, _) = listener.accept().expect("curl connects");
    let mut hello = vec![0; 4096];
    let n = stream.read(&mut hello).expect("curl begins");
    hello.truncate(n);
    drop(curl);
    assert_eq!(hello[0], 22);
    hello
}

#[test]
fn a_broken_handshake_breaks_only_its_own_connection() {
    let Some(server) = Secured::start(&["--head-timeout", "1"]) else {
        return;
    };
    let hello = hello(&server);
    let mut held = Vec::new();
    for n in 0..3 * hello.len() {
        let mut bytes = hello.clone();
        let at = n % hello.len();
        match n / hello.len() {
            0 => bytes[at] ^= 1 << (n % 8),
            1 => bytes.truncate(at),
            // Whole, and then something that is no record, or one too many.
            _ => bytes.extend_from_slice(&hello[at..]),
        }
        let mut stream = TcpStream::connect(server.address).expect("it listens");
        // It may have been closed for the first part already.
        let _ = stream.write_all(&bytes);
        held.push(stream);
        if held.len() > 100 {
            held.remove(0);
        }
    }
    assert!(server.ask("/healthz", &["--fail"]).status.success());
    assert!(!server.process.stderr().contains("panicked"));
}

#[test]
fn files_that_do_not_do_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    if !certificate(folder.path()) {
        return;
    }
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("empty"), "").expect("our folder");
    for (cert, key, named) in [
        ("nowhere", "key", "nowhere"),
        ("empty", "key", "empty"),
        ("cert", "empty", "empty"),
    ] {
        let (cert, key) = (file(cert), file(key));
        let args = [
            "serve",
            "--memory",
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            &cert,
            "--tls-key",
            &key,
        ];
        let mut process = Process::eventring(&args);
        assert_eq!(process.code(), 2);
        assert!(
            process.stderr().contains(&file(named)),
            "{}",
            process.stderr()
        );
    }
    let mut process = Process::eventring(&["serve", "--memory", "--tls-cert", &file("cert")]);
    assert_eq!(process.code(), 2);
    assert!(process.stderr().contains("tls-key"), "{}", process.stderr());
}

/// What a program sends, or an old browser, without `Sec-Fetch-Site`.
#[test]
fn over_tls_a_page_of_https_is_the_servers_own_and_one_of_http_is_not() {
    let Some(server) = Secured::start(&[]) else {
        return;
    };
    let port = server.address.port();
    for (page, status) in [
        (format!("https://localhost:{port}"), "200"),
        (format!("http://localhost:{port}"), "403"),
        ("https://localhost".to_owned(), "403"),
    ] {
        let origin = format!("Origin: {page}");
        let args = [
            "-H",
            &origin,
            "-d",
            "1",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
        ];
        let output = server.ask("/api/v1/topics/t/events", &args);
        assert_eq!(String::from_utf8_lossy(&output.stdout), status, "{page}");
    }
}

/// Makes a file with openssl; false: it is missing, or too new or old for that.
fn openssl(folder: &Path, args: &str) -> bool {
    let args = args.replace("DIR", &folder.display().to_string());
    let output = Command::new("openssl").args(args.split(' ')).output();
    output.is_ok_and(|output| output.status.success())
}

/// Once: "no items found", "base64 decode error" for a key with a passphrase.
#[test]
fn a_key_that_cannot_be_used_is_called_by_its_name_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    if !certificate(folder) {
        return;
    }
    let file = |name: &str| folder.join(name).display().to_string();
    let pkcs1 = "rsa -in DIR/rsa -out DIR/pkcs1 -aes128 -passout pass:secret -traditional";
    let made = openssl(folder, "genpkey -algorithm RSA -out DIR/rsa")
        && openssl(
            folder,
            "pkey -in DIR/key -out DIR/pkcs8 -aes128 -passout pass:secret",
        )
        && openssl(folder, pkcs1)
        && openssl(folder, "ecparam -name secp521r1 -genkey -out DIR/sec1")
        && openssl(folder, "pkey -in DIR/sec1 -out DIR/p521")
        && openssl(
            folder,
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out DIR/short",
        )
        && openssl(folder, "pkey -in DIR/key -outform DER -out DIR/der")
        && openssl(folder, "pkey -in DIR/key -pubout -out DIR/public");
    if !made {
        return skipped("openssl makes other keys");
    }
    std::fs::write(file("text"), "hello\n").expect("our folder");
    for (cert, key, named, why) in [
        ("cert", "pkcs8", "pkcs8", "behind a passphrase"),
        ("cert", "pkcs1", "pkcs1", "openssl pkey -in"),
        ("cert", "p521", "p521", "P-521"),
        ("cert", "sec1", "sec1", "P-256 or P-384"),
        ("cert", "short", "short", "RSA of 2048"),
        ("cert", "der", "der", "DER, not PEM"),
        ("cert", "public", "public", "holds a public key"),
        (
            "cert",
            "cert",
            "cert",
            "holds a certificate and no private key",
        ),
        ("cert", "text", "text", "not PEM"),
        ("cert", "rsa", "rsa", "not the key of the certificate in"),
        (
            "key",
            "key",
            "key",
            "holds a private key and no certificate",
        ),
        ("cert", "/dev/zero", "/dev/zero", "longer than"),
    ] {
        let (cert, key) = (file(cert), file(key));
        let args = [
            "serve",
            "--memory",
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            &cert,
            "--tls-key",
            &key,
        ];
        let mut process = Process::eventring(&args);
        assert_eq!(process.code(), 2, "{key}");
        let told = process.stderr();
        let line = told
            .lines()
            .find(|line| line.contains(&format!("{}: ", file(named))));
        assert!(line.is_some_and(|line| line.contains(why)), "{why}: {told}");
    }
}

/// Once: nothing was said of it.
#[test]
fn a_certificate_that_has_expired_is_told_at_the_start_and_when_it_is_read_again() {
    let Some(server) = Secured::start(&[]) else {
        return;
    };
    let left = |server: &Secured| -> i64 {
        let output = server.ask("/metrics", &["-k"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        let name = "eventring_tls_certificate_left_seconds ";
        let value = lines.find_map(|line| line.strip_prefix(name));
        value.expect("the metric").parse().expect("a number")
    };
    let two_days = 2 * 24 * 3600;
    assert!((two_days - 3600..=two_days).contains(&left(&server)));
    assert!(!server.process.stderr().contains("the certificate"));

    let old = "req -x509 -key DIR/key -subj /CN=localhost -out DIR/cert \
               -not_before 20200101000000Z -not_after 20200201000000Z";
    let older = "x509 -in DIR/cert -signkey DIR/key -out DIR/cert.new -days -3";
    let folder = server.folder.path();
    if !openssl(folder, old) {
        if !openssl(folder, older) {
            return skipped("this openssl makes no certificate of the past");
        }
        std::fs::rename(folder.join("cert.new"), folder.join("cert")).expect("our folder");
    }
    server.process.signal(Signal::HUP);
    server
        .process
        .wait_for_stderr("the certificate has expired");
    assert!(left(&server) < 0);
    let file = |name: &str| folder.join(name).display().to_string();
    let (cert, key) = (file("cert"), file("key"));
    let process = Process::eventring(&[
        "serve",
        "--memory",
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ]);
    process.wait_for_stderr("the certificate has expired");
}

/// Once: a connection that idled, or was refused, ended as if it had been cut.
#[test]
fn every_end_that_is_meant_is_announced() {
    let flags = [
        "--idle-timeout",
        "1",
        "--head-timeout",
        "1",
        "--max-connections",
        "4",
    ];
    let Some(server) = Secured::start(&flags) else {
        return;
    };
    const GET: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const STREAM: &str = "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for version in peer::BOTH {
        let open = || peer::connect(server.address, version, &["http/1.1"]).expect("a handshake");
        // Right after the handshake, between requests, in the middle of one, and after the last.
        assert_eq!(peer::ask(&mut open(), ""), "");
        assert!(peer::ask(&mut open(), GET).starts_with("HTTP/1.1 200 "));
        assert!(peer::ask(&mut open(), &GET[..20]).starts_with("HTTP/1.1 408 "));
        let last = GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        assert!(peer::ask(&mut open(), &last).starts_with("HTTP/1.1 200 "));
        // One too many.
        let mut held: Vec<peer::Peer> = (0..4).map(|_| open()).collect();
        for peer in &mut held {
            peer.write_all(STREAM.as_bytes()).expect("it reads");
            let mut head = [0; 15];
            peer.read_exact(&mut head).expect("a stream");
            assert_eq!(&head, b"HTTP/1.1 200 OK");
        }
        assert!(peer::ask(&mut open(), "").starts_with("HTTP/1.1 503 "));
        drop(held);
        wait_until("all to be gone", || {
            let mut peer = open();
            peer::ask(&mut peer, &last).contains(r#""connections":1,"#)
        });
    }
}

/// Once: the alert was made behind the ServerHello, and left out.
#[test]
fn who_offers_no_protocol_of_ours_is_told_so() {
    let Some(server) = Secured::start(&[]) else {
        return;
    };
    for version in peer::BOTH {
        let error = peer::connect(server.address, version, &["h2"]).expect_err("no handshake");
        let why = error
            .get_ref()
            .and_then(|why| why.downcast_ref::<rustls::Error>());
        let alert = rustls::AlertDescription::NoApplicationProtocol;
        assert_eq!(why, Some(&rustls::Error::AlertReceived(alert)), "{error}");
        assert!(peer::connect(server.address, version, &["h2", "http/1.1"]).is_ok());
        assert!(peer::connect(server.address, version, &[]).is_ok());
    }
}

/// Once: who forgets the s of https saw bytes of an alert.
#[test]
fn who_speaks_plainly_to_the_tls_port_is_told_so_and_the_other_way_round() {
    let Some(server) = Secured::start(&[]) else {
        return;
    };
    // As long a request as a socket's buffer takes, so that some of it is still unread at the end.
    for filling in [0, 100_000] {
        let mut plain = crate::common::Http::connect(server.address);
        let path = "x".repeat(filling);
        plain.send(format!("GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let problem = plain.response().problem(400);
        assert!(
            problem["detail"].to_string().contains("https://"),
            "{problem}"
        );
        assert!(plain.is_closed());
    }
    let plain = crate::common::Server::start(&[]);
    for version in peer::BOTH {
        // What comes is no TLS, and it comes at once.
        let error = peer::connect(plain.address, version, &[]).expect_err("no handshake");
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
    }
}
