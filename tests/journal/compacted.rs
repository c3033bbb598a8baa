//! Compaction by key, against a map of keys: the newest event of each stays, whatever else goes.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use eventring::event::{Event, EventRef, Filter};
use eventring::journal::{
    CommitRound, Compact, Journal, JournalCompression, Retention, RoundEvent, SqliteJournal,
    SqliteOptions, StateWork, TopicPolicy, holds,
};

use crate::sqlite::{Directory, Read, keep_up, read_all};

const HOUR_MS: i64 = 3_600_000;

fn policy() -> TopicPolicy {
    TopicPolicy::default().compact(Some(Compact::new("/subject")))
}

/// An event of a topic, with the key as its subject; 0: without one.
fn event(topic: &str, key: u64, fill: &str) -> Event {
    let mut event = Event::builder(topic, "changed");
    if key > 0 {
        event.subject(&format!("user-{key}"));
    }
    match fill {
        "" => &mut event,
        fill => event.json(&format!(
            "{{\"fill\":\"{fill}\",\"text\":\"{}\"}}",
            "x".repeat(150)
        )),
    };
    event.build().unwrap()
}

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// What a journal should have at least, and of what it may have nothing else.
#[derive(Default)]
struct Model {
    next: u64,
    all: BTreeMap<u64, Vec<u8>>,
    /// The newest event of each key.
    newest: BTreeMap<String, u64>,
    /// What has no key, or is of another topic.
    others: Vec<u64>,
}

impl Model {
    fn commit(&mut self, journal: &mut dyn Journal, recorded: i64, events: &[Event]) {
        let first = journal.view().stats().last + 1;
        let mut round = CommitRound::default();
        for (offset, event) in (first..).zip(events) {
            let mut taken = RoundEvent::new(offset, recorded, event.as_ref());
            taken.version = event.stream().and_then(|stream| stream.version);
            round.events.push(taken);
            self.all.insert(offset, event.record().to_vec());
            match event.subject() {
                Some(key) if event.topic() == "users" => {
                    self.newest.insert(key.to_owned(), offset);
                }
                _ => self.others.push(offset),
            }
        }
        journal.commit(&mut round).unwrap();
        self.next = first + events.len() as u64;
    }

    /// Reads all there is, in both directions, and returns how many events that is.
    fn check(&self, journal: &dyn Journal, what: &str) -> u64 {
        let read = |filter: &Filter, descending| {
            let mut read: Read = read_all(&*journal.view(), filter, self.next, descending);
            assert!(
                !read.failed && read.holes.is_empty(),
                "{what}: {:?}",
                read.holes
            );
            if descending {
                read.events.reverse();
            }
            read.events
        };
        let all = read(&Filter::all(), false);
        assert_eq!(all, read(&Filter::all(), true), "{what}");
        let of_topic: Vec<_> = all
            .iter()
            .filter(|(_, record)| EventRef::parse(record).unwrap().topic() == "users")
            .cloned()
            .collect();
        for descending in [false, true] {
            let filter = Filter::parse(["users"]).unwrap();
            assert_eq!(read(&filter, descending), of_topic, "{what}");
        }
        for (offset, record) in &all {
            assert_eq!(&self.all[offset], record, "{what}: {offset}");
        }
        let is_there = |offset: &u64| all.binary_search_by_key(offset, |(at, _)| *at).is_ok();
        assert!(self.others.iter().all(is_there), "{what}: what has no key");
        for (key, offset) in &self.newest {
            assert!(is_there(offset), "{what}: {key} at {offset}");
        }
        all.len() as u64
    }
}

/// Commits a number of rounds of 20 events: half of them of the topic, some of which have no key.
fn fill(journal: &mut dyn Journal, model: &mut Model, random: &mut Random, rounds: u64, keys: u64) {
    for round in 0..rounds {
        let events: Vec<Event> = (0..20)
            .map(|_| match random.below(20) {
                0 => event("users", 0, "none"),
                1..10 => event("other", 1 + random.below(keys), "else"),
                _ => event("users", 1 + random.below(keys), &format!("{round}")),
            })
            .collect();
        model.commit(journal, now(), &events);
        if round % 8 == 0 {
            keep_up(journal);
        }
    }
    keep_up(journal);
}

