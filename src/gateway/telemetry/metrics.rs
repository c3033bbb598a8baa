//! The counters of the gateway beside the reactor's own counters.
//!
//! Everything here belongs to one reactor's thread: plain numbers, no atomics, nothing an event. Several
//! reactors see each other's through [`Aggregate`](crate::gateway::telemetry::aggregate::Aggregate).

use crate::gateway::http::route::RouteKind;
use crate::net::EndReason;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Refused {
    /// The limit on connections is reached. The reactor counts these.
    Connections,
    /// The head did not arrive in time.
    HeadTimeout,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The request is not HTTP as we speak it.
    Malformed,
    /// Its body is over the limit.
    TooLarge,
    /// The request names a host that is not ours.
    Host,
    /// A page of another origin sent it.
    Origin,
    /// The authorizer said no.
    Denied,
    /// There is no room for it now, or the server stops.
    Unavailable,
}

impl Refused {
    pub(in crate::gateway) const ALL: [Self; 9] = [
        Self::Connections,
        Self::HeadTimeout,
        Self::BodyTimeout,
        Self::Malformed,
        Self::TooLarge,
        Self::Host,
        Self::Origin,
        Self::Denied,
        Self::Unavailable,
    ];

    pub(in crate::gateway) fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::HeadTimeout => "head_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Host => "host",
            Self::Origin => "origin",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Classes of status: `2xx` to `5xx`.
pub(super) const STATUS_CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The gateway's counters.
#[derive(Clone, Debug, Default)]
pub(in crate::gateway) struct Metrics {
    pub(in crate::gateway) requests: [[u64; STATUS_CLASSES.len()]; RouteKind::ALL.len()],
    pub(in crate::gateway) refused: [u64; Refused::ALL.len()],
    pub(in crate::gateway) ended: [u64; EndReason::ALL.len()],
    /// Events encoded for connections that catch up.
    pub(in crate::gateway) replayed: u64,
}

impl Metrics {
    /// Counts the answer to a request.
    pub(in crate::gateway) fn answered(&mut self, kind: RouteKind, status: u16) {
        // 101 is a success, too: it begins a WebSocket.
        let class = usize::from(status / 100).clamp(2, 5) - 2;
        self.requests[kind as usize][class] += 1;
    }

    /// Adds what another reactor has counted.
    pub(in crate::gateway) fn add(&mut self, other: &Self) {
        // Taken apart whole: a counter that is added to the struct and not here does not compile.
        let Self {
            requests,
            refused,
            ended,
            replayed,
        } = other;
        add_each(self.requests.as_flattened_mut(), requests.as_flattened());
        add_each(&mut self.refused, refused);
        add_each(&mut self.ended, ended);
        self.replayed += replayed;
    }

    pub(in crate::gateway) fn refused(&mut self, why: Refused) {
        self.refused[why as usize] += 1;
    }

    pub(in crate::gateway) fn ended(&mut self, why: EndReason) {
        self.ended[why as usize] += 1;
    }
}

/// Adds numbers place by place.
fn add_each(sums: &mut [u64], numbers: &[u64]) {
    for (sum, n) in sums.iter_mut().zip(numbers) {
        *sum += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_reasons_and_routes_are_their_places() {
        for (place, why) in Refused::ALL.iter().enumerate() {
            assert_eq!(*why as usize, place);
        }
        for (place, kind) in RouteKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, place);
        }
        for (place, why) in EndReason::ALL.iter().enumerate() {
            assert_eq!(*why as usize, place);
        }
    }
}
