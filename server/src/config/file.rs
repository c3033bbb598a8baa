//! The settings file: TOML with one key for each setting, at the top level.

use super::definition::{Arity, Definition};
use super::fault::{BadValue, Fault};
use eventring::gateway::suggest;
use eventring::json::is_utf16;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Longest file that is read; the longest sensible one is a thousandth of it.
const FILE_BYTES: u64 = 1 << 20;

/// One setting as a file gives it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    /// From 1.
    pub(super) line: usize,
    pub(super) values: Vec<String>,
}

/// Reads the file that `said` (a flag or a variable) named; what is wrong goes to `faults`, the rest is returned.
pub(super) fn read(
    path: &Path,
    said: &'static str,
    known: &Definition,
    faults: &mut Vec<Fault>,
) -> Vec<Entry> {
    let name = path.display().to_string();
    match text(path, &name, said) {
        Ok(text) => entries(&text, &name, known, faults),
        Err(fault) => {
            faults.push(fault);
            Vec::new()
        }
    }
}

fn text(path: &Path, name: &str, said: &'static str) -> Result<String, Fault> {
    let failed = |source| Fault::Read {
        said,
        path: name.to_string(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    // A byte more than is allowed tells a file that is too long from one that just fits.
    file.take(FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    // Told apart, since some editors save UTF-16 without a word about it.
    let why = match is_utf16(&bytes) {
        true => "UTF-16, but UTF-8 is expected",
        false => "not UTF-8",
    };
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| failed(io::Error::new(ErrorKind::InvalidData, why)))?;
    if text.len() as u64 > FILE_BYTES {
        return Err(Fault::TooLong {
            said,
            path: name.to_string(),
            limit: FILE_BYTES,
        });
    }
    Ok(text)
}

fn entries(text: &str, path: &str, known: &Definition, faults: &mut Vec<Fault>) -> Vec<Entry> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let line = |at: usize| 1 + text.bytes().take(at).filter(|&b| b == b'\n').count();
    let mut broken = Vec::new();
    for error in errors {
        let line = error.span().map_or(1, |span| line(span.start));
        // The first mistake of a line is the one to mend; the others follow from it.
        if !broken.contains(&line) {
            broken.push(line);
            faults.push(Fault::Syntax {
                path: path.to_string(),
                line,
                message: error.message().replace('\n', ", "),
            });
        }
    }
    let mut entries = Vec::new();
    // The table is sorted by key; people read from the top.
    let mut keys: Vec<_> = table.get_ref().iter().collect();
    keys.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in keys {
        let line = line(key.span().start);
        // A mistake of syntax leaves half a value behind, which would be a second fault of the same line.
        if broken.contains(&line) {
            continue;
        }
        match entry(key.get_ref(), value, path, line, known) {
            Ok(entry) => entries.push(entry),
            Err(fault) => faults.push(fault),
        }
    }
    entries
}

fn entry(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    path: &str,
    line: usize,
    known: &Definition,
) -> Result<Entry, Fault> {
    let (path, key) = (path.to_string(), key.to_string());
    let value = value.get_ref();
    let Some(setting) = known.find(&key) else {
        return Err(match value.is_table() {
            true => Fault::Section { path, line, key },
            false => Fault::Unknown {
                suggestion: suggest(&key, known.names()).map(str::to_string),
                path,
                line,
                key,
            },
        });
    };
    let wrong = |allowed: &str| {
        Fault::Value(Box::new(BadValue {
            origin: super::Origin::File {
                path: path.clone(),
                line,
            },
            setting: key.clone(),
            env: setting.env.clone(),
            value: value.type_str().to_string(),
            allowed: allowed.to_string(),
        }))
    };
    let values = match (value, setting.arity) {
        (DeValue::Array(items), Arity::Many) => {
            let items = items
                .iter()
                .map(|item| scalar(item.get_ref(), setting.arity));
            items.collect::<Option<Vec<_>>>()
        }
        (value, arity) => scalar(value, arity).map(|value| vec![value]),
    };
    let values = values.ok_or_else(|| {
        wrong(match setting.arity {
            Arity::Switch => "expected true or false",
            Arity::One => "expected one number or one string",
            Arity::Many => "expected a string or an array of strings",
        })
    })?;
    Ok(Entry {
        name: setting.name.clone(),
        line,
        values,
    })
}

/// A value as it would stand behind a flag; `None` for what no flag could say.
fn scalar(value: &DeValue<'_>, arity: Arity) -> Option<String> {
    match (value, arity) {
        (DeValue::Boolean(on), Arity::Switch) => Some(on.to_string()),
        (_, Arity::Switch) => None,
        (DeValue::String(text), _) => Some(text.to_string()),
        (DeValue::Integer(number), _) if number.radix() == 10 => Some(number.as_str().to_string()),
        // Hexadecimal, octal or binary, which TOML allows and no flag does.
        (DeValue::Integer(number), _) => {
            let parsed = u64::from_str_radix(number.as_str(), number.radix());
            parsed.ok().map(|number| number.to_string())
        }
        (DeValue::Float(number), _) => Some(number.as_str().to_string()),
        _ => None,
    }
}
