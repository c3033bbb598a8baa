//! The error table: every error of the disk, at every call, in everything that a journal does.
//!
//! Each case is a journal of its own, with one call that fails. What came of it is written down in [`TABLE`], and whatever
//! that is, the rules hold: what was acknowledged is there; what was refused for want of space, or aborted, is not there
//! after a restart; a poisoned journal writes nothing more; everything else goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use eventring::journal::{
    CommitFailure, Journal, JournalError, Retention, SqliteJournal, SqliteOptions,
};
use rusqlite::ffi;
use vfs_shim::{Call, Fault, Part, Shim};

use crate::directory::{Directory, Said};
use crate::judge;
use crate::script::Script;

const TABLE: &str = include_str!("errors.txt");
/// The folder in which the table is to be written anew.
const WRITE: &str = "WRITE_TABLES";
const PAGE: u32 = 4 << 10;

/// What a journal does while a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Create,
    Open,
    Commit,
    Flush,
    Merge,
    Checkpoint,
    Truncate,
    Retain,
    Close,
}

const PHASES: [(Phase, &str); 9] = [
    (Phase::Create, "create"),
    (Phase::Open, "open"),
    (Phase::Commit, "commit"),
    (Phase::Flush, "flush"),
    (Phase::Merge, "merge"),
    (Phase::Checkpoint, "checkpoint"),
    (Phase::Truncate, "truncate"),
    (Phase::Retain, "retain"),
    (Phase::Close, "close"),
];

/// What came of it, in the words of the table.
const DONE: &str = "done";
const NO_SPACE: &str = "no space";
const ABORTED: &str = "aborted";
const POISONED: &str = "poisoned";

/// The errors of a write. That somebody is in the way is none: no write says so, and SQLite could not go on behind it, since
/// the checksum of a frame that was not written would be in all those that follow.
const CODES: [(&str, c_int, c_int); 20] = [
    ("FULL ENOSPC", ffi::SQLITE_FULL, libc::ENOSPC),
    ("IOERR_WRITE ENOSPC", ffi::SQLITE_IOERR_WRITE, libc::ENOSPC),
    ("IOERR_WRITE EDQUOT", ffi::SQLITE_IOERR_WRITE, libc::EDQUOT),
    ("IOERR_WRITE EFBIG", ffi::SQLITE_IOERR_WRITE, libc::EFBIG),
    ("IOERR_WRITE EIO", ffi::SQLITE_IOERR_WRITE, libc::EIO),
    ("IOERR_WRITE EROFS", ffi::SQLITE_IOERR_WRITE, libc::EROFS),
    ("IOERR_WRITE EBADF", ffi::SQLITE_IOERR_WRITE, libc::EBADF),
    ("IOERR_WRITE -", ffi::SQLITE_IOERR_WRITE, 0),
    ("IOERR EIO", ffi::SQLITE_IOERR, libc::EIO),
    ("IOERR_NOMEM", ffi::SQLITE_IOERR_NOMEM, libc::ENOMEM),
    ("IOERR_CORRUPTFS", ffi::SQLITE_IOERR_CORRUPTFS, libc::EIO),
    ("IOERR_DATA", ffi::SQLITE_IOERR_DATA, libc::EIO),
    ("NOMEM", ffi::SQLITE_NOMEM, 0),
    ("READONLY EROFS", ffi::SQLITE_READONLY, libc::EROFS),
    ("READONLY_DBMOVED", ffi::SQLITE_READONLY_DBMOVED, 0),
    ("CORRUPT", ffi::SQLITE_CORRUPT, 0),
    ("NOTADB", ffi::SQLITE_NOTADB, 0),
    ("ERROR", ffi::SQLITE_ERROR, 0),
    ("CANTOPEN EMFILE", ffi::SQLITE_CANTOPEN, libc::EMFILE),
    ("INTERRUPT", ffi::SQLITE_INTERRUPT, 0),
];
const FLUSHES: [(&str, c_int, c_int); 4] = [
    ("IOERR_FSYNC EIO", ffi::SQLITE_IOERR_FSYNC, libc::EIO),
    ("IOERR_FSYNC ENOSPC", ffi::SQLITE_IOERR_FSYNC, libc::ENOSPC),
    ("IOERR_FSYNC EDQUOT", ffi::SQLITE_IOERR_FSYNC, libc::EDQUOT),
    ("IOERR_DIR_FSYNC", ffi::SQLITE_IOERR_DIR_FSYNC, libc::EIO),
];
const LOCKS: [(&str, c_int, c_int); 2] = [
    ("BUSY", ffi::SQLITE_BUSY, 0),
    ("PROTOCOL", ffi::SQLITE_PROTOCOL, 0),
];

