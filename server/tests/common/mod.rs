//! What the end-to-end tests share: the real binary, plain sockets, and waiting with a deadline.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

#[path = "../../../tests/common/body.rs"]
pub(crate) mod body;
#[path = "../../../tests/common/contract.rs"]
pub(crate) mod contract;
pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod server;
pub(crate) mod sse;

pub(crate) use http::{Http, Response};
pub(crate) use process::Process;
pub(crate) use server::Server;
pub(crate) use sse::{Event, Stream};

use std::time::{Duration, Instant};

/// How long anything that must happen may take; generous, since the machine may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Polls until `done` holds; fails, naming what was waited for, when it does not.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < DEADLINE, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// True when curl is there; says that the test is skipped otherwise.
pub(crate) fn curl_is_there() -> bool {
    let there = std::process::Command::new("curl")
        .arg("--version")
        .output()
        .is_ok();
    if !there {
        skipped("curl is not installed");
    }
    there
}

/// Says why a test ends early; `--nocapture` shows it.
#[allow(clippy::print_stderr)]
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// Says what a test has measured; `--nocapture` shows it.
#[allow(clippy::print_stderr)]
pub(crate) fn measured(figures: &str) {
    eprintln!("measured: {figures}");
}

/// The number behind the dash of a position.
pub(crate) fn offset(position: &str) -> u64 {
    let (epoch, number) = position
        .split_once('-')
        .unwrap_or_else(|| panic!("{position:?}"));
    assert!(!epoch.is_empty() && position.len() <= 40, "{position:?}");
    number.parse().unwrap_or_else(|_| panic!("{position:?}"))
}

/// The epoch in front of the dash of a position.
pub(crate) fn epoch(position: &str) -> &str {
    position
        .split_once('-')
        .unwrap_or_else(|| panic!("{position:?}"))
        .0
}
