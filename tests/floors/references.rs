//! Documents name files and functions that are there: `path`, `path: name`, and links.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{FLOORS, package, sources};

/// Documents at fixed places; those of a folder come beside them.
const DOCUMENTS: &[&str] = &[
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/words.md",
    "loom-tests/README.md",
    "tests/README.md",
];
const FOLDER: &str = "docs/design";
/// Endings of files that are named without a folder. Sources are not: each folder has its `mod.rs`.
const ENDINGS: &[&str] = &["md", "toml", "sh", "txt", "yaml"];
/// Words that declare a name in Rust.
const DECLARES: &[&str] = &[
    "fn ",
    "struct ",
    "enum ",
    "trait ",
    "const ",
    "static ",
    "type ",
    "mod ",
    "macro_rules! ",
];

/// A file that a document names, and perhaps something that it is said to declare.
#[derive(Debug, PartialEq)]
struct Reference {
    path: String,
    name: Option<String>,
}

fn documents() -> Vec<PathBuf> {
    let fixed = DOCUMENTS.iter().map(|name| package().join(name));
    let folder = fs::read_dir(package().join(FOLDER)).expect("the design");
    let pages = folder.map(|entry| entry.unwrap().path());
    fixed.chain(pages).collect()
}

fn is_identifier(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.chars().all(plain) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// Tells whether a word in a document of the folder `beside` is a path: one below a folder of the repository's root or
/// of that one, or the name of a file.
fn is_path(beside: &Path, word: &str) -> bool {
    // Places for a name of one's own, and patterns.
    if word.contains(['<', '*', '{', '(', '=', '?', ':']) || word.starts_with(['/', '.', '-']) {
        return false;
    }
    match word.split_once('/') {
        Some((folder, _)) => {
            let known = matches!(folder, "server" | "fuzz" | "loom-tests");
            known || package().join(folder).is_dir() || beside.join(folder).is_dir()
        }
        None => word
            .rsplit_once('.')
            .is_some_and(|(stem, ending)| !stem.is_empty() && ENDINGS.contains(&ending)),
    }
}

/// The references of a document in the folder `beside`, but for those in blocks of code.
fn references(beside: &Path, text: &str) -> Vec<Reference> {
    let mut fenced = false;
    let prose = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    });
    let prose: Vec<&str> = prose.map(str::trim).collect();
    let prose = prose.join(" ");
    let mut found = Vec::new();
    // The file of the last span, and whether names that it declares have begun: `a.rs: one`, `two`, or `a.rs`: `one`.
    let (mut file, mut named): (Option<String>, bool) = (None, false);
    for (at, part) in prose.split('`').enumerate() {
        if at % 2 == 0 {
            match part.trim_end() {
                ":" => named = true,
                "," if named => {}
                _ => (file, named) = (None, false),
            }
            found.extend(links(part));
            continue;
        }
        if let Some(path) = file.clone().filter(|_| named && is_identifier(part)) {
            let name = Some(part.to_owned());
            found.push(Reference { path, name });
            continue;
        }
        // The first word of a command, or all there is.
        let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
        let path = word.strip_suffix(':').unwrap_or(word);
        let path = path.trim_end_matches('/').to_owned();
        (file, named) = (None, word.ends_with(':'));
        if !is_path(beside, &path) {
            continue;
        }
        file = Some(path.clone());
        if named {
            found.extend(rest.split(", ").map(|name| Reference {
                path: path.clone(),
                name: Some(name.to_owned()),
            }));
        } else {
            found.push(Reference { path, name: None });
        }
    }
    found
}

/// The targets of links that lead to files.
fn links(text: &str) -> impl Iterator<Item = Reference> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    files.map(|target| Reference {
        path: target.split('#').next().unwrap_or_default().to_owned(),
        name: None,
    })
}

