//! `docs/words.md` holds: what has the field's word is not called by another one.

use std::collections::BTreeSet;
use std::fs;

use syn::visit::{self, Visit};

use crate::shape::snake;
use crate::{all_sources, package};

/// The words of the column "instead of".
fn replaced(glossary: &str) -> BTreeSet<String> {
    let rows = glossary.lines().filter(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// The names of types, traits, functions and methods.
#[derive(Default)]
struct Names(Vec<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.0.push(item.ident.to_string());
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.0.push(item.ident.to_string());
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.0.push(item.ident.to_string());
        visit::visit_item_trait(self, item);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.0.push(signature.ident.to_string());
    }
}

#[test]
fn nothing_goes_by_a_word_that_was_replaced() {
    let glossary = fs::read_to_string(package().join("docs/words.md")).unwrap();
    let replaced = replaced(&glossary);
    assert!(replaced.len() > 40, "the glossary has its table");
    let mut found = Vec::new();
    for path in all_sources() {
        let mut names = Names::default();
        names.visit_file(&syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap());
        names
            .0
            .push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        let wrong = names
            .0
            .iter()
            .filter(|name| replaced.contains(&snake(name)));
        found.extend(wrong.map(|name| format!("{}: {name}", path.display())));
    }
    assert!(found.is_empty(), "see docs/words.md:\n{}", found.join("\n"));
}

#[test]
fn the_reader_of_the_glossary_reads_it() {
    let glossary = "| word | means | instead of |\n| --- | --- | --- |\n| a | b `c` | `d`, `e_f` |\n| g | h | |\n";
    assert_eq!(
        replaced(glossary),
        BTreeSet::from(["d".to_owned(), "e_f".to_owned()])
    );
}
