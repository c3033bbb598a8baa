//! Topics: creating, listing, deleting, and what each keeps for itself.

use std::time::Duration;

use eventring::event::{Event, Filter, Position};
use eventring::hub::{
    Durability, EndReason, Gap, GapReason, Hub, HubPublishError, ReceiveError, Receiver, StartFrom,
    Subscription, TopicConfig, TopicConfigErrors, TopicInfo, TopicMode, TopicsError,
    TryReceiveError,
};
use proptest::prelude::*;

use crate::journal::eventually;

fn publish(hub: &Hub, topic: &str) -> u64 {
    hub.publish(Event::builder(topic, "t").build().unwrap())
        .unwrap()
        .offset
}

fn keeping(retain_events: usize) -> TopicConfig {
    TopicConfig::default().retain_events(retain_events)
}

fn small(capacity: usize) -> Hub {
    Hub::builder().capacity(capacity).build().unwrap()
}

fn offsets(receiver: &mut Receiver) -> Vec<u64> {
    let mut seen = Vec::new();
    let _ = receiver.drain(usize::MAX, |position, _| seen.push(position.offset));
    let _ = receiver.drain(usize::MAX, |position, _| seen.push(position.offset));
    seen
}

fn start(hub: &Hub, topic: &str, start: StartFrom) -> Receiver {
    hub.subscribe(Subscription::topic(topic).start(start))
        .unwrap()
}

/// Tries every way to cut the texts: slow and plainly right.
fn takes(pattern: &str, name: &str) -> bool {
    fn rest(pattern: &[&str], name: &[&str]) -> bool {
        match (pattern, name) {
            ([">"], [_, ..]) => true,
            (["*", pattern @ ..], [_, name @ ..]) => rest(pattern, name),
            ([a, pattern @ ..], [b, name @ ..]) => a == b && rest(pattern, name),
            ([], []) => true,
            _ => false,
        }
    }
    let segments = |text| str::split(text, '.').collect::<Vec<_>>();
    let wild = pattern.starts_with('*') || pattern.starts_with('>');
    !(wild && name.starts_with('$')) && rest(&segments(pattern), &segments(name))
}

