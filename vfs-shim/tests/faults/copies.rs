//! A folder that is copied, also while it is in use.

use std::fs;
use std::path::Path;

use eventring::journal::{Journal, JournalError, SqliteJournal};
use vfs_shim::Random;

use crate::directory::Directory;
use crate::judge;
use crate::script::{self, Script};

const PAGE: u32 = 4 << 10;
const COPIES: u64 = 8;

fn copy(from: &Path, to: &Path, names: &[&str]) {
    for name in names {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[test]
fn a_copy_of_a_folder_that_is_closed_is_a_log_of_its_own() {
    let (from, to) = (Directory::new("copies-from"), Directory::new("copies-to"));
    let mut script = Script::new(31);
    let mut journal = script::open(from.path(), "unix", PAGE);
    for _ in 0..10 {
        script.commit(&mut journal, true).unwrap();
    }
    let epoch = journal.recovered().epoch;
    journal.close().unwrap();
    drop(journal);
    copy(
        from.path(),
        to.path(),
        &["journal.sqlite", "journal.sqlite-wal", "durable"],
    );
    let journal = SqliteJournal::open(to.path()).unwrap();
    assert_ne!(journal.recovered().epoch, epoch);
    assert_eq!(judge::read(&journal).check_whole(&script, 10), 10);
    let last = *script.rounds[9].offsets.last().unwrap();
    assert!(journal.recovered().next > last);
    // The one that it was copied from is what it was.
    let journal = script::open(from.path(), "unix", PAGE);
    assert_eq!(journal.recovered().epoch, epoch);
}

/// File by file, while rounds are committed and checkpoints copy: no backup. What can be opened hands out nothing but what
/// was given, in order, and has another epoch; else it is refused.
#[test]
fn a_copy_that_was_taken_while_it_was_in_use_hands_out_nothing_wrong() {
    let (from, to) = (
        Directory::new("copies-used-from"),
        Directory::new("copies-used-to"),
    );
    let mut random = Random::new(32);
    let (mut opened, mut refused, mut whole) = (0, 0, 0);
    for round in 0..COPIES {
        from.empty();
        to.empty();
        let mut script = Script::new(32 + round);
        let mut journal = script::open(from.path(), "unix", PAGE);
        let mut names = ["journal.sqlite", "journal.sqlite-wal", "durable"];
        names.rotate_left(random.below(3) as usize);
        let mut work = |script: &mut Script, rounds: u64| {
            for _ in 0..rounds {
                script.commit(&mut journal, false).unwrap();
                journal.maintain(std::time::Instant::now());
            }
        };
        work(&mut script, 40 + random.below(100));
        let before = script.rounds.len();
        for name in names {
            copy(from.path(), to.path(), &[name]);
            // Long enough for the log to begin anew now and then.
            work(&mut script, random.below(200));
        }
        let epoch = journal.recovered().epoch;
        match SqliteJournal::open(to.path()) {
            Ok(copy) => {
                assert_ne!(copy.recovered().epoch, epoch);
                let found = judge::read(&copy);
                found.check_events(&script);
                opened += 1;
                let least = script.rounds[..before]
                    .iter()
                    .map(|round| round.offsets.len());
                whole += u32::from(found.events.len() >= least.sum());
            }
            Err(JournalError::Damaged { .. } | JournalError::Directory { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    println!("{opened} opened, {whole} of them with all of before; {refused} refused");
    assert_eq!(opened + refused, COPIES);
}
