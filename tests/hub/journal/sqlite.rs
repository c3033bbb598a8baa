//! The journal on SQLite under a hub: what is acknowledged comes back, after a clean end and after `kill -9`.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use eventring::event::{Event, EventBatch, EventRef};
use eventring::hub::{
    Durability, Gap, GapReason, Hub, ReceiveTimeoutError, StartFrom, Subscription, TopicConfig,
    TopicsError, TryReceiveError,
};
use eventring::journal::{
    Compact, Hole, HoleReason, Journal, Retention, SqliteJournal, TopicPolicy,
};

use super::{event, eventually, seen};

/// Says to the process that is to be killed where it has its journal.
const CHILD: &str = "EVENTRING_TEST_JOURNAL";
const PUBLISHERS: usize = 32;
/// Publishes of each of them, far more than it lives for: if nobody kills it, it ends.
const EACH: u64 = 10_000;

/// A directory of its own, gone with the test.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("eventring-hub-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn hub_on(journal: SqliteJournal) -> Hub {
    // Small, so that most of it is read from the journal.
    let builder = Hub::builder().capacity(256).streams_max(100);
    builder.journal(journal).build().unwrap()
}

fn open(directory: &Path) -> Hub {
    hub_on(SqliteJournal::open(directory).unwrap())
}

fn named(id: &str) -> Event {
    Event::builder("a", "t").id(id).build().unwrap()
}

#[test]
fn all_of_it_comes_back_after_a_clean_end() {
    let directory = Directory::new();
    let hub = open(&directory.0);
    let epoch = hub.epoch();
    let of = |durability| TopicConfig::default().durability(durability);
    hub.set_topic("memory", of(Durability::None)).unwrap();
    let buffered = of(Durability::Buffered).retain_events(3);
    hub.set_topic("buffered", buffered.clone()).unwrap();
    let mut live = hub.subscribe(Subscription::all()).unwrap();
    let (mut all, mut kept) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        for topic in ["durable", "memory", "buffered"] {
            let offset = hub.publish(event(topic)).unwrap().offset;
            all.push(offset);
            kept.extend((topic != "memory").then_some(offset));
        }
        let mut batch = EventBatch::new();
        for topic in ["durable", "buffered", "durable"] {
            batch.push(event(topic));
        }
        let offsets = hub.publish_batch(&batch).unwrap();
        assert_eq!(offsets.end - offsets.start, 3);
        all.extend(offsets.clone());
        kept.extend(offsets);
        assert_eq!(seen(&mut live), all[all.len() - 6..]);
    }
    assert_eq!(all, (1..=240).collect::<Vec<u64>>());
    drop(hub);
    let journal = SqliteJournal::open(&directory.0).unwrap();
    let found = journal.recovered();
    assert!(found.clean, "{found:?}");
    assert_eq!(
        (found.epoch, found.next, &found.holes[..]),
        (epoch, 241, &[][..])
    );
    let hub = hub_on(journal);
    assert_eq!((hub.epoch(), hub.head(), hub.visible()), (epoch, 240, 240));
    assert_eq!(hub.describe_topic("buffered").unwrap().config, buffered);
    let memory = hub.describe_topic("memory").unwrap();
    assert_eq!(memory.durability, Durability::None);
    let from_the_beginning = Subscription::all().start(StartFrom::Beginning);
    assert_eq!(seen(&mut hub.subscribe(from_the_beginning).unwrap()), kept);
    assert_eq!(hub.publish(event("memory")).unwrap().offset, 241);
}

