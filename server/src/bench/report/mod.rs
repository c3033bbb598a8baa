//! The result of a run: the verdict, a table for people and JSON for programs.

mod load_report;
mod outcome;
mod table;
mod verdict;

pub(super) use load_report::{LoadReport, Stalled};
pub(super) use outcome::Outcome;
pub(super) use table::Row;
pub(super) use verdict::Verdict;