/// What a topic is called that is deleted, and how many events are kept where that is bounded.
const TRUNCATED: &str = "orders.7";
const EVENTS_MAX: u64 = 200;
/// What commits a round while a call fails.
const COMMITS: [Phase; 3] = [Phase::Commit, Phase::Flush, Phase::Checkpoint];

/// The calls of each checkpoint.
const IN_CHECKPOINT: [(Part, Call); 6] = [
    (Part::Database, Call::Write),
    (Part::Database, Call::Sync),
    (Part::Database, Call::Size),
    (Part::Database, Call::ShmLock),
    (Part::Wal, Call::Read),
    (Part::Wal, Call::Sync),
];

/// The errors that a call is given.
fn codes(part: Part, call: Call) -> Vec<(&'static str, c_int, c_int)> {
    let own = match call {
        Call::Open => ("CANTOPEN EMFILE", call.code(), libc::EMFILE),
        Call::Delete => ("IOERR_DELETE EIO", call.code(), libc::EIO),
        Call::Read => ("IOERR_READ EIO", call.code(), libc::EIO),
        Call::Truncate => ("IOERR_TRUNCATE EIO", call.code(), libc::EIO),
        Call::Size => ("IOERR_FSTAT EIO", call.code(), libc::EIO),
        Call::Lock => ("IOERR_LOCK EIO", call.code(), libc::EIO),
        Call::ShmMap => ("IOERR_SHMMAP EIO", call.code(), libc::EIO),
        Call::ShmLock => ("IOERR_SHMLOCK EIO", call.code(), libc::EIO),
        Call::Write if part != Part::Journal => return CODES.to_vec(),
        Call::Write => ("IOERR_WRITE EIO", call.code(), libc::EIO),
        Call::Sync => return FLUSHES.to_vec(),
    };
    let mut codes = vec![own];
    if matches!(call, Call::Lock | Call::ShmLock) {
        codes.extend(LOCKS);
    }
    codes
}

/// A journal with a few rounds, to be copied for each case.
struct Base {
    directory: Directory,
    script: Script,
}

impl Base {
    fn new(phase: Phase) -> Self {
        let directory = Directory::new(&format!("errors-base-{phase:?}"));
        let mut script = Script::new(SEED);
        let mut journal = open(&directory, "unix").unwrap();
        let rounds = match phase {
            Phase::Checkpoint | Phase::Retain | Phase::Close | Phase::Merge => 40,
            _ => 12,
        };
        if phase == Phase::Merge {
            script.events_max = 2;
        }
        for _ in 0..rounds {
            script.commit(&mut journal, true).unwrap();
        }
        drop(journal);
        Self { directory, script }
    }

    /// Copies it into a directory, and what it was given.
    fn copy(&self, phase: Phase, to: &Directory) -> Script {
        to.empty();
        self.directory.lend_reserve(to);
        if phase == Phase::Create {
            return Script::new(SEED);
        }
        for (name, bytes) in self.directory.files() {
            if name != "reserve" && !name.ends_with("-shm") {
                fs::write(to.path().join(name), bytes).unwrap();
            }
        }
        self.script.clone()
    }
}

const SEED: u64 = 11;

fn open(directory: &Directory, vfs: &str) -> Result<SqliteJournal, JournalError> {
    open_with(directory, vfs, Retention::default())
}

fn open_with(
    directory: &Directory,
    vfs: &str,
    retention: Retention,
) -> Result<SqliteJournal, JournalError> {
    let options = SqliteOptions::default()
        .same_epoch(true)
        .retention(retention)
        .page_bytes(PAGE)
        .vfs(Some(vfs.to_owned()));
    SqliteJournal::open_with(directory.path(), &options)
}

/// Opens it for what a phase does.
fn open_for(phase: Phase, directory: &Directory, shim: &Shim) -> SqliteJournal {
    let retention = match phase {
        Phase::Retain => Retention::default().events(Some(EVENTS_MAX)),
        _ => Retention::default(),
    };
    open_with(directory, shim.name(), retention).unwrap()
}

/// The meaning of a refusal.
fn meaning(failure: CommitFailure) -> &'static str {
    match failure {
        CommitFailure::NoSpace => NO_SPACE,
        CommitFailure::Aborted => ABORTED,
        CommitFailure::Poisoned => POISONED,
        _ => panic!("{failure}"),
    }
}

