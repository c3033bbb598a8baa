//! How long it takes to open a journal again whose process was killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Case, Context, case};
use crate::Result;
use crate::events::Events;
use crate::logs::{Log, Ours, open_journal};
use crate::measure::{Meter, Sample};

/// The first argument of a process that is to be killed; the second one is its directory.
pub const FILL: &str = "fill";
/// Of records.
const BYTES: u64 = 1 << 30;
const TOPICS: usize = 200_000;
/// Events of a commit.
const SIZE: u64 = 512;
const FULL: &str = "full";

pub fn cases() -> Vec<Case> {
    let row = "10 reopen, killed at 1 GiB, 200,000 topics";
    vec![case(row, "journal", false, run)]
}

fn run(context: &Context) -> Result<Sample> {
    let dir = context.temp()?;
    kill_at_work(dir.path())?;
    let mut meter = Meter::start();
    let journal = meter.time(1, || open_journal(dir.path(), None))?;
    let sample = meter.finish();
    drop(journal);
    Ok(sample)
}

/// Leaves a journal as a kill between any two of its instructions does.
fn kill_at_work(dir: &Path) -> Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg(FILL)
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut said)?;
    }
    child.kill()?;
    child.wait()?;
    match said.trim_end() {
        FULL => Ok(()),
        _ => Err("the process that is to be killed ended by itself".into()),
    }
}

/// Writes until it is killed; says when there is enough.
pub fn fill(dir: &Path) -> Result<()> {
    let events = Events::new(TOPICS);
    let mut log = Ours::open(dir, true, None)?;
    let commits = (BYTES as f64 / events.record_bytes()) as u64 / SIZE;
    for commit in 0.. {
        if commit == commits {
            let mut out = std::io::stdout();
            writeln!(out, "{FULL}")?;
            out.flush()?;
        }
        log.append(&events, commit * SIZE, SIZE)?;
    }
    Ok(())
}
