//! The rows of the table: who does what, and what is wanted.

mod commits;
mod deflated;
mod goals;
mod hubs;
mod reads;
mod reopen;
mod retention;

use std::path::PathBuf;

use tempfile::TempDir;
use vfs_shim::Shim;

pub use goals::GOALS;
pub use reopen::{FILL, fill};

use crate::Result;
use crate::args::Args;
use crate::events::Events;
use crate::measure::Sample;

/// One engine in one row.
pub struct Case {
    pub row: &'static str,
    pub engine: &'static str,
    /// Its flushes go through the VFS, where they can be made to take longer.
    pub is_embedded: bool,
    pub run: Box<dyn Fn(&Context) -> Result<Sample>>,
}

/// What all of them are given.
pub struct Context {
    pub events: Events,
    pub seconds: f64,
    pub vfs: Option<Shim>,
    pub redis: PathBuf,
    pub nats: Option<PathBuf>,
    pub postgres: Option<PathBuf>,
    pub dir: PathBuf,
}

/// Topics of the events, but where a row says otherwise.
const TOPICS: usize = 64;

impl Context {
    pub fn new(args: &Args, vfs: Option<Shim>) -> Result<Self> {
        Ok(Self {
            events: Events::new(TOPICS),
            seconds: args.seconds,
            vfs,
            redis: args.redis.clone(),
            nats: args.nats.clone(),
            postgres: args.postgres.clone(),
            dir: args.dir.clone(),
        })
    }

    /// A directory that is gone with the run.
    pub fn temp(&self) -> Result<TempDir> {
        Ok(tempfile::tempdir_in(&self.dir)?)
    }
}

pub fn all() -> Vec<Case> {
    let mut cases = commits::cases();
    cases.extend(hubs::cases());
    cases.extend(reads::cases());
    cases.extend(deflated::cases());
    cases.extend(reopen::cases());
    cases.extend(retention::cases());
    cases
}

fn case(
    row: &'static str,
    engine: &'static str,
    is_embedded: bool,
    run: impl Fn(&Context) -> Result<Sample> + 'static,
) -> Case {
    Case {
        row,
        engine,
        is_embedded,
        run: Box::new(run),
    }
}