/// Does what a phase does; returns what came of it. What is refused is not in the script any more, but where nobody knows.
fn run(
    phase: Phase,
    shim: &Shim,
    journal: &mut SqliteJournal,
    script: &mut Script,
) -> &'static str {
    match phase {
        Phase::Create | Phase::Open => DONE,
        Phase::Commit => commit(journal, script, true),
        Phase::Flush => {
            let done = commit(journal, script, false);
            if done != DONE {
                return done;
            }
            journal.maintain(Instant::now() + Duration::from_secs(1));
            after(journal)
        }
        Phase::Truncate => match journal.truncate(TRUNCATED, u64::MAX >> 1, false) {
            Ok(()) => DONE,
            Err(error) => meaning(error.failure),
        },
        Phase::Merge | Phase::Retain => {
            let (mut now, mut turns) = (Instant::now(), 0..1_000);
            while turns.next().is_some()
                && let Some(wait) = journal.maintain(now)
            {
                // What is done once a minute is not waited for.
                now += wait.min(Duration::from_secs(1));
            }
            after(journal)
        }
        Phase::Checkpoint => {
            // Until all of the log is copied, or what was to fail has, and its thread has said so.
            let view = journal.view();
            let checkpoints = || view.stats().checkpoints;
            let mut before = checkpoints();
            let mut was_met = false;
            for _ in 0..400 {
                let done = commit(journal, script, true);
                if done != DONE {
                    return done;
                }
                if after(journal) != DONE {
                    return after(journal);
                }
                let is_met = shim.all_failed();
                if is_met && !was_met {
                    (was_met, before) = (true, checkpoints());
                }
                if is_met && checkpoints() > before {
                    break;
                }
            }
            DONE
        }
        Phase::Close => match journal.close() {
            Ok(()) => DONE,
            Err(_) => match journal.view().state() {
                eventring::journal::JournalState::Poisoned { .. } => POISONED,
                eventring::journal::JournalState::Full { .. } => NO_SPACE,
                other => panic!("{other:?}"),
            },
        },
    }
}

/// What the next one is told.
fn after(journal: &SqliteJournal) -> &'static str {
    match journal.view().state() {
        eventring::journal::JournalState::Poisoned { .. } => POISONED,
        eventring::journal::JournalState::Full { .. } => NO_SPACE,
        _ => DONE,
    }
}

fn commit(journal: &mut SqliteJournal, script: &mut Script, flush: bool) -> &'static str {
    match script.commit(journal, flush) {
        Ok(()) => DONE,
        Err(error) => {
            if error.failure != CommitFailure::Poisoned {
                script.forget_last();
            }
            meaning(error.failure)
        }
    }
}

/// Runs a phase in a copy; `None`: the call does not come.
fn case(
    base: &Base,
    shim: &Shim,
    to: &Directory,
    phase: Phase,
    fault: Fault,
) -> Option<&'static str> {
    let _said = Said(format!("{phase:?} {fault:?}"));
    let mut script = base.copy(phase, to);
    shim.clear_faults();
    if matches!(phase, Phase::Create | Phase::Open) {
        shim.fail(fault);
        let opened = open(to, shim.name());
        let is_met = shim.all_failed();
        shim.clear_faults();
        let outcome = match &opened {
            Ok(_) => DONE,
            Err(JournalError::Directory { .. }) => "refused",
            Err(JournalError::Damaged { .. }) => "damaged",
            Err(JournalError::Foreign { .. }) => "foreign",
            Err(error) => panic!("{fault:?}: {error}"),
        };
        drop(opened);
        check(to, &script, script.rounds.len());
        return is_met.then_some(outcome);
    }
    let mut journal = open_for(phase, to, shim);
    let acknowledged = |script: &Script, outcome| match outcome {
        // The last one may be there or not.
        POISONED if COMMITS.contains(&phase) => script.rounds.len() - 1,
        _ => script.rounds.len(),
    };
    shim.fail(fault);
    let outcome = run(phase, shim, &mut journal, &mut script);
    let is_met = shim.all_failed();
    shim.clear_faults();
    let kept = acknowledged(&script, outcome);
    if phase != Phase::Close {
        // Reading goes on.
        judge::read(&journal).check_events(&script);
        shim.record();
        let next = script.commit(&mut journal, true);
        match (outcome, &next) {
            (POISONED, Err(error)) => {
                assert_eq!(error.failure, CommitFailure::Poisoned);
                script.forget_last();
                assert_eq!(shim.recorded(), [], "{fault:?}: nothing is written");
            }
            (POISONED, Ok(())) => panic!("{fault:?}: written after poisoning"),
            (_, Ok(())) => {}
            (_, Err(error)) => panic!("{phase:?} {fault:?}: {error}"),
        }
    }
    drop(journal);
    if matches!(phase, Phase::Truncate | Phase::Retain) {
        check_gone(to, &script, phase, outcome);
        return is_met.then_some(outcome);
    }
    let all = script.rounds.len();
    let is_sure = outcome != POISONED;
    check(to, &script, if is_sure { all } else { kept });
    is_met.then_some(outcome)
}

