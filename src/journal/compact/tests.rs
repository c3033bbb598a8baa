//! Compaction against a list of events and a map of keys.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{CompactRules, Fate, KeyIndex};
use crate::event::Event;
use crate::journal::Compact;

const AGE_MS: i64 = 50;

fn rules(key: &str, streams: bool) -> CompactRules {
    let age = Duration::from_millis(AGE_MS as u64);
    CompactRules::new(&Compact::new(key).tombstone_age(age), streams).unwrap()
}

/// An event as the model sees it.
#[derive(Clone, Debug)]
struct One {
    key: Option<u8>,
    has_data: bool,
    has_stream: bool,
}

impl One {
    fn event(&self) -> Event {
        let mut event = Event::builder("t", "t");
        if let Some(key) = self.key {
            event.subject(&format!("k{key}"));
        }
        if self.has_stream {
            event.stream("order", "7", None);
        }
        match (self.has_data, self.key) {
            (true, _) => event.json("{}"),
            (false, Some(key)) if key % 2 == 0 => event.json(" null "),
            (false, _) => &mut event,
        }
        .build()
        .unwrap()
    }
}

fn ones() -> impl Strategy<Value = Vec<One>> {
    let one = (any::<Option<u8>>(), 0..4_u8, 0..8_u8).prop_map(|(key, data, stream)| One {
        key: key.map(|key| key % 6),
        has_data: data > 0,
        has_stream: stream == 0,
    });
    prop::collection::vec(one, 1..60)
}

/// The events that are left, by offset.
type Log = BTreeMap<u64, One>;

/// Returns the last value of each key: what a reader of the log ends with.
fn state(log: &Log, streams: bool) -> BTreeMap<u8, Option<u64>> {
    let mut state = BTreeMap::new();
    for (offset, one) in log.iter().filter(|(_, one)| streams || !one.has_stream) {
        if let Some(key) = one.key {
            state.insert(key, one.has_data.then_some(*offset));
        }
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever comes in between, a pass is cut short, or something cannot be taken out: what a reader makes of the log stays
    /// the same, but for keys that are gone and known to be.
    #[test]
    fn a_reader_ends_with_the_same(
        rounds in prop::collection::vec((ones(), any::<bool>(), 0..80_usize, any::<Option<u8>>()), 1..5),
        streams in any::<bool>(),
    ) {
        let (mut log, mut all) = (Log::new(), Log::new());
        let (mut next, mut clean, mut was_stuck) = (1, 1, false);
        let mut index = KeyIndex::new(rules("/subject", streams));
        for (ones, is_late, cut, stuck) in rounds {
            for one in ones {
                log.insert(next, one.clone());
                all.insert(next, one);
                next += 1;
            }
            index.clear();
            for (offset, one) in log.range(clean..next) {
                index.take(one.event().as_ref(), *offset);
            }
            // An event is taken at its offset; tombstones of all or of none are old.
            let now = next as i64 + if is_late { AGE_MS } else { -AGE_MS };
            let mut left = Log::new();
            let mut is_whole = true;
            for (at, (offset, one)) in log.iter().enumerate() {
                let event = one.event();
                let fate = index.fate(event.as_ref(), *offset, *offset as i64, now, [0; 2]);
                if !fate.goes() {
                    left.insert(*offset, one.clone());
                    continue;
                }
                prop_assert!(one.key.is_some() && (streams || !one.has_stream));
                prop_assert_eq!(fate == Fate::Superseded || !one.has_data, true);
                // What is cut off stays, and so does what lies beside damage.
                let is_stuck = stuck.is_some_and(|stuck| u64::from(stuck) % next == *offset);
                if at >= cut || is_stuck {
                    left.insert(*offset, one.clone());
                }
                is_whole &= at < cut;
                if is_stuck {
                    index.keep_tombstones();
                    was_stuck = true;
                }
            }
            log = left;
            let (before, after) = (state(&all, streams), state(&log, streams));
            for (key, value) in &before {
                match after.get(key) {
                    Some(found) => prop_assert_eq!(found, value, "key {}", key),
                    None => prop_assert_eq!(*value, None, "a key that has a value is not gone"),
                }
            }
            if is_whole {
                clean = next;
                if !was_stuck && is_late {
                    // One event a key, and none that says that it is gone.
                    let keyed = log.values().filter(|one| one.key.is_some() && (streams || !one.has_stream));
                    prop_assert_eq!(keyed.count(), after.len());
                    prop_assert!(after.values().all(Option::is_some));
                }
            }
            let keyless = |log: &Log| log.values().filter(|one| one.key.is_none()).count();
            prop_assert_eq!(keyless(&log), keyless(&all));
        }
    }
}

#[test]
fn a_key_is_where_the_pointer_leads() {
    let event = |data: &str| {
        let mut event = Event::builder("users", "changed");
        event.id("7").subject("alice").tag("region", "eu");
        event.json(data).build().unwrap()
    };
    let same = |key: &str, one: &str, other: &str| {
        let rules = rules(key, false);
        let [one, other] = [one, other].map(|data| rules.key(event(data).as_ref()));
        one.is_some() && one == other
    };
    assert!(same("/data/id", r#"{"id":7}"#, r#"{"x":1, "id" : 7 }"#));
    assert!(same(
        "/data/a/1",
        r#"{"a":[0,"\u0061"]}"#,
        r#"{"a":[1,"a"]}"#
    ));
    assert!(!same("/data/id", r#"{"id":7}"#, r#"{"id":"7"}"#));
    assert!(!same("/data/id", r#"{"id":7}"#, r#"{"id":7.0}"#));
    for key in ["/subject", "/id", "/type", "/topic", "/tags/region"] {
        assert!(same(key, "1", "2"), "{key}");
    }
    // Nothing there, null, and what is no single value: no key, so that these events stay.
    for none in ["{}", r#"{"id":null}"#, r#"{"id":[7]}"#, r#"{"id":{}}"#, "7"] {
        assert!(!same("/data/id", none, none), "{none}");
    }
    // Spaces and the like are part of a name.
    assert!(same("/data/a == 1", r#"{"a == 1":7}"#, r#"{"a == 1":7}"#));
    for wrong in ["", "subject", "/", "/data/~x", "/time", "/subject/x"] {
        assert!(
            CompactRules::new(&Compact::new(wrong), false).is_err(),
            "{wrong}"
        );
    }
}
