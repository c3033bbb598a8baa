//! What is asked of the hub's reading threads, in order: a bounded number at once, and what is asked for by several once.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Reads of one reactor that are under way at once. More would only wait among each other at the hub's threads, of which
/// there are two, and hold their answers in memory.
pub(super) const READS_IN_FLIGHT: usize = 8;

/// Whoever waits for something that is read elsewhere, each for one thing at most.
pub(super) struct Asking<K> {
    /// The streams that wait for each thing. One that is under way stays here when nobody waits for it any more.
    waiting: HashMap<K, Vec<u32>>,
    /// The thing that each stream waits for.
    wanted: HashMap<u32, K>,
    /// Things that are not under way yet, in order. One that nobody waits for any more may still stand here.
    queue: VecDeque<K>,
    in_flight: usize,
}

impl<K> Default for Asking<K> {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            wanted: HashMap::new(),
            queue: VecDeque::new(),
            in_flight: 0,
        }
    }
}

impl<K: Clone + Eq + Hash> Asking<K> {
    /// Has a stream wait for something, which it may do already, and for nothing else.
    pub(super) fn ask(&mut self, stream: u32, key: K) {
        if self.wanted.get(&stream) == Some(&key) {
            return;
        }
        self.forget(stream);
        self.wanted.insert(stream, key.clone());
        if let Some(streams) = self.waiting.get_mut(&key) {
            return streams.push(stream);
        }
        self.waiting.insert(key.clone(), vec![stream]);
        self.queue.push_back(key);
    }

    /// Returns whether a stream waits for anything.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Takes what is to be read next; `None`: nothing is, or as much is under way as may be.
    pub(super) fn next(&mut self) -> Option<K> {
        while self.in_flight < READS_IN_FLIGHT {
            let key = self.queue.pop_front()?;
            match self.waiting.get(&key) {
                Some(streams) if !streams.is_empty() => {
                    self.in_flight += 1;
                    return Some(key);
                }
                // Whoever wanted it is gone.
                _ => _ = self.waiting.remove(&key),
            }
        }
        None
    }

    /// Puts back what could not be begun: it is the next one.
    pub(super) fn put_back(&mut self, key: K) {
        self.in_flight -= 1;
        self.queue.push_front(key);
    }

    /// Notes that what was under way has come, and returns who waits for it.
    pub(super) fn come(&mut self, key: &K) -> Vec<u32> {
        self.in_flight -= 1;
        let streams = self.waiting.remove(key).unwrap_or_default();
        for stream in &streams {
            self.wanted.remove(stream);
        }
        streams
    }

    /// Forgets what a stream waits for.
    pub(super) fn forget(&mut self, stream: u32) {
        if let Some(key) = self.wanted.remove(&stream)
            && let Some(streams) = self.waiting.get_mut(&key)
        {
            streams.retain(|waits| *waits != stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_want_is_asked_for_once_and_comes_to_all() {
        let mut asking = Asking::default();
        for stream in 0..5 {
            asking.ask(stream, "piece");
            asking.ask(stream, "piece");
        }
        asking.ask(9, "other");
        assert_eq!(asking.next(), Some("piece"));
        assert_eq!(asking.next(), Some("other"));
        assert_eq!(asking.next(), None);
        assert_eq!(asking.come(&"piece"), [0, 1, 2, 3, 4]);
        assert_eq!(asking.come(&"other"), [9]);
        assert_eq!((asking.waiting.len(), asking.wanted.len()), (0, 0));
        assert_eq!(asking.in_flight, 0);
    }

    #[test]
    fn only_so_much_is_under_way_and_first_come_is_first_read() {
        let mut asking = Asking::default();
        for stream in 0..500 {
            asking.ask(stream, stream);
        }
        let begun: Vec<u32> = std::iter::from_fn(|| asking.next()).collect();
        assert_eq!(begun, (0..READS_IN_FLIGHT as u32).collect::<Vec<_>>());
        assert_eq!(asking.come(&3), [3]);
        // It asks again, behind all others.
        asking.ask(3, 1000);
        assert_eq!(asking.next(), Some(READS_IN_FLIGHT as u32));
        assert_eq!(asking.next(), None);
    }

    #[test]
    fn nothing_is_read_for_who_is_gone() {
        let mut asking = Asking::default();
        asking.ask(1, "a");
        asking.ask(2, "b");
        asking.forget(1);
        assert_eq!(asking.next(), Some("b"));
        asking.forget(2);
        // The number is another stream's by now, which wants the same as it comes.
        asking.ask(2, "b");
        assert_eq!(asking.come(&"b"), [2]);
        assert_eq!(asking.next(), None);
        assert!(asking.waiting.is_empty());
    }

    #[test]
    fn who_moves_on_waits_for_the_newest_thing_only() {
        let mut asking = Asking::default();
        asking.ask(1, "a");
        assert_eq!(asking.next(), Some("a"));
        asking.ask(1, "b");
        assert_eq!(asking.come(&"a"), Vec::<u32>::new());
        assert_eq!(asking.next(), Some("b"));
        asking.put_back("b");
        assert_eq!(asking.next(), Some("b"));
        assert_eq!(asking.come(&"b"), [1]);
    }
}
