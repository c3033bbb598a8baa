//! No setting without a test of its wrong value: the table is checked against the definition.

use super::*;
use crate::cli::{Cli, Listen};
use clap::{Arg, ArgAction, ArgMatches, CommandFactory};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// A wrong value for every flag that takes one.
const WRONG: &[(&str, &str)] = &[
    ("listen", "8080"),
    ("reactors", "65"),
    ("unix-mode", "rw"),
    ("trusted-proxy", "here"),
    ("forwarded-field", "via"),
    ("max-connections-per-address", "0"),
    ("cors-origin", "app.example"),
    ("cors-header", "x y"),
    ("allowed-parameter", "a=b"),
    ("allowed-host", "http://app.example"),
    ("public-url", "events.example"),
    ("durability", "always"),
    ("retention-bytes", "0"),
    ("retention-age", "0"),
    ("retention-events", "0"),
    ("journal-compression", "zstd"),
    ("log-level", "loud"),
    ("log-format", "xml"),
    ("capacity", "0"),
    ("ring-bytes", "1K"),
    ("payload-bytes", "1.5M"),
    ("frame-log-bytes", "2G"),
    ("head-timeout", "0"),
    ("body-timeout", "-1"),
    ("idle-timeout", "soon"),
    ("write-timeout", "nan"),
    ("publish-timeout", "0"),
    ("heartbeat", "0.5"),
    ("retry", "2d"),
    ("compression", "zstd"),
    ("compression-for", "some"),
    ("brotli-streams", "4097"),
    ("slow", "wait"),
    ("buffer", "1"),
    ("hold", "21ms"),
    ("max-age", "-1"),
    ("stop-timeout", "25h"),
    ("drain-delay", "-1"),
    ("max-connections", "0"),
    ("body-bytes", "lots"),
    ("bodies-in-flight", "0"),
    ("batch-events", "0"),
    ("private-bytes", "0"),
    ("half-sent-bytes", "0"),
    ("max-pending-publishes", "-1"),
    ("notsent-lowat", "5G"),
    ("send-buffer", "0"),
    ("url", "https://localhost"),
    ("topic", ""),
    ("type", ""),
    ("on-error", "ask"),
    ("batch", "1001"),
    ("in-flight", "65"),
    ("timeout", "0"),
    ("format", "xml"),
    ("from", "a b"),
    ("count", "0"),
    ("since", "yesterday"),
    ("until", "2026-11-30"),
    ("limit", "0"),
    ("order", "up"),
    ("connections", "0"),
    ("rate", "fast"),
    ("window", "0"),
    ("size", "63"),
    ("seconds", "0"),
    ("slow-share", "1.1"),
    ("cut-share", "-0.1"),
    ("pid", "0"),
    ("shell", "csh"),
];

/// Judged by trying: files that cannot be read and commands that there are not are in tests/cli/config.rs, folders in
/// tests/journal/directory.rs.
const TRIED: [&str; 6] = ["config", "data", "file", "command", "tls-cert", "tls-key"];

fn wrong(arg: &Arg) -> Option<&'static str> {
    let name = arg.get_long().unwrap_or(arg.get_id().as_str());
    if TRIED.contains(&name) || !matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) {
        return None;
    }
    let found = WRONG.iter().find(|(flag, _)| *flag == name);
    Some(
        found
            .unwrap_or_else(|| panic!("no wrong value for {name}: add one to WRONG"))
            .1,
    )
}

fn given(args: &[&str]) -> ArgMatches {
    let args = ["eventring", "serve"].iter().chain(args);
    let matches = lenient(Cli::command()).try_get_matches_from(args);
    let matches = matches.expect("a first look takes any value");
    matches.subcommand().expect("serve").1.clone()
}

fn faults(args: &[&str], env: &[(&str, &str)]) -> Vec<String> {
    let layers = Layers {
        flags: &given(args),
        file: None,
        env: variables(env),
    };
    let faults = load(&layers).err().unwrap_or_default();
    faults.iter().map(Fault::to_string).collect()
}

fn variables(env: &[(&str, &str)]) -> BTreeMap<OsString, OsString> {
    env.iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// The one fault of a file with this text.
fn in_file(text: &str) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    faults(&["--config", file.path().to_str().expect("UTF-8")], &[])
}

fn settings() -> Vec<Arg> {
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").expect("serve");
    serve.get_arguments().cloned().collect()
}

