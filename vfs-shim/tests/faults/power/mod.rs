//! The power fails at any write, and takes along any part of what was not flushed.
//!
//! A run of a journal is recorded with all that is done to one: rounds, flushed or not, of streams, batches and state;
//! holes and reservations; merges and checkpoints; truncation and retention; closing, the end of the process, opening
//! again. Then it is replayed up to any entry, with a part of what was not flushed, into an empty directory; whatever is
//! found there is compared with what had been acknowledged by then.
//!
//! A run is that of its seed but for the turns that the thread of the checkpoints takes, so what is found wanting is kept
//! and named: `POWER_SEED` is where the seeds begin, `POWER_CUTS` how many cuts there are.

mod judge;
mod run;

use std::env;
use std::path::Path;
use std::time::Instant;

use eventring::journal::{CommitRound, Journal, RoundEvent, SqliteFiles, SqliteJournal};
use vfs_shim::{Disk, Entry, Loss, Random, Shim};

use crate::directory::{Directory, Said};
use crate::script;
use judge::{Bounds, Sums};
use run::Run;

/// Cuts that are judged where nobody asks for more.
const CUTS: u64 = 100;
const SEED: u64 = 17;
/// Cuts of one recorded run, at most.
const CUTS_A_RUN: u64 = 125;
/// Rounds of a recorded run, at least: so many that a topic is compacted.
const ROUNDS: usize = 500;
/// Seeds that once failed: all of them are run each time.
const FAILED: [u64; 0] = [];

const SHIPPED: u32 = 16 << 10;
const SMALL: u32 = 4 << 10;

/// The counts of what was judged.
#[derive(Debug, Default)]
struct Judged {
    cuts: u64,
    in_checkpoint: u64,
    lost: u64,
    retained: u64,
    truncated: u64,
    compacted: u64,
}

#[test]
fn what_was_acknowledged_is_there() {
    let number = |name: &str, default: u64| {
        let said = env::var(name).ok();
        said.map_or(default, |said| said.parse().unwrap())
    };
    let (cuts, first) = (number("POWER_CUTS", CUTS), number("POWER_SEED", SEED));
    let runs = cuts.div_ceil(CUTS_A_RUN).max(2);
    let mut judged = Judged::default();
    let seeds = FAILED.into_iter().chain(first..first + runs);
    for (number, seed) in seeds.enumerate() {
        let page_bytes = if number.is_multiple_of(2) {
            SHIPPED
        } else {
            SMALL
        };
        let begun = Instant::now();
        let before = judged.cuts;
        cut(seed, page_bytes, cuts.div_ceil(runs), &mut judged);
        println!(
            "seed {seed}, pages of {page_bytes}: {} cuts in {} ms",
            judged.cuts - before,
            begun.elapsed().as_millis()
        );
    }
    println!("{judged:?}");
    assert!(judged.cuts >= cuts, "{judged:?}");
    assert!(judged.in_checkpoint * 3 >= judged.cuts, "{judged:?}");
}