/// Opens it as a process does that comes after one that was killed.
fn check(directory: &Directory, script: &Script, acknowledged: usize) {
    let journal = open(directory, "unix").unwrap();
    judge::read(&journal).check_whole(script, acknowledged);
}

/// As above, where something was to go: all of what was deleted is gone, or nothing is; what retention took is told.
fn check_gone(directory: &Directory, script: &Script, phase: Phase, outcome: &str) {
    let journal = open(directory, "unix").unwrap();
    let found = judge::read(&journal);
    assert_eq!(found.error, None);
    found.check_events(script);
    let there: BTreeSet<u64> = found.events.iter().map(|(offset, _)| *offset).collect();
    let missing: Vec<u64> = script
        .events
        .keys()
        .filter(|offset| !there.contains(offset))
        .copied()
        .collect();
    let told = |offset: &u64| found.holes.iter().any(|hole| hole.range.contains(offset));
    if phase == Phase::Retain {
        assert!(missing.iter().all(told), "{missing:?}: {:?}", found.holes);
        return;
    }
    assert!(!missing.iter().any(told), "somebody asked for it");
    // What was committed behind it is of the last round.
    let last = script.rounds.last().unwrap().offsets[0];
    let before = script.events.range(..last);
    let deleted: Vec<u64> = before
        .filter(|(_, event)| event.as_ref().topic() == TRUNCATED)
        .map(|(offset, _)| *offset)
        .collect();
    assert!(!deleted.is_empty());
    match outcome {
        DONE => assert_eq!(missing, deleted),
        POISONED => assert!(missing.is_empty() || missing.starts_with(&deleted)),
        _ => assert!(missing.is_empty(), "{missing:?}"),
    }
}

#[test]
fn the_table_of_errors() {
    let shim = Shim::register("errors");
    let to = Directory::new("errors");
    let mut lines = Vec::new();
    for (phase, name) in PHASES {
        let base = Base::new(phase);
        // How often each call comes.
        let mut script = base.copy(phase, &to);
        let before = counts(&shim);
        let mut journal = match phase {
            Phase::Create | Phase::Open => open(&to, shim.name()).unwrap(),
            _ => open_for(phase, &to, &shim),
        };
        let opened = counts(&shim);
        run(phase, &shim, &mut journal, &mut script);
        let done = counts(&shim);
        drop(journal);
        for (key, count) in &done {
            let (from, to_count) = match phase {
                Phase::Create | Phase::Open => (before[key], opened[key]),
                _ => (opened[key], *count),
            };
            let calls = to_count - from;
            let (part, call) = *key;
            // Which calls come in a checkpoint, and how often, depends on when its thread has its turns.
            let places = match phase {
                Phase::Checkpoint if IN_CHECKPOINT.contains(key) => BTreeSet::from([0]),
                Phase::Checkpoint => continue,
                _ if calls == 0 => continue,
                _ => BTreeSet::from([0, calls - 1]),
            };
            let mut errors = BTreeMap::<String, Vec<&str>>::new();
            for (error, code, errno) in codes(part, call) {
                let met = places.iter().filter_map(|after| {
                    let fault = Fault::io(part, call).after(*after).code(code, errno);
                    case(&base, &shim, &to, phase, fault)
                });
                let outcomes: Vec<&str> = met.collect::<BTreeSet<_>>().into_iter().collect();
                errors.entry(outcomes.join(", ")).or_default().push(error);
            }
            let place = format!("{part:?} {call:?}").to_lowercase();
            // Where a journal reads depends on what it has in memory: judged as all others, and no part of the table.
            let is_by_chance = match phase {
                Phase::Create | Phase::Open | Phase::Close => false,
                Phase::Checkpoint => call == Call::ShmLock,
                Phase::Commit => call == Call::Read,
                Phase::Flush | Phase::Merge | Phase::Truncate | Phase::Retain => {
                    matches!(call, Call::Read | Call::ShmLock)
                }
            };
            errors.retain(|_, _| !is_by_chance);
            for (outcome, errors) in errors {
                let errors = errors.join(", ");
                lines.push(format!("{name} | {place} | {outcome} | {errors}"));
            }
        }
    }
    let table = lines.join("\n") + "\n";
    if let Some(folder) = std::env::var_os(WRITE) {
        fs::write(Path::new(&folder).join("errors.txt"), &table).unwrap();
    }
    assert!(table == TABLE, "{table}");
}

fn counts(shim: &Shim) -> BTreeMap<(Part, Call), u64> {
    let pairs = Part::ALL
        .into_iter()
        .flat_map(|part| Call::ALL.map(|call| (part, call)));
    pairs
        .map(|(part, call)| ((part, call), shim.calls(part, call)))
        .collect()
}
