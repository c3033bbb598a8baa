//! A timer wheel for deadlines that are moved far more often than they pass.
//!
//! An entry only says "look at this connection then": the connection knows its own deadline, and one
//! that has moved is simply entered again. So moving a deadline costs a store, and each connection has
//! at most one entry.

use std::time::Duration;

/// Length of a tick: deadlines pass at most this late.
pub(in crate::net) const TICK: Duration = Duration::from_millis(100);
/// One turn of the wheel is 102 seconds; later deadlines are looked at once a turn.
const SLOTS: usize = 1024;

/// Ticks since the reactor started: 13 years of them.
pub(in crate::net) type Tick = u32;

/// The end of a list of entries.
const NONE: u32 = u32::MAX;

/// All entries in one slab, and a list through it for each slot: so the wheel takes memory for the most
/// entries that it ever had at once, not for the most that each of its slots ever had.
pub(in crate::net) struct Wheel {
    /// First entry of each slot's list.
    slots: Box<[u32]>,
    entries: Vec<Entry>,
    /// First of the entries that are not used.
    free: u32,
    used: usize,
    /// The first tick that has not been looked at.
    next: Tick,
}

struct Entry {
    key: u32,
    /// The entry after this one in its list.
    after: u32,
}

impl Wheel {
    pub(in crate::net) fn new() -> Self {
        Self {
            slots: vec![NONE; SLOTS].into(),
            entries: Vec::new(),
            free: NONE,
            used: 0,
            next: 0,
        }
    }

    /// Enters `key` for a look at tick `at`, or as soon as possible if that has passed. Returns the
    /// tick of the look, which comes earlier than one that is more than a turn away.
    pub(in crate::net) fn insert(&mut self, key: u32, at: Tick) -> Tick {
        let at = at.clamp(self.next, self.next + SLOTS as Tick - 1);
        let slot = &mut self.slots[at as usize % SLOTS];
        let entry = Entry { key, after: *slot };
        match self.entries.get_mut(self.free as usize) {
            Some(place) => {
                *slot = std::mem::replace(&mut self.free, place.after);
                *place = entry;
            }
            None => {
                *slot = self.entries.len() as u32;
                self.entries.push(entry);
            }
        }
        self.used += 1;
        at
    }

    /// Moves all keys that are due at tick `now` to `due`; those of one tick in no order.
    pub(in crate::net) fn expire(&mut self, now: Tick, due: &mut Vec<u32>) {
        // Nothing is entered: the wheel turns without a walk, however long the sleep was.
        if self.used == 0 {
            self.next = self.next.max(now + 1);
            return;
        }
        // Each slot once: after a long sleep a second turn would find them empty.
        let last = now.min(self.next + SLOTS as Tick - 1);
        while self.next <= last {
            let mut at = std::mem::replace(&mut self.slots[self.next as usize % SLOTS], NONE);
            while let Some(entry) = self.entries.get_mut(at as usize) {
                due.push(entry.key);
                let after = std::mem::replace(&mut entry.after, self.free);
                self.free = std::mem::replace(&mut at, after);
                self.used -= 1;
            }
            self.next += 1;
        }
        self.next = self.next.max(now + 1);
    }

    /// The next tick at which something may be due.
    pub(in crate::net) fn next_due(&self) -> Option<Tick> {
        if self.used == 0 {
            return None;
        }
        (self.next..self.next + SLOTS as Tick).find(|t| self.slots[*t as usize % SLOTS] != NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_due_in_time_and_once() {
        let mut wheel = Wheel::new();
        wheel.insert(1, 5);
        wheel.insert(2, 3);
        let mut due = Vec::new();
        assert_eq!(wheel.next_due(), Some(3));
        wheel.expire(2, &mut due);
        assert!(due.is_empty());
        wheel.expire(10, &mut due);
        assert_eq!(due, [2, 1]);
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn a_far_deadline_is_looked_at_once_a_turn_and_a_past_one_at_once() {
        let mut wheel = Wheel::new();
        let mut due = Vec::new();
        wheel.expire(100, &mut due);
        wheel.insert(1, 1_000_000);
        wheel.insert(2, 5);
        wheel.expire(101, &mut due);
        assert_eq!(due, [2]);
        due.clear();
        wheel.expire(101 + SLOTS as Tick, &mut due);
        assert_eq!(due, [1]);
    }

    #[test]
    fn a_clock_that_leaps_loses_no_key() {
        let mut wheel = Wheel::new();
        for key in 0..2000 {
            wheel.insert(key, key);
        }
        let mut due = Vec::new();
        wheel.expire(1_000_000, &mut due);
        assert_eq!(due.len(), 2000);
    }

    #[test]
    fn entries_are_used_again_wherever_they_were() {
        let mut wheel = Wheel::new();
        let mut due = Vec::new();
        for tick in 0..5000 {
            wheel.insert(1, tick + 100);
            wheel.insert(2, tick + 100 + tick % 7);
            wheel.expire(tick, &mut due);
        }
        assert!(wheel.entries.len() <= 2 * 107, "{}", wheel.entries.len());
        wheel.expire(6000, &mut due);
        assert_eq!((due.len(), wheel.used), (10_000, 0));
    }
}