/// Whoever reads a compacted topic from the beginning ends with the newest of each key, and is told of no gap.
#[test]
fn a_compacted_topic_ends_with_the_newest_of_each_key() {
    let directory = Directory::new();
    let hub = open(&directory.0);
    let compact = TopicConfig::default().compact(Some(Compact::new("/data/id")));
    hub.set_topic("users", compact).unwrap();
    let text = "x".repeat(200);
    for first in (0..4_000).step_by(50) {
        let mut batch = EventBatch::new();
        for number in first..first + 50 {
            let data = format!(
                "{{\"id\":{},\"n\":{number},\"text\":\"{text}\"}}",
                number % 20
            );
            batch.push(
                Event::builder("users", "changed")
                    .json(&data)
                    .build()
                    .unwrap(),
            );
        }
        hub.publish_batch(&batch).unwrap();
    }
    eventually("older ones go", || {
        hub.journal().unwrap().stats().removed_events > 1_500
    });
    drop(hub);
    let hub = open(&directory.0);
    let from_the_beginning = Subscription::topics(["users"]).start(StartFrom::Beginning);
    let mut receiver = hub.subscribe(from_the_beginning).unwrap();
    let (mut count, mut newest) = (0, std::collections::BTreeMap::new());
    let mut take = |event: EventRef<'_>| {
        let data = String::from_utf8(event.data().to_vec()).unwrap();
        let mut numbers = data.split([':', ',']).skip(1).step_by(2);
        let mut number = || numbers.next().unwrap().parse::<u64>().unwrap();
        newest.insert(number(), number());
        count += 1;
    };
    let end = loop {
        if let Err(end) = receiver.drain(usize::MAX, |_, event| take(event)) {
            break end;
        }
    };
    assert_eq!(end, TryReceiveError::Empty);
    assert!(count < 2_500, "{count} of 4,000");
    let expected = (0..20).map(|id| (id, 3_980 + id)).collect();
    assert_eq!(newest, expected);
}

