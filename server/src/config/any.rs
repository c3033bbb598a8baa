//! The properties of any settings file: the fuzz target and the tests call this.

use super::fault::{Fault, Origin};
use super::layers::{Layers, Loaded, load};
use super::{lenient, show};
use crate::cli::Cli;
use clap::CommandFactory;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads a text as the settings file, which it writes to `path`: what is good is shown as a file that says the same, and
/// what is wrong stands in one of the text's lines.
pub(crate) fn any_file(path: &Path, text: &[u8]) {
    let loaded = match read(path, text) {
        Ok(loaded) => loaded,
        Err(faults) => {
            let lines = 1 + text.iter().filter(|byte| **byte == b'\n').count();
            assert!(!faults.is_empty());
            for fault in faults {
                let line = line(&fault).unwrap_or(1);
                assert!((1..=lines).contains(&line), "of {lines} lines: {fault}");
            }
            return;
        }
    };
    let shown = show::lines(&loaded);
    let again = read(path, shown.as_bytes());
    let again = again.unwrap_or_else(|faults| panic!("{faults:?} in\n{shown}"));
    for (row, same) in loaded.rows.iter().zip(&again.rows) {
        let name = &row.setting.name;
        // A switch that is off has no value, or `false`.
        let [value, shown_value] = [row, same].map(show::value);
        assert_eq!(value, shown_value, "{name} in\n{shown}");
    }
}

fn read(path: &Path, text: &[u8]) -> Result<Loaded, Vec<Fault>> {
    std::fs::write(path, text).expect("written");
    let given = lenient(Cli::command()).try_get_matches_from(["eventring", "serve"]);
    let given = given.expect("no flags are good flags");
    let (_, flags) = given.subcommand().expect("serve");
    load(&Layers {
        flags,
        file: Some(path.to_path_buf()),
        env: BTreeMap::new(),
    })
}

fn line(fault: &Fault) -> Option<usize> {
    match fault {
        Fault::Syntax { line, .. } | Fault::Unknown { line, .. } | Fault::Section { line, .. } => {
            Some(*line)
        }
        Fault::Value(wrong) => match wrong.origin {
            Origin::File { line, .. } => Some(line),
            _ => None,
        },
        _ => None,
    }
}
