//! A module imports only from lower floors: DESIGN's rule, read off the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// Each folder of `src` and the folders that it may name.
const FLOORS: &[(&str, &[&str])] = &[
    ("ring", &["deadline", "sync"]),
    ("json", &[]),
    ("event", &["json", "settings"]),
    ("wire", &["settings"]),
    ("client", &["deadline", "json", "wire"]),
    (
        "reactor",
        &["deadline", "mailbox", "ring", "settings", "wire"],
    ),
    ("hub", &["deadline", "mailbox", "ring", "event", "settings"]),
    (
        "pipeline",
        &["deadline", "ring", "event", "settings", "wire", "hub"],
    ),
    (
        "gateway",
        &[
            "deadline", "mailbox", "ring", "json", "event", "settings", "wire", "reactor", "hub",
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
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::")
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

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
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
    let allowed = ["ring", "reactor/mirror.rs"];
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

/// The lines of a source that are code and no test, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let tests = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let lines = text[..tests].lines().enumerate();
    lines.map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default()))
}

/// `faults.md` row 1: a second reader had no bound on depth, and one body ended the process.
#[test]
fn nothing_but_the_reader_reads_json() {
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("server/src");
    let mut all = sources(&src());
    // A package of the library alone comes without the server.
    if server.is_dir() {
        all.extend(sources(&server));
    }
    let mut found = Vec::new();
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in code(&text) {
            if FOREIGN_READERS.iter().any(|reader| line.contains(reader)) {
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

/// `library.md` row 8: whoever turns a feature on somewhere else changes no literal and no `match` here.
#[test]
fn features_change_the_shape_of_no_public_type() {
    let mut found = Vec::new();
    for path in sources(&src()) {
        let text = fs::read_to_string(&path).unwrap();
        found.extend(shaped_by_features(&text).map(|name| format!("{}: {name}", path.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Fields that everybody sees, and variants of enums that may be matched in full, behind a feature.
fn shaped_by_features(text: &str) -> impl Iterator<Item = String> {
    let (mut found, mut open_enum, mut non_exhaustive, mut gated) =
        (Vec::new(), false, false, false);
    for line in text.lines() {
        let code = line.trim();
        let is_attribute = code.starts_with("#[") || code.starts_with("//");
        if code.starts_with("pub enum ") {
            open_enum = !non_exhaustive;
        }
        let named = code
            .split([':', ',', '(', ' ', '{'])
            .next()
            .unwrap_or_default();
        let is_variant = open_enum
            && line.starts_with("    ")
            && !line.starts_with("     ")
            && named.starts_with(|c: char| c.is_ascii_uppercase());
        let is_field = line.starts_with("    pub ") && code.contains(':') && !code.contains("fn ");
        if gated && (is_variant || is_field) {
            found.push(code.to_owned());
        }
        open_enum &= line != "}";
        non_exhaustive = is_attribute && (non_exhaustive || code == "#[non_exhaustive]");
        gated = is_attribute && (gated || code.contains("cfg(feature"));
    }
    found.into_iter()
}

#[test]
fn the_finder_of_shapes_finds_them() {
    let found = |text: &str| shaped_by_features(text).count();
    let field = "pub struct A {\n    /// B.\n    #[cfg(feature = \"x\")]\n    pub b: u8,\n}\n";
    let variant = "pub enum A {\n    #[cfg(feature = \"x\")]\n    /// B.\n    B,\n}\n";
    assert_eq!((found(field), found(variant)), (1, 1));
    assert_eq!(found(&format!("#[non_exhaustive]\n{variant}")), 0);
}

/// How the names of structs of settings end, and the names of those that end otherwise.
const SETTINGS: &[&str] = &[
    "Config",
    "Options",
    "Limits",
    "Policy",
    "Access",
    "Addresses",
    "Address",
    "Controls",
];
/// Enums of what can be in the way of one step, ready, empty or closed: whoever tries handles each.
const EXHAUSTIVE: &[&str] = &[
    "AddError",
    "BatchError",
    "PublishError",
    "PushError",
    "ReadError",
    "RecvError",
    "RecvTimeoutError",
    "TryRecvError",
];

/// A public type, as its source shows it.
struct Shape<'a> {
    name: &'a str,
    is_enum: bool,
    non_exhaustive: bool,
    fields: Vec<&'a str>,
}

fn shapes(text: &str) -> Vec<Shape<'_>> {
    let mut found: Vec<Shape<'_>> = Vec::new();
    let (mut open, mut attributes) = (false, String::new());
    for line in text.lines() {
        if let Some((kind, rest)) = line
            .strip_prefix("pub ")
            .and_then(|code| code.split_once(' '))
            && matches!(kind, "struct" | "enum")
        {
            let name = rest.split(|c: char| !c.is_alphanumeric()).next();
            let name = name.unwrap_or_default();
            found.push(Shape {
                name,
                is_enum: kind == "enum",
                non_exhaustive: attributes.contains("#[non_exhaustive]"),
                fields: Vec::new(),
            });
            open = line.ends_with('{');
        } else if let Some((field, _)) = line
            .strip_prefix("    pub ")
            .and_then(|code| code.split_once(": "))
            && open
        {
            found.last_mut().unwrap().fields.push(field);
        }
        open &= line != "}";
        if line.starts_with("#[") {
            attributes.push_str(line);
        } else if !line.starts_with("//") {
            attributes.clear();
        }
    }
    found
}

/// Whether a source has the method that sets `field` of `settings`.
fn has_setter(text: &str, settings: &str, field: &str) -> bool {
    let made = text.split("setters! {\n").skip(1).any(|code| {
        let code = code.split("\n}\n").next().unwrap_or_default();
        code.trim_start().starts_with(settings) && code.contains(&format!("\n        {field}: "))
    });
    made || text.contains(&format!("pub fn {field}(self, "))
}

/// `library.md` row 8: a setting more broke every literal and every `match` in other crates.
#[test]
fn settings_and_reasons_can_grow() {
    let mut wrong = Vec::new();
    for path in sources(&src()) {
        let text = fs::read_to_string(&path).unwrap();
        for shape in shapes(&text) {
            let name = shape.name;
            let ends = |ends: &&&str| name.ends_with(**ends);
            let is_setting = !shape.fields.is_empty() && SETTINGS.iter().any(|known| ends(&known));
            let is_reason = shape.is_enum
                && ["Error", "Reason", "Policy"].iter().any(|end| ends(&end))
                && !EXHAUSTIVE.contains(&name);
            if (is_setting || is_reason) && !shape.non_exhaustive {
                wrong.push(format!("{}: {name} is not non_exhaustive", path.display()));
            }
            let unset = shape
                .fields
                .iter()
                .filter(|field| !has_setter(&text, name, field));
            wrong.extend(
                unset
                    .filter(|_| is_setting)
                    .map(|field| format!("{}: nothing sets {name}::{field}", path.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_finder_of_settings_finds_them() {
    let text = "#[derive(Clone)]\n#[non_exhaustive]\npub struct AConfig {\n    /// B.\n    pub b: u8,\n}\n\n\
                setters! {\n    AConfig {\n        b: u8,\n    }\n}\n\npub enum E {\n    F,\n}\n";
    let found = shapes(text);
    assert_eq!(
        (found[0].name, &found[0].fields[..]),
        ("AConfig", &["b"][..])
    );
    assert!(found[0].non_exhaustive && has_setter(text, "AConfig", "b"));
    assert!(!has_setter(text, "AConfig", "c") && !has_setter(text, "BConfig", "b"));
    assert!(found[1].is_enum && !found[1].non_exhaustive);
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

/// `library.md` row 5: `now + timeout` panics where somebody waits for ever.
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
