//! The list of topics, a page at a time: of hundreds of thousands nobody copies all while publishers wait.

use crate::hub::Hub;
use crate::journal::Durability;

/// A topic in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicRow {
    pub(crate) name: String,
    /// The least safety of its events: by its settings, or the hub's.
    pub(crate) durability: Durability,
    /// Events published on it since the topic was made.
    pub(crate) published: u64,
    /// The offset of its newest event, 0 before the first.
    pub(crate) last_offset: u64,
}

/// Returns the topics whose names begin with `prefix` and come after `after`, by name, `limit` at most, and whether there
/// are more.
pub(crate) fn topic_page(
    hub: &Hub,
    prefix: &str,
    after: &str,
    limit: usize,
) -> (Vec<TopicRow>, bool) {
    let shared = &hub.shared;
    let mut rows = Vec::new();
    let publisher = shared.publisher.lock();
    for topic in publisher.topics.listed_after(prefix, after) {
        if rows.len() == limit {
            return (rows, true);
        }
        rows.push(TopicRow {
            name: topic.name.to_string(),
            durability: shared.durability_of(topic.config.durability),
            published: topic.published,
            last_offset: topic.last_offset,
        });
    }
    (rows, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::hub::TopicConfig;

    #[test]
    fn pages_are_by_name_and_of_one_prefix() {
        let hub = Hub::new();
        for name in ["b.2", "a", "b.10", "b", "c", "b.3"] {
            hub.publish(Event::builder(name, "t").build().unwrap())
                .unwrap();
        }
        hub.create_topic("b.4", TopicConfig::default()).unwrap();
        hub.delete_topic("b.3").unwrap();
        let page = |prefix: &str, after: &str, limit| {
            let (rows, more) = topic_page(&hub, prefix, after, limit);
            let names: Vec<String> = rows.into_iter().map(|row| row.name).collect();
            (names.join(" "), more)
        };
        assert_eq!(page("", "", 10), ("a b b.10 b.2 b.4 c".to_owned(), false));
        assert_eq!(page("b.", "", 2), ("b.10 b.2".to_owned(), true));
        assert_eq!(page("b.", "b.2", 2), ("b.4".to_owned(), false));
        assert_eq!(page("b.", "c", 2), (String::new(), false));
        assert_eq!(page("", "b", 0), (String::new(), true));
        let (rows, _) = topic_page(&hub, "c", "", 1);
        assert_eq!((rows[0].published, rows[0].last_offset), (1, 5));
    }
}
