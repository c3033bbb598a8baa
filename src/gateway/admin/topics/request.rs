//! The body that settles a topic.

use std::time::Duration;

use crate::gateway::http::body::{Body, Member, Takes};
use crate::gateway::http::problem::Problem;
use crate::hub::{Durability, TopicConfig, TopicConfigErrors};

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
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
