//! The rate at which checkpoints may be saved: each name has its own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Saves of one name in a second, and at once after a rest.
pub(super) const PER_SECOND: u32 = 10;
/// Names whose last saves are remembered. Those that could save as much as they may are forgotten first; where none is, one
/// more has to wait.
const NAMES_MAX: usize = 10_000;
/// Least time between two walks through all names in search of those.
const WALK: Duration = Duration::from_millis(100);
/// The time that one save takes of its name's rate.
const EACH: Duration = Duration::from_millis(1_000 / PER_SECOND as u64);
/// The time by which saves may be ahead of their rate.
const AHEAD: Duration = Duration::from_millis(1_000 - 1_000 / PER_SECOND as u64);

/// The last saves of each name (GCRA: for each name the time at which its next save is due).
#[derive(Default)]
pub(in crate::gateway) struct SaveRates(Mutex<Rates>);

#[derive(Default)]
struct Rates {
    due: HashMap<Box<str>, Instant>,
    walked: Option<Instant>,
}

impl SaveRates {
    /// Counts a save of a name; `false`: it has to wait, and does not count.
    pub(super) fn try_save(&self, name: &str, now: Instant) -> bool {
        let mut rates = self.0.lock();
        if let Some(due) = rates.due.get_mut(name) {
            let next = (*due).max(now);
            if next.saturating_duration_since(now) > AHEAD {
                return false;
            }
            *due = next + EACH;
            return true;
        }
        rates.make_room(now);
        if rates.due.len() >= NAMES_MAX {
            return false;
        }
        rates.due.insert(name.into(), now + EACH);
        true
    }
}

impl Rates {
    fn make_room(&mut self, now: Instant) {
        let is_early = |walked: Instant| now.saturating_duration_since(walked) < WALK;
        if self.due.len() < NAMES_MAX || self.walked.is_some_and(is_early) {
            return;
        }
        self.walked = Some(now);
        self.due.retain(|_, due| *due > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saves(rates: &SaveRates, name: &str, now: Instant) -> usize {
        (0..100).filter(|_| rates.try_save(name, now)).count()
    }

    #[test]
    fn a_name_saves_ten_times_a_second_whatever_others_do() {
        let (rates, now) = (SaveRates::default(), Instant::now());
        assert_eq!(saves(&rates, "a", now), 10);
        assert_eq!(saves(&rates, "b", now), 10);
        assert_eq!(saves(&rates, "a", now + Duration::from_millis(99)), 0);
        assert_eq!(saves(&rates, "a", now + Duration::from_millis(100)), 1);
        assert_eq!(saves(&rates, "a", now + Duration::from_millis(600)), 5);
        assert_eq!(saves(&rates, "a", now + Duration::from_secs(60)), 10);
    }

    #[test]
    fn names_are_bounded_and_forgotten_when_they_rest() {
        let (rates, now) = (SaveRates::default(), Instant::now());
        for n in 0..NAMES_MAX {
            assert!(rates.try_save(&n.to_string(), now));
        }
        assert!(!rates.try_save("one more", now));
        assert!(rates.try_save("7", now), "the others go on");
        assert!(!rates.try_save("one more", now + WALK / 2));
        assert!(rates.try_save("one more", now + 2 * WALK));
        assert!(rates.0.lock().due.len() < NAMES_MAX);
    }
}