/// Records a run, and cuts it so many times.
fn cut(seed: u64, page_bytes: u32, cuts: u64, judged: &mut Judged) {
    let shim = Shim::register(&format!("power-{seed}-{page_bytes}"));
    let from = Directory::new(&format!("power-{seed}-{page_bytes}-from"));
    let mut run = Run::new(seed, page_bytes, &shim, from.path());
    shim.record();
    let mut journal = run.open();
    let (mut checkpoints, mut merges) = (0, 0);
    while run.rounds.len() < ROUNDS || checkpoints < 3 || merges < 10 {
        let seen = journal.view().stats();
        journal = run.step(journal);
        let now = journal.view().stats();
        checkpoints += now.checkpoints.saturating_sub(seen.checkpoints);
        merges += now.merges.saturating_sub(seen.merges);
        assert!(run.rounds.len() < 5_000, "no checkpoint ran beside");
    }
    drop(journal);
    let record = shim.recorded();

    let is_copy =
        |entry: &Entry| matches!(entry, Entry::Write { file, .. } if file.ends_with(".sqlite"));
    let copies: Vec<usize> = (0..record.len())
        .filter(|at| is_copy(&record[*at]))
        .collect();
    assert!(copies.len() > 100, "{} are copied", copies.len());
    let mut random = Random::new(seed);
    let mut places: Vec<usize> = (0..cuts)
        .map(|number| match number % 2 {
            0 => copies[random.below(copies.len() as u64) as usize],
            _ => random.below(record.len() as u64) as usize,
        })
        .collect();
    places.sort_unstable();

    let to = Directory::new(&format!("power-{seed}-{page_bytes}-to"));
    let (mut disk, mut moment, mut done) = (Disk::default(), None, 0);
    for place in places {
        for entry in &record[done..=place] {
            disk.apply(entry);
            if let Entry::Note(note) = entry {
                moment = Some(*note as usize);
            }
        }
        done = done.max(place + 1);
        let loss = loss(&mut random, page_bytes);
        to.empty();
        from.lend_reserve(&to);
        disk.restore(to.path(), loss, &mut random).unwrap();
        let _said = Said(format!("seed {seed}: cut at {place}, {loss:?}"));
        let Some(moment) = moment else {
            check_new(to.path(), page_bytes);
            judged.cuts += 1;
            continue;
        };
        run.restore_mark(to.path(), moment, &mut random);
        if run.moments[moment].is_opening {
            script::restart_machine(to.path(), "unix");
        }
        let sums = check(&run, to.path(), moment, loss);
        judged.cuts += 1;
        judged.in_checkpoint += u64::from(is_copy(&record[place]));
        judged.lost += u64::from(sums.rounds < run.moments[moment].rounds);
        judged.retained += u64::from(sums.retained > 0);
        judged.truncated += u64::from(sums.truncated > 0);
        judged.compacted += u64::from(sums.compacted > 0);
    }
}

/// What becomes of the writes that were not flushed: all of them are there half of the time, or none, as a prefix of the run
/// has it; else any part, in pieces of a sector, of a page of the system, or of one of the database.
fn loss(random: &mut Random, page_bytes: u32) -> Loss {
    let percent = [20, 50, 80][random.below(3) as usize];
    let pieces = [512, 4096, page_bytes as usize];
    match random.below(8) {
        0 | 1 => Loss::Nothing,
        2 => Loss::Everything,
        3 => Loss::Writes(percent),
        _ => Loss::Pieces {
            bytes: pieces[random.below(3) as usize],
            percent,
        },
    }
}

/// A journal that was being made is made.
fn check_new(directory: &Path, page_bytes: u32) {
    let mut journal = script::open(directory, "unix", page_bytes);
    let recovered = journal.recovered();
    assert_eq!((recovered.last, recovered.next), (0, 1), "{recovered:?}");
    goes_on(&mut journal);
}

fn check(run: &Run<'_>, directory: &Path, moment: usize, loss: Loss) -> Sums {
    let moment = &run.moments[moment];
    // What is only written is there after the process ends, and may go with the power.
    let mut rounds = run.rounds[..moment.rounds].iter();
    let kept = match loss {
        Loss::Nothing => moment.rounds,
        _ => rounds
            .rposition(|round| round.flush)
            .map_or(0, |last| last + 1),
    };
    let bounds = Bounds {
        kept,
        acknowledged: moment.rounds,
        truncations: moment.truncations,
    };
    let options = run.kind.options("unix");
    let mut journal = SqliteJournal::open_with(directory, &options).unwrap();
    let next = journal.recovered().next;
    assert!(next >= moment.reserved, "{next}: {}", moment.reserved);
    let sums = judge::check(run, &journal, &bounds);
    goes_on(&mut journal);
    drop(journal);
    let mut files = SqliteFiles::open(directory).unwrap();
    let verified = files.verify(true, &mut |_| {}).unwrap();
    assert!(verified.is_whole(), "{verified:?}");
    sums
}

/// Whatever was found, it takes events.
fn goes_on(journal: &mut SqliteJournal) {
    let event = eventring::event::Event::builder("orders.1", "placed")
        .build()
        .unwrap();
    let mut round = CommitRound::default();
    round.flush = true;
    let (next, recorded) = (journal.recovered().next, journal.recovered().recorded);
    round
        .events
        .push(RoundEvent::new(next, recorded, event.as_ref()));
    journal.commit(&mut round).unwrap();
    let now = Instant::now();
    for _ in 0..4 {
        journal.maintain(now);
    }
}
