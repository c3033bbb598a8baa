//! Publishing: values that are published, refused, or left half way.

use super::operation::{End, Fill};
use super::value::{Bomb, Value, caught, go_off};
use super::{Bound, Check, Publishing};
use eventring::ring::{BatchError, PublishError, Slot};
use std::cell::RefCell;

impl Check {
    /// Returns why a publish is refused, if it is.
    fn refuses(&self, len: u64) -> Option<Refusal> {
        match () {
            () if self.oracle.closed => Some(Refusal::Closed),
            () if !self.oracle.has_room(len) => Some(Refusal::Full),
            () => None,
        }
    }

    /// Notes what was published, all or nothing of `ids`; without a panic it is what was `expected`.
    fn settle<E: PartialEq + std::fmt::Debug>(
        &mut self,
        ids: &[u64],
        done: Result<Result<(), E>, Bomb>,
        expected: Result<(), E>,
    ) {
        let (before, now) = (self.oracle.head(), self.ring.head());
        let all = now == before + ids.len() as u64;
        assert!(all || now == before, "half of what was published");
        match done {
            Ok(done) => {
                assert_eq!(done, expected);
                assert_eq!(all, expected.is_ok() || ids.is_empty());
            }
            Err(Bomb) => assert!(!all || expected.is_ok() || ids.is_empty()),
        }
        if all {
            self.oracle.publish(ids);
        }
    }

    pub(super) fn publish(&mut self) -> Bound {
        let value = Value::new();
        let ids = [value.look()];
        let expected = self.refuses(1).map_or(Ok(()), Err);
        let publishing = &mut self.publishing;
        let done = caught(|| {
            let done = match publishing {
                Publishing::One(publisher) => publisher.publish(value),
                Publishing::Many(publishers) => publishers.last().unwrap().publish(value),
            };
            done.map(drop).map_err(|error| match error {
                PublishError::Full(_) | PublishError::TimedOut(_) => Refusal::Full,
                PublishError::Closed(_) => Refusal::Closed,
            })
        });
        self.settle(&ids, done, expected);
        None
    }

    pub(super) fn publish_with(&mut self, fill: Fill) -> Bound {
        let expected = self.refuses(1).map_or(Ok(()), Err);
        // It evicts before it fills the slot, as a batch does.
        let bound = self.oracle.oldest_at(self.oracle.head() + 1);
        let Publishing::One(publisher) = &mut self.publishing else {
            return self.publish();
        };
        let mut id = 0;
        let done = caught(|| {
            let done = publisher.publish_with(|slot| {
                if fill == Fill::PanicsBefore {
                    go_off();
                }
                let value = Value::new();
                let filled = match slot {
                    Slot::Reused(slot) if fill == Fill::Reuse => {
                        id = slot.look();
                        slot.done()
                    }
                    slot => {
                        id = value.look();
                        slot.set(value)
                    }
                };
                if fill == Fill::PanicsAfter {
                    go_off();
                }
                filled
            });
            done.map(drop).map_err(|error| match error {
                PublishError::Full(()) | PublishError::TimedOut(()) => Refusal::Full,
                PublishError::Closed(()) => Refusal::Closed,
            })
        });
        let head = self.ring.head();
        self.settle(&[id], done, expected);
        let panics = matches!(fill, Fill::PanicsBefore | Fill::PanicsAfter);
        assert!(!panics || head == self.oracle.head());
        Some(bound)
    }

