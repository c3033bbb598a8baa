//! What a journal on SQLite keeps, and what it says of the rest.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use eventring::event::{Event, Filter};
use eventring::journal::{
    CommitFailure, CommitRound, Hole, HoleReason, Journal, JournalCompression, JournalError,
    JournalState, Retention, RoundEvent, Scan, SqliteJournal, SqliteOptions, StateTx, StateWork,
    holds,
};

use crate::sqlite::Directory;

/// Calls of `maintain` after which upkeep is done.
const UPKEEP_MAX: u32 = 100_000;

fn open(directory: &Directory, retention: Retention) -> SqliteJournal {
    let options = SqliteOptions::default().retention(retention);
    SqliteJournal::open_with(directory.path(), &options).unwrap()
}

fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis() as i64
}

/// A writer of events that all have the same size.
struct Writing {
    next: u64,
    recorded: i64,
    data: Vec<u8>,
}

impl Writing {
    fn new(data_bytes: usize) -> Self {
        Self {
            next: 1,
            recorded: wall(),
            data: vec![b'x'; data_bytes],
        }
    }

    /// Commits events of topics in turn; those that `stream` chooses have one.
    fn commit(
        &mut self,
        journal: &mut SqliteJournal,
        events: u64,
        stream: impl Fn(u64) -> bool,
    ) -> Result<(), CommitFailure> {
        let offsets: Vec<u64> = (self.next..self.next + events).collect();
        let built: Vec<Event> = offsets
            .iter()
            .map(|offset| {
                let mut builder = Event::builder(&format!("t.{}", offset % 3), "t");
                builder.data("application/octet-stream", &self.data);
                if stream(*offset) {
                    builder.stream("order", &(offset % 7).to_string(), None);
                }
                builder.build().unwrap()
            })
            .collect();
        let mut round = CommitRound::default();
        for (offset, event) in offsets.iter().zip(&built) {
            let mut event = RoundEvent::new(*offset, self.recorded, event.as_ref());
            event.version = stream(*offset).then_some(*offset);
            round.events.push(event);
        }
        journal.commit(&mut round).map_err(|error| error.failure)?;
        self.next += events;
        Ok(())
    }
}

/// Does what is due until nothing is, without waiting for it; ages are looked at for as long as `for_` says.
fn keep_up(journal: &mut SqliteJournal, for_: Duration) {
    let (mut now, mut calls) = (Instant::now(), 0);
    let end = now + for_;
    while let Some(wait) = journal.maintain(now) {
        (now, calls) = (now + wait, calls + 1);
        assert!(calls < UPKEEP_MAX, "upkeep comes to an end");
        if now > end {
            break;
        }
    }
}

/// Reads everything; returns the offsets, and the holes, joined.
fn read(journal: &SqliteJournal, filter: &Filter, descending: bool) -> (Vec<u64>, Vec<Hole>) {
    let mut reader = journal.view().reader().unwrap();
    let mut range = 1..journal.view().stats().last + 1;
    let (mut offsets, mut holes) = (Vec::new(), Vec::<Hole>::new());
    while !range.is_empty() {
        let scan = Scan::new(filter, range.clone()).descending(descending);
        let end = reader.read(&scan, &mut |stored| {
            offsets.push(stored.offset);
            ControlFlow::Continue(())
        });
        let end = end.unwrap();
        match descending {
            true => range.end = end.next,
            false => range.start = end.next,
        }
        holes.extend(end.holes);
    }
    offsets.sort_unstable();
    holes.sort_unstable_by_key(|hole| hole.range.start);
    let mut joined: Vec<Hole> = Vec::new();
    for hole in holes {
        match joined.last_mut() {
            Some(last) if last.range.end == hole.range.start && last.reason == hole.reason => {
                last.range.end = hole.range.end;
            }
            _ => joined.push(hole),
        }
    }
    (offsets, joined)
}

/// Checks that readers are handed what lies behind the floor and what is exempt, and are told the rest; returns the floor.
fn check(journal: &SqliteJournal, last: u64, exempt: impl Fn(u64) -> bool) -> u64 {
    let floor = journal.view().stats().floor;
    let all = Filter::all();
    let one = Filter::parse(["t.1"]).unwrap();
    let told = Hole::new(1..floor.min(last + 1), HoleReason::Retention);
    let told: Vec<Hole> = Vec::from_iter((floor > 1).then_some(told));
    for (filter, takes) in [(&all, None), (&one, Some(1))] {
        let expected = (1..=last).filter(|offset| {
            (*offset >= floor || exempt(*offset)) && takes.is_none_or(|takes| offset % 3 == takes)
        });
        let expected: Vec<u64> = expected.collect();
        for descending in [false, true] {
            let (found, holes) = read(journal, filter, descending);
            let missing: BTreeSet<u64> = expected.iter().copied().collect();
            let found_set: BTreeSet<u64> = found.iter().copied().collect();
            let lost: Vec<_> = missing.difference(&found_set).take(5).collect();
            let more: Vec<_> = found_set.difference(&missing).take(5).collect();
            assert_eq!((lost, more), (vec![], vec![]), "floor {floor} {descending}");
            assert_eq!(found, expected);
            assert_eq!(holes, told, "{descending}");
        }
    }
    floor
}

