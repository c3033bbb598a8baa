//! The settings of topics as the journal keeps them: a line of text each, so that one can be read with other tools.

use std::time::Duration;

use crate::hub::topics::TopicConfig;
use crate::journal::{Durability, JournalError, JournalView, StateFn};

/// The table of state that they stand in, by name.
const TABLE: &str = "topics";
/// Settings read at once.
const PAGE: usize = 1_024;
/// The words of a line that this version writes: `1 durability events bytes age_ms`.
const WORDS: usize = 5;

/// Returns the change of state that keeps a topic's settings, or forgets them.
pub(in crate::hub) fn change(name: &str, config: Option<&TopicConfig>) -> StateFn<'static> {
    let (key, line) = (name.as_bytes().to_vec(), config.map(write));
    Box::new(move |state| match line {
        Some(line) => state.put(TABLE, &key, line.as_bytes()),
        None => state.delete(TABLE, &key).map(drop),
    })
}

/// Reads the settings of all topics.
pub(in crate::hub) fn load(
    view: &dyn JournalView,
) -> Result<Vec<(String, TopicConfig)>, JournalError> {
    let mut topics = Vec::new();
    let mut failed = None;
    view.reader()?.state(&mut |state| {
        let mut from = Vec::new();
        loop {
            let page = match state.scan(TABLE, &from, PAGE) {
                Ok(page) => page,
                Err(error) => return failed = Some(error.to_string()),
            };
            let is_last = page.len() < PAGE;
            for (key, line) in page {
                // The next key there can be.
                from.clone_from(&key);
                from.push(0);
                match read(&key, &line) {
                    Some(topic) => topics.push(topic),
                    None => {
                        let name = String::from_utf8_lossy(&key);
                        return failed = Some(format!("the settings of the topic {name:?}"));
                    }
                }
            }
            if is_last {
                return;
            }
        }
    })?;
    match failed {
        None => Ok(topics),
        Some(reason) => Err(JournalError::Damaged { reason }),
    }
}

fn write(config: &TopicConfig) -> String {
    let durability = match config.durability {
        None => "-",
        Some(Durability::None) => "none",
        Some(Durability::Buffered) => "buffered",
        Some(_) => "durable",
    };
    let age = config.retain_age.map(|age| age.as_millis());
    let age = age.map_or_else(|| "-".to_owned(), |age| age.to_string());
    let TopicConfig {
        retain_events,
        retain_bytes,
        ..
    } = config;
    format!("1 {durability} {retain_events} {retain_bytes} {age}")
}

fn read(key: &[u8], line: &[u8]) -> Option<(String, TopicConfig)> {
    let name = String::from_utf8(key.to_vec()).ok()?;
    let line = std::str::from_utf8(line).ok()?;
    let words: Vec<&str> = line.split(' ').collect();
    let [version, durability, events, bytes, age]: [&str; WORDS] = words.try_into().ok()?;
    let durability = match durability {
        "-" => None,
        "none" => Some(Durability::None),
        "buffered" => Some(Durability::Buffered),
        "durable" => Some(Durability::Durable),
        _ => return None,
    };
    let age = match age {
        "-" => None,
        millis => Some(Duration::from_millis(millis.parse().ok()?)),
    };
    let config = TopicConfig::default()
        .durability(durability)
        .retain_events(events.parse().ok()?)
        .retain_bytes(bytes.parse().ok()?)
        .retain_age(age);
    (version == "1").then_some((name, config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were() {
        let durabilities = [
            None,
            Some(Durability::None),
            Some(Durability::Buffered),
            Some(Durability::Durable),
        ];
        for durability in durabilities {
            for age in [None, Some(Duration::from_millis(1_500))] {
                let config = TopicConfig::default()
                    .durability(durability)
                    .retain_events(7)
                    .retain_age(age);
                let line = write(&config);
                let read = read("a.ü".as_bytes(), line.as_bytes());
                assert_eq!(read, Some(("a.ü".to_owned(), config)), "{line}");
            }
        }
    }

    #[test]
    fn what_another_version_wrote_is_not_guessed_at() {
        for line in ["", "2 - 0 0 -", "1 - 0 0", "1 x 0 0 -", "1 - 0 0 - more"] {
            assert_eq!(read(b"a", line.as_bytes()), None, "{line}");
        }
    }
}
