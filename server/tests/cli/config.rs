//! Settings from files and the environment, and what is made from the definition of the flags.

use crate::common::{Http, Process, Stream, wait_until};
use rustix::process::Signal;

fn eventring(args: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Process::command(args);
    let mut process = Process::spawn(command.envs(env.iter().copied()));
    (process.code(), process.stdout(), process.stderr())
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    file
}

fn name(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().expect("UTF-8")
}

#[test]
fn check_config_tells_what_holds_and_why() {
    let file = file("capacity = 500\nretry = \"3s\"\n");
    let env = [("EVENTRING_RETRY", "4"), ("EVENTRING_BATCH_EVENTS", "100")];
    let (code, out, err) = eventring(&["check-config", name(&file), "--heartbeat=5"], &env);
    assert_eq!((code, err.as_str()), (0, ""));
    let line = |start: &str| {
        let found = out.lines().find(|line| line.starts_with(start));
        found
            .unwrap_or_else(|| panic!("{start}: {out}"))
            .to_string()
    };
    assert!(line("capacity = 500 ").ends_with(&format!("# {}:1", name(&file))));
    assert!(line("retry = 4 ").ends_with("# EVENTRING_RETRY"));
    assert!(line("heartbeat = 5 ").ends_with("# --heartbeat"));
    assert!(line("ring-bytes = \"64M\" ").ends_with("# default"));
    assert!(line("# send-buffer = ").ends_with("# not set"));
}

#[test]
fn check_config_tells_everything_that_is_wrong() {
    let file = file("capacity = 0\nheartbeet = 3\n");
    let (code, out, err) = eventring(&["check-config", name(&file)], &[("EVENTRING_RETRY", "x")]);
    assert_eq!((code, out.as_str()), (2, ""));
    for part in [
        "3 mistakes",
        ":1: capacity",
        "did you mean heartbeat?",
        "EVENTRING_RETRY",
    ] {
        assert!(err.contains(part), "{part}: {err}");
    }
    let (code, _, err) = eventring(&["check-config", "--capacity=9000000000000000000"], &[]);
    assert_eq!(code, 2);
    assert!(err.contains("--capacity"), "{err}");
}

#[test]
fn files_that_cannot_be_read_are_named_with_what_named_them() {
    let missing = "/no/such/eventring.toml";
    for (args, env, said) in [
        (&["check-config", missing] as &[&str], &[] as &[_], "FILE"),
        (&["check-config", "--config", missing], &[], "--config"),
        (&["serve", "--config", missing], &[], "--config"),
        (&["serve", "--config", ""], &[], "--config"),
        (
            &["serve"],
            &[("EVENTRING_CONFIG", missing)],
            "EVENTRING_CONFIG",
        ),
    ] {
        let (code, out, err) = eventring(args, env);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(
            err.contains(&format!("{said} ")) && err.contains("cannot be read"),
            "{err}"
        );
    }
    let (code, _, err) = eventring(&["check-config", missing, "--config", missing], &[]);
    assert_eq!(code, 2);
    assert!(err.contains("--config"), "{err}");
    let large = file(&"#".repeat((1 << 20) + 1));
    let (code, _, err) = eventring(&["check-config", name(&large)], &[]);
    assert_eq!(code, 2);
    assert!(err.contains("not a settings file"), "{err}");
}

#[test]
fn every_client_names_the_variable_of_the_url() {
    for command in ["publish", "tail", "bench"] {
        let env = [("EVENTRING_URL", "https://localhost")];
        let (code, _, err) = eventring(&[command, "--topic", "t"], &env);
        assert_eq!(code, 2, "{err}");
        assert!(
            err.contains("--url") && err.contains("https is not supported"),
            "{err}"
        );
    }
}

/// As in bodies: a mark is skipped, UTF-16 is named, a nest is refused.
#[test]
fn files_of_any_encoding_and_depth_are_read_or_named() {
    let marked = file("\u{feff}retry = 7\n");
    let (code, out, err) = eventring(&["check-config", "--config", name(&marked)], &[]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("retry = 7"), "{out}");
    let utf16 = tempfile::NamedTempFile::new().expect("a file");
    let text: Vec<u8> = "\u{feff}retry = 7\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    std::fs::write(utf16.path(), text).expect("written");
    let deep = file(&format!("retry = {}", "[".repeat(500_000)));
    for (file, said) in [(&utf16, "UTF-16"), (&deep, "recurs")] {
        let (code, _, err) = eventring(&["check-config", "--config", name(file)], &[]);
        assert_eq!((code, err.contains(said)), (2, true), "{err}");
    }
}

