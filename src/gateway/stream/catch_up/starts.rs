//! Starts that are looked up in the journal: a time, or the last so many events of some topics.

use crate::gateway::delivery::{JournalStart, WhichEvents};
use crate::gateway::stream::history::ReplayStart;
use crate::hub::{Part, joined_since};

/// The answer to one look.
#[derive(Clone, Copy, Debug)]
pub(super) enum Looked {
    /// The offset of the first event since a time.
    Since(u64),
    /// So many were found, the first of them at `from`, and everything from `below` on was looked at.
    Last { found: u64, from: u64, below: u64 },
    /// The journal cannot be read.
    Failed,
}

/// Counts what was read of the last events, from the newest back.
pub(super) fn count(start: &JournalStart, part: &Part) -> Looked {
    let wanted = part.events();
    let wanted = wanted.filter(|stored| start.filter.matches(stored.event.topic()));
    let (mut found, mut from) = (0, 0);
    for stored in wanted {
        (found, from) = (found + 1, stored.offset);
    }
    Looked::Last {
        found,
        from,
        below: part.looked_at().start,
    }
}

/// Takes what a look has found; returns the start once it is known. `oldest` is the first offset that is kept.
pub(super) fn take(start: &mut JournalStart, looked: Looked, oldest: u64) -> Option<ReplayStart> {
    match (&mut start.what, looked) {
        (WhichEvents::Since { taken, floor, .. }, Looked::Since(stored)) => {
            let from = joined_since(*taken, *floor, stored).max(oldest);
            // Where it is the oldest that there is, older ones may have been of that time as well.
            let missing = if from == oldest { oldest - 1 } else { 0 };
            Some(ReplayStart {
                from,
                missing,
                exact: false,
            })
        }
        (
            WhichEvents::Last { left, from, below },
            Looked::Last {
                found,
                from: first,
                below: to,
            },
        ) => {
            *left = left.saturating_sub(found);
            *from = if found > 0 { first } else { *from };
            // A look that moves nowhere would be repeated for ever.
            let is_over = to >= *below || to <= oldest;
            *below = to;
            (*left == 0 || is_over).then(|| ReplayStart {
                from: if *left == 0 { *from } else { oldest },
                missing: (*left).min(oldest - 1),
                exact: false,
            })
        }
        // All that is there, and the journal says of each part what is wrong with it.
        _ => Some(ReplayStart {
            from: oldest,
            missing: 0,
            exact: false,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Filter;
    use crate::gateway::delivery::StreamFilter;

    fn filter() -> StreamFilter {
        StreamFilter {
            wanted: Filter::parse(["a"]).unwrap(),
            allowed: Filter::all(),
            offered: None,
            latest: false,
            presence: false,
            hold_ms: 0,
        }
    }

    #[test]
    fn the_last_ones_are_looked_for_until_there_are_enough() {
        let mut start = JournalStart::last(&filter(), 3, 90, 80);
        let looked = |found, from, below| Looked::Last { found, from, below };
        assert_eq!(take(&mut start, looked(1, 60, 60), 1), None);
        assert_eq!(take(&mut start, looked(0, 0, 40), 1), None);
        let found = take(&mut start, looked(2, 20, 20), 1).unwrap();
        assert_eq!((found.from, found.missing), (20, 0));
    }

    #[test]
    fn where_there_are_not_enough_older_ones_may_be_gone() {
        let mut start = JournalStart::last(&filter(), 3, 90, 80);
        let looked = Looked::Last {
            found: 1,
            from: 60,
            below: 11,
        };
        let found = take(&mut start, looked, 11).unwrap();
        assert_eq!((found.from, found.missing), (11, 2));
    }

    #[test]
    fn a_time_before_all_that_is_kept_may_miss_something() {
        let start = |offset, oldest| {
            let mut start = JournalStart::since(&filter(), 5, 1, 100);
            let found = take(&mut start, Looked::Since(offset), oldest).unwrap();
            (found.from, found.missing)
        };
        assert_eq!(start(1, 1), (1, 0));
        assert_eq!(start(40, 20), (40, 0));
        assert_eq!(start(20, 20), (20, 19));
        assert_eq!(start(200, 20), (100, 0));
    }
}