    pub(super) fn batch(&mut self, len: usize, end: End) -> Bound {
        let (refused, capacity) = (self.refuses(len as u64), self.oracle.capacity as usize);
        let bound = self.oracle.oldest_at(self.oracle.head() + len as u64);
        let ids = RefCell::new(Vec::new());
        let lying = Lying {
            left: len,
            gives: match end {
                End::Short(given) | End::Panics(given) => given.min(len),
                End::Whole => len,
            },
            panics: matches!(end, End::Panics(_)),
            ids: &ids,
        };
        let gives = lying.gives;
        let expected = match refused {
            Some(Refusal::Closed) => Err(BatchError::Closed),
            _ if len > capacity => Err(BatchError::TooLarge { len, capacity }),
            Some(Refusal::Full) if len > 0 => Err(BatchError::Full),
            _ if gives < len => Err(BatchError::Short {
                expected: len,
                got: gives,
            }),
            _ => Ok(()),
        };
        match &mut self.publishing {
            Publishing::One(publisher) => {
                let done = caught(|| publisher.publish_batch(lying).map(drop));
                let mut ids = ids.into_inner();
                if gives < len || expected.is_err() {
                    // What it gave is not published.
                    assert_eq!(self.ring.head(), self.oracle.head());
                    ids.clear();
                }
                self.settle_batch(&ids, done, expected);
            }
            Publishing::Many(publishers) => {
                let mut values: Vec<_> = (0..len).map(|_| Value::new()).collect();
                let ids: Vec<_> = values.iter().map(Value::look).collect();
                let publisher = publishers.last().unwrap();
                let done = caught(|| publisher.publish_batch(&mut values).map(drop));
                let expected = match refused {
                    _ if len > capacity => Err(BatchError::TooLarge { len, capacity }),
                    Some(Refusal::Closed) => Err(BatchError::Closed),
                    Some(Refusal::Full) if len > 0 => Err(BatchError::Full),
                    _ => Ok(()),
                };
                assert!(values.len() == if expected.is_ok() { 0 } else { len });
                self.settle_batch(&ids, done, expected);
                let _ = caught(|| drop(values));
                return None;
            }
        }
        Some(bound)
    }

    pub(super) fn batch_with(&mut self, len: usize, end: End) -> Bound {
        let (refused, capacity) = (self.refuses(len as u64), self.oracle.capacity as usize);
        let bound = self.oracle.oldest_at(self.oracle.head() + len as u64);
        let Publishing::One(publisher) = &mut self.publishing else {
            return self.batch(len, End::Whole);
        };
        let stops = match end {
            End::Panics(given) => given,
            End::Short(_) | End::Whole => len,
        };
        let mut ids = Vec::new();
        let done = caught(|| {
            let done = publisher.publish_batch_with(len, |at, slot| {
                if at == stops {
                    go_off();
                }
                let value = Value::new();
                ids.push(value.look());
                slot.set(value)
            });
            done.map(drop)
        });
        let expected = match refused {
            Some(Refusal::Closed) => Err(BatchError::Closed),
            _ if len > capacity => Err(BatchError::TooLarge { len, capacity }),
            Some(Refusal::Full) if len > 0 => Err(BatchError::Full),
            _ => Ok(()),
        };
        if ids.len() < len || done.is_err() && self.ring.head() == self.oracle.head() {
            assert!(done.is_err() || expected.is_err());
            ids.clear();
        }
        self.settle_batch(&ids, done, expected);
        Some(bound)
    }

    /// As [`settle`](Self::settle), for a batch that may have published nothing at all.
    fn settle_batch(
        &mut self,
        ids: &[u64],
        done: Result<Result<(), BatchError>, Bomb>,
        expected: Result<(), BatchError>,
    ) {
        let none = ids.is_empty();
        match done {
            Ok(done) if none => assert_eq!(done, expected),
            Err(Bomb) if none => assert_eq!(self.ring.head(), self.oracle.head()),
            done => self.settle(ids, done, expected),
        }
    }

    pub(super) fn trim(&mut self, ahead: u64, panics: Option<usize>) -> Bound {
        let Publishing::One(publisher) = &mut self.publishing else {
            return None;
        };
        let before = self.oracle.oldest + ahead;
        let mut count = 0;
        let _ = caught(|| {
            publisher.trim(before, |value| {
                value.look();
                if panics == Some(count) {
                    go_off();
                }
                count += 1;
            })
        });
        Some(before.min(self.oracle.gate()))
    }
}

/// The reason why something was refused, without the value.
#[derive(Debug, PartialEq)]
enum Refusal {
    Full,
    Closed,
}

/// An iterator that says it has `left` values, gives some, and notes which.
struct Lying<'a> {
    left: usize,
    gives: usize,
    panics: bool,
    ids: &'a RefCell<Vec<u64>>,
}

impl Iterator for Lying<'_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        if self.ids.borrow().len() == self.gives {
            if self.panics {
                go_off();
            }
            return None;
        }
        let value = Value::new();
        self.ids.borrow_mut().push(value.look());
        Some(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Lying<'_> {}
