//! `eventring bench`: drives a server over real sockets and judges what every client got.
//!
//! One thread, one poller: it publishes, reads, cuts and resumes. [`ledger`] decides for each client
//! what is missing, double or out of order; [`course`], [`storm`] and [`first_byte`] decide what happens
//! when.

mod answer;
mod books;
mod client;
mod course;
mod error;
mod event_stream;
mod first_byte;
mod fleet;
mod gunzip;
mod judgement;
mod ledger;
mod marker;
mod news;
mod outcome;
mod poller;
mod procfs;
mod progress;
mod publisher;
mod report;
mod socket;
mod spawned;
mod storm;
mod stream;
mod system;
mod table;
mod tally;
mod target;
mod timer;
mod times;
mod tools;
mod trouble;
mod usage;

use crate::cli::{BenchArgs, Measured};
use crate::{console, exit};
use course::Course;
use error::BenchError;
use first_byte::FirstByte;
use outcome::Outcome;
use spawned::Spawned;
use std::process::ExitCode;
use storm::Storm;
use target::Target;

/// Runs it and prints the report; the exit code says whether anything went wrong without a word.
pub(crate) fn run(args: &BenchArgs) -> ExitCode {
    match measure(args) {
        Ok(outcome) => {
            let code = match outcome.clean {
                true => exit::OK,
                false => ExitCode::from(exit::FAILED),
            };
            console::printed(console::out(outcome.text(args.told.json)), code)
        }
        Err(error) => {
            console::err(format_args!("bench: {error}"));
            ExitCode::from(error.code())
        }
    }
}

fn measure(args: &BenchArgs) -> Result<Outcome, BenchError> {
    let is_tcp = args.spawn || args.url.socket.is_none();
    target::check_room(args.load.connections, is_tcp)?;
    let spawned = args.spawn.then(Spawned::start).transpose()?;
    let url = spawned.as_ref().map_or(&args.url, |server| &server.url);
    let target = Target::new(
        url,
        &args.load.topic,
        args.load.form(),
        args.i_own_this_server,
    )?;
    let pid = spawned.as_ref().map(Spawned::pid).or(args.told.pid);
    let process = pid.map(procfs::Process::new).transpose()?;
    match args.measured() {
        Measured::Load => Course::new(args, target, process)?.run(),
        Measured::Storm => Storm::new(args, target, process)?.run(),
        Measured::FirstByte => FirstByte::new(args, target, process)?.run(),
    }
}