#[test]
fn the_newest_of_each_key_stays() {
    for options in [
        SqliteOptions::default(),
        SqliteOptions::default().compression(JournalCompression::Deflate),
    ] {
        let directory = Directory::new();
        let (mut model, mut random) = (Model::default(), Random(7));
        for life in 0..3 {
            let mut journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
            if life > 0 {
                model.check(&journal, "opened again");
            }
            journal.set_topic("users", &policy()).unwrap();
            fill(&mut journal, &mut model, &mut random, 400, 40);
            let there = model.check(&journal, "compacted");
            // What is left beside what stays: less than is new before a pass, and what is not merged yet.
            let least = (model.others.len() + model.newest.len()) as u64;
            assert!(there < least + 2_400, "{there} of {least}");
            let stats = journal.view().stats();
            // About: chunks that were merged before the process ended are counted from their first event on.
            assert!(
                stats.events.abs_diff(there) < 200,
                "{} {there}",
                stats.events
            );
            assert!(stats.removed_events >= 2_000, "{}", stats.removed_events);
            if life != 1 {
                journal.close().unwrap();
            }
        }
    }
}

/// Once it ends in the middle nothing is lost, and it goes on.
#[test]
fn a_pass_that_ends_anywhere_loses_nothing() {
    let (mut model, mut random) = (Model::default(), Random(11));
    let directory = Directory::new();
    let mut removed = 0;
    for life in 0..12 {
        let mut journal = SqliteJournal::open(directory.path()).unwrap();
        if life > 0 {
            model.check(&journal, &format!("life {life}"));
        }
        for _ in 0..80 {
            let events: Vec<Event> = (0..20)
                .map(|_| {
                    event(
                        ["users", "other"][random.below(2) as usize],
                        1 + random.below(30),
                        "it",
                    )
                })
                .collect();
            model.commit(&mut journal, now(), &events);
        }
        journal.set_topic("users", &policy()).unwrap();
        let mut at = std::time::Instant::now();
        for _ in 0..random.below(120) {
            let Some(wait) = journal.maintain(at) else {
                break;
            };
            at += wait;
        }
        removed += journal.view().stats().removed_events;
        model.check(&journal, &format!("life {life}, in the middle"));
        // Dropped as it is.
    }
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    journal.set_topic("users", &policy()).unwrap();
    keep_up(&mut journal);
    removed += journal.view().stats().removed_events;
    let there = model.check(&journal, "at the end");
    assert!(
        removed > 5_000 && there < 12_000,
        "{removed} removed, {there} there"
    );
}

#[test]
fn tombstones_go_with_their_keys_once_they_are_old() {
    let directory = Directory::new();
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    let hour = Compact::new("/subject").tombstone_age(Duration::from_millis(HOUR_MS as u64));
    let policy = TopicPolicy::default().compact(Some(hour));
    journal.set_topic("users", &policy).unwrap();
    let mut model = Model::default();
    let ended = now() - 2 * HOUR_MS;
    for key in 1..=100 {
        model.commit(&mut journal, ended, &[event("users", key, "first")]);
    }
    // Of every other one it is said that it is gone: of half of these so long ago that nobody has to know any more.
    let tombstones = |range: std::ops::RangeInclusive<u64>| -> Vec<Event> {
        range
            .step_by(2)
            .map(|key| event("users", key, ""))
            .collect()
    };
    model.commit(&mut journal, ended, &tombstones(1..=49));
    model.commit(&mut journal, now(), &tombstones(51..=99));
    let mut random = Random(3);
    let mut later = Model::default();
    for _ in 0..120 {
        let events: Vec<Event> = (0..20)
            .map(|_| event("users", 1_000 + random.below(9), "later"))
            .collect();
        later.commit(&mut journal, now(), &events);
    }
    keep_up(&mut journal);
    let read = read_all(&*journal.view(), &Filter::all(), later.next, false);
    let mut left: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for (_, record) in &read.events {
        let event = EventRef::parse(record).unwrap();
        let events = left.entry(event.subject().unwrap().to_owned()).or_default();
        events.push(event.data().is_empty());
    }
    for key in 1..=100 {
        let expected = match key {
            key if key % 2 == 0 => Some(vec![false]),
            1..50 => None,
            _ => Some(vec![true]),
        };
        assert_eq!(left.get(&format!("user-{key}")), expected.as_ref(), "{key}");
    }
}

