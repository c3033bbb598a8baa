//! `eventring journal`: looks at the files of a journal, checks, copies and fills them.

mod backup;
mod export;
mod import;
mod info;
mod progress;
mod repair;
mod scavenge;
mod verify;

use crate::cli::{JournalArgs, JournalCommand};
use crate::{console, exit};
use eventring::journal::JournalError;
use std::process::ExitCode;

/// Runs the command.
pub(crate) fn run(args: &JournalArgs) -> ExitCode {
    match &args.command {
        JournalCommand::Info(args) => info::run(args),
        JournalCommand::Verify(args) => verify::run(args),
        JournalCommand::Export(args) => export::run(args),
        JournalCommand::Import(args) => import::run(args),
        JournalCommand::Backup(args) => backup::run(args),
        JournalCommand::Scavenge(args) => scavenge::run(args),
        JournalCommand::Repair(args) => repair::run(args),
    }
}

/// Says why a journal cannot be used, and what to do.
fn unusable(error: &JournalError) -> ExitCode {
    match error {
        JournalError::Locked { .. } => console::err(format_args!(
            "{error}: stop it first; info, verify, export and backup work beside it"
        )),
        JournalError::Foreign { .. } => console::err(format_args!(
            "{error}; --data names the folder that a server was started with"
        )),
        JournalError::Damaged { .. } => {
            console::err(format_args!(
                "{error}; \"eventring journal verify\" says what is lost, \"repair\" takes it out"
            ));
            // Nothing is wrong with how it was asked for.
            return ExitCode::from(exit::FAILED);
        }
        other => console::err(other),
    }
    ExitCode::from(exit::USAGE)
}
