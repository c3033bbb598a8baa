//! The body that settles a topic.

use std::time::Duration;

use crate::gateway::http::body::{Body, Member, Takes};
use crate::gateway::http::problem::Problem;
use crate::hub::{Durability, TopicConfig, TopicConfigErrors};
use crate::journal::Compact;

/// Members of a topic's settings. Those that are not there have their defaults: what is put takes the place of all.
pub(super) const TOPIC_MEMBERS: &[Member] = &[
    Member {
        name: "durability",
        takes: Takes::Words(&["none", "buffered", "durable"]),
        wrong: "is none, buffered or durable",
        expects: "the least safety of its events; the server's own where there is none",
    },
    Member {
        name: "retain_events",
        takes: Takes::Whole,
        wrong: "is a whole number of events",
        expects: "events kept for it, however busy others are; 0 where there is none",
    },
    Member {
        name: "retain_bytes",
        takes: Takes::Whole,
        wrong: "is a whole number of bytes",
        expects: "bytes that those may take; 1 MiB where there is none",
    },
    Member {
        name: "retain_age_ms",
        takes: Takes::Whole,
        wrong: "is a whole number of milliseconds",
        expects: "the greatest age of those; any where there is none",
    },
    Member {
        name: "journal_events",
        takes: Takes::Whole,
        wrong: "is a whole number of events",
        expects: "events that the journal keeps of it at most; any number where there is none",
    },
    Member {
        name: "journal_bytes",
        takes: Takes::Whole,
        wrong: "is a whole number of bytes",
        expects: "bytes that those may take; any number where there is none",
    },
    Member {
        name: "journal_age_ms",
        takes: Takes::Whole,
        wrong: "is a whole number of milliseconds",
        expects: "the greatest age of those; any where there is none",
    },
    Member {
        name: "journal_streams",
        takes: Takes::Switch,
        wrong: "is true or false",
        expects: "whether these bounds are for events with a stream, too, which stay otherwise; false where there is none",
    },
    Member {
        name: "compact",
        takes: Takes::Text,
        wrong: "is a JSON pointer into an event, as /data/id",
        expects: "a JSON pointer into an event as CloudEvents are written: the journal keeps the newest of each key that it \
                  finds there, and whatever has none; every event where there is none",
    },
    Member {
        name: "tombstone_age_ms",
        takes: Takes::Whole,
        wrong: "is a whole number of milliseconds",
        expects: "how long an event without data, which says that its key is gone, stays; a day where there is none",
    },
];

/// Reads the settings of a topic.
pub(super) fn read_config(body: &[u8]) -> Result<TopicConfig, Problem> {
    let mut body = Body::read(body, TOPIC_MEMBERS)?;
    let mut config = TopicConfig::default();
    let durability = body.text("durability");
    config.durability = durability.and_then(|name| Durability::from_name(&name));
    // What does not fit is over every bound.
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    config.retain_events = body
        .whole("retain_events")
        .map_or(config.retain_events, size);
    config.retain_bytes = body.whole("retain_bytes").map_or(config.retain_bytes, size);
    config.retain_age = body.whole("retain_age_ms").map(Duration::from_millis);
    config.journal = config
        .journal
        .events(body.whole("journal_events"))
        .bytes(body.whole("journal_bytes"))
        .age(body.whole("journal_age_ms").map(Duration::from_millis))
        .streams(body.switch("journal_streams").unwrap_or(false));
    let tombstone_age = body.whole("tombstone_age_ms").map(Duration::from_millis);
    config.compact = body.text("compact").map(|key| {
        let compact = Compact::new(key);
        let age = tombstone_age.unwrap_or(compact.tombstone_age);
        compact.tombstone_age(age)
    });
    if tombstone_age.is_some() && config.compact.is_none() {
        body.note("tombstone_age_ms", "means nothing without compact");
    }
    if let Err(errors) = config.validate() {
        for (field, reason) in errors.faults() {
            body.note(member_of(field), reason);
        }
    }
    body.finish()?;
    Ok(config)
}

/// The problem of settings that the hub refuses.
pub(super) fn of_config(errors: &TopicConfigErrors) -> Problem {
    let told = |(field, reason)| format!("{}: {reason}", member_of(field));
    let all: Vec<String> = errors.faults().map(told).collect();
    let problem = Problem::new(400, all.join("; "));
    match errors.faults().next() {
        Some((field, _)) => problem.field(member_of(field)),
        None => problem,
    }
}

/// The member that a setting is read from.
fn member_of(setting: &'static str) -> &'static str {
    match setting {
        "retain_age" => "retain_age_ms",
        "journal.events" => "journal_events",
        "journal.bytes" => "journal_bytes",
        "journal.age" => "journal_age_ms",
        "journal.streams" => "journal_streams",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Retention;

    #[test]
    fn settings_are_read_and_what_is_not_there_has_its_default() {
        let text =
            br#"{"durability":"buffered","retain_events":5,"retain_bytes":7,"retain_age_ms":9}"#;
        let expected = TopicConfig::default()
            .durability(Durability::Buffered)
            .retain_events(5)
            .retain_bytes(7)
            .retain_age(Some(Duration::from_millis(9)));
        assert_eq!(read_config(text).unwrap(), expected);
        let text =
            br#"{"journal_events":5,"journal_bytes":7,"journal_age_ms":9,"journal_streams":true,
                        "compact":"/data/id","tombstone_age_ms":3}"#;
        let config = read_config(text).unwrap();
        let journal = Retention::default().events(Some(5)).bytes(Some(7));
        let journal = journal.age(Some(Duration::from_millis(9)));
        assert_eq!(config.journal, journal.streams(true));
        let compact = Compact::new("/data/id").tombstone_age(Duration::from_millis(3));
        assert_eq!(config.compact, Some(compact));
        assert_eq!(read_config(b"").unwrap(), TopicConfig::default());
    }

    #[test]
    fn every_fault_is_told() {
        let text = br#"{"retain_age_ms":0,"durability":"safe","retain_events":1,"retain_bytes":0,"colour":1}"#;
        let problem = read_config(text).unwrap_err();
        let told = problem.detail();
        for field in ["durability", "retain_bytes", "retain_age_ms", "colour"] {
            assert!(told.contains(&format!("{field}: ")), "{field}: {told}");
        }
        let text = br#"{"journal_events":0,"journal_bytes":0,"journal_age_ms":0,"journal_streams":0,"compact":"id"}"#;
        let told = read_config(text).unwrap_err().detail().to_owned();
        for field in [
            "journal_events",
            "journal_bytes",
            "journal_age_ms",
            "journal_streams",
            "compact",
        ] {
            assert!(told.contains(&format!("{field}: ")), "{field}: {told}");
        }
        let problem = read_config(br#"{"tombstone_age_ms":5}"#).unwrap_err();
        assert!(problem.detail().contains("tombstone_age_ms: "));
    }
}