/// Something older of a key may lie in what is damaged, and be read again one day: whoever said that the key is gone stays.
#[test]
fn beside_damage_no_tombstone_goes() {
    for is_damaged in [false, true] {
        let directory = Directory::new();
        let mut journal = SqliteJournal::open(directory.path()).unwrap();
        let mut model = Model::default();
        let of = |keys: std::ops::RangeInclusive<u64>, fill: &str| -> Vec<Event> {
            keys.map(|key| event("users", key, fill)).collect()
        };
        for _ in 0..8 {
            model.commit(&mut journal, now(), &of(1..=100, "old"));
        }
        model.commit(&mut journal, now(), &of(1..=50, ""));
        for _ in 0..8 {
            model.commit(&mut journal, now(), &of(101..=200, "later"));
        }
        keep_up(&mut journal);
        journal.close().unwrap();
        drop(journal);
        let path = directory.path().join("journal.sqlite");
        let database = rusqlite::Connection::open(path).unwrap();
        let sql = "SELECT first, last, body FROM chunk ORDER BY first LIMIT 1 OFFSET 2";
        let (first, last, mut body): (i64, i64, Vec<u8>) = database
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap();
        let middle = body.len() / 2;
        body[middle] ^= u8::from(is_damaged);
        let sql = "UPDATE chunk SET body = ?2 WHERE first = ?1";
        let row = rusqlite::params![first, body];
        database.execute(sql, row).unwrap();
        drop(database);
        let mut journal = SqliteJournal::open(directory.path()).unwrap();
        let at_once = Compact::new("/subject").tombstone_age(Duration::from_millis(1));
        journal
            .set_topic("users", &TopicPolicy::default().compact(Some(at_once)))
            .unwrap();
        for _ in 0..12 {
            model.commit(&mut journal, now(), &of(101..=200, "new"));
        }
        keep_up(&mut journal);
        let stats = journal.view().stats();
        assert!(stats.removed_events > 1_000, "{}", stats.removed_events);
        let read = read_all(&*journal.view(), &Filter::all(), model.next, false);
        assert_eq!(read.holes.len(), usize::from(is_damaged));
        let chunk = first as u64..last as u64 + 1;
        assert!(
            read.holes
                .iter()
                .all(|hole| chunk.contains(&hole.start) && hole.end <= chunk.end)
        );
        for (key, offset) in &model.newest {
            let is_there = read.events.iter().any(|(at, _)| at == offset);
            let is_gone = (801..=850).contains(offset) && !is_damaged;
            assert_eq!(is_there, !is_gone, "{key} at {offset}, {is_damaged}");
        }
    }
}

/// Bounds of a topic count what is left of it: once it is compacted they take nothing that they need not.
#[test]
fn bounds_count_what_is_left() {
    let directory = Directory::new();
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    let bounds = Retention::default().events(Some(2_500));
    journal
        .set_topic("users", &policy().retention(bounds))
        .unwrap();
    let mut model = Model::default();
    let first: Vec<Event> = (1..=900).map(|key| event("users", key, "first")).collect();
    model.commit(&mut journal, now(), &first);
    for round in 0..30 {
        let events: Vec<Event> = (0..100)
            .map(|at| event("users", 901 + at, &format!("{round}")))
            .collect();
        model.commit(&mut journal, now(), &events);
        keep_up(&mut journal);
    }
    // 3,900 in all, and never more than 2,500 at once: all keys are there.
    model.check(&journal, "bounded and compacted");
}

