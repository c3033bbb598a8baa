//! What makes a room one: few files, traits that can be read at once, each type in one place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};

use crate::{all_sources, package, tests};

/// Files beside `mod.rs`, or a test binary's `main.rs`, in a folder, at most.
const FILES_MAX: usize = 12;
/// Methods of a trait, at most.
const METHODS_MAX: usize = 8;
/// Methods that a type has of its own, at most.
const OWN_METHODS_MAX: usize = 40;
/// Types that have more, since users have many ways: setters of all that an event may have; to wait, in threads and tasks.
const LARGE: &[&str] = &["EventBuilder", "Receiver"];

/// A path below the package, with slashes.
fn inside(path: &Path) -> String {
    let inside = path.strip_prefix(package()).unwrap();
    inside.to_str().unwrap().replace('\\', "/")
}

#[test]
fn a_folder_has_a_dozen_files_at_most() {
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    for path in all_sources().into_iter().chain(tests()) {
        if !path.ends_with("mod.rs") && !path.ends_with("main.rs") {
            *folders.entry(inside(path.parent().unwrap())).or_default() += 1;
        }
    }
    let full = folders.iter().filter(|(_, files)| **files > FILES_MAX);
    let full: Vec<String> = full
        .map(|(folder, files)| format!("{folder}: {files}"))
        .collect();
    assert!(full.is_empty(), "divide them:\n{}", full.join("\n"));
}

/// Every binary links the whole crate: a file of tests is a module of a binary that is there, not one more of them.
#[test]
fn a_test_binary_is_a_folder() {
    let alone = tests().into_iter().map(|path| inside(&path));
    let alone: Vec<String> = alone
        .filter(|path| path.rsplit('/').nth(1) == Some("tests"))
        .collect();
    assert!(alone.is_empty(), "move them into folders: {alone:?}");
}

/// What a source declares: its types, the types that it has methods for, and its traits.
#[derive(Default)]
struct Declared {
    types: Vec<String>,
    /// With the number of methods in each.
    impls: Vec<(String, usize)>,
    traits: Vec<(String, usize)>,
}

fn declared(text: &str) -> Declared {
    let mut found = Declared::default();
    found.visit_file(&syn::parse_file(text).expect("a source that compiles"));
    found
}

impl<'ast> Visit<'ast> for Declared {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        // Tests have types and methods of their own.
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.types.push(item.ident.to_string());
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.types.push(item.ident.to_string());
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        let methods = item
            .items
            .iter()
            .filter(|item| matches!(item, syn::TraitItem::Fn(_)));
        self.traits.push((item.ident.to_string(), methods.count()));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if item.trait_.is_none()
            && let syn::Type::Path(path) = &*item.self_ty
        {
            let name = &path.path.segments.last().unwrap().ident;
            let methods = item
                .items
                .iter()
                .filter(|item| matches!(item, syn::ImplItem::Fn(_)));
            self.impls.push((name.to_string(), methods.count()));
        }
    }
}

#[test]
fn a_trait_can_be_read_at_once() {
    let mut large = Vec::new();
    for path in all_sources() {
        for (name, methods) in declared(&fs::read_to_string(&path).unwrap()).traits {
            if methods > METHODS_MAX {
                large.push(format!("{}: {name} has {methods} methods", inside(&path)));
            }
        }
    }
    assert!(large.is_empty(), "divide them:\n{}", large.join("\n"));
}

/// `ServerConfig` as a folder would be called.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

/// Both stand in a folder of the type's own: one with its name or the last words of it, or with that of the file that
/// declares it.
fn share_a_folder(name: &str, declares: &str, has_methods: &str) -> bool {
    let name = snake(name);
    let is_own = |folder: &str| name == folder || name.ends_with(&format!("_{folder}"));
    let mut end = 0;
    for folder in Path::new(declares).parent().unwrap().iter() {
        let folder = folder.to_str().unwrap();
        end += folder.len() + 1;
        if is_own(folder) && has_methods.starts_with(&declares[..end]) {
            return true;
        }
    }
    let file = declares.strip_suffix(".rs").unwrap();
    let file = file.strip_suffix("mod").unwrap_or(file);
    let file = file.trim_end_matches('/');
    let stem = Path::new(file).file_name().unwrap().to_str().unwrap();
    let beside = is_own(stem) || declares.ends_with("/mod.rs");
    beside && has_methods.starts_with(&format!("{file}/"))
}

