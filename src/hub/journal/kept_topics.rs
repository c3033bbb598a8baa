//! The settings of topics as the journal keeps them: a line of text each, so that one can be read with other tools. With them
//! it keeps which events may have been in memory only, since no journal can tell that from what it has.

use std::time::Duration;

use crate::hub::topics::TopicConfig;
use crate::journal::{Compact, Durability, JournalError, JournalView, Retention, StateFn};

/// The table of state that they stand in, by name.
const TABLE: &str = "topics";
/// Settings read at once.
const PAGE: usize = 1_024;
/// The words of a line that this version writes: `1 durability events bytes age_ms`, and `was_none` behind them where the topic
/// asks for more durability than it once did. Then what the journal is to keep of it, where that has bounds of its own:
/// `journal events bytes age_ms streams`; and `compact tombstone_ms key`, where the key takes the rest of the line.
const WORDS: usize = 5;
/// The last word of such a line; and what is kept where topics that ask for nothing got no durability.
const WAS_NONE: &str = "was_none";
/// The beginnings of what the journal is to keep of it.
const JOURNAL: &str = " journal ";
const COMPACT: &str = " compact ";
/// The table and the key of what is kept of the hub's default.
const HUB: (&str, &[u8]) = ("hub", b"durability");

/// A topic as the journal keeps it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::hub) struct KeptTopic {
    pub(in crate::hub) name: String,
    pub(in crate::hub) config: TopicConfig,
    /// The topic asked for no durability once.
    pub(in crate::hub) was_none: bool,
}

/// All topics that the journal keeps, and the hub's default.
#[derive(Debug, Default)]
pub(in crate::hub) struct KeptTopics {
    pub(in crate::hub) topics: Vec<KeptTopic>,
    /// Topics that ask for nothing got no durability once.
    pub(in crate::hub) was_default_none: bool,
}

/// Returns the change of state that keeps a topic's settings, or forgets them; `was_none`: it may have asked for no durability
/// before, or got none.
pub(in crate::hub) fn change(
    name: &str,
    config: Option<&TopicConfig>,
    was_none: bool,
) -> StateFn<'static> {
    let Some(config) = config.cloned() else {
        let key = name.as_bytes().to_vec();
        return Box::new(move |state| state.delete(TABLE, &key).map(drop));
    };
    let mut topic = KeptTopic {
        name: name.to_owned(),
        config,
        was_none,
    };
    Box::new(move |state| {
        let key = topic.name.as_bytes();
        let before = state.get(TABLE, key)?.and_then(|line| read(key, &line));
        topic.was_none |= before.is_some_and(|before| before.was_none);
        state.put(TABLE, key, write(&topic).as_bytes())
    })
}

/// Returns the change of state that keeps that topics which ask for nothing get no durability.
pub(in crate::hub) fn default_is_none() -> StateFn<'static> {
    Box::new(|state| state.put(HUB.0, HUB.1, WAS_NONE.as_bytes()))
}