#[test]
fn the_server_takes_its_file() {
    let file = file(
        "listen = \"127.0.0.1:0\"\nallowed-host = [\"events.example\"]\nlog-format = \"json\"\n",
    );
    let process = Process::eventring(&["--memory", "--config", name(&file)]);
    wait_until("an address", || process.stdout().contains("dashboard"));
    let out = process.stdout();
    let line = out
        .lines()
        .find_map(|line| line.strip_prefix("listening on http://"));
    let address = line.expect("listening").parse().expect("an address");
    let answer = |host: &str| {
        let mut http = Http::connect(address);
        http.send(format!(
            "GET /api/v1/stats HTTP/1.1\r\nHost: {host}\r\n\r\n"
        ));
        http.response().status
    };
    assert_eq!(
        (answer("events.example"), answer("other.example")),
        (200, 421)
    );
    drop(Stream::open(address, "topic=t"));
    process.wait_for_stderr("stream ended");
    let logged = process.stderr();
    let line = logged
        .lines()
        .find(|line| line.contains("stream ended"))
        .expect("just seen");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(
        (line["level"].as_str(), line["filter"].as_str()),
        (Some("INFO"), Some("t"))
    );
}

#[test]
fn the_log_can_be_off() {
    let mut process = Process::eventring(&[
        "serve",
        "--memory",
        "--listen=127.0.0.1:0",
        "--log-level=off",
    ]);
    wait_until("an address", || process.stdout().contains("dashboard"));
    let out = process.stdout();
    let line = out
        .lines()
        .find_map(|line| line.strip_prefix("listening on http://"));
    drop(Stream::open(
        line.expect("listening").parse().expect("an address"),
        "topic=t",
    ));
    process.signal(Signal::TERM);
    assert_eq!(process.code(), 0);
    assert!(!process.stderr().contains("INFO"), "{}", process.stderr());
}

#[test]
fn completions_and_pages_come_from_the_definition() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, _) = eventring(&["completions", shell], &[]);
        assert_eq!(code, 0);
        assert!(
            out.contains("ring-bytes") && out.contains("check-config"),
            "{shell}"
        );
    }
    let (code, page, _) = eventring(&["man"], &[]);
    assert_eq!(code, 0);
    assert!(
        page.contains(".TH eventring 1") && page.contains("check\\-config"),
        "{page}"
    );
    let (code, page, _) = eventring(&["man", "serve"], &[]);
    assert_eq!(code, 0);
    assert!(
        page.contains("eventring\\-serve") && page.contains("EVENTRING_RING_BYTES"),
        "{page}"
    );
    let (code, out, err) = eventring(&["man", "cook"], &[]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains("COMMAND \"cook\": expected one of serve, publish"),
        "{err}"
    );
}

#[test]
fn help_has_a_short_form_and_a_long_one() {
    let (_, short, _) = eventring(&["serve", "-h"], &[]);
    let (_, long, _) = eventring(&["serve", "--help"], &[]);
    assert!(
        short.contains("[default: 65536]") && !short.contains("--notsent-lowat"),
        "{short}"
    );
    for part in [
        "--notsent-lowat",
        "EVENTRING_CAPACITY",
        "Examples:",
        "Exit codes:",
        "Bounds:",
    ] {
        assert!(long.contains(part), "{part}: {long}");
    }
    for command in [
        "publish",
        "tail",
        "bench",
        "check-config",
        "completions",
        "man",
    ] {
        let (code, help, _) = eventring(&[command, "--help"], &[]);
        assert!(code == 0 && help.contains("Examples:"), "{command}: {help}");
    }
}

/// Once: a file of variables with `NAME=` for what is not given kept everything from starting.
#[test]
fn variables_that_are_set_but_empty_are_not_given() {
    let (_, out, _) = eventring(&["check-config"], &[]);
    let (_, help, _) = eventring(&["bench", "--help"], &[]);
    let all = [out.as_str(), help.as_str()].concat();
    let names = all.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
    let names = names.filter(|name| name.starts_with("EVENTRING_"));
    let mut env: Vec<(&str, &str)> = names.map(|name| (name, "")).collect();
    let settings = out.lines().filter_map(|line| {
        let name = line.trim_start_matches("# ").split(' ').next()?;
        Some(format!(
            "EVENTRING_{}",
            name.replace('-', "_").to_uppercase()
        ))
    });
    let settings: Vec<String> = settings.collect();
    env.extend(settings.iter().map(|name| (name.as_str(), "")));
    env.extend([("EVENTRING_CONFIG", ""), ("EVENTRING_NO_SUCH", "")]);
    assert!(settings.len() > 30 && env.contains(&("EVENTRING_URL", "")));
    assert_eq!(eventring(&["check-config"], &env), (0, out, String::new()));
    // The flag of a URL has its default again, where nobody listens or somebody does.
    for args in [
        &["bench", "--url", "http://127.0.0.1:1"] as &[&str],
        &["bench"],
        &[
            "tail",
            "--topic",
            "t",
            "--no-reconnect",
            "--timeout",
            "0.01",
        ],
        &[
            "serve",
            "--memory",
            "--listen",
            "127.0.0.1:0",
            "--capacity",
            "0",
        ],
    ] {
        let (_, _, err) = eventring(args, &env);
        assert!(!err.contains("URL") && !err.contains("EVENTRING_"), "{err}");
    }
}