#[test]
fn streams_and_what_is_held_stay() {
    for streams in [false, true] {
        let directory = Directory::new();
        let mut journal = SqliteJournal::open(directory.path()).unwrap();
        let retention = Retention::default().streams(streams);
        journal
            .set_topic("users", &policy().retention(retention))
            .unwrap();
        let mut hold = CommitRound::default();
        let set_at = now();
        let set =
            move |tx: &mut dyn eventring::journal::StateTx| holds::set(tx, "mails", 500, set_at);
        hold.work.push(StateWork::new(Box::new(set)));
        journal.commit(&mut hold).unwrap();
        let mut model = Model::default();
        for version in 1..=1_500 {
            let mut stream = Event::builder("users", "changed");
            stream.subject("user-1").stream("user", "1", version);
            let stream = stream
                .json(&format!("\"{}\"", "x".repeat(150)))
                .build()
                .unwrap();
            model.commit(&mut journal, now(), &[stream, event("users", 2, "2")]);
        }
        keep_up(&mut journal);
        let count = |journal: &SqliteJournal| {
            read_all(&*journal.view(), &Filter::all(), model.next, false)
                .events
                .len()
        };
        assert_eq!(count(&journal), 3_000, "all of it is held");
        let mut release = CommitRound::default();
        release.work.push(StateWork::new(Box::new(|tx| {
            holds::remove(tx, "mails").map(|_| ())
        })));
        journal.commit(&mut release).unwrap();
        keep_up(&mut journal);
        let left = count(&journal);
        // What came last is not merged yet.
        let most = if streams { 200 } else { 1_700 };
        assert!((most - 200..most).contains(&left), "{streams}: {left}");
        let mut reader = journal.view().reader().unwrap();
        assert_eq!(reader.stream_version("user", "1"), Ok(Some(1_500)));
    }
}

/// Sets a hold, or removes it.
fn hold(journal: &mut dyn Journal, position: Option<u64>, set_at: i64) {
    let mut round = CommitRound::default();
    round
        .work
        .push(StateWork::new(Box::new(move |tx| match position {
            Some(position) => holds::set(tx, "mails", position, set_at),
            None => holds::remove(tx, "mails").map(|_| ()),
        })));
    journal.commit(&mut round).unwrap();
}

/// Commits events of the topic with one of a few keys each, 20 a round.
fn publish(journal: &mut dyn Journal, model: &mut Model, recorded: i64, rounds: u64) {
    for round in 0..rounds {
        let events: Vec<Event> = (1..=20)
            .map(|key| event("users", key, &format!("{round}")))
            .collect();
        model.commit(journal, recorded, &events);
    }
}

/// After the clock has jumped no hold counts as forgotten.
#[test]
fn a_clock_that_jumped_takes_nothing_that_is_held() {
    let directory = Directory::new();
    let mut model = Model::default();
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    let month = 30 * 24 * HOUR_MS;
    publish(&mut journal, &mut model, now() - month, 150);
    journal.close().unwrap();
    drop(journal);
    let database = directory.path().join("journal.sqlite");
    let database = rusqlite::Connection::open(database).unwrap();
    let sql = "UPDATE meta SET value = ?1 WHERE key = 'believed'";
    assert_eq!(database.execute(sql, [now() - month]).unwrap(), 1);
    drop(database);
    // By what was believed last it is a month later at once, and the hold is as old.
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    journal.set_topic("users", &policy()).unwrap();
    hold(&mut journal, Some(1), now() - month);
    publish(&mut journal, &mut model, now(), 1);
    keep_up(&mut journal);
    assert_eq!(model.check(&journal, "held"), 151 * 20);
    hold(&mut journal, None, 0);
    keep_up(&mut journal);
    assert!(model.check(&journal, "released") < 1_000);
}

