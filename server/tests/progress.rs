//! What a person sees on a terminal while `eventring bench` runs.

mod common;

use common::{Server, skipped};
use std::process::{Command, Stdio};

/// Runs a command line with a terminal for its output, and gives all that it wrote there.
fn on_a_terminal(line: &str) -> Option<String> {
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", line, "/dev/null"])
        .env("SHELL", "/bin/sh")
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

#[test]
fn a_bench_tells_how_far_it_is_in_one_line_that_makes_room_for_the_report() {
    let server = Server::start(&[]);
    let bench = env!("CARGO_BIN_EXE_eventring");
    let url = server.url();
    let load = "--connections 5 --rate 50 --seconds 2";
    let Some(shown) = on_a_terminal(&format!("'{bench}' bench --url {url} {load}")) else {
        return;
    };
    let lines: Vec<&str> = shown.split('\r').collect();
    let numbers: Vec<u64> = lines
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
    let last = shown.rfind(" s: ").expect("a line of progress");
    let (during, after) = shown.split_at(last);
    assert!(!during.contains('\n'), "{shown:?}");
    assert_eq!(
        shown.matches("\x1b[?7l").count(),
        shown.matches("\x1b[?7h").count()
    );
    let report = after.split_once("\r\x1b[K").expect("the line is cleared").1;
    assert!(
        report.contains("deliver") && report.contains('\n'),
        "{report:?}"
    );
}