#[test]
fn bytes_in_all_are_bounded_and_the_rest_is_told() {
    let directory = Directory::new();
    let bound = 4 << 20;
    let bounds = Retention::default().bytes(Some(bound));
    let mut journal = open(&directory, bounds);
    let mut writing = Writing::new(900);
    let mut highest = 0;
    for _ in 0..400 {
        writing.commit(&mut journal, 64, |_| false).unwrap();
        journal.maintain(Instant::now());
        highest = highest.max(journal.view().stats().bytes - journal.view().stats().wal_bytes);
    }
    assert!(highest < bound + bound / 10, "{highest}");
    keep_up(&mut journal, Duration::from_secs(60));
    let stats = journal.view().stats();
    assert!(stats.bytes - stats.wal_bytes <= bound, "{stats:?}");
    assert_eq!(stats.removed_events + stats.events, 400 * 64);
    let floor = check(&journal, 400 * 64, |_| false);
    assert!(floor > 12_000, "{floor}");
    assert_eq!(stats.oldest, floor);
    let mut reader = journal.view().reader().unwrap();
    assert!(reader.since(0).unwrap() <= floor);
    journal.close().unwrap();
    drop((reader, journal));
    let size = std::fs::metadata(directory.path().join("journal.sqlite"))
        .unwrap()
        .len();
    assert!(size < bound + bound / 5, "{size}");
    // And after it was opened again, in order or not.
    for closes in [true, false] {
        let mut journal = open(&directory, bounds);
        assert_eq!(journal.recovered().holes, []);
        assert_eq!(journal.view().stats().events, stats.events);
        assert_eq!(check(&journal, 400 * 64, |_| false), floor);
        if closes {
            journal.close().unwrap();
        }
    }
}

#[test]
fn events_in_all_are_bounded() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default().events(Some(1_000)));
    let mut writing = Writing::new(100);
    for _ in 0..100 {
        writing.commit(&mut journal, 50, |_| false).unwrap();
    }
    keep_up(&mut journal, Duration::from_secs(3600));
    let floor = check(&journal, 5_000, |_| false);
    let left = 5_001 - floor;
    // A row has as many as fit into 18 KB.
    assert!((1_000..1_200).contains(&left), "{left}");
}

#[test]
fn a_pass_takes_a_tenth_at_most() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default());
    let mut writing = Writing::new(900);
    for _ in 0..200 {
        writing.commit(&mut journal, 64, |_| false).unwrap();
    }
    journal.close().unwrap();
    let mut journal = open(&directory, Retention::default().bytes(Some(2 << 20)));
    let now = Instant::now();
    let mut before = journal.view().stats().events;
    let mut passes = 0;
    for second in 0..60 {
        let at = now + Duration::from_secs(second);
        while journal.maintain(at) == Some(Duration::ZERO) {}
        let events = journal.view().stats().events;
        assert!(before - events <= before / 10 + 20, "{before} {events}");
        passes += u32::from(events < before);
        before = events;
    }
    assert!(passes > 10, "{passes}");
    assert!(journal.view().stats().bytes - journal.view().stats().wal_bytes <= 2 << 20);
}

#[test]
fn events_with_a_stream_live_on() {
    let directory = Directory::new();
    let bounds = Retention::default().bytes(Some(4 << 20));
    let mut journal = open(&directory, bounds);
    let mut writing = Writing::new(900);
    let exempt = |offset: u64| offset.is_multiple_of(50);
    for _ in 0..300 {
        writing.commit(&mut journal, 64, exempt).unwrap();
        journal.maintain(Instant::now());
    }
    keep_up(&mut journal, Duration::from_secs(60));
    let floor = check(&journal, 300 * 64, exempt);
    assert!(floor > 12_000, "{floor}");
    drop(journal);
    let mut journal = open(&directory, bounds);
    assert_eq!(check(&journal, 300 * 64, exempt), floor);
    // Where they may go as well they do, and versions are counted from where they were.
    journal.close().unwrap();
    let mut journal = open(&directory, bounds.streams(true));
    for _ in 0..100 {
        writing.commit(&mut journal, 64, exempt).unwrap();
        journal.maintain(Instant::now());
    }
    keep_up(&mut journal, Duration::from_secs(60));
    check(&journal, 400 * 64, |_| false);
    let mut reader = journal.view().reader().unwrap();
    for stream in 0..7 {
        let last = (1..=400 * 64)
            .rev()
            .find(|offset| exempt(*offset) && offset % 7 == stream);
        let version = reader.stream_version("order", &stream.to_string());
        assert_eq!(version.unwrap(), last);
    }
}