#[test]
fn the_methods_of_a_type_stand_in_one_place() {
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut impls = Vec::new();
    for path in all_sources() {
        let found = declared(&fs::read_to_string(&path).unwrap());
        let inside = inside(&path);
        for name in found.types {
            types.entry(name).or_default().push(inside.clone());
        }
        let of_file = found.impls.into_iter();
        impls.extend(of_file.map(|(name, _)| (name, inside.clone())));
    }
    let mut spread = Vec::new();
    for (name, has_methods) in impls {
        let declares = types.get(&name).map(Vec::as_slice).unwrap_or_default();
        let stands = declares.iter().any(|declares| {
            *declares == has_methods || share_a_folder(&name, declares, &has_methods)
        });
        if !stands {
            spread.push(format!(
                "{has_methods}: methods of {name}, declared in {declares:?}"
            ));
        }
    }
    spread.sort();
    spread.dedup();
    assert!(spread.is_empty(), "{}", spread.join("\n"));
}

/// Once: the reactor was one type with 125 methods, which any of 59 files could reach into.
#[test]
fn a_type_can_be_read_at_once() {
    let mut types: BTreeMap<(String, String), usize> = BTreeMap::new();
    for path in all_sources() {
        let inside = inside(&path);
        let floor = inside.split('/').take(2).collect::<Vec<_>>().join("/");
        for (name, methods) in declared(&fs::read_to_string(&path).unwrap()).impls {
            *types.entry((floor.clone(), name)).or_default() += methods;
        }
    }
    let large: Vec<String> = types
        .into_iter()
        .filter(|((_, name), methods)| {
            *methods > OWN_METHODS_MAX && !LARGE.contains(&name.as_str())
        })
        .map(|((floor, name), methods)| format!("{floor}: {name} has {methods} methods"))
        .collect();
    assert!(large.is_empty(), "divide them:\n{}", large.join("\n"));
}

#[test]
fn the_finder_of_declarations_finds_them() {
    let found = declared(
        "pub struct A<T>(T);\nimpl<T> A<T> {}\nimpl Drop for A<u8> { fn drop(&mut self) {} }\n\
         pub trait T { const N: u8; fn a(); fn b() {} }\nmod tests { struct B; impl B {} }\n",
    );
    assert_eq!(
        (found.types, found.impls),
        (vec!["A".to_owned()], vec![("A".to_owned(), 0)])
    );
    assert_eq!(found.traits, [("T".to_owned(), 2)]);
    assert_eq!(snake("WebSocketStream"), "web_socket_stream");
    assert!(share_a_folder(
        "Receiver",
        "src/hub/receiver.rs",
        "src/hub/receiver/scan.rs"
    ));
    assert!(share_a_folder(
        "Server",
        "src/server/builder.rs",
        "src/server/clients.rs"
    ));
    assert!(!share_a_folder(
        "Core",
        "src/net/core.rs",
        "src/net/io/send.rs"
    ));
}

/// The methods of a source that take `self` as said.
fn methods<'t>(text: &'t str, before: &str, after: &str) -> Vec<&'t str> {
    let lines = text.lines().map(str::trim_start);
    let rest = lines.filter_map(|line| line.strip_prefix(before));
    rest.filter_map(|rest| rest.split_once(after))
        .map(|(name, _)| name.split('<').next().unwrap())
        .filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
        .collect()
}

/// `delivery.event.data()` was an error: everything was behind `as_ref()`.
#[test]
fn an_event_has_the_accessors_of_its_view() {
    let read = |name: &str| fs::read_to_string(package().join("src/event").join(name)).unwrap();
    let (view, event) = (read("event_ref.rs"), read("event.rs"));
    let own = [methods(&event, "fn ", "("), methods(&event, "pub fn ", "(")].concat();
    let accessors = methods(&view, "pub fn ", "(self");
    assert!(accessors.len() > 20, "{accessors:?}");
    let missing: Vec<&str> = accessors
        .into_iter()
        // It is one.
        .filter(|name| *name != "to_event" && !own.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
