//! What it costs to keep each event. `README.md` says how it is run and read.

mod args;
mod cases;
mod events;
mod logs;
mod measure;
mod peers;
mod report;

use std::error::Error;
use std::time::Duration;

use vfs_shim::Shim;

use crate::args::Args;
use crate::cases::{Case, Context};
use crate::report::Table;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if(|arg| arg == cases::FILL).is_some() {
        let dir = args.next().ok_or("no directory is named")?;
        return cases::fill(dir.as_ref());
    }
    let args = Args::parse(args)?;
    let shim = Shim::register("journal-bench");
    let mut tables = Vec::new();
    for delay in args.delays() {
        shim.delay_syncs(delay);
        let context = Context::new(&args, (!delay.is_zero()).then_some(shim))?;
        tables.push(measure(&args, &context, delay)?);
    }
    for table in &tables {
        table.print();
    }
    Ok(())
}

/// Runs every case once a round; each round begins with another one.
fn measure(args: &Args, context: &Context, delay: Duration) -> Result<Table> {
    let cases: Vec<Case> = cases::all()
        .into_iter()
        .filter(|case| args.wants(case) && (delay.is_zero() || case.is_embedded))
        .collect();
    let mut table = Table::new(delay);
    for round in 0..args.rounds {
        for index in 0..cases.len() {
            let case = &cases[(index + round) % cases.len()];
            match (case.run)(context) {
                Ok(sample) => {
                    eprintln!("{round} {} {}: {sample}", case.row, case.engine);
                    table.add(case.row, case.engine, sample);
                }
                Err(error) if args.is_quiet_about(case) => drop(error),
                Err(error) => eprintln!("{} {}: {error}", case.row, case.engine),
            }
        }
    }
    Ok(table)
}
