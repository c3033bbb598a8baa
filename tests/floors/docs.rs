//! Item docs say what the item is: the noun comes first.

use std::fs;

use crate::all_sources;

/// First words after which the noun is missing: "What came.", "Who is there."
const RIDDLES: &[&str] = &[
    "How", "It", "They", "What", "When", "Where", "Whether", "Which", "Who", "Whom", "Whose",
];

/// The first lines of item docs that begin so, with their numbers.
fn riddles(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        let doc = line.trim_start().strip_prefix("/// ");
        let first = doc.filter(|_| !inside);
        inside = line.trim_start().starts_with("///");
        let word = first?.split(|c: char| !c.is_alphanumeric()).next()?;
        RIDDLES.contains(&word).then_some((number + 1, line.trim()))
    })
}

#[test]
fn docs_of_items_are_no_riddles() {
    let mut found = Vec::new();
    for path in all_sources() {
        let text = fs::read_to_string(&path).unwrap();
        found.extend(
            riddles(&text).map(|(number, line)| format!("{}:{number}: {line}", path.display())),
        );
    }
    assert!(
        found.is_empty(),
        "say what these are:\n{}",
        found.join("\n")
    );
}

#[test]
fn the_finder_of_riddles_finds_them() {
    let text = "/// What came.\nstruct A;\n/// An item.\n/// What it is for.\nstruct B;\n";
    assert_eq!(riddles(text).collect::<Vec<_>>(), [(1, "/// What came.")]);
}
