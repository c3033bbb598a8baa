//! The clients of the guide's page on other languages, as they stand there: each reads events one by one.

use crate::common::{Process, Server, wait_until};
use crate::programs::{program, python_with};
use std::path::Path;
use std::process::{Command, Stdio};

/// The blocks of a kind on the page.
fn blocks(kind: &str) -> Vec<String> {
    const PAGE: &str = include_str!("../../../../src/guide/languages.rs");
    let fence = format!("//! ```{kind}");
    let mut lines = PAGE.lines();
    let mut blocks = Vec::new();
    while lines.by_ref().any(|line| line == fence) {
        let block = lines.by_ref().take_while(|line| *line != "//! ```");
        let text = block.map(|line| line.strip_prefix("//!").expect("a page of comments"));
        let text: Vec<&str> = text
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        blocks.push(text.join("\n"));
    }
    blocks
}

/// The one block of a kind that says this.
fn block(kind: &str, says: &str) -> String {
    let mut blocks = blocks(kind);
    blocks.retain(|block| block.contains(says));
    assert_eq!(blocks.len(), 1, "{kind} that says {says}");
    blocks.remove(0)
}

/// Runs a block from a file, and publishes when it listens: each event is there before the next is published.
fn reads(block: &str, file: &str, run: impl FnOnce(&Path) -> Command) {
    let server = Server::start(&[]);
    let address = "http://127.0.0.1:8080";
    assert!(block.contains(address), "{block}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(file);
    std::fs::write(&path, block.replace(address, &server.url())).expect("written");
    let mut command = run(&path);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut client = Process::spawn_as_is(&mut command);
    server.wait_for_streams(1);
    for n in 1..=5 {
        server.publish("t", &format!(r#"{{"n":{n},"text":"déjà vu"}}"#));
        let wanted = format!(r#"data: {{"n":{n},"text":"déjà vu"}}"#);
        wait_until("the event", || client.stdout().contains(&wanted));
    }
    client.signal(rustix::process::Signal::KILL);
    client.wait();
}

fn running(program: impl AsRef<std::ffi::OsStr>, path: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(path);
    command
}

#[test]
fn curl_reads() {
    let Some(_) = program(&["curl"]) else { return };
    // Without a shell above it, which would be killed in its place.
    let block = format!("exec {}", block("sh", "curl"));
    reads(&block, "events.sh", |path| running("sh", path));
}

#[test]
fn python_requests_reads() {
    let Some(python) = python_with("requests") else {
        return;
    };
    reads(&block("python", "requests"), "events.py", |path| {
        running(python, path)
    });
}

#[test]
fn python_aiohttp_reads() {
    let Some(python) = python_with("aiohttp") else {
        return;
    };
    reads(&block("python", "aiohttp"), "events.py", |path| {
        running(python, path)
    });
}

#[test]
fn node_fetch_reads() {
    let Some(node) = program(&["node"]) else {
        return;
    };
    reads(&block("js", "fetch"), "events.mjs", |path| {
        running(node, path)
    });
}

#[test]
fn java_reads() {
    let (Some(java), Some(_)) = (program(&["java"]), program(&["javac"])) else {
        return;
    };
    reads(&block("java", "HttpClient"), "Events.java", |path| {
        running(java, path)
    });
}
