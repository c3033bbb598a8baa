//! The table of features in the crate's documentation says what Cargo.toml says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::package;

/// What a feature turns on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Feature {
    /// On unless a program turns the default features off.
    default: bool,
    features: BTreeSet<String>,
    crates: BTreeSet<String>,
}

type Features = BTreeMap<String, Feature>;

/// The text between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).expect("the start of a part").1;
    rest.split_once(end).expect("its end").0
}

/// The features of a manifest; those that begin with an underscore are nobody's business.
fn declared(manifest: &str) -> Features {
    let part = between(manifest, "[features]\n", "\n[");
    let code: Vec<&str> = part.lines().filter(|line| !line.starts_with('#')).collect();
    let mut features = Features::new();
    for entry in code.concat().split_inclusive(']') {
        let Some((name, list)) = entry.split_once(" = [") else {
            continue;
        };
        let feature = features.entry(name.to_owned()).or_default();
        for word in list.split('"').skip(1).step_by(2) {
            match word.strip_prefix("dep:") {
                Some(name) => feature.crates.insert(name.to_owned()),
                None => feature.features.insert(word.to_owned()),
            };
        }
    }
    let mut open: Vec<String> = features
        .remove("default")
        .map_or_else(Vec::new, |default| default.features.into_iter().collect());
    while let Some(name) = open.pop() {
        let feature = features.get_mut(&name).expect("a feature that is there");
        feature.default = true;
        open.extend(feature.features.iter().cloned());
    }
    features.retain(|name, _| !name.starts_with('_'));
    features
}

/// The features of a table with the columns feature, default, module, adds, needs and crates.
fn documented(text: &str) -> Features {
    let rows = text.lines().skip_while(|line| !line.starts_with(HEAD));
    let rows = rows.skip(2).take_while(|line| line.starts_with("//! |"));
    let words = |cell: &str| -> BTreeSet<String> {
        let words = cell.split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect()
    };
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, name, default, _, _, features, crates, _] = cells[..] else {
            panic!("six columns: {row}");
        };
        let name = words(name).pop_first()?;
        let feature = Feature {
            default: default == "yes",
            features: words(features),
            crates: words(crates),
        };
        Some((name, feature))
    })
    .collect()
}

const HEAD: &str = "//! | feature | default | module | adds | needs | crates |";

#[test]
fn the_table_of_features_is_what_the_manifest_says() {
    let read = |path: &str| fs::read_to_string(package().join(path)).expect(path);
    let (declared, documented) = (
        declared(&read("Cargo.toml")),
        documented(&read("src/lib.rs")),
    );
    assert!(declared.len() > 10, "{declared:?}");
    for (name, feature) in &declared {
        assert_eq!(
            documented.get(name),
            Some(feature),
            "{name}: left is the row in src/lib.rs, right is Cargo.toml"
        );
    }
    assert!(documented.keys().eq(declared.keys()), "{documented:?}");
}

/// What is compiled in from outside of `src` must be in the package.
#[test]
fn the_package_has_what_the_code_includes() {
    let manifest = fs::read_to_string(package().join("Cargo.toml")).unwrap();
    let packaged = between(&manifest, "\ninclude = [", "]");
    for path in crate::sources(&crate::src()) {
        let text = fs::read_to_string(&path).unwrap();
        for rest in text.split("include_str!(\"").skip(1) {
            let name = rest.split('"').next().unwrap();
            let file = path.parent().unwrap().join(name);
            let file = file.canonicalize().unwrap_or_else(|_| panic!("{name}"));
            let inside = file.strip_prefix(package().canonicalize().unwrap());
            let inside = format!("/{}", inside.expect("in the package").display());
            let listed = packaged.split('"').skip(1).step_by(2);
            assert!(
                { listed }.any(|entry| inside == entry || inside.starts_with(&format!("{entry}/"))),
                "{inside} is not in the package, and {} includes it",
                path.display()
            );
        }
    }
}

#[test]
fn the_readers_of_features_read_them() {
    let manifest = "[features]\n# The usual.\ndefault = [\"b\"]\na = []\nb = [\n    \"a\",\n    \"dep:x\",\n]\n\
                    c = [\"dep:x\", \"dep:y\"]\n_d = []\n\n[dependencies]\n";
    let table = format!(
        "//! text\n{HEAD}\n//! | --- |\n//! | (none) | | `r` | r | | `z` |\n\
         //! | `a` | yes | `a` | an `a` | | |\n//! | `b` | yes | | more | `a` | `x` |\n\
         //! | `c` | | | more | | `x`, `y` |\n//!\n//! | `e` | | | | | |\n"
    );
    assert_eq!(documented(&table), declared(manifest));
    assert_eq!(
        declared(manifest).keys().collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
}
