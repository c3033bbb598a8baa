//! The counters of the gateways of all reactors: each puts its own down where the others find them.

use std::sync::{Mutex, PoisonError};

use crate::gateway::encode::NoticeCounts;
use crate::gateway::telemetry::metrics::Metrics;

/// The counts of one reactor's gateway.
#[derive(Clone, Debug, Default)]
pub(in crate::gateway) struct ReactorCounts {
    pub(in crate::gateway) metrics: Metrics,
    pub(in crate::gateway) notices: NoticeCounts,
    /// The first offset that is not in its frame logs; `None`: it reads nothing, nobody listens.
    pub(in crate::gateway) fed: Option<u64>,
}

/// The counts of all reactors, each as they were at the end of that reactor's last turn.
#[derive(Debug)]
pub(in crate::gateway) struct Aggregate(Box<[Mutex<ReactorCounts>]>);

impl Aggregate {
    pub(in crate::gateway) fn new(reactors: usize) -> Self {
        Self((0..reactors).map(|_| Mutex::default()).collect())
    }

    /// Returns whether other reactors read what one puts down.
    pub(in crate::gateway) fn are_shared(&self) -> bool {
        self.0.len() > 1
    }

    /// Puts down what reactor `n` has counted.
    pub(in crate::gateway) fn put(&self, n: usize, counts: ReactorCounts) {
        *self.0[n].lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    /// Adds up the counts of all reactors, where those of reactor `n` are `own`.
    pub(in crate::gateway) fn sum(&self, n: usize, own: ReactorCounts) -> ReactorCounts {
        let mut sum = own;
        // Its own from its hands, as they are now: what it has put down is a turn old.
        for (_, other) in self.0.iter().enumerate().filter(|(i, _)| *i != n) {
            let other = other.lock().unwrap_or_else(PoisonError::into_inner);
            sum.metrics.add(&other.metrics);
            sum.notices.add(&other.notices);
            // The slowest of those that read: an average would hide the one that is stuck. One that reads nothing is not
            // behind, and must not count as the slowest.
            sum.fed = sum.fed.into_iter().chain(other.fed).min();
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::http::route::RouteKind;
    use crate::gateway::telemetry::metrics::Refused;
    use crate::net::EndReason;

    #[test]
    fn all_counters_of_all_reactors_add_up() {
        let aggregate = Aggregate::new(3);
        let mut counts = ReactorCounts::default();
        counts.metrics.answered(RouteKind::Stream, 200);
        counts.metrics.refused(Refused::Host);
        counts.metrics.ended(EndReason::Closed);
        counts.metrics.replayed = 7;
        counts.notices.gaps[1] = 2;
        counts.notices.resets[2] = 3;
        let mut behind = counts.clone();
        behind.fed = Some(5);
        aggregate.put(0, counts.clone());
        aggregate.put(1, behind);
        counts.fed = Some(9);
        let sum = aggregate.sum(0, counts);
        assert_eq!(sum.metrics.requests[RouteKind::Stream as usize][0], 2);
        assert_eq!(sum.metrics.refused[Refused::Host as usize], 2);
        assert_eq!(sum.metrics.ended[EndReason::Closed as usize], 2);
        assert_eq!(
            (
                sum.metrics.replayed,
                sum.notices.gaps[1],
                sum.notices.resets[2]
            ),
            (14, 4, 6)
        );
        assert_eq!(sum.fed, Some(5));
    }
}
