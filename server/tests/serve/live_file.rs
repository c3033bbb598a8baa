//! A real file goes in, every client gets every line: in order, byte for byte, with dense ids.

use crate::common::{Process, Server, curl_is_there, offset, wait_until};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const LINES: usize = 100_000;
const LAST: &str = r#"{"last":true}"#;
/// Room for the whole file, so that how fast a client reads does not matter here.
const ROOMY: &[&str] = &["--capacity", "131072", "--ring-bytes", "512M"];

#[test]
fn a_file_reaches_curl_and_tail_line_for_line() {
    if !curl_is_there() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let lines = write_lines(&dir.path().join("in.ndjson"));
    let server = Server::start(ROOMY);

    let paths = [dir.path().join("one.sse"), dir.path().join("two.sse")];
    let _curls = paths.each_ref().map(|path| curl(&server, path));
    let url = server.url();
    let count = lines.len().to_string();
    let mut tail = Process::eventring(&[
        "tail", "--url", &url, "--topic", "file.*", "--count", &count,
    ]);
    server.wait_for_streams(3);

    let file = dir.path().join("in.ndjson");
    let file = file.to_str().expect("a plain path");
    let mut publish = Process::eventring(&["publish", "--url", &url, "--topic", "file.in", file]);
    assert_eq!(publish.code(), 0, "{}", publish.stderr());
    assert_eq!(
        publish.stderr(),
        "",
        "no progress where there is no terminal"
    );

    for path in &paths {
        wait_until("curl to get the last line", || ends_with_last(path));
        let (ids, data) = events(&fs::read_to_string(path).expect("UTF-8"));
        same(&data, &lines);
        let expected = offset(&ids[0])..offset(&ids[0]) + lines.len() as u64;
        assert!(
            ids.iter().map(|id| offset(id)).eq(expected),
            "ids are not dense"
        );
    }
    assert_eq!(tail.code(), 0, "{}", tail.stderr());
    same(
        &tail
            .stdout()
            .lines()
            .map(str::to_string)
            .collect::<Vec<_>>(),
        &lines,
    );
    assert_eq!(tail.stderr(), "");
}

#[test]
fn a_pipe_is_published_as_it_grows() {
    let server = Server::start(&[]);
    let url = server.url();
    let tail = Process::eventring(&["tail", "--url", &url, "--topic", "pipe"]);
    server.wait_for_streams(1);
    let mut publish = Process::eventring(&["publish", "--url", &url, "--topic", "pipe"]);
    for n in 1..=5 {
        publish.write(format!("line {n}: é\n"));
        tail.wait_for_lines(n);
    }
    publish.write("the last one has no newline");
    assert_eq!(publish.code(), 0, "{}", publish.stderr());
    tail.wait_for_lines(6);
    assert!(
        tail.stdout()
            .ends_with("line 5: é\nthe last one has no newline\n")
    );
}

fn curl(server: &Server, out: &Path) -> Process {
    let url = format!("{}/api/v1/events/stream?topic=%3E", server.url());
    let mut command = Command::new("curl");
    command.args(["-sN", "-o"]).arg(out).arg(url);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    Process::spawn_as_is(&mut command)
}

/// Lines of many sizes, with all sorts of characters, numbers that no float keeps, and spaces.
fn write_lines(path: &Path) -> Vec<String> {
    let words = [
        "plain",
        "naïve",
        "日本語",
        "🙂",
        "\\u00e9\\n",
        "Ωmega",
        "tab\\t",
        "\u{2028}",
    ];
    let mut lines = Vec::with_capacity(LINES + 1);
    let mut state = 1u64;
    for n in 0..LINES {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963);
        let repeat = match state >> 60 {
            0 => 40,
            1..=3 => 12,
            _ => 2,
        } * if n % 10_000 == 7 { 100 } else { 1 };
        let mut line = format!(r#"{{"n":{n},  "x":1.10e+0{},"s":""#, n % 10);
        for k in 0..repeat {
            let _ = write!(
                line,
                "{} ",
                words[(state >> 40) as usize % (k + 3) % words.len()]
            );
        }
        line.push_str(if n % 3 == 0 {
            "\"}"
        } else {
            "\", \"big\":12345678901234567890123}"
        });
        lines.push(if n % 1000 == 999 {
            format!(" {line}\t")
        } else {
            line
        });
    }
    lines.push(LAST.to_string());
    fs::write(path, lines.join("\n") + "\n").expect("written");
    lines
}

fn ends_with_last(path: &Path) -> bool {
    let end = format!("data: {LAST}\n\n");
    fs::read(path).is_ok_and(|bytes| bytes.ends_with(end.as_bytes()))
}

/// Ids and data, read by hand: a second opinion beside the crate's own decoder.
fn events(stream: &str) -> (Vec<String>, Vec<String>) {
    let (mut ids, mut all) = (Vec::new(), Vec::new());
    for block in stream
        .split("\n\n")
        .filter(|block| block.contains("data: "))
    {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        ids.push(field("id: ").expect("an id").to_string());
        all.push(
            block
                .split('\n')
                .find_map(|l| l.strip_prefix("data: "))
                .expect("data")
                .to_string(),
        );
    }
    (ids, all)
}

/// Compares without printing a hundred thousand lines.
fn same(got: &[String], expected: &[String]) {
    for (n, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert_eq!(got, expected, "line {}", n + 1);
    }
    assert_eq!(got.len(), expected.len());
}
