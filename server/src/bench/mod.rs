//! `eventring bench`: drives a server over real sockets and judges what every client got.
//!
//! One thread, one poller: it publishes, reads, cuts and resumes. `load::sequence_check` decides for each client
//! what is missing, double or out of order; [`run`], [`storm`] and [`first_byte`] decide what happens
//! when.

mod connection;
mod decode;
mod error;
mod first_byte;
mod load;
mod measure;
mod progress;
mod report;
mod run;
mod storm;

use crate::cli::{BenchArgs, Measured};
use crate::{console, exit};
use connection::{ChildServer, Target, check_room};
use error::BenchError;
use first_byte::FirstByte;
use measure::Process;
use report::Outcome;
use run::Run;
use std::process::ExitCode;
use storm::Storm;

/// Runs it and prints the report; the exit code says whether anything went wrong without a word.
pub(crate) fn run(args: &BenchArgs) -> ExitCode {
    match measure(args) {
        Ok(outcome) => {
            let code = match outcome.clean {
                true => exit::OK,
                false => ExitCode::from(exit::FAILED),
            };
            console::printed(console::out(outcome.text(args.report.json)), code)
        }
        Err(error) => {
            console::err(format_args!("bench: {error}"));
            ExitCode::from(error.code())
        }
    }
}

fn measure(args: &BenchArgs) -> Result<Outcome, BenchError> {
    let is_tcp = args.spawn || args.url.socket.is_none();
    // First of all: a run that does not fit must not start a server for nothing.
    check_room(args.load.connections, is_tcp)?;
    let child = args.spawn.then(ChildServer::start).transpose()?;
    let url = child.as_ref().map_or(&args.url, |server| &server.url);
    let target = Target::new(
        url,
        &args.load.topic,
        args.load.format(),
        args.i_own_this_server,
    )?;
    let pid = child.as_ref().map(ChildServer::pid).or(args.report.pid);
    let process = pid.map(Process::new).transpose()?;
    match args.measured() {
        Measured::Load => Run::new(args, target, process)?.run(),
        Measured::Storm => Storm::new(args, target, process)?.run(),
        Measured::FirstByte => FirstByte::new(args, target, process)?.run(),
    }
}
