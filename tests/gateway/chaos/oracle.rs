//! What each client must have seen, and what each publish must have done, by the record of the hub.

use super::client::{Seen, Session};
use super::publisher::Attempt;
use super::{CAPACITY, END};
use eventring::event::{Filter, Position};
use std::collections::HashMap;

/// One event of the hub.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) topic: String,
    pub(crate) data: String,
}

/// All events of the hub: the one with offset `n` at index `n - 1`.
pub(crate) struct Truth(pub(crate) Vec<Published>);

impl Truth {
    fn head(&self) -> u64 {
        self.0.len() as u64
    }

    /// The offset of the first end: who has seen it has seen all there is to see. An end whose answer was lost is published
    /// once more.
    fn end(&self) -> u64 {
        let end = self.0.iter().position(|published| published.topic == END);
        end.expect("the end was published") as u64 + 1
    }

    fn at(&self, offset: u64) -> &Published {
        &self.0[offset as usize - 1]
    }

    /// What was answered is there, where the answer says; what was not is there whole or not at
    /// all; and nothing else is.
    pub(crate) fn judge_publisher(&self, attempts: &[Attempt]) {
        let mut found: HashMap<&str, u64> = HashMap::new();
        for (index, event) in self.0.iter().enumerate() {
            let before = found.insert(&event.data, index as u64 + 1);
            assert_eq!(before, None, "published twice by one request: {event:?}");
        }
        let mut known = 0;
        for attempt in attempts {
            let places: Vec<u64> = attempt
                .data
                .iter()
                .filter_map(|data| found.get(&data[..]).copied())
                .collect();
            known += places.len();
            let dense = places.windows(2).all(|pair| pair[0] + 1 == pair[1]);
            assert!(dense, "a batch is contiguous: {places:?} {attempt:?}");
            let whole = places.len() == attempt.data.len();
            assert!(whole || places.is_empty(), "half a batch: {attempt:?}");
            for &place in &places {
                assert_eq!(self.at(place).topic, attempt.topic);
            }
            if let Some((first, last)) = attempt.answer {
                let got = places.first().copied().zip(places.last().copied());
                assert_eq!(got, Some((first, last)), "{attempt:?}");
            }
        }
        assert_eq!(known, self.0.len(), "events that nobody published");
    }

    /// Walks along what a client saw, over all its connections. Returns how many gaps there were, and
    /// how often it came back with the id of a heartbeat.
    pub(crate) fn judge_client(&self, filter: &Filter, sessions: &[Session]) -> (usize, usize) {
        let mut walk = Walk {
            truth: self,
            filter,
            at: 0,
            gaps: 0,
        };
        let mut ahead = 0;
        for session in sessions {
            ahead += usize::from(offset(&session.asked) > walk.at);
            walk.pass(offset(&session.asked), &session.asked);
            for seen in &session.events {
                match seen.event.as_str() {
                    "gap" => walk.gap(seen),
                    "message" | END => walk.event(seen),
                    _ => panic!("nothing was reset: {seen:?}"),
                }
            }
        }
        assert!(walk.at >= self.end(), "{} of {}", walk.at, self.end());
        (walk.gaps, ahead)
    }
}

/// A client's place in the order.
struct Walk<'t> {
    truth: &'t Truth,
    filter: &'t Filter,
    /// Everything up to this offset was seen, was announced as missing, or is not wanted.
    at: u64,
    gaps: usize,
}

impl Walk<'_> {
    fn wants(&self, offset: u64) -> bool {
        self.filter.matches(&self.truth.at(offset).topic)
    }

    /// Goes on to `to`, over what the client does not want.
    fn pass(&mut self, to: u64, why: &str) {
        assert!(to >= self.at, "back from {} to {to}: {why}", self.at);
        assert!(to <= self.truth.head(), "{why} is beyond the end");
        let lost: Vec<u64> = (self.at + 1..=to).filter(|&n| self.wants(n)).collect();
        assert!(lost.is_empty(), "silently lost: {lost:?} before {why}");
        self.at = to;
    }

    fn event(&mut self, seen: &Seen) {
        let offset = offset(&seen.id);
        assert!(offset > self.at, "twice or out of order: {seen:?}");
        self.pass(offset - 1, &seen.id);
        assert!(self.wants(offset), "not asked for: {seen:?}");
        assert_eq!(seen.data, self.truth.at(offset).data);
        self.at = offset;
    }

    fn gap(&mut self, seen: &Seen) {
        let json: serde_json::Value = serde_json::from_str(&seen.data).expect("JSON");
        let position = |name: &str| offset(json[name].as_str().expect("a position"));
        let (asked, earliest) = (position("asked"), position("earliest"));
        self.pass(asked, "the start of a gap");
        assert!(earliest > asked + 1, "an empty gap: {seen:?}");
        assert_eq!(json["missing"], earliest - asked - 1, "{seen:?}");
        assert_eq!(offset(&seen.id), earliest - 1, "{seen:?}");
        if json["reason"] == "retention" {
            assert_eq!(json["exact"], self.filter.is_all(), "{seen:?}");
            // What is within the hub's capacity of its end can never have been gone.
            let kept = self.truth.head() + 1 - CAPACITY as u64;
            assert!(earliest <= kept, "kept, and told as missing: {seen:?}");
        } else {
            assert_eq!(json["reason"], "overrun", "{seen:?}");
        }
        self.at = earliest - 1;
        self.gaps += 1;
    }
}

fn offset(id: &str) -> u64 {
    id.parse::<Position>().expect(id).offset
}