#[test]
fn streams_alone_above_the_bound_refuse_events_and_delete_nothing() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default().bytes(Some(2 << 20)));
    let mut writing = Writing::new(900);
    let mut refused = None;
    for _ in 0..200 {
        if let Err(failure) = writing.commit(&mut journal, 64, |_| true) {
            refused = Some(failure);
            break;
        }
        keep_up(&mut journal, Duration::from_secs(2));
    }
    assert_eq!(refused, Some(CommitFailure::NoSpace));
    let JournalState::Full { reason } = journal.view().state() else {
        panic!("{:?}", journal.view().state());
    };
    assert!(reason.contains("events with a stream"), "{reason}");
    check(&journal, writing.next - 1, |_| true);
    let stats = journal.view().stats();
    assert_eq!((stats.removed_events, stats.floor), (0, 0));
    // State may change: that is how it is mended.
    let mut round = CommitRound::default();
    let work = StateWork::new(Box::new(|tx| tx.put("t", b"k", b"v")));
    round.work.push(work);
    journal.commit(&mut round).unwrap();
    journal.close().unwrap();
    // A higher bound leaves room.
    let mut journal = open(&directory, Retention::default().bytes(Some(20 << 20)));
    writing.commit(&mut journal, 64, |_| true).unwrap();
}

#[test]
fn what_is_held_stays_until_it_is_half_of_the_bound() {
    let directory = Directory::new();
    let bound = 4 << 20;
    let mut journal = open(&directory, Retention::default().bytes(Some(bound)));
    let mut writing = Writing::new(900);
    writing.commit(&mut journal, 64, |_| false).unwrap();
    let hold = |journal: &mut SqliteJournal, position: u64| {
        let mut round = CommitRound::default();
        let now = wall();
        round.work.push(StateWork::new(Box::new(move |tx| {
            holds::set(tx, "billing", position, now)
        })));
        journal.commit(&mut round).unwrap();
    };
    let mut held = 1;
    for round in 0..200 {
        // Never more than a third of it.
        if round % 8 == 0 {
            held = writing.next.saturating_sub(500).max(1);
            hold(&mut journal, held);
        }
        writing.commit(&mut journal, 64, |_| false).unwrap();
        keep_up(&mut journal, Duration::from_millis(10));
        assert!(journal.view().stats().floor <= held);
    }
    assert_eq!(journal.view().stats().holds_cut, 0);
    assert!(journal.view().stats().floor > 1_000);
    // It does not move any more.
    for _ in 0..200 {
        writing.commit(&mut journal, 64, |_| false).unwrap();
        keep_up(&mut journal, Duration::from_secs(2));
    }
    let stats = journal.view().stats();
    assert_eq!(stats.holds_cut, 1);
    assert!(stats.floor > held, "{stats:?}");
    check(&journal, writing.next - 1, |_| false);
}

#[test]
fn a_hold_that_was_forgotten_is_cut() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default().events(Some(100)));
    let mut writing = Writing::new(100);
    let day = 24 * 3600 * 1_000;
    let set_at = wall() - 8 * day;
    let mut round = CommitRound::default();
    for (name, set_at) in [("old", set_at), ("new", wall())] {
        round.work.push(StateWork::new(Box::new(move |tx| {
            holds::set(tx, name, 1 + u64::from(name == "new") * 500, set_at)
        })));
    }
    journal.commit(&mut round).unwrap();
    for _ in 0..20 {
        writing.commit(&mut journal, 50, |_| false).unwrap();
    }
    keep_up(&mut journal, Duration::from_secs(600));
    let stats = journal.view().stats();
    assert_eq!(stats.holds_cut, 1);
    assert!((400..=501).contains(&stats.floor), "{stats:?}");
}

#[test]
fn what_is_too_old_goes_by_and_by() {
    let directory = Directory::new();
    let hour = Duration::from_secs(3600);
    let bounds = Retention::default().age(Some(2 * hour));
    let mut journal = open(&directory, bounds);
    let mut writing = Writing::new(900);
    let now = writing.recorded;
    for age in (0..200).rev() {
        writing.recorded = now - age * 60_000;
        writing.commit(&mut journal, 20, |_| false).unwrap();
    }
    keep_up(&mut journal, 4 * hour);
    // Those of up to 120 minutes are there, on the spot.
    let floor = check(&journal, 4_000, |_| false);
    assert!((79 * 20 + 1..=80 * 20 + 1).contains(&floor), "{floor}");
    journal.close().unwrap();
    // The time that was believed last is from long ago: perhaps the clock is wrong. An hour later it is believed.
    let directory = Directory::new();
    let mut journal = open(&directory, bounds);
    writing.next = 1;
    writing.recorded = now - 300 * 60_000;
    writing.commit(&mut journal, 20, |_| false).unwrap();
    writing.recorded = now;
    writing.commit(&mut journal, 20, |_| false).unwrap();
    journal.close().unwrap();
    let believe = |time: i64| {
        let database = directory.path().join("journal.sqlite");
        let database = rusqlite::Connection::open(database).unwrap();
        let sql = "UPDATE meta SET value = ?1 WHERE key = 'believed'";
        assert_eq!(database.execute(sql, [time]).unwrap(), 1);
    };
    believe(now - 300 * 60_000);
    // What was taken by the wrong clock says nothing for it, however often it is opened again.
    for _ in 0..3 {
        let mut journal = open(&directory, bounds);
        keep_up(&mut journal, Duration::from_secs(50 * 60));
        let stats = journal.view().stats();
        assert!(stats.is_age_suspended);
        assert_eq!(stats.floor, 0);
        journal.close().unwrap();
    }
    let mut journal = open(&directory, bounds);
    keep_up(&mut journal, Duration::from_secs(50 * 60));
    keep_up(&mut journal, 2 * hour);
    let stats = journal.view().stats();
    assert!(!stats.is_age_suspended);
    assert_eq!(stats.floor, 21);
}

