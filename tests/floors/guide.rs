//! The guide: every page is found from its front page, every module leads there, and what is code is run.

use std::fs;
use std::path::Path;

use crate::{all_sources, package, src};

/// What a block may be. `text` is what is no code; the others have a checker of their own, or a reader.
const KINDS: &[&str] = &[
    "",
    "caddy",
    "haproxy",
    "haproxy-tls",
    "java",
    "js",
    "json",
    "nginx",
    "nginx-path",
    "nginx-tls",
    "no_run",
    "python",
    "rust,no_run",
    "sh",
    "text",
    "toml",
];

/// Words by which a block that is only compiled shows that it would run for ever.
const FOR_EVER: &[&str] = &["loop {", "in 0..", "while let Some("];

/// The names of the pages that a source declares.
fn pages(text: &str) -> impl Iterator<Item = &str> {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "));
    lines.filter_map(|name| name.strip_suffix(';'))
}

#[test]
fn every_page_is_on_the_front_page() {
    let front = fs::read_to_string(src().join("guide/mod.rs")).unwrap();
    let mut count = 0;
    for page in pages(&front) {
        let folder = src().join("guide").join(page).join("mod.rs");
        let Ok(inside) = fs::read_to_string(folder) else {
            assert!(front.contains(&format!("| [`{page}`] |")), "{page}");
            count += 1;
            continue;
        };
        for below in pages(&inside) {
            let link = format!("| [`{below}`]({page}::{below}) |");
            assert!(front.contains(&link), "{page}::{below}");
            assert!(inside.contains(&format!("| [`{below}`] |")), "{below}");
            count += 1;
        }
    }
    assert!(count >= 20, "{count} pages");
}

#[test]
fn every_public_module_leads_to_the_guide() {
    let text = fs::read_to_string(src().join("lib.rs")).unwrap();
    let mut hidden = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("pub mod ").filter(|_| !hidden) {
            let name = name.trim_end_matches(';');
            let module = fs::read_to_string(src().join(name).join("mod.rs")).unwrap();
            let leads = name == "guide" || module.contains("(crate::guide::");
            assert!(leads, "{name}: say which page of the guide is about it");
        }
        hidden = line == "#[doc(hidden)]";
    }
}

/// A fenced block of a file: its kind, its text, and the line at which it begins.
struct Block {
    kind: String,
    text: String,
    line: usize,
}

/// The blocks of doc comments, or of a page of Markdown.
fn blocks(text: &str, is_markdown: bool) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in (1..).zip(text.lines()) {
        let inside = line.trim_start();
        let doc = ["//! ", "/// ", "//!", "///"];
        let Some(line) = (if is_markdown {
            Some(line)
        } else {
            doc.iter().find_map(|mark| inside.strip_prefix(mark))
        }) else {
            continue;
        };
        match (line.strip_prefix("```"), open) {
            (Some(kind), false) => {
                let (kind, text) = (kind.to_owned(), String::new());
                blocks.push(Block {
                    kind,
                    text,
                    line: number,
                });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let block = blocks.last_mut().expect("an open one");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    blocks
}

fn check(path: &Path, is_markdown: bool) {
    let text = fs::read_to_string(path).unwrap();
    for block in blocks(&text, is_markdown) {
        let place = format!("{}:{}", path.display(), block.line);
        let kind = block.kind.as_str();
        assert!(KINDS.contains(&kind), "{place}: a block of {kind:?}");
        if kind.contains("no_run") {
            let runs_on = FOR_EVER.iter().any(|word| block.text.contains(word));
            assert!(runs_on, "{place}: it ends, so it can be run");
        }
        if kind == "text" {
            let is_code = |line: &str| line.ends_with(';') || line.ends_with('{');
            let code = block.text.lines().find(|line| is_code(line.trim_end()));
            assert_eq!(code, None, "{place}: text is what is no code");
        }
    }
}

/// What stands in a block is compiled, and run unless it would run for ever.
#[test]
fn what_is_code_in_the_documents_is_run() {
    for path in all_sources() {
        check(&path, false);
    }
    check(&package().join("README.md"), true);
}

#[test]
fn the_reader_of_blocks_reads_them() {
    let text = "//! ```\n//! let x;\n//! ```\n    /// ```ignore\n    /// y\n    /// ```\nlet z;\n";
    let found = blocks(text, false);
    let kinds: Vec<&str> = found.iter().map(|block| &*block.kind).collect();
    assert_eq!(kinds, ["", "ignore"]);
    assert_eq!(found[0].text, "let x;\n");
    assert!(!KINDS.contains(&"ignore"));
}
