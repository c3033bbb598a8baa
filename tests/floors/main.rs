//! A module imports only from lower floors, as ARCHITECTURE.md has them: read off the sources.

mod docs;
mod features;
mod guide;
mod public;
mod references;
mod rooms;
#[cfg(target_os = "linux")]
mod scripts;
mod settings;
mod shape;
mod types;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

/// Each folder of `src` and the folders that it may name.
const FLOORS: &[(&str, &[&str])] = &[
    ("ring", &["deadline", "sync"]),
    ("json", &[]),
    ("event", &["json", "settings"]),
    ("wire", &["settings"]),
    ("client", &["deadline", "json", "settings", "wire"]),
    // Which bytes are next, and who sends them: neither knows the other.
    (
        "fanout",
        &["counter", "deadline", "outbox", "settings", "wire"],
    ),
    (
        "net",
        &[
            "counter", "deadline", "mailbox", "outbox", "ring", "settings", "wire",
        ],
    ),
    ("journal", &["deadline", "json", "event", "settings"]),
    (
        "hub",
        &[
            "deadline", "mailbox", "ring", "event", "journal", "settings", "sync",
        ],
    ),
    (
        "pipeline",
        &[
            "deadline", "ring", "event", "journal", "settings", "wire", "hub",
        ],
    ),
    (
        "gateway",
        &[
            "deadline", "mailbox", "outbox", "ring", "json", "event", "journal", "settings",
            "wire", "fanout", "net", "hub",
        ],
    ),
    // Text only: its code stands in comments, where every module may be named.
    ("guide", &[]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("a folder of src")
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect()
}

/// The modules that a line of code names by `crate::`.
fn named(line: &str) -> Vec<String> {
    named_below("crate::", line)
}

/// The modules that a line of code names behind `path`.
fn named_below(path: &str, line: &str) -> Vec<String> {
    // A link to the guide, which is there with all floors only, is an attribute and no comment.
    let code = match line.trim_start().starts_with("doc = ") {
        true => "",
        false => line.split("//").next().unwrap_or_default(),
    };
    code.split(path)
        .skip(1)
        .flat_map(|rest| {
            let list = rest
                .strip_prefix('{')
                .map_or(rest, |list| list.split('}').next().unwrap());
            let several = rest.starts_with('{');
            let names = list.split(',').take(if several { usize::MAX } else { 1 });
            names.map(|name| {
                name.trim()
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect()
            })
        })
        .filter(|name: &String| !name.is_empty())
        .collect()
}

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).into()
}

fn src() -> PathBuf {
    package().join("src")
}

/// All sources of the library and, where it is there, of the server: a package of the library alone comes without it.
fn all_sources() -> Vec<PathBuf> {
    let mut all = sources(&src());
    let server = package().join("server/src");
    if server.is_dir() {
        all.extend(sources(&server));
    }
    all
}

/// The sources of the tests, of the library and of the server.
fn tests() -> Vec<PathBuf> {
    let folders = [package().join("tests"), package().join("server/tests")];
    let there = folders.iter().filter(|folder| folder.is_dir());
    there.flat_map(|folder| sources(folder)).collect()
}

#[test]
fn every_import_looks_down() {
    let mut upward = Vec::new();
    for (module, below) in FLOORS {
        for path in sources(&src().join(module)) {
            let text = fs::read_to_string(&path).unwrap();
            for (number, line) in text.lines().enumerate() {
                for name in named(line) {
                    if name != *module && !below.contains(&name.as_str()) {
                        upward.push(format!("{}:{}: {name}", path.display(), number + 1));
                    }
                }
            }
        }
    }
    assert!(
        upward.is_empty(),
        "imports that do not look down:\n{}",
        upward.join("\n")
    );
}

#[test]
fn every_folder_has_its_floor() {
    for entry in fs::read_dir(src()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let known = FLOORS.iter().any(|(module, _)| *module == name);
        assert!(
            known || !entry.path().is_dir(),
            "{name} is on no floor: add it to FLOORS"
        );
    }
}

#[test]
fn unsafe_code_stays_where_it_is_allowed() {
    let allowed = [
        "ring",
        "fanout/log/mirror.rs",
        "journal/sqlite/faults/errno.rs",
    ];
    for (module, _) in FLOORS {
        for path in sources(&src().join(module)) {
            let inside = path
                .strip_prefix(src())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let holds = fs::read_to_string(&path).unwrap().contains("unsafe {");
            let may = allowed.iter().any(|allowed| inside.starts_with(allowed));
            assert!(!holds || may, "{inside} holds unsafe code");
        }
    }
}

/// What reads JSON, or makes values of it. Writing it is another matter.
const FOREIGN_READERS: &[&str] = &[
    "simd_json",
    "serde_json::from_",
    "serde_json::Deserializer",
    "serde_json::value::RawValue",
    "Deserialize",
    ".parse::<Value>",
    ".parse::<serde_json::Value>",
];

/// Sources that may name some of them: data becomes a value of the program's own type after `json` has checked it.
const VALUES: &[(&str, &[&str])] = &[
    ("event/data.rs", &["serde_json::from_", "Deserialize"]),
    ("event/event.rs", &["Deserialize"]),
    ("event/event_ref.rs", &["Deserialize"]),
];

/// The lines of a source that are code and no test, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let tests = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let lines = text[..tests].lines().enumerate();
    lines.map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default()))
}

/// Once: a second reader had no bound on depth, and one body ended the process.
#[test]
fn nothing_but_the_reader_reads_json() {
    let mut found = Vec::new();
    for path in all_sources() {
        let text = fs::read_to_string(&path).unwrap();
        let may_name = VALUES.iter().find(|(source, _)| path.ends_with(source));
        let may_name = may_name.map_or(&[][..], |(_, readers)| readers);
        let foreign = |line: &str| {
            let mut readers = FOREIGN_READERS.iter();
            readers.any(|reader| line.contains(reader) && !may_name.contains(reader))
        };
        for (number, line) in code(&text) {
            if foreign(line) {
                found.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "JSON is read by `json`, which has the bounds, and by nothing else:\n{}",
        found.join("\n")
    );
}

#[test]
fn the_guide_is_text() {
    for path in sources(&src().join("guide")) {
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            let is_text = line.is_empty() || line.starts_with("//!");
            let is_page = line.starts_with("pub mod ");
            assert!(is_text || is_page, "{}: {line}", path.display());
        }
    }
}

#[test]
fn only_the_facade_asks_for_loom() {
    for path in sources(&src()) {
        let asks = fs::read_to_string(&path).unwrap().contains("cfg(loom)");
        assert!(
            !asks || path.ends_with("sync.rs"),
            "{} asks for loom",
            path.display()
        );
    }
}

/// `now + timeout` panics where somebody waits for ever.
#[test]
fn waits_are_added_to_a_time_in_one_place() {
    let sums = ["now() + ", "self.now + ", "core.now + "];
    for path in sources(&src()) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        // What only tests build, and goes by times of its own.
        let played = path.ends_with("client/simulation/world.rs");
        for line in code.lines().filter(|_| !played) {
            let adds = sums.iter().any(|sum| line.contains(sum));
            assert!(!adds, "{}: {line}: use deadline::after", path.display());
        }
    }
}

#[test]
fn the_reader_of_imports_reads_them() {
    assert_eq!(named("use crate::ring::Ring;"), ["ring"]);
    assert_eq!(named("use crate::{ring::Ring, hub};"), ["ring", "hub"]);
    assert_eq!(
        named("let x = crate::hub::new(crate::event::y);"),
        ["hub", "event"]
    );
    assert!(named("// crate::hub is far above").is_empty());
}
