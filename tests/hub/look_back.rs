//! Looking back finds what a search through everything that is kept would find, whatever became of the topics.

use std::collections::HashMap;

use eventring::event::{Event, Filter, Position};
use eventring::hub::{Hub, Receiver, StartFrom, Subscription, TopicConfig};

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

fn publish(hub: &Hub, topic: &str) -> u64 {
    let event = Event::builder(topic, "t").build().unwrap();
    hub.publish(&event).unwrap().offset
}

fn start(hub: &Hub, filter: &Filter, start: StartFrom) -> Receiver {
    let patterns = filter.patterns().iter().map(|pattern| pattern.as_str());
    hub.subscribe(Subscription::topics(patterns).start(start))
        .unwrap()
}

fn offsets(mut receiver: Receiver) -> Vec<u64> {
    let mut offsets = Vec::new();
    while let Ok(delivery) = receiver.try_recv() {
        offsets.push(delivery.position.offset);
    }
    offsets
}

/// What is kept of some topics, found by looking at everything.
fn kept(hub: &Hub, topics: &[String], filter: &Filter) -> Vec<u64> {
    let kept = (hub.earliest()..=hub.head()).filter(|n| filter.matches(&topics[*n as usize - 1]));
    kept.collect()
}

fn compare(hub: &Hub, topics: &[String], filter: &Filter, numbers: &mut Numbers) {
    let all = kept(hub, topics, filter);
    let found = offsets(start(hub, filter, StartFrom::Beginning));
    assert_eq!(found, all, "{filter} from the beginning");
    for count in [1, 3, numbers.below(400) as usize] {
        let expected = &all[all.len().saturating_sub(count)..];
        let found = offsets(start(hub, filter, StartFrom::Last(count)));
        assert_eq!(found, expected, "the last {count} of {filter}");
    }
    let offset = hub.earliest() + numbers.below(hub.head() + 1 - hub.earliest());
    let after = Position {
        epoch: hub.epoch(),
        offset,
    };
    let found = offsets(start(hub, filter, StartFrom::After(after)));
    let expected: Vec<u64> = all.iter().copied().filter(|n| *n > offset).collect();
    assert_eq!(found, expected, "{filter} after {offset}");
    let found = offsets(start(hub, filter, StartFrom::LastValues));
    let newest: HashMap<&str, u64> = all
        .iter()
        .map(|n| (&*topics[*n as usize - 1], *n))
        .collect();
    let mut expected: Vec<u64> = newest.into_values().collect();
    expected.sort_unstable();
    assert_eq!(found, expected, "the newest of each of {filter}");
}

/// Topics that are deleted, made again, more than are listed, overwritten.
#[test]
fn what_is_found_does_not_depend_on_what_became_of_topics() {
    let filters = [
        vec!["a.b0"],
        vec!["a.*"],
        vec!["a.>", "c.b1"],
        vec!["*.b2"],
        vec!["b.b1", "c.b0", "nobody"],
        vec!["d.*"],
        vec!["a.b1.>"],
        vec!["*.*.x"],
        vec![">"],
    ];
    let filters = filters.map(|patterns| Filter::parse(patterns).unwrap());
    for (seed, capacity, listed) in [(1, 1_000, 1_000), (2, 300, 4), (3, 64, 0), (4, 2_000, 9)] {
        let hub = Hub::builder()
            .capacity(capacity)
            .topics_max(listed)
            .build()
            .unwrap();
        let (mut numbers, mut topics) = (Numbers(seed), Vec::new());
        let mut names: Vec<String> = Vec::new();
        for root in ["a", "b", "c"] {
            names.extend((0..4).map(|n| format!("{root}.b{n}")));
            names.push(format!("{root}.b1.x"));
        }
        for round in 0..4_000 {
            let name = &names[numbers.below(names.len() as u64) as usize];
            match numbers.below(40) {
                0 => _ = hub.delete_topic(name),
                1 => _ = hub.create_topic(name, TopicConfig::default()),
                // Many that come once and are never heard of again.
                2 => {
                    let name = format!("d.n{round}");
                    publish(&hub, &name);
                    topics.push(name);
                }
                _ => {
                    publish(&hub, name);
                    topics.push(name.clone());
                }
            }
            if round % 97 == 96 {
                let filter = &filters[numbers.below(filters.len() as u64) as usize];
                compare(&hub, &topics, filter, &mut numbers);
            }
        }
        for filter in &filters {
            compare(&hub, &topics, filter, &mut numbers);
        }
    }
}

#[test]
fn a_pattern_over_more_topics_than_are_looked_up_finds_the_same() {
    let hub = Hub::builder().capacity(10_000).build().unwrap();
    let mut numbers = Numbers(5);
    let topics: Vec<String> = (0..6_000)
        .map(|_| format!("t.n{}", numbers.below(2_000)))
        .collect();
    topics.iter().for_each(|name| _ = publish(&hub, name));
    for filter in [vec!["t.*"], vec!["*.n7"], vec!["t.n1", "t.n2"]] {
        let filter = Filter::parse(filter).unwrap();
        compare(&hub, &topics, &filter, &mut numbers);
    }
}

/// Topics beyond the limit that come once each take memory only as long as the ring has their events.
#[test]
fn topics_that_come_once_leave_nothing_behind() {
    let hub = Hub::builder().capacity(256).topics_max(10).build().unwrap();
    for n in 0..20_000 {
        publish(&hub, &format!("once.n{n}"));
    }
    assert_eq!(hub.topics().len(), 10);
    assert_eq!(hub.stats().untracked, 20_000 - 10);
    assert!(
        hub.stats().topics_known <= 10 + 2 * 256 + 64,
        "{:?}",
        hub.stats()
    );
}
