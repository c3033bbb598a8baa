//! What a journal is told of topics: their bounds and keys, at the start and at each change.

use std::time::Duration;

use eventring::hub::{Hub, TopicConfig, TopicsError};
use eventring::journal::{CommitFailure, Compact, Retention, RetentionError, TopicPolicy};

use super::super::faulty::FaultyJournal;
use super::super::hub;

fn bounded(events: u64) -> TopicConfig {
    let bounds = Retention::default().events(Some(events));
    TopicConfig::default().journal(bounds.age(Some(Duration::from_secs(60))))
}

fn bounds_of_none() -> Retention {
    let nothing = Retention::default().events(Some(0)).bytes(Some(0));
    nothing.age(Some(Duration::ZERO))
}

fn policy(config: &TopicConfig) -> TopicPolicy {
    TopicPolicy::default()
        .retention(config.journal)
        .compact(config.compact.clone())
}

#[test]
fn a_journal_is_told_of_each_change() {
    let (hub, control) = hub(|builder| builder);
    let compacted = bounded(7).compact(Some(Compact::new("/data/id")));
    hub.create_topic("a", bounded(5)).unwrap();
    hub.set_topic("a", compacted.clone()).unwrap();
    hub.set_topic("b", TopicConfig::default()).unwrap();
    let told = |name: &str, config: &TopicConfig| (name.to_owned(), policy(config));
    let expected = [
        told("a", &bounded(5)),
        told("a", &compacted),
        told("b", &TopicConfig::default()),
    ];
    assert_eq!(control.policies(), expected);
    assert_eq!(hub.describe_topic("a").unwrap().config, compacted);
}

#[test]
fn a_journal_is_told_of_what_it_keeps_when_a_hub_starts() {
    let (first, control) = hub(|builder| builder);
    let compacted = bounded(7).compact(Some(Compact::new("/subject")));
    first.create_topic("a", compacted.clone()).unwrap();
    first.create_topic("b", TopicConfig::default()).unwrap();
    first.close();
    let before = control.policies().len();
    let journal = FaultyJournal::new(&control);
    let second = Hub::builder().journal(journal).build().unwrap();
    let told = control.policies().split_off(before);
    assert_eq!(told, [("a".to_owned(), policy(&compacted))]);
    assert_eq!(second.describe_topic("a").unwrap().config, compacted);
}

#[test]
fn what_is_not_kept_is_not_told() {
    let (hub, control) = hub(|builder| builder);
    control.fail(Some(CommitFailure::Aborted));
    let failed = hub.set_topic("a", bounded(5));
    assert!(matches!(failed, Err(TopicsError::NotKept(_))), "{failed:?}");
    assert_eq!(control.policies(), []);
}

#[test]
fn what_makes_no_sense_is_refused_with_all_its_faults() {
    let wrong: RetentionError = bounds_of_none().validate().unwrap_err();
    assert_eq!(wrong.field, "age");
    let (hub, control) = hub(|builder| builder);
    let nothing = bounds_of_none();
    let config = TopicConfig::default().journal(nothing);
    let wrong = hub.set_topic("a", config.compact(Some(Compact::new("id"))));
    let Err(TopicsError::Config(faults)) = wrong else {
        panic!("{wrong:?}")
    };
    let fields: Vec<&str> = faults.faults().map(|(field, _)| field).collect();
    let expected = ["journal.events", "journal.bytes", "journal.age", "compact"];
    assert_eq!(fields, expected);
    assert!(control.policies().is_empty() && hub.topics().is_empty());
}

#[test]
fn a_memory_hub_has_nothing_to_bound() {
    let hub = Hub::new();
    for config in [
        bounded(5),
        TopicConfig::default().compact(Some(Compact::new("/subject"))),
    ] {
        let refused = hub.set_topic("a", config);
        assert!(
            matches!(&refused, Err(TopicsError::Config(error))
                if error.to_string().contains("a memory hub has no journal")),
            "{refused:?}"
        );
    }
}
