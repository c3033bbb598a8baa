//! Topics to whose settings a journal keeps: anybody may ask whether there is room for another one.

use std::collections::{HashMap, HashSet};

use super::topics::TOPICS_MAX;
use crate::event::topic;
use crate::journal::TopicPolicy;
use crate::journal::sqlite::upkeep::COMPACTED_MAX;

/// The names of topics that have bounds of their own, by their hashes, and of those that are compacted.
#[derive(Debug, Default)]
pub(in crate::journal::sqlite) struct TakenTopics {
    bounded: HashMap<u64, Box<str>>,
    compacted: HashSet<Box<str>>,
}

impl TakenTopics {
    /// Returns whether there is room for the settings of a topic, or why there is none.
    pub(in crate::journal::sqlite) fn takes(
        &self,
        name: &str,
        policy: &TopicPolicy,
    ) -> Result<(), String> {
        self.takes_bounds(name, policy)?;
        self.takes_key(name, policy)
    }

    /// Notes the settings of a topic, as much of them as there is room for.
    pub(in crate::journal::sqlite) fn set(
        &mut self,
        name: &str,
        policy: &TopicPolicy,
    ) -> Result<(), String> {
        let bounds = self.takes_bounds(name, policy);
        let key = self.takes_key(name, policy);
        let hash = topic::hash(name);
        if !policy.retention.is_bounded() {
            if self
                .bounded
                .get(&hash)
                .is_some_and(|known| **known == *name)
            {
                self.bounded.remove(&hash);
            }
        } else if bounds.is_ok() {
            self.bounded.insert(hash, name.into());
        }
        if policy.compact.is_none() {
            self.compacted.remove(name);
        } else if key.is_ok() {
            self.compacted.insert(name.into());
        }
        bounds.and(key)
    }

    fn takes_bounds(&self, name: &str, policy: &TopicPolicy) -> Result<(), String> {
        if !policy.retention.is_bounded() {
            return Ok(());
        }
        match self.bounded.get(&topic::hash(name)) {
            Some(known) if **known == *name => Ok(()),
            Some(known) => Err(format!(
                "its bounds cannot be told from those of {known:?}: give it another name"
            )),
            None if self.bounded.len() < TOPICS_MAX => Ok(()),
            None => Err(format!(
                "{TOPICS_MAX} topics have bounds of their own, as many as may"
            )),
        }
    }

    fn takes_key(&self, name: &str, policy: &TopicPolicy) -> Result<(), String> {
        let is_room = self.compacted.len() < COMPACTED_MAX || self.compacted.contains(name);
        match policy.compact.is_none() || is_room {
            true => Ok(()),
            false => Err(format!(
                "{COMPACTED_MAX} topics are compacted, as many as may"
            )),
        }
    }
}
