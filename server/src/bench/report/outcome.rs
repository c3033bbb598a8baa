//! What a run comes to: for people, for programs, and for the exit code.

use super::table::{self, Row};
use serde_json::Value;

/// The result of a run, whatever was measured.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Nothing went wrong without a word.
    pub(crate) clean: bool,
    pub(crate) json: Value,
    pub(crate) rows: Vec<Row>,
}

impl Outcome {
    /// The text of it.
    pub(crate) fn text(&self, json: bool) -> String {
        if json {
            self.json.to_string()
        } else {
            table::render(&self.rows)
        }
    }
}