/// Returns whether any file of a directory has some bytes in it.
fn is_anywhere(directory: &Directory, bytes: &[u8]) -> bool {
    let mut files = std::fs::read_dir(directory.path()).unwrap();
    files.any(|entry| {
        let file = std::fs::read(entry.unwrap().path()).unwrap();
        file.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[test]
fn what_is_erased_is_in_no_file_any_more() {
    const MARKER: &[u8] = b"a-secret-that-somebody-wants-gone";
    for compression in [JournalCompression::None, JournalCompression::Deflate] {
        let directory = Directory::new();
        let options = SqliteOptions::default()
            .compression(compression)
            .retention(Retention::default().bytes(Some(3 << 20)));
        let mut journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
        let (mut next, mut others) = (1, BTreeSet::new());
        let mut noise = 7_u64;
        for round in 0..600_u64 {
            let mut events = Vec::new();
            for n in 0..20 {
                let (topic, data) = if (round + n) % 9 == 0 {
                    ("people", [MARKER, &next.to_string().into_bytes()].concat())
                } else {
                    let data = std::iter::repeat_with(|| {
                        noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                        (noise >> 56) as u8
                    });
                    others.insert(next);
                    ("others", data.take(400).collect())
                };
                let mut builder = Event::builder(topic, "t");
                builder.data("application/octet-stream", &data);
                if round % 3 == 0 && topic == "people" {
                    builder.stream("person", "1", None);
                }
                let version = (round % 3 == 0 && topic == "people").then_some(next);
                events.push((next, version, builder.build().unwrap()));
                next += 1;
            }
            let mut round = CommitRound::default();
            for (offset, version, event) in &events {
                let mut event = RoundEvent::new(*offset, 1_000, event.as_ref());
                event.version = *version;
                round.events.push(event);
            }
            journal.commit(&mut round).unwrap();
            journal.maintain(Instant::now());
        }
        journal.truncate("people", u64::MAX, true).unwrap();
        journal.scavenge().unwrap();
        let floor = journal.view().stats().floor;
        assert!(floor > 1_000, "{floor}");
        if compression == JournalCompression::None {
            assert!(is_anywhere(&directory, MARKER));
        }
        journal.erase().unwrap();
        assert!(!is_anywhere(&directory, MARKER));
        let mut journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
        let (found, holes) = read(&journal, &Filter::all(), false);
        others.retain(|offset| *offset >= floor);
        assert_eq!(found, Vec::from_iter(others));
        assert_eq!(holes, [Hole::new(1..floor, HoleReason::Retention)]);
        assert_eq!(journal.recovered().last, next - 1);
        let event = Event::builder("others", "t").build().unwrap();
        let mut round = CommitRound::default();
        round
            .events
            .push(RoundEvent::new(next, 2_000, event.as_ref()));
        journal.commit(&mut round).unwrap();
        assert_eq!(read(&journal, &Filter::all(), true).0.last(), Some(&next));
    }
}

/// Everything at once, so much that there are spans: what is there is what the floors leave, and nothing is damaged.
#[test]
fn whatever_is_done_in_whatever_order_the_floors_say_what_is_left() {
    for seed in 1..=2_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let directory = Directory::new();
        let compression = match seed % 2 {
            0 => JournalCompression::Deflate,
            _ => JournalCompression::None,
        };
        let options = SqliteOptions::default()
            .compression(compression)
            .retention(Retention::default().events(Some(20_000)));
        let mut journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
        // Offset, topic, has a stream.
        let mut kept: Vec<(u64, String, bool)> = Vec::new();
        let mut next = 1;
        for step in 0..2_500 {
            let mut events = Vec::new();
            for _ in 0..random(30) + 1 {
                let topic = match random(400) {
                    0..4 => format!("rare.{}", random(3)),
                    one => format!("often.{}", one % 4),
                };
                let mut builder = Event::builder(&topic, "t");
                let has_stream = random(40) == 0;
                let data = vec![b'x'; random(1_200) as usize];
                builder.data("application/octet-stream", &data);
                if has_stream {
                    builder.stream("s", "1", None);
                }
                events.push((next, has_stream, builder.build().unwrap()));
                kept.push((next, topic, has_stream));
                next += 1 + random(20) / 19;
            }
            let mut round = CommitRound::default();
            for (offset, has_stream, event) in &events {
                let mut event = RoundEvent::new(*offset, 1_000 + step, event.as_ref());
                event.version = has_stream.then_some(*offset);
                round.events.push(event);
            }
            round.flush = random(2) == 0;
            journal.commit(&mut round).unwrap();
            drop(round);
            if random(3) == 0 {
                keep_up(&mut journal, Duration::from_millis(50));
            }
            if random(150) == 0 {
                let topic = match random(3) {
                    0 => format!("often.{}", random(4)),
                    _ => format!("rare.{}", random(3)),
                };
                let (below, streams) = (random(next), random(2) == 0);
                journal.truncate(&topic, below, streams).unwrap();
                kept.retain(|(offset, name, has_stream)| {
                    *name != topic || *offset >= below || *has_stream && !streams
                });
            }
            if random(300) == 0 {
                if random(2) == 0 {
                    journal.close().unwrap();
                }
                drop(journal);
                journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
                assert!(journal.recovered().next + 1 >= next);
                next = journal.recovered().next;
            }
            if step % 250 == 249 {
                keep_up(&mut journal, Duration::from_secs(5));
                let floor = journal.view().stats().floor;
                for pattern in [">", "rare.1", "rare.>", "often.2"] {
                    let filter = Filter::parse([pattern]).unwrap();
                    let expected = kept.iter().filter(|(offset, topic, has_stream)| {
                        filter.matches(topic) && (*offset >= floor || *has_stream)
                    });
                    let expected: Vec<u64> = expected.map(|(offset, ..)| *offset).collect();
                    for descending in [false, true] {
                        let (found, holes) = read(&journal, &filter, descending);
                        let what = format!("seed {seed}, step {step}, {pattern}, {descending}");
                        assert!(found == expected, "{what}: {}", found.len());
                        let last = journal.view().stats().last;
                        let told = Hole::new(1..floor.min(last + 1), HoleReason::Retention);
                        let told = Vec::from_iter((floor > 1).then_some(told));
                        assert_eq!(holes, told, "{what}");
                    }
                }
            }
        }
        assert!(journal.view().stats().floor > 10_000, "seed {seed}");
        let database = directory.path().join("journal.sqlite");
        let database = rusqlite::Connection::open(database).unwrap();
        let number = |sql: &str| {
            database
                .query_row(sql, [], |row| row.get::<_, i64>(0))
                .unwrap()
        };
        let spans = number("SELECT count(*) FROM span");
        let is_plain = compression == JournalCompression::None;
        assert!(spans > 0 || !is_plain, "seed {seed}");
        let events = number("SELECT sum(count & 0xffffffff) FROM chunk") as u64;
        // After a crash those of a chunk or two are not counted.
        let stats = journal.view().stats();
        let off = stats.events.abs_diff(events);
        assert!(off < events / 50, "seed {seed}: {events}, {stats:?}");
    }
}

/// Returns the number of floors that topics have.
fn floors(directory: &Directory) -> i64 {
    let database = directory.path().join("journal.sqlite");
    let database = rusqlite::Connection::open(database).unwrap();
    let sql = "SELECT count(*) FROM floor WHERE topic > 0";
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn what_was_truncated_is_taken_out_after_a_restart_too_and_its_floor_forgotten() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default());
    let mut writing = Writing::new(900);
    for _ in 0..20 {
        writing.commit(&mut journal, 64, |_| false).unwrap();
    }
    for topic in ["t.0", "t.1"] {
        journal.truncate(topic, 1_000, true).unwrap();
    }
    assert_eq!(journal.view().stats().removed_events, 0);
    assert_eq!(floors(&directory), 2);
    drop(journal);
    let mut journal = open(&directory, Retention::default());
    keep_up(&mut journal, Duration::from_secs(5));
    // A row or two of which less than half has gone stay.
    let removed = journal.view().stats().removed_events;
    assert!((640..=666).contains(&removed), "{removed}");
    assert_eq!(floors(&directory), 2);
    let left = |journal: &SqliteJournal| read(journal, &Filter::parse(["t.1"]).unwrap(), false).0;
    let expected: Vec<u64> = (1_000..=1_280).filter(|offset| offset % 3 == 1).collect();
    assert_eq!(left(&journal), expected);
    for topic in ["t.0", "t.1"] {
        journal.truncate(topic, u64::MAX, true).unwrap();
    }
    for _ in 0..2 {
        writing.commit(&mut journal, 64, |_| false).unwrap();
    }
    keep_up(&mut journal, Duration::from_secs(5));
    assert_eq!(journal.view().stats().removed_events, 853);
    assert_eq!(floors(&directory), 0);
    drop(journal);
    let journal = open(&directory, Retention::default());
    let expected: Vec<u64> = (1_281..=1_408).filter(|offset| offset % 3 == 1).collect();
    assert_eq!(left(&journal), expected);
}

#[test]
fn a_walk_goes_on_whatever_is_truncated_meanwhile() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default());
    let mut writing = Writing::new(20_000);
    for _ in 0..1_000 {
        writing.commit(&mut journal, 1, |_| false).unwrap();
    }
    journal.truncate("t.0", 999, true).unwrap();
    let now = Instant::now();
    for below in 1..=400 {
        journal.truncate("t.1", below, true).unwrap();
        journal.maintain(now);
    }
    // All of one, and what was truncated of the other before the first walk.
    let removed = journal.view().stats().removed_events;
    assert!(removed >= 332, "{removed}");
}

