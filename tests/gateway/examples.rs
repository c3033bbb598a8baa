//! Every example runs and does what its first lines say.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);

/// Examples that check themselves: they end, and without a word.
const QUIET: &[&str] = &[
    "documents",
    "fan_out",
    "projection_by_hand",
    "resume_from_checkpoint",
    "slow_subscriber",
    "staged",
];
/// Those that have a test of their own below.
const TALKING: &[&str] = &["embed", "own_loop", "sse_parse", "ws_echo", "ws_notify"];

/// The folder of the examples, built as this test was: `cargo test --test gateway` alone builds none of them.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let me = env::current_exe().expect("the path of this test");
    let profile = me.ancestors().nth(2).expect("the folder of a profile");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "-q", "--workspace", "--examples", "--target-dir"]);
    cargo.arg(profile.parent().expect("the target directory"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    if cfg!(feature = "tls") {
        cargo.arg("--features=eventring-server/tls,eventring/tls");
    }
    // What Cargo says to a test about its package would be news to build scripts, and they would run anew.
    let about_the_package = |name: &OsString| {
        let name = name.to_string_lossy();
        [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_CRATE_",
            "CARGO_BIN_",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in env::vars_os().filter(|(name, _)| about_the_package(name)) {
        cargo.env_remove(name);
    }
    assert!(cargo.status().expect("cargo").success(), "{cargo:?}");
    profile.join("examples")
});

/// One run of an example, which ends with this.
struct Example {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<thread::JoinHandle<String>>,
}

impl Example {
    fn run(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(BUILT.join(name));
        command.args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().expect(name);
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut errors = child.stderr.take().expect("a pipe");
        let (sender, lines) = channel();
        thread::spawn(move || {
            output
                .lines()
                .try_for_each(|line| sender.send(line.unwrap()))
        });
        Self {
            input: child.stdin.take(),
            child,
            lines,
            errors: Some(thread::spawn(move || {
                let mut text = String::new();
                let read = errors.read_to_string(&mut text);
                read.map_or_else(|error| error.to_string(), |_| text)
            })),
        }
    }

    /// The next line of its output.
    fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line of output")
    }

    /// Writes a line to its input.
    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("an open input");
        writeln!(input, "{line}").expect("it reads");
    }

    /// Closes its input, waits for its end, and returns what it wrote that was not read yet: output and errors.
    fn end(mut self) -> (Vec<String>, String) {
        drop(self.input.take());
        let until = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                break status;
            }
            assert!(Instant::now() < until, "it does not end");
            thread::sleep(Duration::from_millis(5));
        };
        let errors = self.errors.take().expect("the reader of errors");
        let errors = errors.join().expect("what it read");
        assert!(status.success(), "{status}: {errors}");
        (self.lines.iter().collect(), errors)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect(address);
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Reads until what was read ends with `end`, and returns it.
fn read_until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let (mut read, mut byte) = (Vec::new(), [0]);
    while !read.ends_with(end) {
        let said = String::from_utf8_lossy(&read).into_owned();
        stream
            .read_exact(&mut byte)
            .unwrap_or_else(|error| panic!("{error} behind {said:?}"));
        read.push(byte[0]);
    }
    read
}

/// The stream of a server, past the head of its answer.
fn stream(address: &str, query: &str) -> TcpStream {
    let mut stream = connect(address);
    write!(
        stream,
        "GET /api/v1/events/stream{query} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    .unwrap();
    let head = read_until(&mut stream, b"\r\n\r\n");
    assert!(
        head.starts_with(b"HTTP/1.1 200 "),
        "{}",
        String::from_utf8_lossy(&head)
    );
    stream
}

/// A WebSocket at an address such as `ws://127.0.0.1:9001/echo`, past its handshake.
fn web_socket(url: &str) -> TcpStream {
    let (address, path) = url
        .strip_prefix("ws://")
        .expect(url)
        .split_once('/')
        .expect(url);
    let mut socket = connect(address);
    write!(
        socket,
        "GET /{path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    let head = read_until(&mut socket, b"\r\n\r\n");
    assert!(
        head.starts_with(b"HTTP/1.1 101 "),
        "{}",
        String::from_utf8_lossy(&head)
    );
    socket
}

#[test]
fn every_example_is_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let runs = QUIET.contains(&name) || TALKING.contains(&name);
        assert!(
            runs || path.extension().is_none_or(|ending| ending != "rs"),
            "{name}"
        );
    }
}

