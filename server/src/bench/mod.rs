//! `eventring bench`: measures a server over real sockets.

use crate::cli::BenchArgs;
use crate::{exit, say};
use std::process::ExitCode;

/// Refuses until there is something to run.
pub(crate) fn run(args: &BenchArgs) -> ExitCode {
    say::err(format_args!("bench: {args:?}: not there yet"));
    ExitCode::from(exit::USAGE)
}
