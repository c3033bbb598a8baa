//! The case tables of this folder: how they are read, and the short forms of long texts in them.

use std::path::Path;

use serde_json::Value;

/// The table of this name, whole.
pub(crate) fn read(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let text = std::fs::read_to_string(folder.join(name));
    let text = text.unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The cases of a table.
pub(crate) fn cases(name: &str) -> Vec<Value> {
    let Value::Array(cases) = read(name)["cases"].take() else {
        panic!("{name} has no cases");
    };
    assert!(!cases.is_empty(), "{name} has no cases");
    cases
}

/// A text: a string, or a list of strings that are each repeated.
pub(crate) fn text(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    let runs = value.as_array();
    let runs = runs.unwrap_or_else(|| panic!("neither a string nor runs: {value}"));
    let run = |run: &Value| {
        let (text, times) = (run[0].as_str(), run[1].as_u64());
        let (Some(text), Some(times)) = (text, times) else {
            panic!("not a string and a number: {run}");
        };
        text.repeat(times as usize)
    };
    runs.iter().map(run).collect()
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16);
    let bytes: Result<Vec<u8>, _> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.unwrap_or_else(|error| panic!("{digits}: {error}"))
}
