//! Those who are present at the same topics without receivers, as the connections of a server: kept as numbers.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::event::Filter;
use crate::ring::{self, Notify};

use super::attend::Told;
use super::class::Class;
use super::error::EndReason;

/// Members with one filter, of one name.
pub(super) struct Crowd {
    /// What their ids begin with.
    pub(super) name: Box<str>,
    pub(super) class: Arc<Class>,
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

impl Crowd {
    pub(super) fn new(
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
    pub(super) fn id_of(&self, number: u64) -> String {
        format!("{}{number:x}", self.name)
    }

    /// The member of an id, whether it is there or not; `None`: it can be none of this crowd's.
    pub(super) fn number_of(&self, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(&*self.name)?;
        let is_plain = digits == "0" || !digits.starts_with(['0', '+']);
        if !is_plain || digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        u64::from_str_radix(digits, 16).ok()
    }

    /// Whether its members would get an event of this topic, were it not for the rest of the event.
    pub(super) fn takes_topic(&self, topic: &str) -> bool {
        self.class.filter().matches(topic) && self.within.iter().all(|one| one.matches(topic))
    }

    /// `false`: it is there already, or the crowd is over.
    pub(super) fn enter(&self, number: u64) -> bool {
        let mut inside = self.inside.lock();
        inside.over.is_none() && inside.members.insert(number)
    }

    /// `false`: it is not there.
    pub(super) fn leave(&self, number: u64) -> bool {
        let mut inside = self.inside.lock();
        let left = inside.members.remove(&number);
        if inside.members.len() < inside.members.capacity() / 4 {
            inside.members.shrink_to_fit();
        }
        left
    }

    pub(super) fn members(&self) -> Vec<u64> {
        self.inside.lock().members.iter().copied().collect()
    }

    /// The first `max` members in no order; adds to `count` how many there are.
    pub(super) fn some(&self, max: usize, count: &mut usize) -> impl Iterator<Item = u64> + use<> {
        let inside = self.inside.lock();
        *count += inside.members.len();
        let some: Vec<u64> = inside.members.iter().take(max).copied().collect();
        some.into_iter()
    }

    /// Whether nobody is present, and no end waits to be taken; never again once it is over.
    pub(super) fn is_empty(&self) -> bool {
        let inside = self.inside.lock();
        inside.members.is_empty() && inside.ended.is_empty() && inside.over.is_none()
    }

    /// Whether an id could be one of this crowd's.
    pub(super) fn may_have(&self, id: &str) -> bool {
        self.number_of(id).is_some()
    }

    /// Ends the member of an id, before [`ring`](Self::ring); `None`: it is none of these.
    pub(super) fn end_member(&self, id: &str) -> Option<u64> {
        let number = self.number_of(id)?;
        let mut inside = self.inside.lock();
        if !inside.members.remove(&number) {
            return None;
        }
        // No more than there were members.
        inside.ended.push_back(number);
        Some(number)
    }

    /// Ends all of them, before [`ring`](Self::ring); returns who they were.
    pub(super) fn end_all(&self, reason: EndReason) -> Vec<u64> {
        let mut inside = self.inside.lock();
        inside.over = Some(reason);
        let members = std::mem::take(&mut inside.members);
        members.into_iter().collect()
    }

    /// Takes the next thing that was told.
    pub(super) fn take(&self) -> Option<Told> {
        // Acquire: pairs with the Release in `ring`.
        if !self.has_news.load(Ordering::Acquire) {
            return None;
        }
        let mut inside = self.inside.lock();
        if let Some(number) = inside.ended.pop_front() {
            return Some(Told::Ended { number });
        }
        self.has_news.store(false, Ordering::Relaxed);
        inside.over.map(|reason| Told::Over { reason })
    }

    /// Tells whoever serves them that there is something to take. To be called without a lock.
    pub(super) fn ring(&self) {
        // Release: pairs with the Acquire in `take`.
        self.has_news.store(true, Ordering::Release);
        ring::notify_and_drop(self.notify.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct Bell(AtomicUsize);

    impl Notify for Bell {
        fn notify(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn crowd() -> (Crowd, Arc<Bell>) {
        let filter = Filter::parse(["a.*"]).unwrap();
        let class = super::super::class::Classes::default().get(&filter.into());
        let bell = Arc::new(Bell(AtomicUsize::new(0)));
        let within = vec![Filter::parse(["a.x"]).unwrap()];
        let crowd = Crowd::new(("c-".into(), class), within, bell.clone());
        (crowd, bell)
    }

    #[test]
    fn ids_are_names_and_numbers_and_nothing_else_is_one() {
        let (crowd, _) = crowd();
        assert_eq!(crowd.id_of(0x1f), "c-1f");
        for id in ["c-", "c-1F", "c-01f", "c-+1f", "c--1", "d-1f", "c-1g", ""] {
            assert!(!crowd.may_have(id), "{id:?}");
        }
        assert!(crowd.may_have("c-0") && crowd.may_have("c-ffffffffffffffff"));
        assert!(crowd.enter(0x1f) && !crowd.enter(0x1f));
        assert_eq!(
            (crowd.end_member("c-1e"), crowd.end_member("c-1f")),
            (None, Some(0x1f))
        );
        crowd.ring();
        assert!(!crowd.leave(0x1f), "it has ended");
        assert_eq!(crowd.take(), Some(Told::Ended { number: 0x1f }));
        assert_eq!(crowd.take(), None);
    }

    #[test]
    fn it_is_not_empty_while_an_end_waits_to_be_taken() {
        let (crowd, _) = crowd();
        assert!(crowd.is_empty());
        crowd.enter(1);
        crowd.enter(2);
        crowd.end_member("c-1");
        crowd.ring();
        assert!(crowd.leave(2) && !crowd.is_empty());
        assert_eq!(crowd.take(), Some(Told::Ended { number: 1 }));
        assert!(crowd.is_empty());
        crowd.enter(3);
        crowd.end_all(EndReason::TopicDeleted);
        assert!(!crowd.leave(3) && !crowd.is_empty());
    }

    #[test]
    fn members_get_topics_of_the_filter_within_what_they_may() {
        let (crowd, _) = crowd();
        assert!(crowd.takes_topic("a.x") && !crowd.takes_topic("a.y"));
    }

    #[test]
    fn the_end_of_all_comes_last() {
        let (crowd, bell) = crowd();
        crowd.enter(1);
        crowd.enter(2);
        assert_eq!(crowd.end_member("c-1"), Some(1));
        assert_eq!(crowd.end_all(EndReason::TopicDeleted), [2]);
        crowd.ring();
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
        assert_eq!(crowd.take(), Some(Told::Ended { number: 1 }));
        let reason = EndReason::TopicDeleted;
        assert_eq!(crowd.take(), Some(Told::Over { reason }));
        assert_eq!(crowd.take(), None);
        assert!(!crowd.enter(2), "it is over");
    }
}
