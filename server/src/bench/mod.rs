//! `eventring bench`: drives a server over real sockets and judges what every client got.
//!
//! One thread, one poller: it publishes, reads, cuts and resumes. [`ledger`] decides for each client
//! what is missing, double or out of order, [`course`] decides what happens when.

mod client;
mod course;
mod error;
mod ledger;
mod marker;
mod procfs;
mod progress;
mod publisher;
mod report;
mod spawned;
mod tally;
mod target;
mod timer;
mod trouble;

use crate::cli::BenchArgs;
use crate::{exit, say};
use error::BenchError;
use report::Report;
use spawned::Spawned;
use std::process::ExitCode;
use target::Target;

/// Runs it and prints the report; the exit code says whether the server lost anything.
pub(crate) fn run(args: &BenchArgs) -> ExitCode {
    match measure(args) {
        Ok(report) => {
            say::out(if args.told.json {
                report.json()
            } else {
                report.table()
            });
            if report.is_clean() {
                exit::OK
            } else {
                ExitCode::from(exit::FAILED)
            }
        }
        Err(error) => {
            say::err(format_args!("bench: {error}"));
            ExitCode::from(error.code())
        }
    }
}

fn measure(args: &BenchArgs) -> Result<Report, BenchError> {
    target::check_room(args.load.connections)?;
    let spawned = args.spawn.then(Spawned::start).transpose()?;
    let url = spawned.as_ref().map_or(&args.url, |server| &server.url);
    let target = Target::new(url, &args.load.topic, args.i_own_this_server)?;
    let pid = spawned.as_ref().map(Spawned::pid).or(args.told.pid);
    let process = pid.map(procfs::Process::new).transpose()?;
    course::Course::new(args, target, process)?.run()
}