/// Makes steps of upkeep until nothing is due; returns how many there were.
fn come_to_rest(journal: &mut SqliteJournal) -> u32 {
    let now = Instant::now() + Duration::from_secs(1);
    for steps in 0..20_000 {
        if journal.maintain(now) != Some(Duration::ZERO) {
            return steps;
        }
    }
    panic!("upkeep comes to an end");
}

/// Once a bound of events that is no multiple of a row made a pass after the other, without an end, and nothing was merged.
#[test]
fn a_bound_of_events_within_a_row_lets_upkeep_come_to_rest() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default().events(Some(1_003)));
    let mut writing = Writing::new(100);
    for _ in 0..200 {
        writing.commit(&mut journal, 7, |_| false).unwrap();
        come_to_rest(&mut journal);
    }
    let merges = journal.view().stats().merges;
    assert!(merges > 5, "{merges}");
    for _ in 0..100 {
        writing.commit(&mut journal, 7, |_| false).unwrap();
        come_to_rest(&mut journal);
    }
    assert!(journal.view().stats().merges > merges);
    journal.scavenge().unwrap();
    let left = journal.view().stats().events;
    assert!((1_003..1_203).contains(&left), "{left}");
}

/// Once that never came to its end where something is held, or events with a stream exceed the bound.
#[test]
fn scavenging_ends_where_nothing_more_may_go() {
    for has_hold in [true, false] {
        let directory = Directory::new();
        let mut journal = open(&directory, Retention::default());
        let mut writing = Writing::new(900);
        for _ in 0..80 {
            let exempt = |offset: u64| !has_hold && !offset.is_multiple_of(4);
            writing.commit(&mut journal, 64, exempt).unwrap();
        }
        if has_hold {
            let mut round = CommitRound::default();
            let now = wall();
            let hold = StateWork::new(Box::new(move |tx| holds::set(tx, "billing", 3_000, now)));
            round.work.push(hold);
            journal.commit(&mut round).unwrap();
        }
        journal.close().unwrap();
        let bounds = match has_hold {
            true => Retention::default().events(Some(1_000)),
            false => Retention::default().bytes(Some(2 << 20)),
        };
        let mut journal = open(&directory, bounds);
        journal.scavenge().unwrap();
        let stats = journal.view().stats();
        match has_hold {
            true => assert!((2_900..=3_000).contains(&stats.floor), "{stats:?}"),
            false => assert!(matches!(journal.view().state(), JournalState::Full { .. })),
        }
    }
}