#[test]
fn every_flag_names_itself_and_what_is_allowed() {
    for command in Cli::command().get_subcommands() {
        for arg in command.get_arguments() {
            let Some(value) = wrong(arg) else { continue };
            let (flag, named) = match arg.get_long() {
                Some(long) => (format!("--{long}={value}"), format!("--{long}")),
                None => (value.to_string(), arg.get_id().as_str().to_uppercase()),
            };
            let given = ["eventring", command.get_name(), &flag];
            let error = Cli::command()
                .try_get_matches_from(given)
                .expect_err(&flag)
                .to_string();
            assert!(error.contains(&named), "{given:?}: {error}");
        }
    }
}

#[test]
fn every_setting_is_judged_in_all_places() {
    let mut seen = 0;
    for arg in settings() {
        let Some(value) = wrong(&arg) else { continue };
        let name = arg.get_long().expect("a flag");
        let env = arg.get_env().expect(name).to_str().expect("ASCII");
        assert_eq!(
            env,
            format!("EVENTRING_{}", name.to_uppercase().replace('-', "_"))
        );
        let flags = faults(&[&format!("--{name}={value}")], &[]);
        assert!(
            flags.len() == 1 && flags[0].starts_with(&format!("--{name} {value:?}: ")),
            "{flags:?}"
        );
        let variables = faults(&[], &[(env, value)]);
        assert!(
            variables.len() == 1 && variables[0].starts_with(&format!("{env}={value:?} ")),
            "{variables:?}"
        );
        let keys = in_file(&format!("\n\n{name} = {value:?}\n"));
        assert!(
            keys.len() == 1 && keys[0].contains(&format!(":3: {name} = {value}: ")),
            "{keys:?}"
        );
        let tables = in_file(&format!("{name} = {{ a = 1 }}\n"));
        assert!(
            tables.len() == 1 && tables[0].contains(&format!(":1: {name} = ")),
            "{tables:?}"
        );
        seen += 1;
    }
    assert!(seen > 20, "{seen} settings");
}

#[test]
fn switches_take_no_value_but_their_own() {
    for arg in settings()
        .iter()
        .filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue))
    {
        let name = arg.get_long().expect("a flag");
        let env = arg.get_env().expect(name).to_str().expect("ASCII");
        let args = ["eventring", "serve", &format!("--{name}=5")];
        let error = lenient(Cli::command())
            .try_get_matches_from(args)
            .expect_err(name);
        assert!(error.to_string().contains(name), "{error}");
        assert!(faults(&[], &[(env, "5")])[0].contains(env));
        assert!(in_file(&format!("{name} = 5"))[0].contains(name));
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "capacity = 0\ncapcity = 1\nring-bytes = [1]\n[timeouts]\nretry = 1\n";
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    let path = file.path().to_str().expect("UTF-8");
    let told = faults(
        &["--config", path, "--retry", "x"],
        &[("EVENTRING_HEARTBEAT", "y")],
    );
    assert_eq!(told.len(), 6, "{told:?}");
    for part in [
        ":1: capacity = 0: must be at least 1",
        ":2: capcity: unknown setting; did you mean capacity?",
        ":3: ring-bytes = array: expected one number or one string",
        ":4: [timeouts]: settings stand at the top level",
        "--retry \"x\": expected seconds",
        "EVENTRING_HEARTBEAT=\"y\" (as --heartbeat): expected seconds",
    ] {
        assert!(
            told.iter().any(|line| line.contains(part)),
            "{part}: {told:?}"
        );
    }
}

#[test]
fn mistakes_of_form_have_their_line() {
    let told = in_file("capacity = 5\nretry = = 1\n\nheartbeat =\n");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains(":2: ") && told[1].contains(":4: "),
        "{told:?}"
    );
    let twice = in_file("capacity = 5\ncapacity = 6\n");
    assert!(twice[0].contains(":2: "), "{twice:?}");
}