/// A process of its own, which another test starts and kills: publishes as many threads until then, and says in a file what was acknowledged.
#[test]
fn publishes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(CHILD) else {
        return;
    };
    let directory = PathBuf::from(directory);
    let hub = open(&directory);
    let life = hub.head();
    let acknowledged = directory.join("acknowledged");
    thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let (hub, acknowledged) = (&hub, &acknowledged);
            scope.spawn(move || {
                let mut options = OpenOptions::new();
                let options = options.append(true).create(true);
                let mut file = options.open(acknowledged).unwrap();
                for number in 0..EACH {
                    let len = if number % 8 == 7 { 5 } else { 1 };
                    let mut batch = EventBatch::new();
                    let ids: Vec<String> = (0..len)
                        .map(|part| format!("{life}-{publisher}-{number}-{part}-{len}"))
                        .collect();
                    ids.iter().for_each(|id| batch.push(named(id)));
                    let offsets = hub.publish_batch(&batch).unwrap();
                    let lines = offsets.zip(&ids);
                    let lines: String = lines.map(|(at, id)| format!("{at} {id}\n")).collect();
                    // One write: lines of several threads do not mix.
                    file.write_all(lines.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// What was acknowledged: offsets and ids. The last line may be cut off.
fn acknowledged(directory: &Path) -> Vec<(u64, String)> {
    let text = fs::read_to_string(directory.join("acknowledged")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().map(|line| {
        let (offset, id) = line.split_once(' ').unwrap();
        (offset.parse().unwrap(), id.to_owned())
    });
    lines.collect()
}

/// A process that is killed, whatever becomes of the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Runs a test as a process of its own, and kills it when it has published enough; returns what was acknowledged.
fn killed(
    test: &str,
    directory: &Directory,
    is_enough: impl Fn(&[(u64, String)]) -> bool,
) -> Vec<(u64, String)> {
    fs::create_dir_all(&directory.0).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact"])
        .arg(format!("journal::sqlite::{test}"))
        .env(CHILD, &directory.0)
        .spawn();
    let child = Killed(child.unwrap());
    eventually("it publishes", || is_enough(&acknowledged(&directory.0)));
    drop(child);
    acknowledged(&directory.0)
}

/// Everything from the beginning up to an offset: once each, in order, without a gap.
fn read_to(hub: &Hub, last: u64) -> Vec<String> {
    let from_the_beginning = Subscription::all().start(StartFrom::Beginning);
    let mut receiver = hub.subscribe(from_the_beginning).unwrap();
    (1..=last)
        .map(|offset| {
            let delivery = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
            assert_eq!(delivery.position.offset, offset);
            delivery.event.id().to_owned()
        })
        .collect()
}

#[test]
fn what_was_acknowledged_is_there_once_and_in_order_after_a_kill() {
    let directory = Directory::new();
    let mut epoch = None;
    let mut next = 1;
    for life in 1..=3 {
        let before = acknowledged(&directory.0).len();
        let acknowledged = killed("publishes_until_it_is_killed", &directory, |acknowledged| {
            acknowledged.len() >= before + 400 * life
        });
        let journal = SqliteJournal::open(&directory.0).unwrap();
        let found = journal.recovered().clone();
        assert_eq!(*epoch.get_or_insert(found.epoch), found.epoch);
        assert!(!found.clean);
        assert_eq!(found.holes, [], "what is durable reserves nothing");
        assert_eq!(found.next, found.last + 1);
        assert!(found.next > next);
        let hub = hub_on(journal);
        let is_read = AtomicBool::new(false);
        let ids = thread::scope(|scope| {
            let (hub, is_read) = (&hub, &is_read);
            let publishers: Vec<_> = (0..4)
                .map(|publisher| {
                    scope.spawn(move || {
                        let mut offsets = Vec::new();
                        while !is_read.load(Ordering::Relaxed) {
                            let id = format!("{}-more-{publisher}", hub.head());
                            offsets.push(hub.publish(named(&id)).unwrap().offset);
                        }
                        offsets
                    })
                })
                .collect();
            let ids = read_to(hub, found.last + 100);
            is_read.store(true, Ordering::Relaxed);
            let published = publishers.into_iter().map(|one| one.join().unwrap());
            let least = published.flatten().min();
            assert_eq!(least, Some(found.next));
            ids
        });
        for (offset, id) in &acknowledged {
            assert_eq!(&ids[*offset as usize - 1], id, "{offset}");
        }
        check_batches(&ids);
        assert_eq!(ids.iter().filter(|id| !id.contains("more")).count(), {
            let all: HashSet<_> = ids.iter().filter(|id| !id.contains("more")).collect();
            all.len()
        });
        next = hub.head() + 1;
        drop(hub);
        let journal = SqliteJournal::open(&directory.0).unwrap();
        let found = journal.recovered();
        assert!(found.clean);
        assert_eq!((found.next, &found.holes[..]), (next, &[][..]));
    }
}

/// A batch is there as a whole, one event behind the other.
fn check_batches(ids: &[String]) {
    for (index, id) in ids.iter().enumerate() {
        let Some((rest, "5")) = id.rsplit_once('-') else {
            continue;
        };
        let (name, part) = rest.rsplit_once('-').unwrap();
        let part: usize = part.parse().unwrap();
        for other in 0..5 {
            let expected = format!("{name}-{other}-5");
            assert_eq!(ids[index + other - part], expected);
        }
    }
}

/// A process of its own, as above: shows events that are not written until it is killed, each tenth behind one that is.
#[test]
fn shows_until_it_is_killed() {
    let Some(directory) = std::env::var_os(CHILD) else {
        return;
    };
    let directory = PathBuf::from(directory);
    let hub = open(&directory);
    let config = TopicConfig::default().durability(Durability::None);
    hub.set_topic("memory", config).unwrap();
    let mut options = OpenOptions::new();
    let options = options.append(true).create(true);
    let mut file = options.open(directory.join("acknowledged")).unwrap();
    for number in 0..EACH {
        let topic = if number % 10 == 0 { "a" } else { "memory" };
        let offset = hub.publish(event(topic)).unwrap().offset;
        let line = format!("{offset} {topic}\n");
        file.write_all(line.as_bytes()).unwrap();
    }
}

#[test]
fn what_was_shown_without_being_written_is_told_after_a_kill_and_not_given_out_again() {
    let directory = Directory::new();
    let shown = killed("shows_until_it_is_killed", &directory, |shown| {
        shown.len() >= 300
    });
    let journal = SqliteJournal::open(&directory.0).unwrap();
    let found = journal.recovered().clone();
    let hole = found.last + 1..found.next;
    assert_eq!(found.holes, [Hole::new(hole.clone(), HoleReason::Crash)]);
    let last_shown = shown.last().unwrap().0;
    assert!(found.next > last_shown, "{} {last_shown}", found.next);
    let written = shown.iter().filter(|(_, topic)| topic == "a");
    let written: Vec<u64> = written.map(|(offset, _)| *offset).collect();
    assert!(found.last >= *written.last().unwrap());
    let hub = hub_on(journal);
    assert_eq!(hub.publish(event("a")).unwrap().offset, found.next);
    let from_the_beginning = Subscription::topic("a").start(StartFrom::Beginning);
    let mut receiver = hub.subscribe(from_the_beginning).unwrap();
    let (mut offsets, mut gaps) = (Vec::new(), Vec::new());
    while offsets.last() != Some(&found.next) {
        match receiver.recv_timeout(Duration::from_secs(60)) {
            Ok(delivery) => offsets.push(delivery.position.offset),
            Err(ReceiveTimeoutError::Gap(gap)) => gaps.push(gap),
            other => panic!("{other:?}"),
        }
    }
    let told = |gap: &Gap| gap.reason == GapReason::Crash && gap.resume_at == hole.end;
    assert!(gaps.iter().any(told), "{gaps:?} {hole:?}");
    assert_eq!(offsets[..written.len()], written);
    // One that was written and not acknowledged, and the one of this run.
    assert!(offsets.len() <= written.len() + 2, "{offsets:?}");
}

#[test]
fn versions_of_streams_go_on() {
    let directory = Directory::new();
    super::streams::check_versions_go_on(|| open(&directory.0));
}

/// Bounds beyond the number of topics that a journal bounds were taken without a word, and nothing ever went.
#[test]
fn settings_that_the_journal_does_not_keep_to_are_refused_and_change_nothing() {
    let directory = Directory::new();
    let bounds = Retention::default().events(Some(5));
    let bounded = TopicConfig::default().journal(bounds);
    let compacted = TopicConfig::default().compact(Some(Compact::new("/data/id")));
    let hub = open(&directory.0);
    hub.set_topic("kept", bounded.clone()).unwrap();
    hub.close();
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    let others = TopicPolicy::default().retention(bounds);
    for number in 0..4_096 {
        let other = format!("bounded.{number}");
        journal.set_topic(&other, &others).unwrap();
    }
    let others = TopicPolicy::default().compact(compacted.compact.clone());
    for number in 0..1_024 {
        let other = format!("compacted.{number}");
        journal.set_topic(&other, &others).unwrap();
    }
    let told = journal.set_topic("another", &TopicPolicy::default().retention(bounds));
    assert!(told.unwrap_err().contains("4096 topics"));
    let told = journal.set_topic("another", &others);
    assert!(told.unwrap_err().contains("1024 topics"));
    // What was kept of it stands at the start, whatever the journal says.
    let hub = hub_on(journal);
    assert_eq!(hub.describe_topic("kept").unwrap().config, bounded);
    for config in [&bounded, &compacted] {
        let refused = hub.set_topic("new", config.clone());
        assert!(
            matches!(refused, Err(TopicsError::NotTaken(_))),
            "{refused:?}"
        );
        assert_eq!(hub.describe_topic("new"), None);
    }
    // One that has its place may change, and one that gives it up leaves it to another.
    let more = TopicConfig::default().journal(bounds.events(Some(7)));
    hub.set_topic("bounded.7", more.clone()).unwrap();
    hub.set_topic("bounded.7", TopicConfig::default()).unwrap();
    hub.set_topic("new", more).unwrap();
}