/// A hold that is set while a pass goes on is kept as well.
#[test]
fn a_hold_that_is_set_during_a_pass_holds() {
    let directory = Directory::new();
    let mut model = Model::default();
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    publish(&mut journal, &mut model, now(), 300);
    keep_up(&mut journal);
    journal.set_topic("users", &policy()).unwrap();
    let removed = |journal: &SqliteJournal| journal.view().stats().removed_events;
    let at = std::time::Instant::now();
    while removed(&journal) == 0 {
        assert!(journal.maintain(at).is_some(), "no pass begins");
    }
    let began = removed(&journal);
    assert!(began < 1_000, "the pass is over");
    hold(&mut journal, Some(1), now());
    keep_up(&mut journal);
    assert_eq!(removed(&journal), began);
    assert_eq!(model.check(&journal, "held"), 6_000 - began);
    hold(&mut journal, None, 0);
    keep_up(&mut journal);
    assert!(model.check(&journal, "released") < 1_000);
}

/// Somebody who always needs the last few hundred events holds no more than these.
#[test]
fn a_hold_that_moves_on_stops_no_pass() {
    let directory = Directory::new();
    let mut model = Model::default();
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    journal.set_topic("users", &policy()).unwrap();
    for _ in 0..200 {
        let lags = model.next.saturating_sub(700).max(1);
        hold(&mut journal, Some(lags), now());
        publish(&mut journal, &mut model, now(), 2);
        keep_up(&mut journal);
        let lags = lags.max(1);
        let held = (lags..model.next).count() as u64;
        assert!(model.check(&journal, "held") >= held);
    }
    let there = model.check(&journal, "at the end");
    assert!(there < 2_500, "{there} of 8,000");
}

/// A tombstone that waits is not forgotten when the process ends.
#[test]
fn tombstones_go_after_a_restart() {
    let directory = Directory::new();
    let mut model = Model::default();
    let hour = Compact::new("/subject").tombstone_age(Duration::from_millis(HOUR_MS as u64));
    let compact = |compact| TopicPolicy::default().compact(Some(compact));
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    journal.set_topic("users", &compact(hour.clone())).unwrap();
    let ended = now() - HOUR_MS / 2;
    model.commit(&mut journal, ended, &[event("users", 1_000, "first")]);
    model.commit(&mut journal, ended, &[event("users", 1_000, "")]);
    publish(&mut journal, &mut model, now(), 150);
    keep_up(&mut journal);
    let has = |journal: &SqliteJournal, offset| {
        let read = read_all(&*journal.view(), &Filter::all(), 3, false);
        read.events.iter().any(|(at, _)| *at == offset)
    };
    assert!(
        !has(&journal, 1) && has(&journal, 2),
        "it is half an hour old"
    );
    journal.close().unwrap();
    drop(journal);
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    journal.set_topic("users", &compact(hour.clone())).unwrap();
    keep_up(&mut journal);
    assert!(has(&journal, 2), "it has half an hour left");
    journal
        .set_topic(
            "users",
            &compact(hour.tombstone_age(Duration::from_secs(60))),
        )
        .unwrap();
    keep_up(&mut journal);
    assert!(!has(&journal, 2), "it had a minute");
}

/// Of what is truncated nothing makes older events go: a stream's event is the newest of its key again.
#[test]
fn what_is_truncated_supersedes_nothing() {
    for is_noted in [false, true] {
        let directory = Directory::new();
        let mut model = Model::default();
        let mut journal = SqliteJournal::open(directory.path()).unwrap();
        let streams = policy().retention(Retention::default().streams(true));
        journal.set_topic("users", &streams).unwrap();
        let mut stream = Event::builder("users", "changed");
        stream.subject("user-1000").stream("user", "1", 1);
        let stream = stream.json("1").build().unwrap();
        model.commit(&mut journal, now(), &[stream, event("users", 1_000, "2")]);
        if is_noted {
            publish(&mut journal, &mut model, now(), 30);
            keep_up(&mut journal);
        }
        // The second one alone.
        journal.truncate("users", 3, false).unwrap();
        publish(&mut journal, &mut model, now(), 300);
        keep_up(&mut journal);
        let read = read_all(&*journal.view(), &Filter::all(), model.next, false);
        assert_eq!(read.events[0].0, 1, "{is_noted}");
        assert!(
            read.events[1].0 > 2 && read.events.len() < 1_000,
            "{is_noted}"
        );
    }
}

