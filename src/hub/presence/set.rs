//! A set of members that are present at the same topics without receivers: kept as numbers, some 16 bytes each.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::event::Filter;
use crate::mailbox::Mailbox;
use crate::ring::{self, Notify};

use super::{PresenceConfig, PresenceEvent};
use crate::hub::EndReason;
use crate::hub::class::Class;

/// The members of one name and one filter.
pub(in crate::hub) struct PresenceSet {
    /// The text that their ids begin with.
    pub(in crate::hub) name: Box<str>,
    pub(in crate::hub) class: Arc<Class>,
    /// The topics that they get events of: only what their class takes of these.
    within: Vec<Filter>,
    /// Called when there is something to take.
    notify: Arc<dyn Notify>,
    /// Changed under the registry's lock as well, so that lists and changes have one order; this one lets whoever
    /// serves the members take their ends without that.
    members: Mutex<Members>,
    /// The ends that wait to be taken. A bound of its own is not needed: no more wait than there were members.
    events: Mailbox<PresenceEvent>,
}

#[derive(Default)]
struct Members {
    present: HashSet<u64>,
    /// The reason why all of them have ended.
    closed: Option<EndReason>,
}

impl PresenceSet {
    /// Makes an empty set; `class` is that of the settings' filter.
    pub(in crate::hub) fn new(class: Arc<Class>, config: PresenceConfig) -> Self {
        Self {
            name: config.name.into(),
            class,
            within: config.within,
            notify: config.notify,
            members: Mutex::default(),
            events: Mailbox::new(usize::MAX),
        }
    }

    /// Returns the id of a member.
    pub(in crate::hub) fn id_of(&self, number: u64) -> String {
        format!("{}{number:x}", self.name)
    }

    /// Returns the member of an id, whether it is there or not; `None`: it can be none of this set's.
    pub(in crate::hub) fn number_of(&self, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(&*self.name)?;
        // One way to write each number: an id that is spelled otherwise was never given out.
        let is_plain = digits == "0" || !digits.starts_with(['0', '+']);
        if !is_plain || digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        u64::from_str_radix(digits, 16).ok()
    }

    /// Returns whether its members want events of this topic, whatever the rest of their filter says.
    pub(in crate::hub) fn takes_topic(&self, topic: &str) -> bool {
        self.class.filter().matches(topic) && self.within.iter().all(|one| one.matches(topic))
    }

    /// Enters a member; `false`: it is present already, or all have ended.
    pub(in crate::hub) fn enter(&self, number: u64) -> bool {
        let mut members = self.members.lock();
        // Not into a set that has ended: its end is told once, for all that were in it.
        members.closed.is_none() && members.present.insert(number)
    }

    /// Removes a member; `false`: it is not present.
    pub(in crate::hub) fn leave(&self, number: u64) -> bool {
        let mut members = self.members.lock();
        let left = members.present.remove(&number);
        // A set that once had all connections of a server must not keep the room for them. Not below a quarter, or it
        // would grow and shrink by turns.
        if members.present.len() < members.present.capacity() / 4 {
            members.present.shrink_to_fit();
        }
        left
    }

    pub(in crate::hub) fn members(&self) -> Vec<u64> {
        self.members.lock().present.iter().copied().collect()
    }

    /// Returns `max` members at most, in no order; adds to `count` how many there are.
    pub(in crate::hub) fn some(
        &self,
        max: usize,
        count: &mut usize,
    ) -> impl Iterator<Item = u64> + use<> {
        let members = self.members.lock();
        *count += members.present.len();
        let some: Vec<u64> = members.present.iter().take(max).copied().collect();
        some.into_iter()
    }

    /// Returns whether nobody is present and no end waits to be taken; never again once all have ended.
    pub(in crate::hub) fn is_empty(&self) -> bool {
        let members = self.members.lock();
        members.present.is_empty() && !self.events.has_items() && members.closed.is_none()
    }

    /// Returns whether an id could be one of this set's.
    pub(in crate::hub) fn may_have(&self, id: &str) -> bool {
        self.number_of(id).is_some()
    }