#[test]
fn examples_that_check_themselves_are_content() {
    for name in QUIET {
        let said = Example::run(name, &[]).end();
        assert_eq!(said, (Vec::new(), String::new()), "{name}");
    }
}

#[test]
fn sse_parse_answers_each_line() {
    let mut example = Example::run("sse_parse", &[]);
    example.say(r#"{"chunks": ["ZGF0YTogaGkK", "Cg=="]}"#);
    let event = r#"{"event":"message","data":"hi","id":""}"#;
    let answer = format!(r#"{{"events":[{event}],"last_event_id":"","retry":null}}"#);
    assert_eq!(example.line(), answer);
    assert_eq!(example.end(), (Vec::new(), String::new()));
}

#[test]
fn ws_echo_sends_back_what_comes() {
    let example = Example::run("ws_echo", &["0"]);
    let line = example.line();
    let mut socket = web_socket(line.strip_prefix("echo on ").expect(&line));
    // A whole text, masked with zeros (RFC 6455, section 5.3).
    socket.write_all(b"\x81\x82\0\0\0\0hi").unwrap();
    assert_eq!(read_until(&mut socket, b"hi"), b"\x81\x02hi");
}

#[test]
fn ws_notify_sends_each_line_of_its_input() {
    let mut example = Example::run("ws_notify", &["0"]);
    let line = example.line();
    let url = line.replace("NAME", "alice");
    example.say("too early");
    assert_eq!(example.line(), "sent to 0");
    let mut socket = web_socket(&url);
    assert_eq!(example.line(), "alice has come");
    example.say("@alice hi");
    assert_eq!(example.line(), "sent");
    assert_eq!(read_until(&mut socket, b"hi"), b"\x81\x02hi");
    example.say("@bob hi");
    assert_eq!(example.line(), "bob does not get it");
    let (_, errors) = example.end();
    assert_eq!(errors, "");
}

#[test]
fn own_loop_sends_on_what_comes_by_udp() {
    let example = Example::run("own_loop", &[]);
    let (http, udp) = (example.line(), example.line());
    let http = http.strip_prefix("curl -N http://").expect(&http);
    let mut stream = stream(http.split('/').next().unwrap(), "");
    let (_, udp) = udp.split_once("/dev/udp/").expect(&udp);
    let to = udp.split(' ').next().unwrap().replace('/', ":");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"hello", &to).unwrap();
    read_until(&mut stream, b"data: hello\n");
    socket.send_to(b"stop", &to).unwrap();
    assert_eq!(example.line(), "stopped, 0 cut short");
    assert_eq!(example.end(), (Vec::new(), String::new()));
}

/// Its address is fixed, as that of a first program is.
#[test]
#[allow(clippy::print_stdout, reason = "it says what it skips")]
fn embed_streams_its_ticks() {
    if TcpListener::bind("127.0.0.1:8080").is_err() {
        println!("skipped: something else listens on 127.0.0.1:8080");
        return;
    }
    let mut example = Example::run("embed", &[]);
    let until = Instant::now() + DEADLINE;
    while TcpStream::connect("127.0.0.1:8080").is_err() {
        let ended = example.child.try_wait().unwrap();
        assert!(
            ended.is_none() && Instant::now() < until,
            "no server: {ended:?}"
        );
        thread::sleep(Duration::from_millis(5));
    }
    let mut stream = stream("127.0.0.1:8080", "?topic=ticks&from=beginning");
    read_until(&mut stream, b"data: {\"n\":0}\n");
    read_until(&mut stream, b"data: {\"n\":1}\n");
}
