//! The settings that hold, in the form of a settings file.

use super::definition::Arity;
use super::fault::Origin;
use super::layers::{Effective, Loaded};
use std::fmt::Write;

/// Column of the comment that says where a value comes from.
const COLUMN: usize = 44;

/// One line for each setting; the whole is a file that says the same.
pub(super) fn lines(loaded: &Loaded) -> String {
    let mut out = String::new();
    if let Some(path) = &loaded.file {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# with {}", path.display());
    }
    for row in &loaded.rows {
        let name = &row.setting.name;
        let text = match value(row) {
            Some(value) => format!("{name} = {value}"),
            None => format!("# {name} ="),
        };
        let _ = writeln!(out, "{text:COLUMN$} # {}", place(row));
    }
    out
}

/// Names the layer that a value comes from, in a word or two.
pub(super) fn place(row: &Effective) -> String {
    match &row.origin {
        Origin::Default if row.values.is_empty() && row.setting.arity != Arity::Switch => {
            "not set".into()
        }
        Origin::Default => "default".into(),
        Origin::File { path, line } => format!("{path}:{line}"),
        Origin::Environment => row.setting.env.clone(),
        Origin::Flag => format!("--{}", row.setting.name),
    }
}

/// The value as a file has it; `None`: it is not set.
pub(super) fn value(row: &Effective) -> Option<String> {
    match row.setting.arity {
        Arity::Switch => Some(
            row.values
                .first()
                .map_or("false", String::as_str)
                .to_string(),
        ),
        Arity::One => row.values.first().map(|value| scalar(value)),
        Arity::Many => {
            let values: Vec<String> = row.values.iter().map(|value| quoted(value)).collect();
            Some(format!("[{}]", values.join(", ")))
        }
    }
}

fn scalar(value: &str) -> String {
    // A TOML integer has 64 bits; longer ones are strings, which a flag reads just as well.
    if !value.is_empty() && value.len() < 18 && value.bytes().all(|b| b.is_ascii_digit()) {
        value.to_string()
    } else {
        quoted(value)
    }
}

fn quoted(value: &str) -> String {
    // JSON's escapes are among those of TOML's basic strings.
    serde_json::Value::from(value).to_string()
}