/// Tells whether a source declares a name, or a method as `Type::name`.
fn is_declared(source: &str, name: &str) -> bool {
    let (ty, name) = match name.split_once("::") {
        Some((ty, name)) => (Some(ty), name),
        None => (None, name),
    };
    let has = |start: &str, name: &str| {
        source.split(start).skip(1).any(|rest| {
            let rest = rest.strip_prefix(name);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    };
    let shell = has("\n", &format!("{name}()"));
    let known = |name: &str| shell || DECLARES.iter().any(|declares| has(declares, name));
    known(name) && ty.is_none_or(|ty| known(ty) || source.contains(&format!("{ty} {{")))
}

#[test]
fn documents_name_what_is_there() {
    let mut wrong = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document)
            .unwrap_or_else(|error| panic!("{}: {error}", document.display()));
        let beside = document.parent().unwrap_or(Path::new(""));
        for Reference { path, name } in references(beside, &text) {
            // A package of the library alone comes without the server.
            if path.starts_with("server/") && !package().join("server").is_dir() {
                continue;
            }
            let places = [package().join(&path), beside.join(&path)];
            let Some(file) = places.iter().find(|place| place.exists()) else {
                wrong.push(format!("{}: there is no {path}", document.display()));
                continue;
            };
            let Some(name) = name else { continue };
            let source = fs::read_to_string(file).unwrap_or_default();
            if !is_declared(&source, &name) {
                wrong.push(format!("{}: {path} has no {name}", document.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The comments of a source, a paragraph each, without its marks.
fn comments(source: &str) -> String {
    let lines = source.lines().map(|line| {
        let line = line.trim_start();
        let comment = ["//!", "///", "//"]
            .iter()
            .find_map(|mark| line.strip_prefix(mark));
        comment.unwrap_or_default().trim()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// All folders with sources of this repository that are here.
const SOURCES: &[&str] = &[
    "src",
    "server/src",
    "server/tests",
    "tests",
    "examples",
    "benches",
    "loom-tests",
    "fuzz/fuzz_targets",
];

#[test]
fn comments_name_what_is_there() {
    let mut wrong = Vec::new();
    let folders = SOURCES.iter().map(|folder| package().join(folder));
    for source in folders
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| sources(&folder))
        .filter(|path| !path.ends_with("floors/references.rs"))
    {
        let text = fs::read_to_string(&source).unwrap();
        for Reference { path, name } in references(&package(), &comments(&text)) {
            // Links of documentation lead to items, and files without a folder may be anybody's, but for documents.
            let is_ours = path.contains('/') && !path.starts_with("..") || path.ends_with(".md");
            let is_link = path.contains("::") || path.starts_with("crate");
            if !is_ours || is_link {
                continue;
            }
            let beside = source.parent().unwrap_or(Path::new(""));
            let places = [package(), package().join("docs"), beside.to_owned()];
            let place = places
                .iter()
                .map(|place| place.join(&path))
                .find(|p| p.exists());
            let there = match (place, name) {
                (Some(file), Some(name)) if file.is_file() => {
                    is_declared(&fs::read_to_string(&file).unwrap_or_default(), &name)
                }
                (place, _) => place.is_some(),
            };
            if !there {
                wrong.push(format!("{}: there is no {path}", source.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_index_of_the_design_has_every_page() {
    let folder = package().join(FOLDER);
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    for page in fs::read_dir(&folder).unwrap() {
        let name = page.unwrap().file_name().into_string().unwrap();
        let linked = index.contains(&format!("| [{name}]({name}) |"));
        assert!(linked || name == "README.md", "{name}: add its line");
    }
}

/// Modules beside the floors, which several of them may name.
const BESIDE: &[&str] = &["counter", "deadline", "mailbox", "outbox", "settings"];

#[test]
fn architecture_has_the_floors() {
    let text = fs::read_to_string(package().join("ARCHITECTURE.md")).unwrap();
    for (floor, below) in FLOORS {
        let row = text
            .lines()
            .find(|line| line.starts_with(&format!("| `src/{floor}` |")))
            .unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for {floor}"));
        let cell = row.trim_end_matches([' ', '|']).rsplit('|').next();
        let cell = cell.filter(|_| !row.trim_end().ends_with("| |"));
        let said = cell.unwrap_or_default().split(", ").map(|name| {
            let name = name.trim().trim_start_matches("`src/");
            name.split('.').next().unwrap_or_default().to_owned()
        });
        let mut said: Vec<String> = said.filter(|name| !name.is_empty()).collect();
        let below = below.iter().filter(|name| !BESIDE.contains(name));
        let mut below: Vec<String> = below.map(|name| (*name).to_owned()).collect();
        said.sort();
        below.sort();
        assert_eq!(said, below, "{floor}");
    }
}

#[test]
fn the_finder_of_references_finds_them() {
    let one = |path: &str, name: Option<&str>| Reference {
        path: path.to_owned(),
        name: name.map(str::to_owned),
    };
    let text = "See `src/lib.rs`, `src/ring/core.rs: grant, trim`, `place` and [that](docs/words.md#ring).\n\
        | `tests/a.rs`: `x`,\n`y`; `cargo test` of `application/json`, `scripts/test --fast`, `fuzz/<name>.rs` |\n\
        ```sh\n`src/none.rs`\n```\n`mod.rs`: `Type::new`, [there](https://a.example/b.md), `README.md`\n";
    let expected = [
        one("src/lib.rs", None),
        one("src/ring/core.rs", Some("grant")),
        one("src/ring/core.rs", Some("trim")),
        one("src/ring/core.rs", Some("place")),
        one("docs/words.md", None),
        one("tests/a.rs", None),
        one("tests/a.rs", Some("x")),
        one("tests/a.rs", Some("y")),
        one("scripts/test", None),
        one("README.md", None),
    ];
    assert_eq!(references(&package(), text), expected);
    let source =
        "impl Ring {\n    fn head(&self) {}\n}\nmacro_rules! setters {}\nstruct Ringing;\n";
    for (name, is_there) in [
        ("head", true),
        ("setters", true),
        ("Ring::head", true),
        ("hea", false),
        ("Other::head", false),
        ("Ring", false),
    ] {
        assert_eq!(is_declared(source, name), is_there, "{name}");
    }
}
