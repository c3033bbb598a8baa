//! The names that users see: the front page is what its table says, a name means one thing, and each is used where users look.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use syn::{Attribute, Item, Meta, UseTree, Visibility};

use crate::{package, src};

/// Public types and traits, at most. Whoever adds one says why in the commit that raises this.
const PUBLIC_MAX: usize = 342;

/// A public type or trait.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PublicType {
    name: String,
    /// The module in which users find it.
    module: String,
    /// The module that declares it, under this name there.
    declared: (String, String),
}

/// The modules of a crate, as they are asked for.
struct Modules {
    src: PathBuf,
    loaded: BTreeMap<Vec<String>, Rc<[Item]>>,
}

impl Modules {
    fn new(src: PathBuf) -> Self {
        Self {
            src,
            loaded: BTreeMap::new(),
        }
    }

    /// The items of a module that has a file of its own.
    fn items(&mut self, module: &[String]) -> Rc<[Item]> {
        let src = &self.src;
        let items = self.loaded.entry(module.to_vec()).or_insert_with(|| {
            let path = module
                .iter()
                .fold(src.clone(), |path, name| path.join(name));
            let files = match module {
                [] => [src.join("lib.rs"), PathBuf::new()],
                _ => [path.with_extension("rs"), path.join("mod.rs")],
            };
            let text = files.iter().find_map(|file| fs::read_to_string(file).ok());
            let file = text.map(|text| syn::parse_file(&text).expect("a source that compiles"));
            file.map_or_else(Vec::new, |file| file.items).into()
        });
        items.clone()
    }

    /// The module and the name that declare what `name` is in `module`.
    fn resolve(&mut self, module: &[String], name: &str) -> Option<(String, String)> {
        let mut uses = Vec::new();
        let mut children = BTreeSet::new();
        for item in self.items(module).iter() {
            match item {
                Item::Use(item) => leaves(&item.tree, &mut Vec::new(), &mut uses),
                Item::Mod(item) => {
                    children.insert(item.ident.to_string());
                }
                item if declared(item).is_some_and(|(_, declared)| declared == name) => {
                    return Some((module.join("::"), name.to_owned()));
                }
                _ => {}
            }
        }
        let (path, _) = uses.into_iter().find(|(_, alias)| alias == name)?;
        self.follow(module, &children, &path)
    }

    /// Follows a path that is named in `module`, out of this crate to nothing.
    fn follow(
        &mut self,
        module: &[String],
        children: &BTreeSet<String>,
        path: &[String],
    ) -> Option<(String, String)> {
        let (name, path) = path.split_last()?;
        let mut base = module.to_vec();
        for (at, segment) in path.iter().enumerate() {
            match segment.as_str() {
                "crate" => base.clear(),
                "self" => {}
                "super" => {
                    base.pop();
                }
                segment if at > 0 || children.contains(segment) => base.push(segment.to_owned()),
                _ => return None,
            }
        }
        self.resolve(&base, name)
    }

    /// All public types and traits of a module and the public ones below it.
    fn public(&mut self, module: &[String]) -> BTreeSet<PublicType> {
        let items = self.items(module);
        let mut found = BTreeSet::new();
        for item in items.iter() {
            match item {
                Item::Mod(item) if is_public(&item.vis) && !is_hidden(&item.attrs) => {
                    let below = [module, &[item.ident.to_string()]].concat();
                    found.extend(self.public(&below));
                }
                Item::Use(item) if is_public(&item.vis) && !is_hidden(&item.attrs) => {
                    let mut uses = Vec::new();
                    leaves(&item.tree, &mut Vec::new(), &mut uses);
                    for (_, name) in uses {
                        let declared = self.resolve(module, &name);
                        found.extend(declared.map(|declared| PublicType {
                            name,
                            module: module.join("::"),
                            declared,
                        }));
                    }
                }
                item => {
                    let own = declared(item).filter(|(vis, _)| is_public(vis));
                    found.extend(own.map(|(_, name)| PublicType {
                        declared: (module.join("::"), name.clone()),
                        name,
                        module: module.join("::"),
                    }));
                }
            }
        }
        found
    }
}

