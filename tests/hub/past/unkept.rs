//! Pages over topics that ask for no durability, or did once: what has left memory is told as missing.

use eventring::event::Filter;
use eventring::hub::{
    Controls, EventPage, GapReason, HistoryOrder, HistoryQuery, Hub, Item, StartFrom, Subscription,
    TopicConfig,
};
use eventring::journal::{Durability, Hole, HoleReason, MemoryJournal, MemoryLog};

use super::{open, publish, until_caught_up};

fn with(durability: Durability) -> TopicConfig {
    TopicConfig::default().durability(durability)
}

fn open_with(log: &MemoryLog, durability: Durability) -> Hub {
    let builder = Hub::builder().capacity(64).durability(durability);
    builder.journal(MemoryJournal::open(log)).build().unwrap()
}

/// All pages of a question.
fn pages(hub: &Hub, topic: &str, order: HistoryOrder) -> Vec<EventPage> {
    let mut query = HistoryQuery::topics(Filter::parse([topic]).unwrap()).order(order);
    let mut pages = Vec::new();
    loop {
        let page = hub.history(&query).unwrap();
        query.cursor.clone_from(&page.next);
        pages.push(page);
        if query.cursor.is_none() {
            return pages;
        }
    }
}

/// Whether pages, and a stream from the beginning on, tell of what was in memory only: both or neither.
fn is_told(hub: &Hub, topic: &str) -> bool {
    let pages = pages(hub, topic, HistoryOrder::Ascending);
    let mut holes = pages.iter().flat_map(|page| &page.holes);
    let by_pages = holes.any(|hole| hole.reason == HoleReason::Memory);
    let wanted = Subscription::topics([topic]).controls(Controls::none());
    let mut receiver = hub.subscribe(wanted.start(StartFrom::Beginning)).unwrap();
    let items = until_caught_up(&mut receiver);
    let is_gap = |item: &Item| matches!(item, Item::Gap(gap) if gap.reason == GapReason::Memory);
    assert_eq!(items.iter().any(is_gap), by_pages, "{topic}");
    by_pages
}

/// A page over them was just shorter once.
#[test]
fn a_page_tells_where_events_in_memory_may_have_been() {
    let hub = open(&MemoryLog::default());
    hub.create_topic("ticks", with(Durability::None)).unwrap();
    for _ in 0..300 {
        publish(&hub, "orders", 1);
        publish(&hub, "ticks", 1);
    }
    for order in [HistoryOrder::Ascending, HistoryOrder::Descending] {
        let orders = pages(&hub, "orders", order);
        assert!(orders.iter().all(|page| page.holes.is_empty()));
        let all = pages(&hub, ">", order);
        // Whatever is not there lies in a hole, once, and no hole of a page begins or ends with an event of it.
        let mut holes = Vec::new();
        for page in &all {
            assert!(page.holes.len() <= 1, "{:?}", page.holes);
            for hole in &page.holes {
                assert_eq!(hole.reason, HoleReason::Memory);
                let ends = [hole.range.start, hole.range.end - 1];
                let mut there = page.events.iter().map(|one| one.position.offset);
                assert!(!there.any(|offset| ends.contains(&offset)));
                holes.push(hole.range.clone());
            }
        }
        let events = all.iter().flat_map(|page| &page.events);
        let there: Vec<u64> = events.map(|one| one.position.offset).collect();
        for offset in (1..=600).filter(|offset| !there.contains(offset)) {
            let told = holes.iter().filter(|hole| hole.contains(&offset)).count();
            assert_eq!(told, 1, "{offset} {order:?}");
        }
        let ticks = pages(&hub, "ticks", order);
        let told: Vec<_> = ticks.iter().flat_map(|page| page.holes.clone()).collect();
        let whole = Hole::new(1..hub.earliest(), HoleReason::Memory);
        assert_eq!(told, [whole], "{order:?}");
    }
}

/// A restart forgot it, and whoever came after passed what was not there.
#[test]
fn a_topic_that_was_in_memory_only_is_told_as_that_after_a_restart() {
    let log = MemoryLog::default();
    let hub = open(&log);
    hub.create_topic("ticks", with(Durability::None)).unwrap();
    publish(&hub, "orders", 1);
    publish(&hub, "ticks", 100);
    hub.set_topic("ticks", with(Durability::Durable)).unwrap();
    publish(&hub, "ticks", 100);
    assert!(is_told(&hub, "ticks") && !is_told(&hub, "orders"));
    // Again and again, and whatever is settled of it later.
    drop(hub);
    for events in 0..3 {
        let hub = open(&log);
        assert!(is_told(&hub, "ticks") && !is_told(&hub, "orders"));
        let again = with(Durability::Durable).retain_events(events);
        hub.set_topic("ticks", again).unwrap();
        assert!(is_told(&hub, "ticks"));
    }
}

#[test]
fn a_default_of_none_is_told_after_it_has_changed() {
    let log = MemoryLog::default();
    let hub = open_with(&log, Durability::None);
    hub.create_topic("orders", with(Durability::Durable))
        .unwrap();
    publish(&hub, "orders", 1);
    publish(&hub, "ticks", 100);
    // It was made by its events, in memory.
    hub.set_topic("ticks", with(Durability::Durable)).unwrap();
    publish(&hub, "orders", 100);
    publish(&hub, "ticks", 1);
    for topic in ["ticks", ">", "others"] {
        assert!(is_told(&hub, topic), "{topic}");
    }
    assert!(!is_told(&hub, "orders"), "it is kept by name");
    drop(hub);
    let hub = open_with(&log, Durability::Durable);
    publish(&hub, "others", 100);
    for topic in ["ticks", ">", "others"] {
        assert!(is_told(&hub, topic), "{topic}");
    }
    assert!(!is_told(&hub, "orders"));
    // Nobody knows any more whether this one was there.
    hub.set_topic("others", with(Durability::Durable)).unwrap();
    assert!(is_told(&hub, "others"));
    drop(hub);
    assert!(is_told(&open(&log), "others"));
}
