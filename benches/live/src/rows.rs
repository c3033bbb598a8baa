//! The rows: what is run, and what is compared.

use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::args::Args;
use crate::load::{self, Sample};
use crate::look_backs::LookBacks;
use crate::server::{Commits, Server};

const STREAMS: usize = 1_000;
/// Streams that are live beside those that look back.
const BESIDE: usize = 100;
const LOOK_BACKS: usize = 500;
/// Events of the topic that is looked back at: three times what the ring has.
const OLD: u64 = 200_000;
const LAST: &str = "the-last-of-the-old-ones";
/// Time between two looks at the journal's log.
const LOOK: Duration = Duration::from_millis(100);
/// A goal: how much later than in memory an event may come beside its commit, milliseconds.
const LATER_MS: f64 = 0.05;

/// Durable events to many streams, and the same in memory.
pub fn durable(args: &Args) -> Result<String> {
    let (mut memory, mut durable, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..args.rounds {
        // Each round begins with the other one.
        for keeps in [round % 2 == 1, round % 2 == 0] {
            let server = Server::start(args, keeps)?;
            let before = server.commits()?;
            let sample = load::run(args, &server, STREAMS, args.seconds)?;
            eprintln!("round {round}, keeps {keeps}: {sample:?}");
            if keeps {
                commits.push(server.commits()?.since(&before));
                durable.push(sample);
            } else {
                memory.push(sample);
            }
        }
    }
    let [in_memory, kept] = [&memory, &durable].map(|samples| Medians::of(samples));
    let commit = |read: fn(&Commits) -> f64| median(commits.iter().map(read));
    let (mean, p99) = (
        commit(Commits::mean_ms),
        commit(|one| one.percentile_ms(99.0)),
    );
    let mut text = format!(
        "{STREAMS} SSE x 100 events/s, {} s, {} rounds\n",
        args.seconds, args.rounds
    );
    let _ = writeln!(text, "  in memory  {in_memory}\n  durable    {kept}");
    let _ = writeln!(text, "  commits    mean {mean:.3} ms, p99 <= {p99:.3} ms");
    let more = (kept.reactors_us / in_memory.reactors_us - 1.0) * 100.0;
    let _ = writeln!(text, "  reactors' CPU {more:+.1} % (goal: <= 3 %)");
    let goal = in_memory.p99_ms + p99 + LATER_MS;
    let _ = writeln!(text, "  p99 {:.2} ms (goal: <= {goal:.2} ms)", kept.p99_ms);
    Ok(text)
}

/// Live streams while others look back.
pub fn look_back(args: &Args) -> Result<String> {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let (mut quiet, mut busy, mut wal, mut done) = (Vec::new(), Vec::new(), 0, Vec::new());
    let mut stall_us = 0;
    for round in 0..args.rounds {
        let server = Server::start(args, true)?;
        server.fill("old", OLD, LAST)?;
        let before = server.commits()?;
        let sample = load::run(args, &server, BESIDE, args.seconds)?;
        eprintln!("round {round}, alone: {sample:?}");
        alone.push(sample);
        let between = server.commits()?;
        quiet.push(between.since(&before));
        let clients = LookBacks::start(server.address, LOOK_BACKS, "old", LAST)?;
        let sample = thread::scope(|scope| -> Result<Sample> {
            let load = scope.spawn(|| load::run(args, &server, BESIDE, args.seconds));
            while !load.is_finished() {
                wal = wal.max(server.commits()?.wal_bytes);
                thread::sleep(LOOK);
            }
            load.join().map_err(|_| "the load panicked")?
        })?;
        let looked_back = clients.end()?;
        eprintln!(
            "round {round}, beside {} look-backs ({:.0} MB): {sample:?}",
            looked_back.done,
            looked_back.bytes as f64 / 1e6
        );
        beside.push(sample);
        busy.push(server.commits()?.since(&between));
        stall_us = stall_us.max(server.commits()?.stall_max_us);
        eprintln!(
            "  stall before {} us, then {stall_us} us",
            between.stall_max_us
        );
        done.push(looked_back.bytes as f64 / 1e6 / args.seconds as f64);
    }
    let mut text = format!(
        "{LOOK_BACKS} deep look-backs beside {BESIDE} SSE x 100 durable events/s, {} s, {} rounds\n",
        args.seconds, args.rounds
    );
    let [alone, beside] = [&alone, &beside].map(|samples| Medians::of(samples));
    let _ = writeln!(text, "  alone      {alone}\n  beside     {beside}");
    for (name, commits) in [("alone", &quiet), ("beside", &busy)] {
        let p99 = median(commits.iter().map(|one| one.percentile_ms(99.0)));
        let mean = median(commits.iter().map(Commits::mean_ms));
        let _ = writeln!(
            text,
            "  commits {name}: mean {mean:.3} ms, p99 <= {p99:.3} ms"
        );
    }
    let _ = writeln!(text, "  looked back: {:.0} MB/s", median(done.into_iter()));
    let stall_ms = stall_us as f64 / 1e3;
    let _ = writeln!(
        text,
        "  streams had to wait for other work {stall_ms:.1} ms at most"
    );
    let times = beside.p99_ms / alone.p99_ms;
    let _ = writeln!(text, "  live p99 {times:.2}x (goal: <= 2x)");
    let wal = wal as f64 / f64::from(1 << 20);
    let _ = writeln!(
        text,
        "  the journal's log {wal:.1} MiB at most (goal: <= 64 MiB)"
    );
    Ok(text)
}

/// The medians of some runs.
struct Medians {
    reactors_us: f64,
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
    load_busy: f64,
}

impl Medians {
    fn of(samples: &[Sample]) -> Self {
        let of = |read: fn(&Sample) -> f64| median(samples.iter().map(read));
        Self {
            reactors_us: of(|one| one.reactors_us),
            cpu_us: of(|one| one.cpu_us),
            p50_ms: of(|one| one.p50_ms),
            p99_ms: of(|one| one.p99_ms),
            load_busy: of(|one| one.load_busy),
        }
    }
}

impl std::fmt::Display for Medians {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            reactors_us,
            cpu_us,
            p50_ms,
            p99_ms,
            load_busy,
        } = self;
        write!(
            f,
            "reactors {reactors_us:.3} us a delivery, server {cpu_us:.3}; p50 {p50_ms:.2} ms, p99 {p99_ms:.2}; load {:.0} % of a core",
            load_busy * 100.0
        )
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
