//! The pool and the cache, over a journal that counts its reads.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Part, ReadJob, ReadSide};
use crate::event::{Event, Filter};
use crate::journal::{
    Hole, HoleReason, JournalError, JournalReader, JournalState, JournalStats, JournalView, Scan,
    ScanEnd, StateTx, StoredEvent,
};

/// Long enough for a machine that does other things.
const DEADLINE: Duration = Duration::from_secs(60);

/// A list of events, the offset of the first of which is 1; what has none is missing.
#[derive(Debug, Default)]
struct List {
    events: Vec<Option<Event>>,
    reads: AtomicUsize,
    /// Reads that fail, of those that come.
    failing: AtomicUsize,
}

struct ListReader(Arc<List>);

#[derive(Debug)]
struct ListView(Arc<List>);

impl JournalView for ListView {
    fn reader(&self) -> Result<Box<dyn JournalReader>, JournalError> {
        Ok(Box::new(ListReader(self.0.clone())))
    }

    fn stats(&self) -> JournalStats {
        JournalStats {
            oldest: 1,
            last: self.0.events.len() as u64,
            ..JournalStats::default()
        }
    }

    fn state(&self) -> JournalState {
        JournalState::Writable
    }
}

impl JournalReader for ListReader {
    fn read(
        &mut self,
        scan: &Scan<'_>,
        each: &mut dyn FnMut(StoredEvent<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, JournalError> {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        let failing = &self.0.failing;
        let one_less = |left: usize| left.checked_sub(1);
        if failing
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
            .is_ok()
        {
            let reason = "interrupted".to_owned();
            return Err(JournalError::Io { reason });
        }
        let (mut events, mut bytes, mut looked_at, mut holes) = (0, 0, 0, Vec::new());
        let mut offsets: Vec<u64> = scan.range.clone().collect();
        if scan.descending {
            offsets.reverse();
        }
        let next = |offset: u64| if scan.descending { offset } else { offset + 1 };
        for offset in offsets {
            match &self.0.events[offset as usize - 1] {
                None => holes.push(Hole {
                    range: offset..offset + 1,
                    reason: HoleReason::Damaged,
                }),
                Some(event) if scan.filter.matches(event.topic()) => {
                    events += 1;
                    bytes += event.record().len();
                    let _ = each(StoredEvent {
                        offset,
                        recorded: offset as i64,
                        rest: 0,
                        version: None,
                        event: event.as_ref(),
                    });
                }
                Some(_) => {}
            }
            looked_at += 1;
            // A call is short, whatever is found.
            if events == scan.events_max || bytes >= scan.bytes_max || looked_at == 1_000 {
                holes.sort_by_key(|hole| hole.range.start);
                let next = next(offset);
                return Ok(ScanEnd {
                    next,
                    holes,
                    retained_below: 0,
                });
            }
        }
        holes.sort_by_key(|hole| hole.range.start);
        let next = match scan.descending {
            true => scan.range.start,
            false => scan.range.end,
        };
        Ok(ScanEnd {
            next,
            holes,
            retained_below: 0,
        })
    }

    fn since(&mut self, recorded: i64) -> Result<u64, JournalError> {
        Ok((recorded.max(1) as u64).min(self.0.events.len() as u64 + 1))
    }

    fn stream_version(&mut self, _ty: &str, _id: &str) -> Result<Option<u64>, JournalError> {
        Ok(None)
    }

    fn state(&mut self, _look: &mut dyn FnMut(&mut dyn StateTx)) -> Result<(), JournalError> {
        Ok(())
    }
}

/// So many events; every tenth is of another topic, and those of `missing` are gone.
fn list(count: u64, missing: Range<u64>) -> (Arc<List>, ReadSide) {
    let event = |offset: u64| {
        if missing.contains(&offset) {
            return None;
        }
        let topic = if offset.is_multiple_of(10) {
            "rare"
        } else {
            "common"
        };
        let text = "x".repeat(offset as usize % 700);
        Some(Event::builder(topic, "t").text(&text).build().unwrap())
    };
    let list = Arc::new(List {
        events: (1..=count).map(event).collect(),
        ..List::default()
    });
    let side = ReadSide::new(Some((Arc::new(ListView(list.clone())), Arc::default())));
    (list, side)
}

fn job(filter: &str, range: Range<u64>, descending: bool) -> ReadJob {
    ReadJob {
        filter: Filter::parse([filter]).unwrap(),
        range,
        descending,
        events_max: 100,
        bytes_max: 16 << 10,
    }
}

fn read(side: &ReadSide, job: ReadJob) -> Result<Part, JournalError> {
    let (sender, parts) = mpsc::channel();
    let on_done = Box::new(move |part| sender.send(part).unwrap());
    side.submit(job, on_done).unwrap();
    parts.recv_timeout(DEADLINE).unwrap()
}

/// Reads a range to its end, part after part.
fn read_all(side: &ReadSide, mut job: ReadJob) -> (Vec<u64>, Vec<Hole>) {
    let (mut offsets, mut holes) = (Vec::new(), Vec::new());
    while !job.range.is_empty() {
        let part = read(side, job.clone()).unwrap();
        let looked_at = part.looked_at();
        assert!(!looked_at.is_empty());
        let bytes: usize = part.events().map(|one| one.event.record().len()).sum();
        assert!(part.events().len() == 1 || bytes <= job.bytes_max + 1_000);
        offsets.extend(part.events().map(|one| {
            assert!(looked_at.contains(&one.offset));
            assert_eq!(one.event.data().len(), one.offset as usize % 700);
            one.offset
        }));
        holes.extend(part.holes().iter().cloned());
        match job.descending {
            true => {
                assert_eq!(looked_at.end, job.range.end);
                job.range.end = looked_at.start;
            }
            false => {
                assert_eq!(looked_at.start, job.range.start);
                job.range.start = looked_at.end;
            }
        }
    }
    (offsets, holes)
}

#[test]
fn parts_put_together_are_the_range() {
    let (_, side) = list(3_000, 1_500..1_510);
    for (filter, wanted) in [("rare", 0..1), ("common", 1..10), (">", 0..10)] {
        for range in [1..3_001, 700..2_300, 1_505..1_506, 2_999..3_001] {
            let is_there =
                |offset: &u64| wanted.contains(&(offset % 10)) && !(1_500..1_510).contains(offset);
            let mut expected: Vec<u64> = range.clone().filter(is_there).collect();
            let (offsets, holes) = read_all(&side, job(filter, range.clone(), false));
            assert_eq!(offsets, expected, "{filter} {range:?}");
            let missing: u64 = holes
                .iter()
                .map(|hole| hole.range.end - hole.range.start)
                .sum();
            let inside = range.end.min(1_510).saturating_sub(range.start.max(1_500));
            assert_eq!(missing, inside, "{filter} {range:?}");
            expected.reverse();
            let (offsets, holes) = read_all(&side, job(filter, range.clone(), true));
            assert_eq!((offsets, holes.len() as u64), (expected, inside));
        }
    }
}

/// After a restart thousands of clients read the same: it must not be read thousands of times.
#[test]
fn what_many_ask_for_is_read_once() {
    let (list, side) = list(2_000, 0..0);
    read_all(&side, job(">", 1..2_001, false));
    let reads = list.reads.load(Ordering::SeqCst);
    for from in [1, 2, 77, 600, 1_999] {
        read_all(&side, job(">", from..2_001, false));
    }
    assert_eq!(list.reads.load(Ordering::SeqCst), reads);
    // Another filter is another question.
    read_all(&side, job("rare", 1..2_001, false));
    assert!(list.reads.load(Ordering::SeqCst) > reads);
}

#[test]
fn what_was_read_up_to_the_end_goes_on_behind_it() {
    let (list, side) = list(2_000, 0..0);
    let (first, _) = read_all(&side, job(">", 1_537..1_600, false));
    let (both, _) = read_all(&side, job(">", 1_537..1_700, false));
    assert_eq!((first.len(), both.len()), (63, 163));
    let reads = list.reads.load(Ordering::SeqCst);
    read_all(&side, job(">", 1_650..1_700, false));
    assert_eq!(list.reads.load(Ordering::SeqCst), reads);
}

#[test]
fn an_interrupted_read_is_tried_again_and_a_broken_one_is_told() {
    let (list, side) = list(10, 0..0);
    list.failing.store(2, Ordering::SeqCst);
    assert_eq!(
        read(&side, job(">", 1..11, true)).unwrap().events().len(),
        10
    );
    list.failing.store(usize::MAX, Ordering::SeqCst);
    assert!(matches!(
        read(&side, job(">", 1..11, true)),
        Err(JournalError::Io { .. })
    ));
}

/// One deep look-back held everybody else up until it was done.
#[test]
fn a_deep_read_lets_others_pass() {
    let (_, side) = list(100_000, 0..0);
    let (sender, parts) = mpsc::channel();
    let gate = Arc::new(Mutex::new(()));
    let shut = gate.lock();
    // As many as there may be threads: until both are asked for, none of them does anything.
    for _ in 0..2 {
        let gate = gate.clone();
        let waits = Box::new(move |_| drop(gate.lock()));
        side.submit(job(">", 1..2, false), waits).unwrap();
    }
    for (filter, name) in [("none", "deep"), (">", "near")] {
        let sender = sender.clone();
        let on_done = Box::new(move |_| sender.send(name).unwrap());
        side.submit(job(filter, 1..100_001, false), on_done)
            .unwrap();
    }
    drop(shut);
    let order = [(); 2].map(|()| parts.recv_timeout(DEADLINE).unwrap());
    assert_eq!(order, ["near", "deep"]);
}

#[test]
fn a_callback_that_panics_ends_nobody_elses() {
    let (_, side) = list(10, 0..0);
    for _ in 0..4 {
        let panics = Box::new(|_| panic!("a callback of somebody's own"));
        side.submit(job(">", 1..11, false), panics).unwrap();
    }
    assert_eq!(
        read(&side, job(">", 1..11, false)).unwrap().events().len(),
        10
    );
}

#[test]
fn a_time_is_looked_up_on_another_thread() {
    let (_, side) = list(10, 0..0);
    let (sender, offsets) = mpsc::channel();
    side.submit_since(4, Box::new(move |offset| _ = sender.send(offset)))
        .unwrap();
    assert_eq!(offsets.recv_timeout(DEADLINE).unwrap(), Ok(4));
}