#[test]
fn flags_beat_variables_beat_the_file_beats_defaults() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let text = "capacity = 1\nretry = \"3s\"\nring-bytes = \"1M\"\nlisten = \"127.0.0.1:1\"\n";
    std::fs::write(file.path(), text).expect("written");
    let path = file.path().to_str().expect("UTF-8");
    let env = [
        ("EVENTRING_CONFIG", path),
        ("EVENTRING_CAPACITY", "2"),
        ("EVENTRING_RETRY", "4"),
    ];
    let args = ["--capacity", "3", "--batch-events", "1"];
    let layers = Layers {
        flags: &given(&args),
        file: None,
        env: variables(&env),
    };
    let loaded = load(&layers).expect("settings that are right");
    assert_eq!(loaded.args.retention.capacity, 3);
    assert_eq!(loaded.args.timeouts.retry.as_secs(), 4);
    assert_eq!(loaded.args.retention.ring_bytes, 1 << 20);
    assert_eq!(
        loaded.args.listen,
        [Listen::Tcp("127.0.0.1:1".parse().expect("an address"))]
    );
    assert_eq!(loaded.args.timeouts.heartbeat.as_secs(), 15);
    let shown = show::lines(&loaded);
    for part in [
        "# --capacity",
        "# EVENTRING_RETRY",
        &format!("# {path}:3"),
        "# default",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    let layers = |args: &[&str]| {
        let layers = Layers {
            flags: &given(args),
            file: None,
            env: BTreeMap::new(),
        };
        load(&layers).expect("settings that are right")
    };
    let first = layers(&[
        "--memory",
        "--listen",
        "127.0.0.1:1,[::1]:2",
        "--cors-origin",
        "*",
        "--retry",
        "0.5",
    ]);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), show::lines(&first)).expect("written");
    let second = layers(&["--config", file.path().to_str().expect("UTF-8")]);
    let (mut first, second) = (first.args, second.args);
    first.config.clone_from(&second.config);
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
}

#[test]
fn settings_that_do_not_fit_each_other_are_refused_if_both_were_meant() {
    for (pair, first) in [
        (["--batch-events=51", "--capacity=100"], "batch-events"),
        (
            ["--payload-bytes=17K", "--frame-log-bytes=64K"],
            "payload-bytes",
        ),
        (["--payload-bytes=1M", "--ring-bytes=64K"], "payload-bytes"),
        (["--payload-bytes=2K", "--body-bytes=1K"], "payload-bytes"),
        (["--body-bytes=2K", "--bodies-in-flight=1K"], "body-bytes"),
    ] {
        let told = faults(&pair, &[]);
        assert!(
            told.len() == 1 && told[0].starts_with(first),
            "{pair:?}: {told:?}"
        );
    }
    let layers = Layers {
        flags: &given(&["--capacity=100"]),
        file: None,
        env: variables(&[("EVENTRING_CAPCITY", "7")]),
    };
    let warnings = load(&layers).expect("usable").warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("did you mean EVENTRING_CAPACITY?"));
    assert!(warnings[1].starts_with("batch-events 1000 (default) does not fit capacity 100"));
}

#[test]
fn no_journal_does_not_fit_settings_of_one() {
    for (args, env, named) in [
        (
            &["--memory", "--data=./x"] as &[&str],
            &[] as &[_],
            "data ./x (--data)",
        ),
        (
            &["--memory", "--data=./eventring-data"],
            &[],
            "data ./eventring-data",
        ),
        (
            &["--memory", "--durability=durable"],
            &[],
            "durability durable (--durability)",
        ),
        (
            &["--memory", "--durability=buffered"],
            &[],
            "durability buffered",
        ),
        (
            &["--data=./x"],
            &[("EVENTRING_MEMORY", "true")],
            "memory (EVENTRING_MEMORY)",
        ),
        (
            &[],
            &[("EVENTRING_MEMORY", "true"), ("EVENTRING_DATA", "x")],
            "data x (EVENTRING_DATA)",
        ),
    ] {
        let told = faults(args, env);
        assert!(
            told.len() == 1 && told[0].contains(named) && told[0].contains("memory ("),
            "{args:?} {env:?}: {told:?}"
        );
    }
    assert_eq!(faults(&["--memory", "--durability=none"], &[]), [""; 0]);
    assert_eq!(faults(&["--durability=none", "--data=x"], &[]), [""; 0]);
    // Settings that name a journal are tried without it.
    assert_eq!(faults(&["--memory"], &[("EVENTRING_DATA", "x")]), [""; 0]);
    let file = tempfile::NamedTempFile::new().expect("a file");
    let text = "data = \"x\"\ndurability = \"buffered\"\n";
    std::fs::write(file.path(), text).expect("written");
    let path = file.path().to_str().expect("UTF-8");
    assert_eq!(faults(&["--memory", "--config", path], &[]), [""; 0]);
    let told = in_file(&format!("memory = true\n{text}"));
    assert_eq!(told.len(), 2, "{told:?}");
}

/// The law of the fuzz target `settings`, where it was broken once or nearly so.
#[test]
fn settings_that_are_shown_are_a_file_that_says_the_same() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    for text in [
        "",
        "capacity = 0x400\nheartbeat = 1.5\nretry = \"500ms\"",
        "listen = []",
        "listen = [\"127.0.0.1:0\", \"[::1]:0\"]",
        "a\n= 1\r\n[b\n\"\"\"",
        "\u{feff}capacity = 1e3",
    ] {
        any::any_file(file.path(), text.as_bytes());
    }
    any::any_file(file.path(), b"\xff\xfeno\0");
}
