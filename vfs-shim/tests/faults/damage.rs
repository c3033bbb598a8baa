//! A byte changes on the disk: it is told, and what it spoiled is never handed out.

use std::fs;
use std::time::{Duration, Instant};

use eventring::journal::{
    Journal, JournalError, JournalState, Retention, SqliteJournal, SqliteOptions,
};
use vfs_shim::{Call, Fault, Part, Random, Shim};

use crate::directory::Directory;
use crate::judge::{self, Found};
use crate::script::{self, Script};

/// Bytes that are flipped in each page, each in a copy of its own.
const FLIPS: u64 = 2;
/// Copies that are judged for a file, at most.
const COPIES: u64 = 80;

#[test]
fn a_flipped_byte_is_told_with_the_pages_that_are_shipped() {
    flips("shipped", 16 << 10, 150);
}

#[test]
fn a_flipped_byte_is_told_with_small_pages() {
    flips("small", 4 << 10, 250);
}

fn flips(name: &str, page_bytes: u32, rounds: u64) {
    let shim = Shim::register(&format!("flips-{name}"));
    let from = Directory::new(&format!("flips-{name}-from"));
    let mut script = Script::new(7);
    let mut journal = script::open(from.path(), shim.name(), page_bytes);
    script.run(rounds, &mut journal, &shim, from.path());
    // Everything is below the mark.
    while !script.rounds.last().unwrap().flush {
        script.run(1, &mut journal, &shim, from.path());
    }
    drop(journal);
    let files = from.files();
    let options = SqliteOptions::default().same_epoch(true);
    let to = Directory::new(&format!("flips-{name}-to"));
    let mut random = Random::new(7);
    let (mut told, mut harmless) = (0, 0);
    let kept = ["lock", "reserve", "-shm"];
    let judged = files
        .iter()
        .filter(|(file, _)| !kept.iter().any(|kept| file.ends_with(kept)));
    for (file, bytes) in judged {
        let unit = if file.ends_with("-wal") {
            page_bytes as u64 + 24
        } else {
            page_bytes as u64
        };
        let units = (bytes.len() as u64).div_ceil(unit);
        let each = (units * FLIPS).div_ceil(COPIES).max(1);
        for number in (0..units * FLIPS).step_by(each as usize) {
            let start = number / FLIPS * unit;
            // One in the front of a page or frame, where its header is, and one anywhere.
            let reach = if number % FLIPS == 0 { 32 } else { unit };
            let at = (start + random.below(reach)).min(bytes.len() as u64 - 1) as usize;
            to.empty();
            from.lend_reserve(&to);
            for (name, bytes) in &files {
                if !name.ends_with("-shm") && name != "reserve" {
                    fs::write(to.path().join(name), bytes).unwrap();
                }
            }
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 1 << random.below(8);
            fs::write(to.path().join(file), spoilt).unwrap();
            match SqliteJournal::open_with(to.path(), &options) {
                Ok(journal) => match check(&script, &journal, &format!("{file} at {at}")) {
                    true => told += 1,
                    false => harmless += 1,
                },
                Err(JournalError::Damaged { .. } | JournalError::Foreign { .. }) => told += 1,
                Err(JournalError::TooNew { .. } | JournalError::Io { .. }) => told += 1,
                Err(error) => panic!("{file} at {at}: {error}"),
            }
        }
    }
    assert!(told > 20, "{told} were told");
    println!("{told} told, {harmless} in what nobody reads");
}

/// Whether anything was told; what is missing must be, whichever way it is read.
fn check(script: &Script, journal: &SqliteJournal, place: &str) -> bool {
    let forward = check_found(script, &judge::read(journal), place);
    let back = check_found(script, &judge::read_back(journal), place);
    forward || back
}

fn check_found(script: &Script, found: &Found, place: &str) -> bool {
    found.check_events(script);
    if found.error.is_some() {
        return true;
    }
    let mut there = found.events.iter().map(|(offset, _)| *offset).peekable();
    for offset in script.events.keys() {
        if there.next_if_eq(offset).is_none() {
            let holes = &found.holes;
            assert!(
                found.is_damaged_at(*offset),
                "{place}: {offset} is missing: {holes:?}"
            );
        }
    }
    found.holes.iter().any(|hole| !hole.range.is_empty())
}

/// Once a page that could not be read when retention came to it ended all writing.
#[test]
fn a_read_that_fails_while_events_go_ends_no_publishing() {
    let (mut met, mut after) = (0, 0);
    loop {
        let shim = Shim::register(&format!("damage-retain-{after}"));
        let from = Directory::new(&format!("damage-retain-{after}"));
        let mut script = Script::new(9);
        let mut journal = script::open(from.path(), shim.name(), 4 << 10);
        script.run(60, &mut journal, &shim, from.path());
        journal.close().unwrap();
        drop(journal);
        let options = SqliteOptions::default()
            .same_epoch(true)
            .retention(Retention::default().events(Some(100)))
            .page_bytes(4 << 10)
            .vfs(Some(shim.name().to_owned()));
        let mut journal = SqliteJournal::open_with(from.path(), &options).unwrap();
        shim.fail(Fault::io(Part::Database, Call::Read).after(after));
        let (mut now, mut turns) = (Instant::now(), 0..1_000);
        while turns.next().is_some()
            && let Some(wait) = journal.maintain(now)
        {
            now += wait.min(Duration::from_secs(1));
        }
        let is_met = shim.all_failed();
        shim.clear_faults();
        assert_eq!(journal.view().state(), JournalState::Writable, "{after}");
        script.commit(&mut journal, true).unwrap();
        judge::read(&journal).check_events(&script);
        if !is_met {
            assert!(journal.view().stats().floor > 100, "{after}");
            break;
        }
        (met, after) = (met + 1, after + 1 + after / 4);
    }
    assert!(met > 3, "{met} were met");
}