/// What lies beside the events of a topic is not read for each thousand of them again.
#[test]
fn passes_read_no_more_than_a_multiple_of_what_is_written() {
    let directory = Directory::new();
    let mut model = Model::default();
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    journal.set_topic("users", &policy()).unwrap();
    let mut large = Event::builder("users", "changed");
    let large = large.data("application/octet-stream", &[7; 16_000]);
    let large = large.build().unwrap();
    for _ in 0..60 {
        // Each row of these has no key, and is read by each pass.
        for _ in 0..60 {
            model.commit(&mut journal, now(), std::slice::from_ref(&large));
        }
        publish(&mut journal, &mut model, now(), 52);
        keep_up(&mut journal);
    }
    let there = model.check(&journal, "compacted");
    let stats = journal.view().stats();
    let written = 60 * 60 + 60 * 52 * 20 / 60;
    let rows = stats.compaction_rows;
    assert!(rows < 10 * written, "{rows} read, {written} written");
    // And yet most has gone.
    assert!(there < 60 * 60 + 20_000, "{there}");
    assert_eq!(stats.compaction_parts, 0);
}

/// With more keys than there is room for passes go over what is new alone: nothing is lost, and no key comes back.
#[test]
fn more_keys_than_there_is_room_for() {
    let directory = Directory::new();
    let mut model = Model::default();
    let options = SqliteOptions::default().compact_keys(500);
    let age = Duration::from_millis(HOUR_MS as u64);
    let compact = Compact::new("/subject").tombstone_age(age);
    let policy = TopicPolicy::default().compact(Some(compact));
    let mut journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
    journal.set_topic("users", &policy).unwrap();
    let mut large = Event::builder("users", "changed");
    let large = large.data("application/octet-stream", &[7; 16_000]);
    let large = large.build().unwrap();
    // The first pass reads all of it, and is not paid for before eight times as many rows are written.
    for _ in 0..800 {
        model.commit(&mut journal, now(), std::slice::from_ref(&large));
    }
    for part in 0..40 {
        let keys = 1_000 * part..1_000 * part + 600;
        let mut events: Vec<Event> = Vec::new();
        for key in keys {
            events.extend([
                event("users", key + 1, ""),
                event("users", key + 1, "twice"),
            ]);
        }
        // It says that a key of the first part is gone, so long ago that it may go itself.
        let mut gone = Model::default();
        gone.commit(
            &mut journal,
            now() - 2 * HOUR_MS,
            &[event("users", part + 100, "")],
        );
        for events in events.chunks(100) {
            model.commit(&mut journal, now(), events);
        }
        keep_up(&mut journal);
    }
    let stats = journal.view().stats();
    assert!(stats.compaction_parts > 10, "{}", stats.compaction_parts);
    let written = 800 + 40 * 1_200 / 60;
    let rows = stats.compaction_rows;
    assert!(rows < 10 * written, "{rows} read, {written} written");
    // The first of each two has gone, and what a reader makes of the rest is right.
    let read = read_all(&*journal.view(), &Filter::all(), model.next, false);
    assert!(read.events.len() < 800 + 40 * 700, "{}", read.events.len());
    let mut state: BTreeMap<String, bool> = BTreeMap::new();
    for (_, record) in &read.events {
        let event = EventRef::parse(record).unwrap();
        if let Some(key) = event.subject() {
            state.insert(key.to_owned(), !event.data().is_empty());
        }
    }
    let is_there = |key: u64| state.get(&format!("user-{key}")).copied().unwrap_or(false);
    for key in 1..=600 {
        // It was said before the key came, or after it.
        assert_eq!(is_there(key), !(101..140).contains(&key), "{key}");
    }
    for key in 1_001..1_600 {
        assert!(is_there(key), "{key}");
    }
}