    /// Ends the member of an id, before [`notify`](Self::notify); `None`: it is none of these.
    pub(in crate::hub) fn end_member(&self, id: &str) -> Option<u64> {
        let number = self.number_of(id)?;
        let mut members = self.members.lock();
        if !members.present.remove(&number) {
            return None;
        }
        // Under the lock of the members: a set that is without this one is not empty before its end is taken.
        self.leave_event(PresenceEvent::Ended { number });
        Some(number)
    }

    /// Ends all of them, before [`notify`](Self::notify); returns who they were.
    pub(in crate::hub) fn end_all(&self, reason: EndReason) -> Vec<u64> {
        let mut members = self.members.lock();
        // Under the lock under which members enter: from here on none does.
        members.closed = Some(reason);
        self.leave_event(PresenceEvent::Closed { reason });
        std::mem::take(&mut members.present).into_iter().collect()
    }

    fn leave_event(&self, event: PresenceEvent) {
        // Whoever serves them is notified once no lock is held, by `notify`, whether it is the first one or not.
        let _ = self.events.push(event);
    }

    /// Takes the next end. That of all comes last, once.
    pub(in crate::hub) fn take(&self) -> Option<PresenceEvent> {
        self.events.pop()
    }

    /// Notifies whoever serves them that there is something to take. To be called without a lock.
    pub(in crate::hub) fn notify(&self) {
        ring::notify_and_drop(self.notify.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::hub::class::Classes;

    struct CountingNotify(AtomicUsize);

    impl Notify for CountingNotify {
        fn notify(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn set() -> (PresenceSet, Arc<CountingNotify>) {
        let filter = Filter::parse(["a.*"]).unwrap();
        let class = Classes::default().get(&filter.clone().into());
        let notified = Arc::new(CountingNotify(AtomicUsize::new(0)));
        let config = PresenceConfig::new("c-", filter, notified.clone());
        let config = config.within(vec![Filter::parse(["a.x"]).unwrap()]);
        let set = PresenceSet::new(class, config);
        (set, notified)
    }

    #[test]
    fn ids_are_names_and_numbers_and_nothing_else_is_one() {
        let (set, _) = set();
        assert_eq!(set.id_of(0x1f), "c-1f");
        for id in ["c-", "c-1F", "c-01f", "c-+1f", "c--1", "d-1f", "c-1g", ""] {
            assert!(!set.may_have(id), "{id:?}");
        }
        assert!(set.may_have("c-0") && set.may_have("c-ffffffffffffffff"));
        assert!(set.enter(0x1f) && !set.enter(0x1f));
        assert_eq!(
            (set.end_member("c-1e"), set.end_member("c-1f")),
            (None, Some(0x1f))
        );
        set.notify();
        assert!(!set.leave(0x1f), "it has ended");
        assert_eq!(set.take(), Some(PresenceEvent::Ended { number: 0x1f }));
        assert_eq!(set.take(), None);
    }

    #[test]
    fn it_is_not_empty_while_an_end_waits_to_be_taken() {
        let (set, _) = set();
        assert!(set.is_empty());
        set.enter(1);
        set.enter(2);
        set.end_member("c-1");
        set.notify();
        assert!(set.leave(2) && !set.is_empty());
        assert_eq!(set.take(), Some(PresenceEvent::Ended { number: 1 }));
        assert!(set.is_empty());
        set.enter(3);
        set.end_all(EndReason::TopicDeleted);
        assert!(!set.leave(3) && !set.is_empty());
    }

    #[test]
    fn members_get_topics_of_the_filter_within_what_they_may() {
        let (set, _) = set();
        assert!(set.takes_topic("a.x") && !set.takes_topic("a.y"));
    }

    #[test]
    fn the_end_of_all_comes_last() {
        let (set, notified) = set();
        set.enter(1);
        set.enter(2);
        assert_eq!(set.end_member("c-1"), Some(1));
        assert_eq!(set.end_all(EndReason::TopicDeleted), [2]);
        set.notify();
        assert_eq!(notified.0.load(Ordering::Relaxed), 1);
        assert_eq!(set.take(), Some(PresenceEvent::Ended { number: 1 }));
        let reason = EndReason::TopicDeleted;
        assert_eq!(set.take(), Some(PresenceEvent::Closed { reason }));
        assert_eq!(set.take(), None);
        assert!(!set.enter(2), "all have ended");
    }
}
