//! `eventring history`: pages of a journal, one after the other, as lines.

use crate::common::{Process, Server};

fn history(server: &Server, flags: &[&str]) -> (i32, Vec<String>, String) {
    let url = server.url();
    let mut process = Process::eventring(&[&["history", "--url", &url], flags].concat());
    let code = process.code();
    let lines = process.stdout().lines().map(str::to_owned).collect();
    (code, lines, process.stderr())
}

fn numbers(range: impl Iterator<Item = usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[test]
fn it_pages_through_what_a_server_keeps() {
    let folder = tempfile::tempdir().expect("a folder");
    // Most of it is in the journal alone.
    let server = Server::start_on(
        folder.path(),
        &["--capacity", "256", "--batch-events", "50"],
    );
    server.publish_all("t", &numbers(0..1_300), 50);
    server.publish("other", "\"x\"");
    let (code, lines, err) = history(&server, &["--topic", "t", "--all"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(lines, numbers(0..1_300));
    let (_, lines, _) = history(&server, &["--topic", "t"]);
    assert_eq!(lines, numbers(0..100));
    let (_, lines, _) = history(
        &server,
        &["--topic", "t", "--limit", "1001", "--order", "desc"],
    );
    assert_eq!(lines, numbers((299..1_300).rev()));
    let (_, lines, _) = history(&server, &["--order", "desc", "--limit", "2"]);
    assert_eq!(lines, ["\"x\"", "1299"]);
    let (_, lines, _) = history(&server, &["--until", "2000-01-01T00:00:00Z"]);
    assert_eq!(lines, [""; 0]);
    let (_, lines, _) = history(
        &server,
        &["--topic", "t", "--since", "2000-01-01T00:00:00Z"],
    );
    assert_eq!(lines.len(), 100);
}

#[test]
fn each_format_is_that_of_tail() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_on(folder.path(), &[]);
    let first = server.publish("t", "{\"n\": 1.0}");
    let url = server.url();
    let mut text = Process::eventring(&[
        "publish", "--url", &url, "--topic", "t", "--format", "lines",
    ]);
    text.write("a \"text\"\n");
    assert_eq!(text.code(), 0);
    let tail = |format: &str| {
        let args = ["tail", "--url", &url, "--topic", "t", "--from", "beginning"];
        let mut tail =
            Process::eventring(&[&args as &[_], &["--count", "2", "--format", format]].concat());
        assert_eq!(tail.code(), 0);
        tail.stdout()
    };
    for format in ["data", "sse"] {
        let (code, lines, err) = history(&server, &["--format", format]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert_eq!(
            lines.join("\n").trim_end(),
            tail(format).trim_end(),
            "{format}"
        );
    }
    let (_, lines, _) = history(&server, &["--format", "cloudevents"]);
    assert_eq!(lines.len(), 2);
    let event: serde_json::Value = serde_json::from_str(&lines[0]).expect("JSON");
    assert_eq!(event["position"], first);
    assert!(lines[0].contains("\"data\":{\"n\": 1.0}"), "{}", lines[0]);
}

#[test]
fn what_cannot_be_asked_or_answered_is_told() {
    let server = Server::start(&[]);
    let later = [
        "--since",
        "2026-11-30T09:00:00Z",
        "--until",
        "2026-11-30T08:00:00Z",
    ];
    let (code, lines, err) = history(&server, &later);
    assert_eq!((code, lines.len()), (1, 0));
    assert!(
        err.contains("the server answered 400") && err.contains("since"),
        "{err}"
    );
    for (flags, named) in [
        (&["--since", "yesterday"] as &[&str], "--since"),
        (&["--limit", "0"], "--limit"),
        (&["--all", "--limit", "5"], "--all"),
        (&["--order", "up"], "--order"),
    ] {
        let (code, _, err) = history(&server, flags);
        assert!(code == 2 && err.contains(named), "{flags:?}: {err}");
    }
    let mut nobody = Process::eventring(&["history", "--url", "http://127.0.0.1:1"]);
    assert_eq!(nobody.code(), 1);
    assert!(
        nobody.stderr().contains("127.0.0.1:1"),
        "{}",
        nobody.stderr()
    );
}