/// Once it ended after a tenth, since the next pass was a minute away.
#[test]
fn scavenging_takes_everything_that_is_too_old() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default());
    let mut writing = Writing::new(900);
    let now = writing.recorded;
    for age in (0..100).rev() {
        writing.recorded = now - age * 60_000;
        writing.commit(&mut journal, 20, |_| false).unwrap();
    }
    journal.close().unwrap();
    let hour = Duration::from_secs(3600);
    let mut journal = open(&directory, Retention::default().age(Some(hour)));
    journal.scavenge().unwrap();
    let floor = check(&journal, 2_000, |_| false);
    assert!((39 * 20 + 1..=40 * 20 + 1).contains(&floor), "{floor}");
}

/// Once no row was rewritten of which events with a stream have more than half: everything else was hidden, for nothing.
#[test]
fn beside_many_events_with_a_stream_no_more_goes_than_is_needed() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default());
    let mut writing = Writing::new(900);
    let exempt = |offset: u64| offset % 20 < 14;
    for _ in 0..100 {
        writing.commit(&mut journal, 64, exempt).unwrap();
    }
    come_to_rest(&mut journal);
    journal.close().unwrap();
    let stats = open(&directory, Retention::default()).view().stats();
    let pages = stats.bytes - stats.wal_bytes;
    let bound = pages - pages / 100;
    let mut journal = open(&directory, Retention::default().bytes(Some(bound)));
    keep_up(&mut journal, Duration::from_secs(300));
    let floor = check(&journal, 6_400, exempt);
    let stats = journal.view().stats();
    assert!(stats.bytes - stats.wal_bytes <= bound, "{stats:?} {bound}");
    assert!((2..=6_400 / 4).contains(&floor), "{floor}");
    assert_eq!(journal.view().state(), JournalState::Writable);
}

/// Once each pass began at the floor, and counted again what it found there: every second, for as long as that was too much.
#[test]
fn what_has_a_stream_is_counted_once() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default().bytes(Some(2 << 20)));
    let mut writing = Writing::new(900);
    while writing.commit(&mut journal, 64, |_| true).is_ok() {
        keep_up(&mut journal, Duration::from_secs(2));
    }
    keep_up(&mut journal, Duration::from_secs(120));
    let database = directory.path().join("journal.sqlite");
    let database = rusqlite::Connection::open(database).unwrap();
    let sql = "SELECT value FROM meta WHERE key = 'exempt'";
    let exempt = database.query_row(sql, [], |row| row.get::<_, i64>(0));
    let bytes = writing.next as i64 * 1_000;
    let exempt = exempt.unwrap();
    assert!(
        (bytes * 8 / 10..bytes * 11 / 10).contains(&exempt),
        "{exempt} of {bytes}"
    );
}

