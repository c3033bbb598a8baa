//! What the guide and the README show for a shell, for other programs and as files: its syntax, and its flags.
//!
//! Blocks of Rust are doc tests of the library; those of proxies and of clients in other languages are run in
//! `real_clients`.

use crate::common::{Process, skipped};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Flags of other programs that the pages name.
const OF_OTHERS: &[&str] = &[
    "--bench",
    "--compressed",
    "--data-binary",
    "--fast",
    "--features",
    "--open",
    "--path",
    "--release",
];

/// A page as Markdown, and where it is.
struct Page {
    path: PathBuf,
    text: String,
}

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The README and all pages of the guide.
fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    let mut left = vec![package().join("README.md"), package().join("src/guide")];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a folder").flatten();
            left.extend(entries.map(|entry| entry.path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a page");
        let is_source = path.extension().is_some_and(|ending| ending == "rs");
        let lines = text.lines().filter_map(|line| match is_source {
            true => line.strip_prefix("//! ").or(line.strip_prefix("//!")),
            false => Some(line),
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        pages.push(Page { path, text });
    }
    assert!(pages.len() > 20, "{}", pages.len());
    pages
}

/// The blocks of a kind on all pages, each with its place.
fn blocks(kind: &str) -> Vec<(String, String)> {
    let fence = format!("```{kind}");
    let mut blocks = Vec::new();
    for page in pages() {
        let mut lines = (1..).zip(page.text.lines());
        while let Some((number, _)) = lines.by_ref().find(|(_, line)| *line == fence) {
            let block = lines.by_ref().map(|(_, line)| line);
            let block: Vec<&str> = block.take_while(|line| *line != "```").collect();
            blocks.push((
                format!("{}:{number}", page.path.display()),
                block.join("\n"),
            ));
        }
    }
    assert!(!blocks.is_empty(), "no block of {kind}");
    blocks
}

/// The flags that `eventring` has, over all its commands.
fn flags() -> BTreeSet<String> {
    let mut flags = BTreeSet::new();
    for command in [
        "serve",
        "publish",
        "tail",
        "history",
        "bench",
        "check-config",
        "man",
        "completions",
        "journal",
    ] {
        flags.extend(flags_of(command));
    }
    flags
}

fn flags_of(command: &str) -> BTreeSet<String> {
    let help = |args: &[&str]| {
        let mut help = Process::eventring(args);
        assert_eq!(help.code(), 0, "{command}");
        words(&help.stdout())
    };
    let mut flags = help(&[command, "--help"]);
    if command == "journal" {
        for inner in [
            "info", "verify", "export", "import", "backup", "scavenge", "repair",
        ] {
            flags.extend(help(&[command, inner, "--help"]));
        }
    }
    flags
}

/// The words of a text that are flags.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let flags = words.filter(|word| {
        let name = word.strip_prefix("--").unwrap_or_default();
        name.starts_with(|c: char| c.is_ascii_lowercase())
    });
    flags.map(str::to_owned).collect()
}

#[test]
fn every_flag_on_the_pages_is_one() {
    let known = flags();
    for page in pages() {
        for flag in words(&page.text) {
            let is_known = known.contains(&flag) || OF_OTHERS.contains(&flag.as_str());
            assert!(is_known, "{}: there is no {flag}", page.path.display());
        }
    }
}

/// Each line for a shell is one that a shell can read, with flags that the command has.
#[test]
fn what_is_shown_for_a_shell_is_read_by_one() {
    for (place, block) in blocks("sh") {
        let mut shell = Command::new("sh");
        let read = shell.args(["-n", "-c", &block]).status().expect("a shell");
        assert!(read.success(), "{place}");
        for line in block.replace("\\\n", " ").lines() {
            let line = line.split(" #").next().unwrap_or_default();
            let commands = line.split('|').map(str::trim);
            for command in commands.filter_map(|command| command.strip_prefix("eventring ")) {
                let name = command.split(' ').next().unwrap_or_default();
                let known = flags_of(name);
                let unknown = words(command)
                    .into_iter()
                    .find(|flag| !known.contains(flag));
                assert_eq!(unknown, None, "{place}: {command}");
            }
        }
    }
}

#[test]
fn what_is_shown_as_a_settings_file_is_one() {
    let folder = tempfile::tempdir().expect("a folder");
    for (place, block) in blocks("toml") {
        let path = folder.path().join("eventring.toml");
        std::fs::write(&path, block).expect("written");
        let mut check = Process::eventring(&["check-config", path.to_str().expect("a path")]);
        assert_eq!(check.code(), 0, "{place}: {}", check.stderr());
    }
}

#[test]
fn what_is_shown_as_json_is_json() {
    for (place, block) in blocks("json") {
        let values = serde_json::Deserializer::from_str(&block).into_iter::<serde_json::Value>();
        for value in values {
            assert!(value.is_ok_and(|value| value.is_object()), "{place}");
        }
    }
}

/// Checks blocks with a program that reads them from a file and runs nothing.
fn is_read_by(program: &str, flags: &[&str], kind: &str, ending: &str) {
    let mut version = Command::new(program);
    let version = version.arg("--version").stdout(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        return skipped(&format!("{program} is not installed"));
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (place, block) in blocks(kind) {
        let path = folder.path().join(format!("block.{ending}"));
        std::fs::write(&path, block).expect("written");
        let read = Command::new(program).args(flags).arg(&path).output();
        let read = read.expect("it starts");
        let told = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success(), "{place}: {told}");
    }
}

#[test]
fn what_is_shown_as_javascript_is_read_by_node() {
    is_read_by("node", &["--check"], "js", "mjs");
}

#[test]
fn what_is_shown_as_python_is_read_by_it() {
    is_read_by("python3", &["-m", "py_compile"], "python", "py");
}
