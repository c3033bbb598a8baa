//! The counters of the gateways of all reactors: each puts its own down where the others find them.

use std::sync::{Mutex, PoisonError};

use crate::gateway::telemetry::metrics::Metrics;
use crate::gateway::telemetry::notices::Told;

/// What one reactor's gateway has counted.
#[derive(Clone, Debug, Default)]
pub(in crate::gateway) struct Tally {
    pub(in crate::gateway) metrics: Metrics,
    pub(in crate::gateway) told: Told,
    /// The first offset that is not in its frame logs; `None`: it reads nothing, nobody listens.
    pub(in crate::gateway) fed: Option<u64>,
}

/// The tallies of all reactors, each as it was at the end of that reactor's last turn.
#[derive(Debug)]
pub(in crate::gateway) struct Tallies(Box<[Mutex<Tally>]>);

impl Tallies {
    pub(in crate::gateway) fn new(reactors: usize) -> Self {
        Self((0..reactors).map(|_| Mutex::default()).collect())
    }

    /// Whether there is anybody to put counters down for.
    pub(in crate::gateway) fn are_shared(&self) -> bool {
        self.0.len() > 1
    }

    /// Puts down what reactor `n` has counted.
    pub(in crate::gateway) fn put(&self, n: usize, tally: Tally) {
        *self.0[n].lock().unwrap_or_else(PoisonError::into_inner) = tally;
    }

    /// What all have counted, where that of reactor `n` is `own`.
    pub(in crate::gateway) fn sum(&self, n: usize, own: Tally) -> Tally {
        let mut sum = own;
        for (_, other) in self.0.iter().enumerate().filter(|(i, _)| *i != n) {
            let other = other.lock().unwrap_or_else(PoisonError::into_inner);
            sum.metrics.add(&other.metrics);
            sum.told.add(&other.told);
            // The slowest of those that read.
            sum.fed = sum.fed.into_iter().chain(other.fed).min();
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::telemetry::metrics::{Kind, Refused};
    use crate::reactor::EndReason;

    #[test]
    fn all_counters_of_all_reactors_add_up() {
        let tallies = Tallies::new(3);
        let mut tally = Tally::default();
        tally.metrics.answered(Kind::Stream, 200);
        tally.metrics.refused(Refused::Host);
        tally.metrics.ended(EndReason::Closed);
        tally.metrics.replayed = 7;
        tally.told.gaps[1] = 2;
        tally.told.resets[2] = 3;
        let mut behind = tally.clone();
        behind.fed = Some(5);
        tallies.put(0, tally.clone());
        tallies.put(1, behind);
        tally.fed = Some(9);
        let sum = tallies.sum(0, tally);
        assert_eq!(sum.metrics.requests[Kind::Stream as usize][0], 2);
        assert_eq!(sum.metrics.refused[Refused::Host as usize], 2);
        assert_eq!(sum.metrics.ended[EndReason::Closed as usize], 2);
        assert_eq!(
            (sum.metrics.replayed, sum.told.gaps[1], sum.told.resets[2]),
            (14, 4, 6)
        );
        assert_eq!(sum.fed, Some(5));
    }
}
