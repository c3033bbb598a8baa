//! Many cursors of one reader.

use super::value::caught;
use super::{Bound, Check};

impl Check {
    pub(super) fn group_add(&mut self, gated: bool, back: u64) -> Bound {
        let which = usize::from(gated);
        let (start, cursor) = self.start(Some(back));
        let expected = self.refuses_start(gated, cursor);
        let group = self.groups[which].as_mut()?;
        match group.add(start) {
            Err(error) => assert_eq!(Some(error), expected),
            Ok(id) => {
                assert_eq!(expected, None);
                self.cursors[which].push(id);
                self.oracle.groups[which].push(Some(cursor));
                if gated {
                    self.oracle.group_gate = self.oracle.group_gate.min(cursor);
                }
            }
        }
        None
    }

    pub(super) fn group_remove(&mut self, gated: bool, at: usize) -> Bound {
        let which = usize::from(gated);
        let group = self.groups[which].as_mut()?;
        let at = at.checked_rem(self.cursors[which].len())?;
        let was_there = self.oracle.groups[which][at].take().is_some();
        let id = self.cursors[which][at];
        let done = caught(|| group.remove(id));
        assert!(done.is_err() || done.is_ok_and(|done| done == was_there));
        if gated && was_there {
            self.oracle.group_gate = self.oracle.slowest(true);
        }
        None
    }

    pub(super) fn group_drain(&mut self, gated: bool, max: usize) -> Bound {
        let which = usize::from(gated);
        let group = self.groups[which].as_mut()?;
        let oracle = &mut self.oracle;
        let (ids, head, oldest) = (&oracle.ids, oracle.head(), oracle.oldest);
        let (mut read, mut missed) = (0, 0);
        for cursor in oracle.groups[which].iter_mut().flatten() {
            if *cursor < oldest && *cursor < head {
                missed += oldest - *cursor;
                *cursor = oldest;
            } else {
                let stop = head.min(cursor.saturating_add(max as u64));
                read += stop - *cursor;
                *cursor = stop;
            }
        }
        let done = caught(|| {
            group.drain(max, |_, first, values| {
                for (value, sequence) in values.iter().zip(first..) {
                    assert_eq!(value.look(), ids[sequence as usize]);
                }
            })
        });
        if let Ok(round) = done {
            assert_eq!((round.read, round.missed), (read, missed));
        }
        if gated {
            oracle.group_gate = oracle.slowest(true);
        }
        None
    }
}
