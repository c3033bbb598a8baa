//! Those who are present at the same topics without receivers, as the connections of a server: kept as numbers.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::event::Filter;
use crate::ring::{self, Notify};

use super::PresenceEvent;
use crate::hub::EndReason;
use crate::hub::class::Class;

/// Members with one filter, of one name.
pub(in crate::hub) struct PresenceSet {
    /// What their ids begin with.
    pub(in crate::hub) name: Box<str>,
    pub(in crate::hub) class: Arc<Class>,
    /// They get what their class takes of these topics only.
    within: Vec<Filter>,
    /// Told when there is something to take.
    notify: Arc<dyn Notify>,
    inside: Mutex<Inside>,
    /// Whether something was told that is not taken yet.
    has_news: AtomicBool,
}

#[derive(Default)]
struct Inside {
    members: HashSet<u64>,
    /// Members that were ended one by one.
    ended: VecDeque<u64>,
    /// All of them have ended.
    over: Option<EndReason>,
}

impl PresenceSet {
    pub(in crate::hub) fn new(
        (name, class): (Box<str>, Arc<Class>),
        within: Vec<Filter>,
        notify: Arc<dyn Notify>,
    ) -> Self {
        Self {
            name,
            class,
            within,
            notify,
            inside: Mutex::default(),
            has_news: AtomicBool::new(false),
        }
    }

    /// The id of a member.
    pub(in crate::hub) fn id_of(&self, number: u64) -> String {
        format!("{}{number:x}", self.name)
    }

    /// The member of an id, whether it is there or not; `None`: it can be none of this set's.
    pub(in crate::hub) fn number_of(&self, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(&*self.name)?;
        let is_plain = digits == "0" || !digits.starts_with(['0', '+']);
        if !is_plain || digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        u64::from_str_radix(digits, 16).ok()
    }

    /// Whether its members would get an event of this topic, were it not for the rest of the event.
    pub(in crate::hub) fn takes_topic(&self, topic: &str) -> bool {
        self.class.filter().matches(topic) && self.within.iter().all(|one| one.matches(topic))
    }

    /// `false`: it is there already, or the set is over.
    pub(in crate::hub) fn enter(&self, number: u64) -> bool {
        let mut inside = self.inside.lock();
        inside.over.is_none() && inside.members.insert(number)
    }

    /// `false`: it is not there.
    pub(in crate::hub) fn leave(&self, number: u64) -> bool {
        let mut inside = self.inside.lock();
        let left = inside.members.remove(&number);
        if inside.members.len() < inside.members.capacity() / 4 {
            inside.members.shrink_to_fit();
        }
        left
    }

    pub(in crate::hub) fn members(&self) -> Vec<u64> {
        self.inside.lock().members.iter().copied().collect()
    }

    /// The first `max` members in no order; adds to `count` how many there are.
    pub(in crate::hub) fn some(
        &self,
        max: usize,
        count: &mut usize,
    ) -> impl Iterator<Item = u64> + use<> {
        let inside = self.inside.lock();
        *count += inside.members.len();
        let some: Vec<u64> = inside.members.iter().take(max).copied().collect();
        some.into_iter()
    }

    /// Whether nobody is present, and no end waits to be taken; never again once it is over.
    pub(in crate::hub) fn is_empty(&self) -> bool {
        let inside = self.inside.lock();
        inside.members.is_empty() && inside.ended.is_empty() && inside.over.is_none()
    }

    /// Whether an id could be one of this set's.
    pub(in crate::hub) fn may_have(&self, id: &str) -> bool {
        self.number_of(id).is_some()
    }

    /// Ends the member of an id, before [`notify`](Self::notify); `None`: it is none of these.
    pub(in crate::hub) fn end_member(&self, id: &str) -> Option<u64> {
        let number = self.number_of(id)?;
        let mut inside = self.inside.lock();
        if !inside.members.remove(&number) {
            return None;
        }
        // No more than there were members.
        inside.ended.push_back(number);
        Some(number)
    }

    /// Ends all of them, before [`notify`](Self::notify); returns who they were.
    pub(in crate::hub) fn end_all(&self, reason: EndReason) -> Vec<u64> {
        let mut inside = self.inside.lock();
        inside.over = Some(reason);
        let members = std::mem::take(&mut inside.members);
        members.into_iter().collect()
    }

    /// Takes the next thing that was told.
    pub(in crate::hub) fn take(&self) -> Option<PresenceEvent> {
        // Acquire: pairs with the Release in `notify`.
        if !self.has_news.load(Ordering::Acquire) {
            return None;
        }
        let mut inside = self.inside.lock();
        if let Some(number) = inside.ended.pop_front() {
            return Some(PresenceEvent::Ended { number });
        }
        self.has_news.store(false, Ordering::Relaxed);
        inside.over.map(|reason| PresenceEvent::Closed { reason })
    }

    /// Tells whoever serves them that there is something to take. To be called without a lock.
    pub(in crate::hub) fn notify(&self) {
        // Release: pairs with the Acquire in `take`.
        self.has_news.store(true, Ordering::Release);
        ring::notify_and_drop(self.notify.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct CountingNotify(AtomicUsize);

    impl Notify for CountingNotify {
        fn notify(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn set() -> (PresenceSet, Arc<CountingNotify>) {
        let filter = Filter::parse(["a.*"]).unwrap();
        let class = crate::hub::class::Classes::default().get(&filter.into());
        let notified = Arc::new(CountingNotify(AtomicUsize::new(0)));
        let within = vec![Filter::parse(["a.x"]).unwrap()];
        let set = PresenceSet::new(("c-".into(), class), within, notified.clone());
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
        assert!(!set.enter(2), "it is over");
    }
}
