//! A frame log and its classes, and the dumb log that judges what they answer.

use std::time::Duration;

use crate::fanout::class::{ClassId, ClassSpec, Classes};
use crate::fanout::form::FormId;
use crate::fanout::log::FrameLog;
use crate::fanout::oracle::model::{self, Model};

/// Classes of the log; the first takes every frame.
pub(super) const CLASSES: usize = 3;
/// Bytes that are appended for one input, sixteen times what the smallest log holds; what follows is
/// not looked at, so that the model may search from the start each time.
const APPENDED_MAX: u64 = 64 << 10;
/// Bytes of an operation in the input.
const OPERATION: usize = 3;

/// One step of what a reactor does with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    /// Appends a frame for the narrow classes that the bits say, `skip` offsets after the last.
    Append { len: usize, classes: u8, skip: u64 },
    /// Closes a class and opens it anew, as when its last member leaves and the next one comes.
    Reopen { class: usize },
    /// Asks about one byte of the log, and the bytes behind it.
    Look { part: u16, len: usize },
}

impl Operation {
    fn read(bytes: &[u8], largest: usize) -> Self {
        let (kind, rest) = (bytes[0], usize::from(bytes[0] >> 3));
        let part = u16::from_le_bytes([bytes[1], bytes[2]]);
        match kind % 8 {
            0..=2 => Self::Append {
                len: 1 + usize::from(part) % largest,
                classes: (rest % 4) as u8,
                skip: 1 + (rest / 4 % 3) as u64,
            },
            3 => Self::Reopen {
                class: rest % CLASSES,
            },
            _ => Self::Look {
                part,
                len: rest * 16,
            },
        }
    }
}

/// Does what `input` says to a log of the smallest size, and compares everything that the log and its
/// classes answer with a model that keeps all bytes and searches them from the start. The first byte says
/// whether plain bytes are counted, as for gzip; three bytes are an operation each.
///
/// # Panics
///
/// Where the two differ.
pub fn frame_log(input: &[u8]) {
    let Some((counts, operations)) = input.split_first() else {
        return;
    };
    let mut check = Check::new(counts % 2 == 1);
    for bytes in operations.chunks_exact(OPERATION) {
        if check.model.end() >= APPENDED_MAX {
            break;
        }
        check.run(Operation::read(bytes, check.log.largest_frame()));
        check.agree();
    }
}

/// The log and what judges it.
struct Check {
    /// `true`: the log counts plain bytes.
    counts: bool,
    log: FrameLog,
    classes: Classes<usize>,
    ids: [ClassId; CLASSES],
    model: Model,
}

impl Check {
    fn new(counts: bool) -> Self {
        let log = FrameLog::new(1);
        let mut classes = Classes::new();
        let ids = std::array::from_fn(|class| open(&mut classes, class, 0));
        Self {
            counts,
            // A frame is at most a quarter of the log.
            model: Model::new(4 * log.largest_frame() as u64),
            log,
            classes,
            ids,
        }
    }

    fn run(&mut self, operation: Operation) {
        match operation {
            Operation::Append { len, classes, skip } => self.append(len, classes, skip),
            Operation::Reopen { class } => self.reopen(class),
            Operation::Look { part, len } => {
                let kept = self.model.end() - self.model.tail;
                let at = self.model.tail + u64::from(part) % (kept + 1);
                self.look(at);
                self.read(at, at + len as u64);
                let offset = u64::from(part) % (self.model.fed() + 2);
                assert_eq!(self.log.start_of(offset), self.model.start_of(offset));
            }
        }
    }

    /// Checks what has to hold after every step.
    fn agree(&self) {
        let (log, model) = (&self.log, &self.model);
        assert_eq!(log.end(), model.end());
        let kept = model.tail..model.end();
        assert_eq!(log.slice(kept.clone()), model.bytes(kept));
        for (class, id) in self.ids.iter().enumerate() {
            let class_of_log = self.classes.get(*id).expect("it is open");
            assert_eq!(class_of_log.floor(), model.floors[class], "class {class}");
        }
    }

    fn append(&mut self, len: usize, classes: u8, skip: u64) {
        let tail = self.log.tail_for(len);
        assert_eq!(tail, self.model.tail_for(len as u64));
        if let Some(tail) = tail {
            self.make_room(tail);
            assert_eq!(self.log.tail_for(len), None, "one step is enough");
        }
        let offset = self.model.fed() - 1 + skip;
        let (frame, plain) = self.model.append(offset, len, classes);
        let counted = self.counts.then_some(plain);
        let range = self.log.append_coded(offset, frame, counted);
        assert_eq!(range, self.model.end() - len as u64..self.model.end());
        for (class, id) in self.ids.iter().enumerate() {
            if model::takes(class, classes) {
                let class = self.classes.get_mut(*id).expect("it is open");
                class.push(range.clone());
            }
        }
    }

    /// Gives up what lies before `tail`.
    fn make_room(&mut self, tail: u64) {
        self.log.advance_tail(tail);
        for (_, class) in self.classes.iter_mut() {
            class.trim(tail);
        }
        self.model.advance_tail(tail);
    }

    /// Closes the class and opens it again.
    fn reopen(&mut self, class: usize) {
        let closed = self.classes.close(self.ids[class]);
        assert_eq!(closed.map(|closed| closed.key), Some(class));
        let end = self.log.end();
        self.ids[class] = open(&mut self.classes, class, end);
        self.model.floors[class] = end;
    }

    /// Compares the bytes from `from` up to `to`, or the log's end.
    fn read(&mut self, from: u64, to: u64) {
        let range = from..to.clamp(from, self.log.end());
        assert_eq!(
            self.log.slice(range.clone()),
            self.model.bytes(range.clone())
        );
        let begun = self.model.begun_in(range.clone());
        assert_eq!(self.log.begun_in(range.clone()), begun);
        if self.counts {
            let mut sum = self.model.sum_before(range.start);
            let [before, after] = [range.start, range.end].map(|at| self.log.sum_before(at));
            sum.extend(before, after);
            assert_eq!(sum, self.model.sum_before(range.end));
        }
    }

    fn look(&mut self, at: u64) {
        let (log, model) = (&mut self.log, &self.model);
        let found = log.frame_at(at);
        assert_eq!(found.map(|(mark, _)| mark.offset), model.offset_at(at));
        if let Some((mark, end)) = found {
            assert!((mark.start..end).contains(&at));
        }
        for range in [model.tail..at, at..model.end()] {
            assert_eq!(log.begun_in(range.clone()), model.begun_in(range));
        }
        if self.counts {
            assert_eq!(log.sum_before(at), model.sum_before(at));
        }
        // A narrow class answers those, too, who are behind what it has.
        for (class, id) in self.ids.iter().enumerate().skip(1) {
            let class_of_log = self.classes.get(*id).expect("it is open");
            for cursor in [0, at] {
                let next = class_of_log.next_range(cursor, log.end());
                assert_eq!(next, model.next_range(class, cursor));
            }
        }
    }
}

fn open(classes: &mut Classes<usize>, class: usize, floor: u64) -> ClassId {
    let spec = ClassSpec {
        key: class,
        form: FormId::default(),
        everything: class == 0,
        hold: Duration::ZERO,
    };
    classes.open(spec, floor)
}
