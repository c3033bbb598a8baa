//! `eventring check-config`: what `serve` would use, without starting anything.

use super::layers::{Layers, Loaded, load};
use super::{Fault, show};
use crate::{console, exit, serve};
use clap::ArgMatches;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints the settings, or everything that is wrong with them.
pub(crate) fn run(given: &ArgMatches) -> ExitCode {
    let layers = Layers {
        flags: given,
        file: given.get_one::<OsString>("file").map(PathBuf::from),
        env: std::env::vars_os().collect(),
    };
    match load(&layers).and_then(usable) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                console::err(format_args!("warning: {warning}"));
            }
            console::printed(console::out(show::lines(&loaded).trim_end()), exit::OK)
        }
        Err(faults) => {
            console::faults(&faults);
            ExitCode::from(exit::USAGE)
        }
    }
}

/// Asks the library, which knows what memory can hold.
fn usable(loaded: Loaded) -> Result<Loaded, Vec<Fault>> {
    match serve::try_hub(&loaded.args) {
        Ok(()) => Ok(loaded),
        Err(text) => Err(vec![Fault::Together(text)]),
    }
}