/// A pattern over a tiny alphabet, so that names often meet it; `$` may stand before any segment.
fn pattern() -> impl Strategy<Value = String> {
    let text = "(\\$?[ab]|\\*)(\\.(\\$?[ab]|\\*)){0,2}";
    (text, 0..6u8).prop_map(|(text, tail)| match tail {
        0 | 1 => format!("{text}.>"),
        2 => ">".to_owned(),
        _ => text,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whoever subscribes, before or after, from the beginning or the last so many, asleep or not, gets what the oracle
    /// says; and whoever asks who is there is told the same.
    #[test]
    fn subscriptions_agree_with_the_oracle(
        patterns in prop::collection::vec(prop::collection::vec(pattern(), 1..3), 1..5),
        names in prop::collection::vec("\\$?[ab](\\.\\$?[ab]){0,3}", 1..24),
        last in 1..8usize,
    ) {
        let hub = Hub::new();
        let subscribe = |patterns: &Vec<String>, start| {
            let filter = Filter::parse(patterns).unwrap();
            hub.subscribe(Subscription::filter(filter).start(start)).unwrap()
        };
        let mut live: Vec<Receiver> = patterns.iter().map(|one| subscribe(one, StartFrom::Now)).collect();
        names.iter().for_each(|name| _ = publish(&hub, name));
        for (patterns, live) in patterns.iter().zip(&mut live) {
            let wanted = |name: &String| patterns.iter().any(|pattern| takes(pattern, name));
            let numbered = names.iter().zip(1..);
            let expected: Vec<u64> = numbered.filter(|(name, _)| wanted(name)).map(|(_, offset)| offset).collect();
            prop_assert_eq!(&offsets(live), &expected);
            prop_assert_eq!(&offsets(&mut subscribe(patterns, StartFrom::Beginning)), &expected);
            let newest = &expected[expected.len().saturating_sub(last)..];
            prop_assert_eq!(&offsets(&mut subscribe(patterns, StartFrom::Last(last))), newest);
            let values = names.iter().zip(1u64..).filter(|(name, offset)| {
                wanted(name) && !names[*offset as usize..].contains(name)
            });
            let values: Vec<u64> = values.map(|(_, offset)| offset).collect();
            prop_assert_eq!(&offsets(&mut subscribe(patterns, StartFrom::LastValues)), &values);
        }
        for name in &names {
            let there = patterns.iter().filter(|one| one.iter().any(|pattern| takes(pattern, name)));
            prop_assert_eq!(hub.present(name, 0).count, there.count());
        }
    }
}

/// What `>` misses is a difference of offsets, until there is a topic that it does not take: then that is a bound.
#[test]
fn how_many_were_missed_is_exact_until_some_were_not_wanted() {
    for (other, exact) in [("b", true), ("$b", false)] {
        let hub = small(64);
        let mut all = hub.subscribe(Subscription::all()).unwrap();
        publish(&hub, other);
        (0..1_000).for_each(|_| _ = publish(&hub, "a"));
        let Err(TryReceiveError::Gap(gap)) = all.try_recv() else {
            panic!("it has gap");
        };
        assert_eq!(gap.exact, exact, "{other}");
    }
}

#[test]
fn the_first_event_makes_a_topic_or_is_refused() {
    let lazy = Hub::new();
    publish(&lazy, "b");
    publish(&lazy, "a");
    publish(&lazy, "b");
    assert_eq!(lazy.topics(), ["a", "b"]);
    let info: TopicInfo = lazy.describe_topic("b").unwrap();
    assert_eq!((info.published, info.last_offset, info.retained), (2, 3, 0));
    assert_eq!(lazy.describe_topic("c"), None);
    let explicit = Hub::builder().topics(TopicMode::Explicit).build().unwrap();
    explicit.create_topic("a", TopicConfig::default()).unwrap();
    publish(&explicit, "a");
    let other = Event::builder("b", "t").build().unwrap();
    let known = Event::builder("a", "t").build().unwrap();
    assert_eq!(explicit.publish(&other), Err(HubPublishError::UnknownTopic));
    assert_eq!(
        explicit.publish_batch_iter([&known, &other]),
        Err(HubPublishError::UnknownTopic)
    );
    assert_eq!(
        (explicit.head(), explicit.topics()),
        (1, vec!["a".to_owned()])
    );
}

#[test]
fn a_topic_is_created_once_and_with_sound_settings() {
    let hub = Hub::builder()
        .history_bytes(3 << 20)
        .topics_max(4)
        .build()
        .unwrap();
    publish(&hub, "made.by.event");
    assert_eq!(hub.create_topic("made.by.event", keeping(1)), Ok(()));
    assert_eq!(
        hub.create_topic("made.by.event", keeping(1)),
        Err(TopicsError::Exists)
    );
    let message = |name: &str, config| hub.create_topic(name, config).unwrap_err().to_string();
    assert_eq!(
        message("a..b", keeping(0)),
        "not a topic name: empty segment at column 3"
    );
    assert_eq!(
        message("a.*", keeping(0)),
        "not a topic name: wildcard segment at column 3"
    );
    let wrong = TopicConfig::default()
        .retain_events(1 << 30)
        .retain_bytes(0)
        .retain_age(Some(Duration::ZERO))
        .durability(Durability::Durable)
        .compression(true)
        .partitions(2)
        .replication(3);
    assert_eq!(
        message("a", wrong.clone()),
        "retain_events: more than 16777216; retain_bytes: 0 keeps nothing of 1073741824 events; \
         retain_age: less than 1 ms; durability: a memory hub has no journal; compression: a memory hub does not \
         compress; partitions: only 1; replication: only 1"
    );
    let errors: TopicConfigErrors = wrong.validate().unwrap_err();
    assert_eq!(errors.faults().count(), 6);
    assert_eq!(hub.create_topic("b", keeping(5)), Ok(()));
    let large = keeping(5).retain_bytes(2 << 20);
    let left = TopicsError::HistoryBytes {
        asked: 2 << 20,
        left: 1 << 20,
    };
    assert_eq!(hub.create_topic("c", large), Err(left));
    assert_eq!(hub.create_topic("c", TopicConfig::default()), Ok(()));
    assert_eq!(hub.create_topic("d", TopicConfig::default()), Ok(()));
    assert_eq!(
        hub.create_topic("e", TopicConfig::default()),
        Err(TopicsError::TooMany { limit: 4 })
    );
    publish(&hub, "f");
    assert_eq!((hub.topics().len(), hub.stats().untracked), (4, 1));
    assert_eq!(hub.delete_topic("b"), Ok(()));
    assert_eq!(
        hub.create_topic("e", keeping(5).retain_bytes(2 << 20)),
        Ok(())
    );
}

#[test]
fn readers_of_a_deleted_topic_end_with_that_reason() {
    let hub = Hub::new();
    publish(&hub, "a");
    publish(&hub, "b");
    let mut one = start(&hub, "a", StartFrom::Beginning);
    let mut both = hub.subscribe(Subscription::topics(["a", "b"])).unwrap();
    let mut pattern = start(&hub, ">", StartFrom::Now);
    std::thread::scope(|scope| {
        let mut blocked = start(&hub, "a", StartFrom::Now);
        let blocked = scope.spawn(move || blocked.recv());
        assert_eq!(hub.delete_topic("a"), Ok(()));
        assert_eq!(blocked.join().unwrap(), Err(ReceiveError::TopicDeleted));
    });
    assert_eq!(one.try_recv(), Err(TryReceiveError::TopicDeleted));
    assert_eq!(one.ended(), Some(EndReason::TopicDeleted));
    assert_eq!(
        (both.try_recv(), pattern.try_recv()),
        (Err(TryReceiveError::Empty), Err(TryReceiveError::Empty))
    );
    assert_eq!(hub.delete_topic("b"), Ok(()));
    assert_eq!(
        both.try_recv(),
        Err(TryReceiveError::TopicDeleted),
        "none of its topics is left"
    );
    assert_eq!(hub.delete_topic("b"), Err(TopicsError::Unknown));
    assert_eq!(hub.topics(), [""; 0]);
    publish(&hub, "a");
    assert!(pattern.try_recv().is_ok());
    assert!(hub.subscribe(Subscription::topic("a")).is_ok());
}

#[test]
fn a_busy_topic_does_not_push_out_what_a_quiet_one_keeps() {
    let hub = small(8);
    hub.create_topic("quiet", keeping(3)).unwrap();
    let kept: Vec<u64> = (0..5)
        .map(|_| {
            let offset = publish(&hub, "quiet");
            (0..100).for_each(|_| _ = publish(&hub, "busy"));
            offset
        })
        .collect();
    assert_eq!(
        offsets(&mut start(&hub, "quiet", StartFrom::Beginning)),
        kept[2..]
    );
    assert_eq!(
        offsets(&mut start(&hub, "quiet", StartFrom::Last(2))),
        kept[3..]
    );
    let info = hub.describe_topic("quiet").unwrap();
    assert_eq!(
        (info.retained, info.published, info.subscriptions),
        (3, 5, 0)
    );
    assert!(info.retained_bytes > 0);
    let after = |offset| {
        StartFrom::After(Position {
            epoch: hub.epoch(),
            offset,
        })
    };
    let mut resumed = start(&hub, "quiet", after(kept[1]));
    assert_eq!(
        offsets(&mut resumed),
        kept[2..],
        "complete, so nothing is told to be missing"
    );
    let mut older = start(&hub, "quiet", after(0));
    let gap = Gap {
        missed: hub.head() - 8 - 3,
        resume_at: kept[2],
        exact: false,
        reason: GapReason::Overrun,
    };
    assert_eq!(older.try_recv(), Err(TryReceiveError::Gap(gap)));
    assert_eq!(older.position().offset, kept[2] - 1);
    assert_eq!(offsets(&mut older), kept[2..]);
    let mut wide = start(&hub, ">", StartFrom::Beginning);
    let seen = offsets(&mut wide);
    assert_eq!(seen[..3], kept[2..], "histories first, then the ring");
    assert_eq!(seen[3..], (hub.earliest()..=hub.head()).collect::<Vec<_>>());
}

#[test]
fn a_reader_that_was_overtaken_reads_on_from_what_its_topic_keeps() {
    let hub = small(8);
    hub.create_topic("quiet", keeping(10)).unwrap();
    let mut receiver = start(&hub, "quiet", StartFrom::Now);
    let sent: Vec<u64> = (0..5)
        .map(|_| {
            (0..20).for_each(|_| _ = publish(&hub, "busy"));
            publish(&hub, "quiet")
        })
        .collect();
    assert_eq!(offsets(&mut receiver), sent);
    assert_eq!((receiver.stats().gaps, receiver.stats().delivered), (0, 5));
}

#[test]
fn what_is_kept_is_bounded_in_bytes_and_age_too() {
    let hub = small(4);
    let bytes = keeping(1_000).retain_bytes(4_000);
    hub.create_topic("bytes", bytes).unwrap();
    let age = keeping(1_000).retain_age(Some(Duration::from_secs(3600)));
    hub.create_topic("age", age).unwrap();
    for _ in 0..50 {
        hub.publish(
            Event::builder("bytes", "t")
                .text(&"x".repeat(900))
                .build()
                .unwrap(),
        )
        .unwrap();
    }
    let info = hub.describe_topic("bytes").unwrap();
    assert!(info.retained == 4 || info.retained == 3, "{info:?}");
    assert!(info.retained_bytes <= 4_000);
    // By when the hub took it: once an import of old events kept none, and one event of 2099 kept all behind it.
    let far = 4_070_908_800_000_000_000;
    let named = |nanos| Event::builder("age", "t").time_nanos(nanos).build();
    let sent: Vec<u64> = [0, far, 0, far]
        .map(|nanos| hub.publish(named(nanos).unwrap()).unwrap().offset)
        .to_vec();
    assert_eq!(hub.describe_topic("age").unwrap().retained, 4);
    (0..9).for_each(|_| _ = publish(&hub, "busy"));
    assert_eq!(offsets(&mut start(&hub, "age", StartFrom::Beginning)), sent);
    let brief = keeping(1_000).retain_age(Some(Duration::from_millis(1)));
    hub.set_topic("age", brief).unwrap();
    eventually("it is too old", || {
        hub.describe_topic("age").unwrap().retained == 0
    });
    assert!(offsets(&mut start(&hub, "age", StartFrom::Beginning)).is_empty());
}

#[test]
fn trimming_by_bytes_copies_first() {
    let hub = Hub::builder()
        .capacity(1_000)
        .ring_bytes(64 << 10)
        .build()
        .unwrap();
    hub.create_topic("large", keeping(400)).unwrap();
    let sent: Vec<u64> = (0..200)
        .map(|_| {
            hub.publish(
                Event::builder("large", "t")
                    .text(&"x".repeat(2_000))
                    .build()
                    .unwrap(),
            )
            .unwrap()
            .offset
        })
        .collect();
    assert!(hub.stats().trimmed > 0);
    assert_eq!(
        offsets(&mut start(&hub, "large", StartFrom::Beginning)),
        sent
    );
}

#[test]
fn the_last_value_of_each_topic_comes_first() {
    let hub = small(16);
    hub.create_topic("lamp.kept", keeping(1)).unwrap();
    publish(&hub, "lamp.kept");
    let kept = publish(&hub, "lamp.kept");
    (0..40).for_each(|_| _ = publish(&hub, "lamp.busy"));
    publish(&hub, "lamp.ring");
    let ring = publish(&hub, "lamp.ring");
    let busy = publish(&hub, "lamp.busy");
    let mut receiver = start(&hub, "lamp.*", StartFrom::LastValues);
    assert_eq!(offsets(&mut receiver), [kept, ring, busy]);
    let live = publish(&hub, "lamp.kept");
    assert_eq!(offsets(&mut receiver), [live]);
    assert_eq!(
        offsets(&mut start(&hub, "lamp.none", StartFrom::LastValues)),
        [0; 0]
    );
}

/// A time after everything so far, nanoseconds since 1970.
fn later() -> i64 {
    let nanos = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.unwrap().as_nanos() as i64
    };
    let then = nanos() + 2_000_000;
    while nanos() < then + 2_000_000 {
        std::thread::yield_now();
    }
    then
}

#[test]
fn a_start_by_time_reaches_into_what_topics_keep() {
    let hub = small(4);
    hub.create_topic("t", keeping(100)).unwrap();
    let mut middle = 0;
    for n in 0..20 {
        if n == 8 {
            middle = later();
        }
        // What an event says of its time changes nothing.
        hub.publish(Event::builder("t", "t").time_nanos(n * 10).build().unwrap())
            .unwrap();
    }
    assert_eq!(
        offsets(&mut start(&hub, "t", StartFrom::Timestamp(75))),
        (1..=20).collect::<Vec<_>>()
    );
    let found = offsets(&mut start(&hub, "t", StartFrom::Timestamp(middle)));
    assert!((2..=9).contains(&found[0]), "{found:?}");
    assert_eq!(found, (found[0]..=20).collect::<Vec<_>>());
    let end = later();
    assert_eq!(
        offsets(&mut start(&hub, "t", StartFrom::Timestamp(end))),
        [0; 0]
    );
    assert_eq!(
        offsets(&mut start(&hub, "t", StartFrom::Last(7))),
        (14..=20).collect::<Vec<_>>()
    );
    assert!(start(&hub, "t", StartFrom::Last(20)).is_complete());
}

#[test]
fn history_follows_publishers_that_never_wait_for_it() {
    let hub = small(64);
    hub.create_topic("kept", keeping(100_000)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let hub = hub.clone();
            scope.spawn(move || {
                (0..5_000)
                    .for_each(|n| _ = publish(&hub, if n % 2 == 0 { "kept" } else { "other" }))
            });
        }
        let mut receiver = start(&hub, "kept", StartFrom::Now);
        let reading = scope.spawn(move || {
            let mut seen = 0;
            while seen < 1_000 {
                seen += usize::from(receiver.recv().is_ok());
            }
            receiver.stats().gaps
        });
        assert_eq!(
            reading.join().unwrap(),
            0,
            "slow as it may be, its topic keeps everything"
        );
    });
    assert_eq!(
        offsets(&mut start(&hub, "kept", StartFrom::Beginning)).len(),
        5_000
    );
}