/// The type or trait that an item declares.
fn declared(item: &Item) -> Option<(&Visibility, String)> {
    let (vis, ident) = match item {
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Union(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        _ => return None,
    };
    Some((vis, ident.to_string()))
}

/// The paths that a `use` names, each with the name that it gives.
fn leaves(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, String)>) {
    match tree {
        UseTree::Path(tree) => {
            path.push(tree.ident.to_string());
            leaves(&tree.tree, path, found);
            path.pop();
        }
        UseTree::Name(tree) => {
            let name = tree.ident.to_string();
            found.push(([&path[..], std::slice::from_ref(&name)].concat(), name));
        }
        UseTree::Rename(tree) => {
            let (name, alias) = (tree.ident.to_string(), tree.rename.to_string());
            found.push(([&path[..], &[name]].concat(), alias));
        }
        UseTree::Group(tree) => {
            for tree in &tree.items {
                leaves(tree, path, found);
            }
        }
        UseTree::Glob(_) => {}
    }
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

/// The text of an attribute's list, as `feature = "hub"` of `cfg(feature = "hub")`.
fn lists(attributes: &[Attribute]) -> impl Iterator<Item = String> {
    attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::List(list) => Some(list.tokens.to_string()),
            _ => None,
        })
}

/// There for the models and the fuzz targets, and no promise to anybody else.
fn is_hidden(attributes: &[Attribute]) -> bool {
    lists(attributes).any(|list| {
        let hidden = ["fuzzing", "hidden", "_loom"];
        hidden.iter().any(|word| list.contains(word)) && !list.contains("not")
    })
}

/// The modules that declare the public types and traits, with the names that they have there.
pub(crate) fn declarations() -> BTreeSet<(String, String)> {
    let public = Modules::new(src()).public(&[]);
    public.into_iter().map(|public| public.declared).collect()
}

/// The names of all public types and traits.
fn names() -> BTreeSet<String> {
    let public = Modules::new(src()).public(&[]);
    public.into_iter().map(|public| public.name).collect()
}

/// The names of the front page with their features, as `lib.rs` re-exports them.
fn front_page(items: &[Item]) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for item in items {
        if let Item::Use(item) = item
            && is_public(&item.vis)
        {
            let mut uses = Vec::new();
            leaves(&item.tree, &mut Vec::new(), &mut uses);
            let feature = lists(&item.attrs).find_map(|list| {
                let list = list.strip_prefix("feature = ")?;
                Some(list.trim_matches('"').to_owned())
            });
            let feature = feature.unwrap_or_default();
            found.extend(uses.into_iter().map(|(_, name)| (name, feature.clone())));
        }
    }
    found
}

/// The same, as the table in the crate's documentation says; a row with one feature says it for all of its names.
fn documented_front_page(text: &str) -> BTreeSet<(String, String)> {
    let rows = text.lines().skip_while(|line| *line != "//! # Front page");
    let rows = rows.skip(1).take_while(|line| !line.starts_with("//! # "));
    let words = |cell: &str| -> Vec<String> {
        let words = cell.split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect()
    };
    let mut found = BTreeSet::new();
    for row in rows.filter(|row| row.starts_with("//! | `")) {
        let cells: Vec<&str> = row.split('|').collect();
        let [_, names, _, features, _] = cells[..] else {
            panic!("three columns: {row}");
        };
        let features = words(features);
        for (at, name) in words(names).into_iter().enumerate() {
            found.insert((name, features[at.min(features.len() - 1)].clone()));
        }
    }
    found
}

#[test]
fn the_front_page_is_what_its_table_says() {
    let text = fs::read_to_string(src().join("lib.rs")).unwrap();
    let page = front_page(&syn::parse_file(&text).unwrap().items);
    assert_eq!(page, documented_front_page(&text));
    assert!(page.len() <= 12, "a page is a dozen names, no more");
}

