//! Readers that come, read, hold what they read, and go.

use super::operation::{Fate, Operation};
use super::oracle::Place;
use super::value::{Bomb, Value, arm, caught, go_off};
use super::{Bound, Check};
use eventring::ring::{SeekError, Start, SubscribeError, TryRecvError};

impl Check {
    pub(super) fn start(&self, back: Option<u64>) -> (Start, u64) {
        let head = self.oracle.head();
        match back {
            None => (Start::Oldest, self.oracle.oldest),
            Some(0) => (Start::Newest, head),
            // One in a few asks for the future.
            Some(back) if back % 7 == 0 => (Start::At(head + back), head + back),
            Some(back) => {
                let at = head.saturating_sub(back);
                (Start::At(at), at)
            }
        }
    }

    pub(super) fn refuses_start(&self, gated: bool, position: u64) -> Option<SubscribeError> {
        let (head, oldest) = (self.oracle.head(), self.oracle.oldest);
        match () {
            () if gated && !self.gates => Some(SubscribeError::GatesNotAllowed),
            () if !gated && !self.retains => Some(SubscribeError::LossyNotAllowed),
            () if position > head => Some(SubscribeError::InFuture { head }),
            () if gated && position < oldest => Some(SubscribeError::TooOld { oldest }),
            () => None,
        }
    }

    pub(super) fn subscribe(&mut self, gated: bool, back: Option<u64>) -> Bound {
        let vacant = self.oracle.readers.iter().position(Option::is_none)?;
        let (start, cursor) = self.start(back);
        let expected = self.refuses_start(gated, cursor);
        let ring = &self.ring;
        // A gated reader that is refused leaves again, and others may drop what it held.
        let done = caught(|| match gated {
            true => ring.subscribe_gated(start),
            false => ring.subscribe(start),
        });
        let gate = cursor;
        match done {
            Ok(Ok(subscriber)) => {
                assert_eq!(expected, None);
                self.readers[vacant] = Some(subscriber);
                self.oracle.readers[vacant] = Some(Place {
                    gated,
                    cursor,
                    gate,
                });
            }
            Ok(Err(error)) => assert_eq!(Some(error), expected),
            Err(Bomb) => assert!(expected.is_some()),
        }
        None
    }

    pub(super) fn unsubscribe(&mut self, at: usize) -> Bound {
        if let Some(subscriber) = self.readers[at].take() {
            let _ = caught(|| drop(subscriber));
            self.oracle.readers[at] = None;
        }
        None
    }

    pub(super) fn copy(&mut self, at: usize) -> Bound {
        let vacant = self.oracle.readers.iter().position(Option::is_none)?;
        let copy = self.readers[at].as_ref()?.try_clone().unwrap();
        let place = self.oracle.readers[at]?;
        self.readers[vacant] = Some(copy);
        self.oracle.readers[vacant] = Some(Place {
            gate: place.cursor,
            ..place
        });
        None
    }

    pub(super) fn seek(&mut self, at: usize, back: u64) -> Bound {
        let subscriber = self.readers[at].as_mut()?;
        let (head, oldest) = (self.oracle.head(), self.oracle.oldest);
        let place = self.oracle.readers[at].as_mut()?;
        let target = (head + 3).saturating_sub(back);
        let expected = if target > head {
            Err(SeekError::InFuture { head })
        } else if place.gated && target < oldest {
            Err(SeekError::TooOld { oldest })
        } else {
            Ok(())
        };
        let done = caught(|| subscriber.seek(target));
        if expected.is_ok() {
            (place.cursor, place.gate) = (target, target);
        }
        assert!(done.is_ok_and(|done| done == expected) || expected.is_ok());
        None
    }

    /// Returns what a read says that begins now; the gate has come up to the cursor.
    pub(super) fn begin(&mut self, at: usize) -> (u64, Option<TryRecvError>) {
        let mut place = self.oracle.readers[at].unwrap();
        place.gate = place.cursor;
        let refusal = self.oracle.refusal(&mut place.cursor);
        self.oracle.readers[at] = Some(place);
        (place.cursor, refusal)
    }

    /// Takes over the position of a reader after an operation that went off, or not: at most `most`.
    pub(super) fn advanced(&mut self, at: usize, most: u64) {
        let position = self.readers[at].as_ref().unwrap().position();
        let place = self.oracle.readers[at].as_mut().unwrap();
        assert!((place.cursor..=most).contains(&position));
        place.cursor = position;
    }

    pub(super) fn receive(&mut self, at: usize, fate: Fate) -> Bound {
        self.readers[at].as_ref()?;
        let (cursor, refusal) = self.begin(at);
        let id = self.oracle.ids.get(cursor as usize).copied();
        let subscriber = self.readers[at].as_mut()?;
        let done = caught(|| match subscriber.try_recv() {
            Err(error) => Err(error),
            Ok(value) => {
                assert_eq!((value.sequence(), Some(value.look())), (cursor, id));
                if fate == Fate::Forgotten {
                    std::mem::forget(value);
                }
                Ok(())
            }
        });
        match done {
            Ok(done) => assert_eq!(done, refusal.map_or(Ok(()), Err)),
            Err(Bomb) => {
                self.advanced(at, cursor + 1);
                // Its gate stands at the one or the other: the next read brings it up.
                return self.gate_is_unknown(at);
            }
        }
        if refusal.is_none() {
            let place = self.oracle.readers[at].as_mut()?;
            place.cursor += 1;
            if fate != Fate::Forgotten {
                place.gate = place.cursor;
            }
        }
        None
    }