/// Once what was older than the time that a row says was decided before anybody looked whether the row was whole.
#[test]
fn what_a_damaged_row_says_of_its_time_takes_nothing() {
    for damaged in ["newest", "middle"] {
        let directory = Directory::new();
        let mut journal = open(&directory, Retention::default());
        let mut writing = Writing::new(900);
        for _ in 0..50 {
            writing.commit(&mut journal, 20, |_| false).unwrap();
        }
        journal.close().unwrap();
        drop(journal);
        let hour = Duration::from_secs(3600);
        // The one that is newest when it is opened is looked at by nobody else.
        let mut journal = open(&directory, Retention::default().age(Some(hour)));
        let other = directory.path().join("journal.sqlite");
        let other = rusqlite::Connection::open(other).unwrap();
        let first = match damaged {
            "newest" => "(SELECT max(first) FROM chunk)",
            _ => "(SELECT max(first) FROM chunk WHERE first < 500)",
        };
        let sql = format!("UPDATE chunk SET recorded_last = 1 WHERE first = {first}");
        assert_eq!(other.execute(&sql, []).unwrap(), 1);
        drop(other);
        keep_up(&mut journal, Duration::from_secs(600));
        assert_eq!(journal.view().stats().floor, 0, "{damaged}");
    }
}

/// Once a number of events that was flipped upwards let a bound of them take everything.
#[test]
fn a_number_of_events_that_is_damaged_is_counted_again() {
    let directory = Directory::new();
    let bounds = Retention::default().events(Some(2_000));
    let mut journal = open(&directory, bounds);
    let mut writing = Writing::new(100);
    for _ in 0..20 {
        writing.commit(&mut journal, 50, |_| false).unwrap();
    }
    journal.close().unwrap();
    drop(journal);
    let other = directory.path().join("journal.sqlite");
    let other = rusqlite::Connection::open(other).unwrap();
    let sql = "UPDATE meta SET value = value + 65536 WHERE key = 'events'";
    assert_eq!(other.execute(sql, []).unwrap(), 1);
    drop(other);
    let mut journal = open(&directory, bounds);
    assert_eq!(journal.view().stats().events, 1_000);
    keep_up(&mut journal, Duration::from_secs(60));
    assert_eq!(journal.view().stats().floor, 0);
}

/// Once a commit made one step of retention, however much it had brought.
#[test]
fn commits_alone_keep_a_journal_within_its_bound() {
    let directory = Directory::new();
    let bound = 32 << 20;
    let mut journal = open(&directory, Retention::default().bytes(Some(bound)));
    let mut writing = Writing::new(64 << 10);
    let mut highest = 0;
    for _ in 0..40 {
        writing
            .commit(&mut journal, 64, |offset| offset == 1)
            .unwrap();
        let stats = journal.view().stats();
        highest = highest.max(stats.bytes - stats.wal_bytes);
    }
    assert!(highest < bound + bound / 4, "{highest}");
}

/// Once a step took as many rows as it may whatever they have, while publishers wait.
#[test]
fn a_step_takes_no_more_than_a_few_mebibytes() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default());
    let mut writing = Writing::new(200 << 10);
    for _ in 0..35 {
        writing.commit(&mut journal, 10, |_| false).unwrap();
    }
    journal.close().unwrap();
    let mut journal = open(&directory, Retention::default().bytes(Some(1 << 20)));
    let before = journal.view().stats().events;
    journal.maintain(Instant::now());
    let gone = before - journal.view().stats().events;
    assert!((1..=12).contains(&gone), "{gone}");
}

/// Once everything went that may, and nobody was told why that was not enough.
#[test]
fn state_that_exceeds_the_bound_is_said() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default().bytes(Some(2 << 20)));
    let mut round = CommitRound::default();
    for n in 0..40_u32 {
        round.work.push(StateWork::new(Box::new(move |tx| {
            tx.put("t", &n.to_le_bytes(), &vec![n as u8; 100 << 10])
        })));
    }
    journal.commit(&mut round).unwrap();
    drop(round);
    let mut writing = Writing::new(900);
    let mut refused = None;
    for _ in 0..20 {
        refused = refused.or(writing.commit(&mut journal, 64, |_| false).err());
        keep_up(&mut journal, Duration::from_secs(30));
    }
    assert_eq!(refused, Some(CommitFailure::NoSpace));
    let JournalState::Full { reason } = journal.view().state() else {
        panic!("{:?}", journal.view().state());
    };
    assert!(reason.contains("state"), "{reason}");
    // With a part of it removed there is room again.
    let mut round = CommitRound::default();
    for n in 0..40_u32 {
        round.work.push(StateWork::new(Box::new(move |tx| {
            tx.delete("t", &n.to_le_bytes()).map(|_| ())
        })));
    }
    journal.commit(&mut round).unwrap();
    drop(round);
    keep_up(&mut journal, Duration::from_secs(60));
    assert_eq!(journal.view().state(), JournalState::Writable);
    writing.commit(&mut journal, 64, |_| false).unwrap();
}

