//! A call of a reader is short, and says where to go on.

use std::ops::ControlFlow;

use super::Fixture;
use super::model::{Model, read_all};
use crate::event::Filter;
use crate::journal::Scan;

pub(super) fn a_call_is_bounded(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    for _ in 0..10 {
        let events = model.batch("bounded", 50, 500);
        model.commit(&mut *journal, events);
    }
    let filter = Filter::all();
    let mut reader = journal.view().reader().expect("a reader");
    // `read_all` holds each call to its bounds.
    for (events_max, bytes_max) in [
        (1, 1 << 20),
        (7, 1 << 20),
        (1_000, 1),
        (1_000, 2_000),
        (3, 900),
    ] {
        for descending in [false, true] {
            let scan = Scan::new(&filter, 0..model.next).descending(descending);
            let scan = scan.events_max(events_max).bytes_max(bytes_max);
            let (found, _) = read_all(&mut *reader, &scan);
            model.compare(&found, &model.expect(&filter, 0..model.next, descending));
        }
    }
}

pub(super) fn a_reader_may_break_off(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    let events = model.batch("broken", 40, 100);
    model.commit(&mut *journal, events);
    let filter = Filter::all();
    let mut reader = journal.view().reader().expect("a reader");
    for (descending, expected) in [(false, 11), (true, 31)] {
        let mut left = 10;
        let scan = Scan::new(&filter, 1..model.next).descending(descending);
        let end = reader.read(&scan, &mut |_| {
            left -= 1;
            match left {
                0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        assert_eq!(
            end.expect("a read").next,
            expected,
            "behind the tenth event"
        );
        assert_eq!(left, 0);
    }
}

pub(super) fn ranges_without_events_are_passed(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    for _ in 0..5 {
        let event = model.event("sparse", 10);
        model.commit(&mut *journal, vec![event]);
        model.next += 1_000_000;
    }
    let filter = Filter::all();
    let mut reader = journal.view().reader().expect("a reader");
    let ranges = [0..1, 2..999_999, 5_000_005..u64::MAX, 7..7, 1..model.next];
    for range in ranges {
        for descending in [false, true] {
            let scan = Scan::new(&filter, range.clone()).descending(descending);
            let (found, holes) = read_all(&mut *reader, &scan);
            model.compare(&found, &model.expect(&filter, range.clone(), descending));
            assert_eq!(holes, []);
        }
    }
}