/// Reads the settings of all topics.
pub(in crate::hub) fn load(view: &dyn JournalView) -> Result<KeptTopics, JournalError> {
    let mut kept = KeptTopics::default();
    let mut failed = None;
    view.reader()?.state(&mut |state| {
        match state.get(HUB.0, HUB.1) {
            Ok(word) => kept.was_default_none = word.is_some(),
            Err(error) => return failed = Some(error.to_string()),
        }
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
                    Some(topic) => kept.topics.push(topic),
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
        None => Ok(kept),
        Some(reason) => Err(JournalError::Damaged { reason }),
    }
}

fn write(topic: &KeptTopic) -> String {
    let config = &topic.config;
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
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let mut policy = String::new();
    if config.journal != Retention::default() {
        let Retention {
            events,
            bytes,
            age,
            streams,
            ..
        } = config.journal;
        let (events, bytes, age) = (number(events), number(bytes), number(age.map(millis)));
        policy = format!("{JOURNAL}{events} {bytes} {age} {}", u8::from(streams));
    }
    if let Some(compact) = &config.compact {
        let tombstone_age = millis(compact.tombstone_age);
        policy += &format!("{COMPACT}{tombstone_age} {}", compact.key);
    }
    // One that asks for none says so already, and is read by versions that know nothing of this word.
    let is_word = topic.was_none && config.durability != Some(Durability::None);
    let word = if is_word {
        format!(" {WAS_NONE}")
    } else {
        String::new()
    };
    format!("1 {durability} {retain_events} {retain_bytes} {age}{word}{policy}")
}

fn read(key: &[u8], line: &[u8]) -> Option<KeptTopic> {
    let name = String::from_utf8(key.to_vec()).ok()?;
    let line = std::str::from_utf8(line).ok()?;
    // The key may be any text, so what is before it is looked for first.
    let (line, compact) = match line.split_once(COMPACT) {
        Some((line, compact)) => (line, Some(read_compact(compact)?)),
        None => (line, None),
    };
    let (line, retention) = match line.split_once(JOURNAL) {
        Some((line, retention)) => (line, read_retention(retention)?),
        None => (line, Retention::default()),
    };
    let mut words: Vec<&str> = line.split(' ').collect();
    let mut was_none = words.len() > WORDS && words.last() == Some(&WAS_NONE);
    words.truncate(words.len() - usize::from(was_none));
    let [version, durability, events, bytes, age]: [&str; WORDS] = words.try_into().ok()?;
    let durability = match durability {
        "-" => None,
        "none" => Some(Durability::None),
        "buffered" => Some(Durability::Buffered),
        "durable" => Some(Durability::Durable),
        _ => return None,
    };
    was_none |= durability == Some(Durability::None);
    let age = match age {
        "-" => None,
        millis => Some(Duration::from_millis(millis.parse().ok()?)),
    };
    let config = TopicConfig::default()
        .durability(durability)
        .retain_events(events.parse().ok()?)
        .retain_bytes(bytes.parse().ok()?)
        .retain_age(age)
        .journal(retention)
        .compact(compact);
    (version == "1").then_some(KeptTopic {
        name,
        config,
        was_none,
    })
}

fn read_retention(text: &str) -> Option<Retention> {
    let words: Vec<&str> = text.split(' ').collect();
    let [events, bytes, age, streams]: [&str; 4] = words.try_into().ok()?;
    let number = |word: &str| match word {
        "-" => Some(None),
        word => word.parse::<u64>().ok().map(Some),
    };
    let streams = match streams {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    let retention = Retention::default()
        .events(number(events)?)
        .bytes(number(bytes)?)
        .age(number(age)?.map(Duration::from_millis));
    Some(retention.streams(streams))
}

fn read_compact(text: &str) -> Option<Compact> {
    let (tombstone_age, key) = text.split_once(' ')?;
    let tombstone_age = Duration::from_millis(tombstone_age.parse().ok()?);
    Some(Compact::new(key).tombstone_age(tombstone_age))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
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
                for was_none in [false, true] {
                    let topic = KeptTopic {
                        name: "a.ü".to_owned(),
                        config: config.clone(),
                        was_none: was_none || durability == Some(Durability::None),
                    };
                    let line = write(&topic);
                    let read = read("a.ü".as_bytes(), line.as_bytes());
                    assert_eq!(read, Some(topic), "{line}");
                }
            }
        }
    }

    #[test]
    fn what_the_journal_is_to_keep_comes_back_as_it_was() {
        let bounds = Retention::default()
            .events(Some(7))
            .age(Some(Duration::from_millis(1_500)));
        let keys = ["/data/id", "/a journal 1 2 3 0", "/a compact 7 /b", "/"];
        let compacts = keys.map(|key| Some(Compact::new(key).tombstone_age(Duration::ZERO)));
        for retention in [Retention::default(), bounds, bounds.streams(true)] {
            for compact in compacts.iter().chain([&None]) {
                for was_none in [false, true] {
                    let config = TopicConfig::default().journal(retention);
                    let topic = KeptTopic {
                        name: "a".to_owned(),
                        config: config.compact(compact.clone()),
                        was_none,
                    };
                    let line = write(&topic);
                    assert_eq!(read(b"a", line.as_bytes()), Some(topic), "{line}");
                }
            }
        }
        let old = read(b"a", b"1 durable 5 7 9").unwrap();
        assert_eq!((old.config.journal, old.config.compact), Default::default());
    }

    #[test]
    fn what_another_version_wrote_is_not_guessed_at() {
        for line in [
            "",
            "2 - 0 0 -",
            "1 - 0 0",
            "1 x 0 0 -",
            "1 - 0 0 - more",
            "1 - 0 0 was_none",
            "1 - 0 0 - journal",
            "1 - 0 0 - journal 1 2 3",
            "1 - 0 0 - journal 1 2 3 4",
            "1 - 0 0 - journal 1 2 3 0 5",
            "1 - 0 0 - journal x - - 0",
            "1 - 0 0 - compact 5",
            "1 - 0 0 - compact - /a",
        ] {
            assert_eq!(read(b"a", line.as_bytes()), None, "{line}");
        }
    }
}
