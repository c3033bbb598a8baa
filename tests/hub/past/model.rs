//! Pages put together are the list that was published, filtered: a plain list is the judge.

use eventring::event::{Event, EventFilter};
use eventring::hub::{HistoryOrder, HistoryQuery, HistoryTotal, Hub};
use eventring::journal::{MemoryJournal, MemoryLog};
use proptest::prelude::*;

/// What a run does.
#[derive(Clone, Debug)]
enum Step {
    /// Publishes so many events on a topic, each third one with a tag.
    Publish { topic: usize, count: usize },
    /// Reads a question to its end, and publishes one event after each page.
    Read {
        filter: usize,
        limit: usize,
        skip: u64,
        descending: bool,
    },
    /// Closes the hub and opens it again.
    Restart,
}

const TOPICS: [&str; 3] = ["a.1", "a.2", "b"];
const FILTERS: [&str; 4] = [">", "a.*", "b", "c"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let publish =
        (0..TOPICS.len(), 1..60_usize).prop_map(|(topic, count)| Step::Publish { topic, count });
    // Two at least: an event is published behind each page, so that pages of one would never end.
    let read = (0..FILTERS.len() * 2, 2..40_usize, 0..3_u64, any::<bool>()).prop_map(
        |(filter, limit, skip, descending)| Step::Read {
            filter,
            limit,
            skip: skip * 7,
            descending,
        },
    );
    let step = prop_oneof![3 => publish, 3 => read, 1 => Just(Step::Restart)];
    prop::collection::vec(step, 1..12)
}

/// The events by topic and whether they have the tag: the offset of the first is 1.
type List = Vec<(usize, bool)>;

fn publish(hub: &Hub, list: &mut List, topic: usize) {
    let tagged = list.len().is_multiple_of(3);
    let mut event = Event::builder(TOPICS[topic], "t");
    if tagged {
        event.tag("third", "yes");
    }
    let position = hub.publish(event.build().unwrap()).unwrap();
    list.push((topic, tagged));
    assert_eq!(position.offset, list.len() as u64);
}

fn read(
    hub: &Hub,
    list: &mut List,
    filter: usize,
    query: HistoryQuery,
    skip: u64,
) -> Result<(), TestCaseError> {
    let (pattern, tagged) = (FILTERS[filter / 2], filter % 2 == 1);
    let mut builder = EventFilter::builder();
    builder.topic(pattern);
    if tagged {
        builder.tag("third", "yes");
    }
    let filter = builder.build().unwrap();
    let takes = |(topic, has_tag): &(usize, bool)| {
        filter.topics().matches(TOPICS[*topic]) && (!tagged || *has_tag)
    };
    let descending = query.order == HistoryOrder::Descending;
    let (limit, before) = (query.limit, list.len());
    let mut query = query.filter(filter.clone()).offset(skip).total(true);
    let mut seen = Vec::new();
    loop {
        let known = list.len();
        let page = hub.history(&query).unwrap();
        prop_assert_eq!(page.next.is_some(), page.has_more);
        prop_assert!(page.events.len() == limit || !page.has_more && page.events.len() < limit);
        prop_assert!(page.holes.is_empty());
        let counted = if descending { before } else { known };
        let all = list[..counted].iter().filter(|one| takes(one)).count() as u64;
        prop_assert_eq!(page.total, Some(HistoryTotal::Exactly(all)));
        seen.extend(page.events.iter().map(|one| one.position.offset));
        if !page.has_more {
            break;
        }
        query = query.offset(0).cursor(page.next);
        // Of topics that it wants and that it does not.
        publish(hub, list, known % TOPICS.len());
    }
    let end = if descending { before } else { list.len() };
    let all = (1..=end as u64).filter(|offset| takes(&list[*offset as usize - 1]));
    let expected: Vec<u64> = match descending {
        true => all.rev().skip(skip as usize).collect(),
        false => all.skip(skip as usize).collect(),
    };
    prop_assert_eq!(seen, expected, "{}", pattern);
    Ok(())
}

fn run(steps: &[Step], open: impl Fn() -> Hub, restarts: bool) -> Result<(), TestCaseError> {
    let (mut hub, mut list) = (open(), List::new());
    for step in steps {
        match *step {
            Step::Publish { topic, count } => {
                (0..count).for_each(|_| publish(&hub, &mut list, topic));
            }
            Step::Read {
                filter,
                limit,
                skip,
                descending,
            } => {
                let order = match descending {
                    true => HistoryOrder::Descending,
                    false => HistoryOrder::Ascending,
                };
                let query = HistoryQuery::default().limit(limit).order(order);
                read(&hub, &mut list, filter, query, skip)?;
            }
            Step::Restart if restarts => {
                drop(hub);
                hub = open();
            }
            Step::Restart => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn pages_from_journal_and_ring_are_the_list(steps in steps()) {
        let log = MemoryLog::default();
        let open = || Hub::builder().capacity(64).journal(MemoryJournal::open(&log)).build().unwrap();
        run(&steps, open, true)?;
    }

    #[test]
    fn pages_from_the_ring_alone_are_the_list(steps in steps()) {
        run(&steps, Hub::new, false)?;
    }
}
