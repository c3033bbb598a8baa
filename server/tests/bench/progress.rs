//! The line that a person sees on a terminal while `eventring bench` runs.

use crate::common::{Server, skipped};
use std::process::{Command, Stdio};

/// Erases a line, in front of its next state.
const ERASE: &str = "\r\x1b[2K";

/// Runs a shell's line with a terminal of this kind for its output, and gives all that was written there.
fn on_a_terminal(kind: &str, line: &str) -> Option<String> {
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", line, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .env("TERM", kind)
        .stdin(Stdio::null());
    match script.output() {
        Ok(done) => {
            let text = String::from_utf8_lossy(&done.stdout).into_owned();
            assert!(done.status.success(), "{text}");
            Some(text)
        }
        Err(error) => {
            skipped(&format!("script, of util-linux, does not run: {error}"));
            None
        }
    }
}

fn bench(server: &Server) -> String {
    let bench = env!("CARGO_BIN_EXE_eventring");
    let url = server.url();
    format!("'{bench}' bench --url {url} --connections 5 --rate 50 --seconds 2")
}

/// The states of the line, and what follows when it is erased.
fn states(shown: &str) -> (Vec<&str>, &str) {
    let mut states: Vec<&str> = shown.split(ERASE).collect();
    let rest = states.pop().expect("split gives one at least");
    (states, rest)
}

#[test]
fn a_bench_tells_how_far_it_is_in_one_line_that_makes_room_for_the_report() {
    let server = Server::start(&[]);
    let Some(shown) = on_a_terminal("xterm", &bench(&server)) else {
        return;
    };
    let (states, report) = states(&shown);
    let numbers: Vec<u64> = states
        .iter()
        .filter(|line| line.contains(" delivered ("))
        .filter_map(|line| line.split_once(" s: ")?.1.split(' ').next()?.parse().ok())
        .collect();
    assert!(numbers.len() >= 3, "{shown:?}");
    assert!(
        numbers.is_sorted() && numbers.last() > numbers.first(),
        "{numbers:?}"
    );
    assert!(
        shown.contains("p99 ") && shown.contains(" ms, 0 cuts, 0 gaps"),
        "{shown:?}"
    );
    // It never moves down, is cut at the terminal's edge, and is gone in the end.
    assert!(states.iter().all(|line| !line.contains('\n')), "{shown:?}");
    assert!(
        states.iter().all(|line| line.chars().count() <= 80),
        "{shown:?}"
    );
    assert!(
        report.contains("deliver") && report.contains('\n'),
        "{report:?}"
    );
}

#[test]
fn a_narrow_terminal_cuts_the_line_at_its_edge() {
    let server = Server::start(&[]);
    let line = format!("stty cols 30 rows 10; {}", bench(&server));
    let Some(shown) = on_a_terminal("xterm", &line) else {
        return;
    };
    let (states, report) = states(&shown);
    assert!(states.len() >= 3, "{shown:?}");
    assert!(
        states.iter().all(|line| line.chars().count() <= 30),
        "{shown:?}"
    );
    assert!(report.contains("deliver"), "{report:?}");
}

/// It would fill the screen: such a terminal erases no line.
#[test]
fn a_terminal_that_cannot_erase_a_line_gets_the_report_alone() {
    let server = Server::start(&[]);
    let Some(shown) = on_a_terminal("dumb", &bench(&server)) else {
        return;
    };
    assert!(shown.starts_with("server "), "{shown:?}");
    assert!(
        !shown.contains('\x1b') && shown.contains("deliver"),
        "{shown:?}"
    );
}

#[test]
fn without_a_terminal_there_is_no_line() {
    let server = Server::start(&[]);
    let args = bench(&server);
    let done = Command::new("sh").args(["-c", &args]).output();
    let done = done.expect("a shell");
    assert!(done.status.success(), "{done:?}");
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
}
