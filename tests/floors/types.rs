//! What the types that other crates can name are made of, and how these build them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Fields, Item, ReturnType, Type, Visibility};

use crate::public::declarations;
use crate::src;

/// A public type, and what the sources of its floor say of it.
#[derive(Debug, Default)]
pub(crate) struct PublicType {
    pub(crate) name: String,
    /// Where it is declared.
    pub(crate) file: PathBuf,
    pub(crate) is_enum: bool,
    pub(crate) non_exhaustive: bool,
    pub(crate) has_default: bool,
    /// Its public fields.
    pub(crate) fields: Vec<String>,
    /// Others can write it as a literal: no field is private.
    pub(crate) is_literal: bool,
    /// Methods that take it and a value, and give it back.
    pub(crate) setters: BTreeSet<String>,
}

impl PublicType {
    /// Floor and name: `hub::Gap`.
    pub(crate) fn path(&self) -> String {
        let inside = self.file.strip_prefix(src()).unwrap();
        let floor = inside.iter().next().unwrap().to_str().unwrap();
        format!("{floor}::{}", self.name)
    }
}

/// All public types, by the module that declares them.
pub(crate) fn public_types() -> Vec<PublicType> {
    let mut found = Vec::new();
    for (module, name) in declarations() {
        let beside = src().join(module.replace("::", "/"));
        let files = [beside.with_extension("rs"), beside.join("mod.rs")];
        let file = files.into_iter().find(|file| file.is_file());
        let file = file.unwrap_or_else(|| src().join("lib.rs"));
        let source = parsed(&file);
        // Traits and aliases are public, too.
        let mut types = source.items.iter().filter_map(declared);
        let Some(mut one) = types.find(|one| one.name == name) else {
            continue;
        };
        see_impls(&mut one, &source);
        one.file = file;
        found.push(one);
    }
    found
}

fn parsed(path: &Path) -> syn::File {
    syn::parse_file(&fs::read_to_string(path).unwrap()).expect("a source that compiles")
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

/// The public type that an item declares.
fn declared(item: &Item) -> Option<PublicType> {
    let (vis, ident, attributes, fields) = match item {
        Item::Struct(item) => (&item.vis, &item.ident, &item.attrs, Some(&item.fields)),
        Item::Enum(item) => (&item.vis, &item.ident, &item.attrs, None),
        _ => return None,
    };
    if !is_public(vis) {
        return None;
    }
    let mut one = PublicType {
        name: ident.to_string(),
        is_enum: fields.is_none(),
        ..PublicType::default()
    };
    for attribute in attributes {
        one.non_exhaustive |= attribute.path().is_ident("non_exhaustive");
        if let syn::Meta::List(list) = &attribute.meta
            && attribute.path().is_ident("derive")
        {
            let derives = list.tokens.to_string();
            one.has_default |= derives.split(", ").any(|one| one.trim() == "Default");
        }
    }
    if let Some(Fields::Named(fields)) = fields {
        one.is_literal = fields.named.iter().all(|field| is_public(&field.vis));
        let public = fields.named.iter().filter(|field| is_public(&field.vis));
        one.fields = public
            .filter_map(|field| Some(field.ident.as_ref()?.to_string()))
            .collect();
    }
    Some(one)
}

/// Notes what a source implements for a type.
fn see_impls(one: &mut PublicType, file: &syn::File) {
    for item in &file.items {
        match item {
            Item::Macro(item) if item.mac.path.is_ident("setters") => {
                let tokens = item.mac.tokens.to_string();
                let (owner, fields) = tokens.split_once('{').unwrap();
                if owner.split([' ', '<']).next() == Some(&one.name) {
                    let fields = fields.split(',').filter_map(|field| field.split_once(':'));
                    let names = fields.map(|(field, _)| field.trim().to_owned());
                    one.setters.extend(names);
                }
            }
            Item::Impl(item) => {
                let Type::Path(owner) = &*item.self_ty else {
                    continue;
                };
                if owner.path.segments.last().unwrap().ident != one.name {
                    continue;
                }
                if let Some((_, of, _)) = &item.trait_ {
                    one.has_default |= of.is_ident("Default");
                    continue;
                }
                let methods = item.items.iter().filter_map(|item| match item {
                    syn::ImplItem::Fn(method) => Some(method),
                    _ => None,
                });
                let sets = methods.filter(|method| {
                    let by_value = method
                        .sig
                        .receiver()
                        .is_some_and(|to| to.reference.is_none());
                    let gives_back = matches!(&method.sig.output, ReturnType::Type(_, ty)
                        if matches!(&**ty, Type::Path(path) if path.path.is_ident("Self")));
                    is_public(&method.vis) && by_value && gives_back
                });
                one.setters
                    .extend(sets.map(|method| method.sig.ident.to_string()));
            }
            _ => {}
        }
    }
}

#[test]
fn the_finder_of_public_types_finds_them() {
    let types = public_types();
    let find = |path: &str| types.iter().find(|one| one.path() == path);
    let config = find("gateway::ServerConfig").expect("it is public");
    assert!(config.non_exhaustive && config.has_default && !config.is_enum);
    assert!(config.fields.len() > 30 && config.setters.contains("reactors"));
    assert!(config.setters.contains("listen"), "by a method of its own");
    assert!(
        find("event::Event")
            .expect("it is public")
            .fields
            .is_empty()
    );
    assert!(
        find("fanout::SlowPolicy")
            .expect("by another floor")
            .is_enum
    );
    assert!(find("gateway::Gateway").is_none(), "it is the crate's own");
    assert!(types.len() > 100, "{}", types.len());
}