/// Once the first page that cannot be read ended all writing when retention came to it, and again after each restart.
#[test]
fn retention_goes_on_beside_pages_that_are_damaged() {
    // The second byte of a page that holds more of a row, and the kind of one that has rows.
    for (kind, is_leaf) in [(0, false), (13, true)] {
        for nth in [3, 10, 11] {
            let directory = Directory::new();
            let mut journal = open(&directory, Retention::default());
            let mut writing = Writing::new(50_000);
            for _ in 0..50 {
                writing.commit(&mut journal, 4, |_| false).unwrap();
            }
            journal.close().unwrap();
            drop(journal);
            let path = directory.path().join("journal.sqlite");
            let mut file = std::fs::read(&path).unwrap();
            let page_bytes = usize::from(u16::from_be_bytes([file[16], file[17]]));
            let has_events =
                |page: &[u8]| page.iter().filter(|byte| **byte == b'x').count() > 1_000;
            let mut pages = (page_bytes..file.len()).step_by(page_bytes).filter(|at| {
                let page = &file[*at..*at + page_bytes];
                let goes_on = page[..4] != [0; 4];
                page[0] == kind && goes_on && has_events(page)
            });
            let at = pages.nth(nth).unwrap();
            drop(pages);
            file[at..at + 4].fill(0x7f);
            std::fs::write(&path, file).unwrap();
            let mut journal = open(&directory, Retention::default().events(Some(50)));
            for _ in 0..30 {
                writing.commit(&mut journal, 2, |_| false).unwrap();
                keep_up(&mut journal, Duration::from_secs(3));
            }
            let stats = journal.view().stats();
            let what = format!("{is_leaf} {nth}: {stats:?}");
            assert_eq!(journal.view().state(), JournalState::Writable, "{what}");
            assert!(stats.floor > 190, "{what}");
            assert!(stats.removed_events > 150, "{what}");
        }
    }
}

/// Once the state said that events are taken after somebody else was waited for, though they were refused.
#[test]
fn a_bound_that_is_exceeded_is_said_whoever_was_waited_for() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default().bytes(Some(2 << 20)));
    let mut writing = Writing::new(900);
    while writing.commit(&mut journal, 64, |_| true).is_ok() {
        keep_up(&mut journal, Duration::from_secs(2));
    }
    let is_full = |journal: &SqliteJournal| {
        let state = journal.view().state();
        assert!(matches!(state, JournalState::Full { .. }), "{state:?}");
    };
    is_full(&journal);
    let other = rusqlite::Connection::open(directory.path().join("journal.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let view = journal.view();
    let waited = std::thread::spawn(move || {
        let end = Instant::now() + Duration::from_secs(60);
        while !matches!(view.state(), JournalState::HeldByOther { .. }) {
            assert!(Instant::now() < end, "it is waited for");
            std::thread::yield_now();
        }
        other.execute_batch("ROLLBACK").unwrap();
    });
    let mut round = CommitRound::default();
    let work = StateWork::new(Box::new(|tx| tx.put("t", b"k", b"v")));
    round.work.push(work);
    journal.commit(&mut round).unwrap();
    waited.join().unwrap();
    is_full(&journal);
}

#[test]
fn a_bound_that_keeps_nothing_is_refused() {
    let directory = Directory::new();
    let options = SqliteOptions::default().retention(Retention::default().bytes(Some(0)));
    let error = SqliteJournal::open_with(directory.path(), &options).unwrap_err();
    assert!(matches!(error, JournalError::Retention { .. }), "{error}");
    assert!(error.to_string().contains("bytes"), "{error}");
}

#[test]
fn a_hold_whose_name_makes_no_sense_is_cut_once() {
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default().bytes(Some(2 << 20)));
    let mut round = CommitRound::default();
    let damage = |tx: &mut dyn StateTx| tx.put(holds::TABLE, b"\xff\xfe", b"nonsense");
    round.work.push(StateWork::new(Box::new(damage)));
    journal.commit(&mut round).unwrap();
    let mut writing = Writing::new(900);
    for _ in 0..100 {
        // It is refused where what is held leaves no room, until that is too much.
        let _ = writing.commit(&mut journal, 64, |_| false);
        keep_up(&mut journal, Duration::from_secs(2));
    }
    let stats = journal.view().stats();
    assert_eq!(stats.holds_cut, 1);
    assert!(stats.floor > 1_000, "{stats:?}");
}

#[test]
fn names_that_no_event_has_any_more_are_erased() {
    const NAME: &str = "alice-who-wants-to-be-forgotten";
    let directory = Directory::new();
    let mut journal = open(&directory, Retention::default());
    let topic = format!("people.{NAME}");
    let mut offset = 0;
    for topic in [&*topic, "others"] {
        for _ in 0..10 {
            offset += 1;
            let event = Event::builder(topic, "t").build().unwrap();
            let mut round = CommitRound::default();
            let event = RoundEvent::new(offset, 1_000, event.as_ref());
            round.events.push(event);
            journal.commit(&mut round).unwrap();
        }
    }
    journal.truncate(&topic, u64::MAX, true).unwrap();
    assert!(is_anywhere(&directory, NAME.as_bytes()));
    journal.erase().unwrap();
    assert!(!is_anywhere(&directory, NAME.as_bytes()));
    let mut journal = open(&directory, Retention::default());
    // One of that name is there again, and its number is that of no other.
    let event = Event::builder(&topic, "t").build().unwrap();
    let mut round = CommitRound::default();
    let event = RoundEvent::new(21, 1_000, event.as_ref());
    round.events.push(event);
    journal.commit(&mut round).unwrap();
    let found = |topic: &str| read(&journal, &Filter::parse([topic]).unwrap(), false).0;
    assert_eq!(found(&topic), [21]);
    assert_eq!(found("others"), Vec::from_iter(11..=20));
}
