//! The open-file limit: raised as far as it goes, and how many connections fit.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors that are not connections: listeners, poller, standard streams, the frame log.
const RESERVE: usize = 64;

/// Raises the soft limit to the hard one; answers how many of `wanted` connections fit, and the limit
/// if there is one.
pub(crate) fn room_for(wanted: usize) -> (usize, Option<u64>) {
    let limit = raise();
    (limit.map_or(wanted, |limit| room(limit, wanted)), limit)
}

/// The limit that so many connections need.
pub(crate) fn needed(connections: usize) -> usize {
    connections.saturating_add(RESERVE)
}

/// The limit in force afterwards; `None` is no limit.
fn raise() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    let soft = limit.current?;
    // A process may raise its soft limit up to the hard one without any privilege.
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.maximum,
        // Some systems refuse what they report as the maximum: what was in force stays in force.
        Err(_) => Some(soft),
    }
}

fn room(limit: u64, wanted: usize) -> usize {
    // A limit beyond what can be counted is none.
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    wanted.min(limit.saturating_sub(RESERVE).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_leaves_the_reserve() {
        assert_eq!(room(1024, 65_536), 1024 - RESERVE);
        assert_eq!(room(1 << 20, 65_536), 65_536);
        assert_eq!(room(3, 10), 1);
    }
}
