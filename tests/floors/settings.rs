//! Public types can grow: settings by setters, reasons by variants, and no feature changes either.

use std::collections::BTreeSet;
use std::fs;

use crate::types::public_types;
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

/// Fields and variants that everybody sees, behind a feature.
fn shaped_by_features(text: &str) -> impl Iterator<Item = String> {
    let (mut found, mut open_enum, mut gated) = (Vec::new(), false, false);
    for line in text.lines() {
        let code = line.trim();
        let is_attribute = code.starts_with("#[") || code.starts_with("//");
        open_enum |= code.starts_with("pub enum ");
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
    // A wildcard arm would be dead code in one build and not in the other.
    assert_eq!(found(&format!("#[non_exhaustive]\n{variant}")), 1);
    assert_eq!(
        found(&variant.replace("    #[cfg(feature = \"x\")]\n", "")),
        0
    );
}

/// A build without TLS has all that one with it has: what it cannot do it says when it is asked to.
#[test]
fn what_stands_for_tls_has_the_same_methods() {
    let methods = |file: &str| {
        let text = fs::read_to_string(src().join("net").join(file)).unwrap();
        let at = text.find("\nimpl Tls {").expect("its methods");
        let code = text[at..].split("\n}\n").next().unwrap();
        let lines = code
            .lines()
            .filter_map(|line| line.strip_prefix("    pub fn "));
        let names = lines.filter_map(|line| line.split('(').next());
        names.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let with = methods("tls/certificate.rs");
    assert!(with.contains("from_pem_files"), "{with:?}");
    assert_eq!(methods("tls/off.rs"), with);
}

/// How the names of structs of settings end.
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

/// Structs that have a default and are only read: figures that begin at none, and what a parser found.
const FIGURES: &[&str] = &[
    "gateway::Broadcast",
    "wire::Forwarded",
    "wire::Agreed",
    "net::Latency",
    "ring::Round",
    "wire::Digest",
    "journal::CommitRound",
    "journal::ScanEnd",
    "journal::JournalInfo",
    "journal::Progress",
    "journal::Verified",
];

/// Enums to which nothing comes, by floor and name, with the reason.
const EXHAUSTIVE: &[(&str, &str)] = &[
    (
        "pipeline::AddError",
        "what is in the way of one step: whoever tries handles each",
    ),
    ("ring::BatchError", "as pipeline::AddError"),
    ("ring::PublishError", "as pipeline::AddError"),
    ("hub::CursorReadError", "as pipeline::AddError"),
    ("hub::ReceiveError", "as pipeline::AddError"),
    ("hub::ReceiveTimeoutError", "as pipeline::AddError"),
    ("hub::TryReceiveError", "as pipeline::AddError"),
    ("ring::RecvError", "as pipeline::AddError"),
    ("ring::RecvTimeoutError", "as pipeline::AddError"),
    ("ring::TryRecvError", "as pipeline::AddError"),
    ("gateway::SendOutcome", "taken, no room, or nobody there"),
    ("ring::Waited", "ready, out of time, or closed"),
    ("ring::Slot", "a place is new or used"),
    (
        "wire::Step",
        "what a decoder says next: more input, or a part of a message",
    ),
    ("wire::ProxyHeader", "as wire::Step"),
    ("wire::MessageStep", "as wire::Step"),
    ("wire::BodyLength", "RFC 9112, 6.3"),
    ("wire::ResponseBody", "RFC 9112, 6.3"),
    ("wire::Opcode", "RFC 6455, 5.2"),
    ("wire::MessageKind", "RFC 6455, 5.6: text or binary"),
    (
        "wire::Inflate",
        "RFC 7692, 7.1: each message by itself, or not",
    ),
    ("wire::Peer", "RFC 6455: a client or a server"),
    ("wire::Block", "one refers to those before, or does not"),
    (
        "event::DataKind",
        "none, JSON, text, or the bytes that are none of those",
    ),
    ("client::WsData", "as event::DataKind"),
    ("event::AttributeValue", "text or JSON"),
];

/// Structs whose fields are all that they are, by floor and name, with the reason.
const PLAIN: &[(&str, &str)] = &[
    (
        "event::Position",
        "two numbers that are written down as such",
    ),
    ("wire::CloseFrame", "RFC 6455, 5.5.1"),
    ("wire::FrameHeader", "RFC 6455, 5.2"),
    ("wire::Digest", "RFC 1952, 2.3: what ends a gzip stream"),
    ("json::JsonError", "a fault and its place"),
    ("ring::Lagged", "a range"),
    ("hub::Gap", "a range"),
];

/// Once: a setting more broke every literal and every `match` in other crates.
#[test]
fn public_types_can_grow() {
    let has = |list: &[(&str, &str)], name: &str| list.iter().any(|(known, _)| *known == name);
    let mut wrong = Vec::new();
    for one in public_types() {
        let (name, file) = (one.name.as_str(), one.file.display());
        let path = one.path();
        let is_setting = !one.fields.is_empty()
            && (SETTINGS.iter().any(|end| name.ends_with(end))
                || one.has_default && !FIGURES.contains(&&*path) && !name.ends_with("Stats"));
        let may_be_whole = match one.is_enum {
            true => has(EXHAUSTIVE, &path),
            false => !is_setting && (!one.is_literal || has(PLAIN, &path)),
        };
        if !one.non_exhaustive && !may_be_whole {
            wrong.push(format!("{file}: {name} is not non_exhaustive"));
        }
        let unset = one
            .fields
            .iter()
            .filter(|field| !one.setters.contains(*field));
        let unset = unset.filter(|_| is_setting);
        wrong.extend(unset.map(|field| format!("{file}: nothing sets {name}::{field}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A list that names what there is no more would let its next namesake pass.
#[test]
fn what_is_exempt_is_there() {
    let types = public_types();
    let listed = EXHAUSTIVE.iter().chain(PLAIN).map(|(name, _)| *name);
    for name in listed.chain(FIGURES.iter().copied()) {
        assert!(types.iter().any(|one| one.path() == name), "{name}");
    }
}
