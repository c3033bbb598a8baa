//! The open-file limit: raised as far as it goes, and a warning when that is not enough.

use crate::say;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors that are not connections: listeners, poller, standard streams, the frame log.
const RESERVE: usize = 64;

/// Raises the soft limit to the hard one and answers how many of `wanted` connections fit.
pub(super) fn make_room_for(wanted: usize) -> usize {
    let Some(limit) = raise() else { return wanted };
    let room = room(limit, wanted);
    if room < wanted {
        say::err(format_args!(
            "warning: the open-file limit is {limit}, so --max-connections is {room} instead of \
             {wanted}; raise it with `ulimit -n {}`",
            wanted.saturating_add(RESERVE)
        ));
    }
    room
}

/// The limit in force afterwards; `None` is no limit.
fn raise() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    let soft = limit.current?;
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.maximum,
        // Some systems refuse what they report as the maximum: what was in force stays in force.
        Err(_) => Some(soft),
    }
}

fn room(limit: u64, wanted: usize) -> usize {
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