    /// A drop that panicked left a gate where the oracle does not know: it is brought up to the cursor.
    pub(super) fn gate_is_unknown(&mut self, at: usize) -> Bound {
        arm(0);
        let place = self.oracle.readers[at].as_mut()?;
        let subscriber = self.readers[at].as_mut()?;
        let _ = subscriber.peek();
        place.cursor = subscriber.position();
        place.gate = place.cursor;
        None
    }

    pub(super) fn peek(&mut self, at: usize) -> Bound {
        self.readers[at].as_ref()?;
        let (cursor, refusal) = self.begin(at);
        let id = self.oracle.ids.get(cursor as usize).copied();
        let subscriber = self.readers[at].as_mut()?;
        let done = caught(|| match subscriber.peek() {
            Err(error) => Err(error),
            Ok(value) => {
                assert_eq!((value.sequence(), Some(value.look())), (cursor, id));
                Ok(())
            }
        });
        match done {
            Ok(done) => assert_eq!(done, refusal.map_or(Ok(()), Err)),
            Err(Bomb) => return self.gate_is_unknown(at),
        }
        None
    }

    pub(super) fn drain(&mut self, at: usize, max: usize, panics: Option<usize>) -> Bound {
        self.readers[at].as_ref()?;
        if max == 0 {
            let subscriber = self.readers[at].as_mut()?;
            assert_eq!(subscriber.drain(0, |_, _| unreachable!()), Ok(0));
            return None;
        }
        let (cursor, refusal) = self.begin(at);
        let stop = self.oracle.head().min(cursor + max as u64);
        let (ids, mut next, mut runs) = (&self.oracle.ids, cursor, 0);
        let subscriber = self.readers[at].as_mut()?;
        let done = caught(|| {
            subscriber.drain(max, |first, values| {
                assert_eq!(first, next);
                for value in values {
                    assert_eq!(value.look(), ids[next as usize]);
                    next += 1;
                }
                if panics == Some(runs) {
                    next = first;
                    go_off();
                }
                runs += 1;
            })
        });
        self.check_read(at, (cursor, stop), (done, refusal))
    }

    pub(super) fn read_while(&mut self, at: usize, max: usize, panics: Option<usize>) -> Bound {
        self.readers[at].as_ref()?;
        let (cursor, refusal) = self.begin(at);
        let stop = self.oracle.head().min(cursor + max as u64);
        let ids = &self.oracle.ids;
        let subscriber = self.readers[at].as_mut()?;
        let mut count = 0;
        let done = caught(|| {
            subscriber.read_while(usize::MAX, |sequence, value| {
                assert_eq!(value.look(), ids[sequence as usize]);
                if panics == Some(count) {
                    go_off();
                }
                count += 1;
                sequence < stop
            })
        });
        self.check_read(at, (cursor, stop), (done, refusal))
    }

    pub(super) fn check_read(
        &mut self,
        at: usize,
        (cursor, stop): (u64, u64),
        (done, refusal): (
            Result<Result<usize, TryRecvError>, Bomb>,
            Option<TryRecvError>,
        ),
    ) -> Bound {
        match done {
            Err(Bomb) => {
                self.advanced(at, stop);
                return self.gate_is_unknown(at);
            }
            Ok(done) => {
                let expected = refusal.map_or(Ok((stop - cursor) as usize), Err);
                assert_eq!(done, expected);
            }
        }
        if refusal.is_none() {
            let place = self.oracle.readers[at].as_mut()?;
            (place.cursor, place.gate) = (stop, stop);
        }
        None
    }

    pub(super) fn hold(
        &mut self,
        (at, fate): (usize, Fate),
        operations: &mut std::slice::Iter<'_, Operation>,
        most: usize,
        depth: usize,
    ) -> Bound {
        self.readers[at].as_ref()?;
        let (cursor, refusal) = self.begin(at);
        let mut subscriber = self.readers[at].take()?;
        let next = &mut subscriber;
        let done = match caught(move || next.next_batch(most)) {
            Err(Bomb) => {
                self.readers[at] = Some(subscriber);
                return self.gate_is_unknown(at);
            }
            Ok(done) => done,
        };
        let bound = match done {
            Err(error) => {
                assert_eq!(Some(error), refusal);
                None
            }
            Ok(batch) => {
                assert_eq!((refusal, batch.first()), (None, cursor));
                assert!(!batch.is_empty() && batch.len() <= most.max(1));
                let ids: Vec<_> = batch.iter().map(Value::look).collect();
                let published = &self.oracle.ids[cursor as usize..][..ids.len()];
                assert_eq!(ids, published);
                arm(0);
                self.compare(None);
                self.run(operations, most, depth + 1);
                assert!(
                    batch.iter().map(Value::look).eq(ids),
                    "held, and written over"
                );
                match fate {
                    // It has no `Drop`: to forget it is the same.
                    Fate::Dropped | Fate::Forgotten => {}
                    Fate::Committed(n) => {
                        let place = self.oracle.readers[at].as_mut()?;
                        place.cursor += n.min(batch.len()) as u64;
                        place.gate = place.cursor;
                        let _ = caught(|| batch.commit(n));
                    }
                }
                None
            }
        };
        self.readers[at] = Some(subscriber);
        bound
    }
}