#[test]
fn a_public_name_means_one_thing() {
    let mut meanings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for public in Modules::new(src()).public(&[]) {
        let (module, name) = public.declared;
        let meaning = format!("{module}::{name}");
        meanings.entry(public.name).or_default().insert(meaning);
    }
    let twice: Vec<String> = meanings
        .into_iter()
        .filter(|(_, meanings)| meanings.len() > 1)
        .map(|(name, meanings)| format!("{name}: {meanings:?}"))
        .collect();
    assert!(twice.is_empty(), "rename one of:\n{}", twice.join("\n"));
}

/// The words of all texts below `path` that are code or guide.
fn words_below(path: &Path, words: &mut BTreeSet<String>) {
    if path.is_dir() {
        // Built by others, and the walls themselves.
        if path.ends_with("target") || path.ends_with("tests/floors") {
            return;
        }
        for entry in fs::read_dir(path).unwrap() {
            words_below(&entry.unwrap().path(), words);
        }
    } else if path
        .extension()
        .is_some_and(|end| end == "rs" || end == "md")
    {
        let text = fs::read_to_string(path).unwrap();
        let found = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.extend(found.map(str::to_owned));
    }
}

#[test]
fn each_public_name_is_used_where_users_look() {
    let mut words = BTreeSet::new();
    for place in [
        "tests",
        "examples",
        "benches",
        "server",
        "src/guide",
        "README.md",
    ] {
        let path = package().join(place);
        if path.exists() {
            words_below(&path, &mut words);
        }
    }
    let unused: Vec<String> = names().difference(&words).cloned().collect();
    assert!(
        unused.is_empty(),
        "nobody uses them: make them private, or show their use in a test or the guide:\n{}",
        unused.join("\n")
    );
}

#[test]
fn there_are_no_more_public_names_than_a_reader_can_learn() {
    let names = names();
    assert!(
        names.len() <= PUBLIC_MAX,
        "{} public types and traits, of {PUBLIC_MAX}",
        names.len()
    );
    // A type less lowers it for good.
    assert!(names.len() + 5 > PUBLIC_MAX, "only {}", names.len());
}

#[test]
fn the_finder_of_public_names_finds_them() {
    let dir = std::env::temp_dir().join(format!("eventring-public-{}", std::process::id()));
    fs::create_dir_all(dir.join("a")).unwrap();
    let write = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
    write(
        "lib.rs",
        "pub mod a;\nmod b;\n#[cfg(fuzzing)]\npub mod c;\n#[cfg(feature = \"x\")]\npub use a::{A, Two};\n\
         pub use std::io::Error;\npub(crate) use b::Three;\n",
    );
    write(
        "a/mod.rs",
        "mod d;\npub use self::d::A;\npub use crate::b::Two as Other;\npub use crate::b::Two;\n\
         pub trait T {}\nstruct Own;\npub const N: u8 = 0;\n",
    );
    write("a/d.rs", "pub struct A;\n");
    write("b.rs", "pub enum Two {}\npub struct Three;\n");
    write("c.rs", "pub struct Hidden;\n");
    let found = Modules::new(dir.clone()).public(&[]);
    let paths: Vec<String> = found
        .iter()
        .map(|one| format!("{}::{} {}", one.module, one.name, one.declared.0))
        .collect();
    assert_eq!(
        paths,
        [
            "::A a::d",
            "a::A a::d",
            "a::Other b",
            "a::T a",
            "::Two b",
            "a::Two b"
        ]
    );
    let text = fs::read_to_string(dir.join("lib.rs")).unwrap();
    let page = front_page(&syn::parse_file(&text).unwrap().items);
    let x = |name: &str| (name.to_owned(), "x".to_owned());
    let foreign = ("Error".to_owned(), String::new());
    assert_eq!(page, BTreeSet::from([x("A"), x("Two"), foreign]));
    let table = "//! # Front page\n//! | name | is | feature |\n//! | `A`, `B` | c | `x`, `y` |\n//! # More\n//! | `C` |";
    let y = ("B".to_owned(), "y".to_owned());
    assert_eq!(documented_front_page(table), BTreeSet::from([x("A"), y]));
    fs::remove_dir_all(dir).unwrap();
}
