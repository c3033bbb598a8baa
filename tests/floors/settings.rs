//! Public types can grow: settings by setters, reasons by variants, and no feature changes either.

use std::fs;

use crate::public::names;
use crate::{sources, src};

/// Whoever turns a feature on somewhere else changes no literal and no `match` here.
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
    "CursorReadError",
    "PublishError",
    "ReceiveError",
    "ReceiveTimeoutError",
    "RecvError",
    "RecvTimeoutError",
    "TryReceiveError",
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

/// Once: a setting more broke every literal and every `match` in other crates.
#[test]
fn settings_and_reasons_can_grow() {
    let mut wrong = Vec::new();
    let public = names();
    for path in sources(&src()) {
        let text = fs::read_to_string(&path).unwrap();
        let shapes = shapes(&text).into_iter();
        for shape in shapes.filter(|shape| public.contains(shape.name)) {
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
