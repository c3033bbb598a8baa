//! What the gateway counts beside the reactor's own counters.
//!
//! Everything here belongs to one reactor's thread: plain numbers, no atomics, nothing an event. Several
//! reactors see each other's through [`Aggregate`](crate::gateway::telemetry::aggregate::Aggregate).

use crate::reactor::EndReason;

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

/// Routes as the metrics tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum RouteKind {
    /// The index, the dashboard and its files.
    Page,
    Health,
    Metrics,
    Stats,
    Stream,
    Publish,
    /// Connections, endpoints and broadcasts.
    Manage,
    /// A WebSocket.
    Socket,
    /// No route, refused before one was looked for, or not HTTP.
    None,
}

impl RouteKind {
    pub(in crate::gateway) const ALL: [Self; 9] = [
        Self::Page,
        Self::Health,
        Self::Metrics,
        Self::Stats,
        Self::Stream,
        Self::Publish,
        Self::Manage,
        Self::Socket,
        Self::None,
    ];

    pub(in crate::gateway) fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Stats => "stats",
            Self::Stream => "stream",
            Self::Publish => "publish",
            Self::Manage => "manage",
            Self::Socket => "socket",
            Self::None => "none",
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

/// The status of a response by its first line, which is ours.
pub(in crate::gateway) fn status_of(response: &[u8]) -> u16 {
    let digits = response.get(9..12).unwrap_or_default();
    digits
        .iter()
        .fold(0, |status, digit| status * 10 + u16::from(digit - b'0'))
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

    #[test]
    fn a_status_is_read_off_the_first_line() {
        assert_eq!(status_of(b"HTTP/1.1 421 Misdirected Request\r\n"), 421);
        assert_eq!(status_of(b""), 0);
    }
}
