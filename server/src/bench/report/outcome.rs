//! The outcome of a run: for people, for programs, and for the exit code.

use super::table::{self, Row};
use serde_json::Value;

/// The result of a run, whatever was measured.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// True when nothing went wrong without a word.
    pub(crate) clean: bool,
    pub(crate) json: Value,
    pub(crate) rows: Vec<Row>,
}

impl Outcome {
    /// Renders the outcome, as JSON or as a table.
    pub(crate) fn text(&self, json: bool) -> String {
        if json {
            self.json.to_string()
        } else {
            table::render(&self.rows)
        }
    }
}
