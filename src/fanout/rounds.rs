//! Who is visited next: classes with news, and classes that collect for a moment first, so that their members get
//! several events in one write.

use std::collections::VecDeque;
use std::hash::Hash;
use std::time::{Duration, Instant};

use crate::deadline;
use crate::fanout::Fanout;
use crate::fanout::class::{ClassId, Classes};

/// The work that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Nothing.
    Nothing,
    /// Streams are to be visited.
    Visits,
    /// Streams are to be visited, but not before this moment.
    Collecting {
        /// The moment at which the first of them is due.
        due: Instant,
        /// `true`: every class collects, so that nothing can happen to any stream before.
        all: bool,
    },
}

/// Classes with news for their members.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// Those whose members are visited, each once.
    dirty: VecDeque<ClassId>,
    /// Those that collect, each once, and the moments at which they are due.
    held: Vec<(Instant, ClassId)>,
    /// The moment at which the first of these is due: asked for several times a turn.
    due: Option<Instant>,
    /// Classes that do not collect.
    eager: usize,
}

impl Rounds {
    /// Counts a class whose members collect for `hold`.
    pub(super) fn enter(&mut self, hold: Duration) {
        // Counted, so that nobody need look at all classes before each sleep.
        self.eager += usize::from(hold.is_zero());
    }

    /// Forgets a class.
    pub(super) fn leave(&mut self, id: ClassId, hold: Duration, queued: bool) {
        self.eager -= usize::from(hold.is_zero());
        if queued {
            // The id is free from here on, and whoever gets it must not be visited in this one's place.
            self.dirty.retain(|dirty| *dirty != id);
        }
        self.held.retain(|(_, held)| *held != id);
        self.find_due();
    }

    fn find_due(&mut self) {
        self.due = self.held.iter().map(|(at, _)| *at).min();
    }

    /// Queues a class whose members have something to read.
    pub(super) fn queue<K: Clone + Eq + Hash>(
        &mut self,
        id: ClassId,
        classes: &mut Classes<K>,
        now: Instant,
    ) {
        let Some(class) = classes.get_mut(id) else {
            return;
        };
        if class.members().is_empty() {
            return;
        }
        // Queued already: the round begins anew, since there is more for those who were visited.
        if class.is_queued() {
            class.begin_round();
        } else if class.hold().is_zero() {
            class.begin_round();
            self.dirty.push_back(id);
        // The first event sets the time: those behind it must not put it off.
        } else if self.held.iter().all(|(_, held)| *held != id) {
            let due = deadline::after(now, class.hold());
            self.held.push((due, id));
            self.due = Some(self.due.map_or(due, |first| first.min(due)));
        }
    }

    /// Queues the classes whose time is up, or all of them.
    fn release<K: Clone + Eq + Hash>(&mut self, classes: &mut Classes<K>, now: Instant, all: bool) {
        let mut at = 0;
        while let Some((due, id)) = self.held.get(at).copied() {
            if !all && due > now {
                at += 1;
                continue;
            }
            self.held.swap_remove(at);
            if let Some(class) = classes.get_mut(id)
                && !class.is_queued()
            {
                class.begin_round();
                self.dirty.push_back(id);
            }
        }
        self.find_due();
    }

    fn next_visit<K: Clone + Eq + Hash>(&mut self, classes: &mut Classes<K>) -> Option<u32> {
        while let Some(id) = self.dirty.front().copied() {
            let next = classes.get_mut(id).and_then(|class| class.next_member());
            if next.is_some() {
                return next;
            }
            self.dirty.pop_front();
        }
        None
    }

    fn pending(&self) -> Pending {
        if !self.dirty.is_empty() {
            return Pending::Visits;
        }
        match self.due {
            None => Pending::Nothing,
            Some(due) => Pending::Collecting {
                due,
                all: self.eager == 0,
            },
        }
    }
}

impl<K: Clone + Eq + Hash, F> Fanout<K, F> {
    /// Lets classes be visited whose time to collect is over; where the logs are full, or if `all` is said, all of them.
    pub fn release(&mut self, all: bool) {
        let all = all || self.is_full();
        self.rounds.release(&mut self.logs.classes, self.now, all);
    }

    /// The number of the stream to be visited next; `None`: nobody is to be visited.
    pub fn next_visit(&mut self) -> Option<u32> {
        let next = self.rounds.next_visit(&mut self.logs.classes);
        self.note_if_all_were_visited();
        next
    }

    /// Lets the logs be filled again, if everybody had a turn since the last append, or is gone.
    pub(super) fn note_if_all_were_visited(&mut self) {
        if self.rounds.pending() == Pending::Nothing {
            self.unvisited_bytes = 0;
        }
    }

    /// Returns the work that waits.
    pub fn pending(&self) -> Pending {
        self.rounds.pending()
    }
}
