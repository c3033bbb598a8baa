//! The journal of the server: where it is, how much it keeps, and its end.

use super::StartError;
use super::log_writer::LogWriter;
use crate::cli::{JournalCompression, ServeArgs};
use bytesize::ByteSize;
use clap::ValueEnum;
use eventring::hub::Hub;
use eventring::journal::{
    self, HoleReason, Journal, JournalState, Retention, SqliteJournal, SqliteOptions,
};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;
/// Time that the journal has at least, however long readers took: what is flushed there was promised to somebody.
const CLOSE_LEAST: Duration = Duration::from_millis(500);

/// The journal that the settings ask for, opened.
pub(super) struct OpenJournal {
    /// Its folder, from the root on.
    pub(super) path: PathBuf,
    pub(super) journal: SqliteJournal,
}

/// Opens the journal; `None`: there is to be none.
pub(super) fn open(args: &ServeArgs, log: &LogWriter) -> Result<Option<OpenJournal>, StartError> {
    if args.journal.memory {
        return Ok(None);
    }
    let given = &args.journal.data;
    // Who reads a line of the log knows no working directory.
    let path = std::path::absolute(given).unwrap_or_else(|_| given.clone());
    let options = SqliteOptions::default()
        .retention(retention(args))
        .compression(match args.journal.journal_compression {
            JournalCompression::Off => journal::JournalCompression::None,
            JournalCompression::Deflate => journal::JournalCompression::Deflate,
        });
    let journal = SqliteJournal::open_with(&path, &options)?;
    let holes = journal.recovered().holes.iter();
    for hole in holes.filter(|hole| hole.reason == HoleReason::Damaged) {
        log.print(format_args!(
            "warning: {}: damaged: events {} to {} cannot be read; readers are told",
            path.display(),
            hole.range.start,
            hole.range.end.saturating_sub(1),
        ));
    }
    Ok(Some(OpenJournal { path, journal }))
}

/// Returns the bounds on what the journal keeps in all.
fn retention(args: &ServeArgs) -> Retention {
    let given = &args.journal;
    Retention::default()
        .bytes(given.retention_bytes.0)
        .age(given.retention_age)
        .events(given.retention_events.map(|events| events as u64))
}

/// Says in a line where events are kept, and how many, and how many there may be.
pub(super) fn kept(path: Option<&Path>, hub: &Hub, args: &ServeArgs) -> String {
    let durability = args.journal.durability;
    let (Some(path), Some(journal)) = (path, hub.journal()) else {
        return "memory only: events are gone when this process ends".to_owned();
    };
    let stats = journal.stats();
    let kept = match Timestamp::from_millisecond(stats.oldest_recorded) {
        Ok(oldest) if stats.events > 0 => format!(
            "{} events in {}, the oldest of {oldest:.0}",
            stats.events,
            ByteSize(stats.bytes),
        ),
        _ => "no events".to_owned(),
    };
    let durability = durability.to_possible_value();
    let durability = durability.as_ref().map_or("none", |value| value.get_name());
    format!(
        "journal {}: {kept}; durability {durability}; keeps {}",
        path.display(),
        bounds(args),
    )
}

/// The bounds on what is kept, in words.
fn bounds(args: &ServeArgs) -> String {
    let given = &args.journal;
    let bytes = given.retention_bytes.0;
    let bytes = bytes.map(|bytes| ByteSize(bytes).to_string());
    let events = given.retention_events;
    let events = events.map(|events| format!("{events} events"));
    let age = given.retention_age.map(|age| match age.as_secs() {
        secs if secs > 0 && secs % DAY == 0 => format!("{} days", secs / DAY),
        _ => format!("{age:?}"),
    });
    let bounds: Vec<String> = bytes.into_iter().chain(events).chain(age).collect();
    match &*bounds {
        [] => "everything".to_owned(),
        bounds => format!("at most {}", bounds.join(", ")),
    }
}

/// The end of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// There is none.
    Nothing,
    /// Everything is flushed.
    Whole,
    /// The amount that was not written, in words.
    Left(String),
}

/// Closes the hub with its journal, until the deadline.
pub(super) fn close(hub: Hub, deadline: Option<Instant>) -> Closed {
    if hub.journal().is_none() {
        return Closed::Nothing;
    }
    let least = Instant::now() + CLOSE_LEAST;
    let deadline = deadline.map_or(least, |deadline| deadline.max(least));
    let (done, closed) = mpsc::channel();
    let closing = hub.clone();
    // On a thread of its own: a disk that hangs must not keep the process beyond its deadline.
    let thread = std::thread::Builder::new().name("close".into());
    let started = thread.spawn(move || {
        closing.close();
        let _ = done.send(());
    });
    if let Err(error) = started {
        return Closed::Left(format!("the journal is not closed: {error}"));
    }
    let in_time = closed.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    let left = hub.head().saturating_sub(hub.visible());
    let state = hub.journal().map(|journal| journal.state());
    // What was not confirmed to anybody goes with the process, or may be there at the next start.
    match (in_time, state) {
        (Ok(()), Some(JournalState::Closed)) if left == 0 => Closed::Whole,
        (_, Some(JournalState::Poisoned { reason } | JournalState::Full { reason })) => {
            Closed::Left(format!(
                "the journal is not closed in order ({reason}); {left} events were not written"
            ))
        }
        _ => Closed::Left(format!(
            "the journal was not closed in time; {left} events were not written"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventring::Event;
    use eventring::hub::HubBuilder;
    use eventring::journal::{
        CommitError, CommitRound, JournalError, JournalView, MemoryJournal, Recovered,
    };
    use std::sync::Arc;

    /// A journal that keeps what it is given, and cannot be closed.
    struct Unclosed(MemoryJournal);

    impl Journal for Unclosed {
        fn recovered(&self) -> &Recovered {
            self.0.recovered()
        }

        fn view(&self) -> Arc<dyn JournalView> {
            self.0.view()
        }

        fn reserve(&mut self, below: u64) -> Result<(), CommitError> {
            self.0.reserve(below)
        }

        fn commit(&mut self, round: &mut CommitRound<'_>) -> Result<(), CommitError> {
            self.0.commit(round)
        }

        fn maintain(&mut self, now: Instant) -> Option<Duration> {
            self.0.maintain(now)
        }

        fn close(&mut self) -> Result<(), JournalError> {
            Err(JournalError::Io {
                reason: "the last flush failed".to_owned(),
            })
        }
    }

    /// Once nothing was left, since all was committed, and that was taken for its being on the disk.
    #[test]
    fn a_journal_whose_last_flush_failed_is_not_whole() {
        let event = || Event::builder("a", "t").build().expect("an event");
        let closed = |hub: HubBuilder| {
            let hub = hub.build().expect("a hub");
            hub.publish(event()).expect("published");
            close(hub, None)
        };
        let whole = closed(Hub::builder().journal(MemoryJournal::new()));
        assert_eq!(whole, Closed::Whole);
        let unclosed = Unclosed(MemoryJournal::new());
        let left = closed(Hub::builder().journal(unclosed));
        let Closed::Left(said) = left else {
            panic!("{left:?}")
        };
        assert!(said.contains("the last flush failed"), "{said}");
    }
}
