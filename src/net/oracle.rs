//! What must hold of a frame log, its classes and its readers for any input: the fuzz target and the
//! property test call this.

mod model;
mod reader;

use std::time::Duration;

use crate::net::class::{ClassId, ClassSpec, Classes};
use crate::net::form::FormId;
use crate::net::framelog::FrameLog;
use model::Model;
use reader::Reader;

/// Classes of the log; the first takes every frame.
const CLASSES: usize = 3;
/// Readers; each is a member of the class that its number modulo `CLASSES` says.
const READERS: usize = 4;
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
    /// Sends a reader what comes next, so many bytes at most.
    Read { reader: usize, budget: usize },
    /// Has a reader, which stands between two frames, come back for what follows an event.
    Resume { reader: usize, part: u16 },
    /// Closes a class and opens it anew, as when its last member leaves and the next one comes.
    Reopen { class: usize },
    /// Asks about one byte of the log.
    Look { part: u16 },
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
            3..=5 => Self::Read {
                reader: rest % READERS,
                budget: 1 + usize::from(part) % (4 * largest),
            },
            6 if rest % 2 == 0 => Self::Resume {
                reader: rest / 2 % READERS,
                part,
            },
            6 => Self::Reopen {
                class: rest / 2 % CLASSES,
            },
            _ => Self::Look { part },
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
    readers: [Reader; READERS],
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
            readers: std::array::from_fn(|reader| Reader::new(reader % CLASSES)),
        }
    }

    fn run(&mut self, operation: Operation) {
        match operation {
            Operation::Append { len, classes, skip } => self.append(len, classes, skip),
            Operation::Read { reader, budget } => {
                let reader = &mut self.readers[reader];
                let class = self.classes.get(self.ids[reader.class]);
                let class = class.expect("it is open");
                reader.come_back(&self.log, class, &self.model);
                reader.read(
                    budget as u64,
                    &mut self.log,
                    self.counts,
                    class,
                    &self.model,
                );
            }
            Operation::Resume { reader, part } => {
                let offset = u64::from(part) % (self.model.fed() + 1);
                self.readers[reader].resume(offset);
            }
            Operation::Reopen { class } => self.reopen(class),
            Operation::Look { part } => {
                let kept = self.model.end() - self.model.tail;
                self.look(self.model.tail + u64::from(part) % (kept + 1));
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

    /// Gives up what lies before `tail`, once nobody stands there: as the reactor does it.
    fn make_room(&mut self, tail: u64) {
        for reader in &mut self.readers {
            let class = self.classes.get(self.ids[reader.class]);
            reader.step_aside(tail, &self.log, class.expect("it is open"), &self.model);
        }
        self.log.advance_tail(tail);
        for (_, class) in self.classes.iter_mut() {
            class.trim(tail);
        }
        self.model.advance_tail(tail);
    }

    /// Closes the class, whose members all leave, and has them join it again.
    fn reopen(&mut self, class: usize) {
        assert_eq!(self.classes.close(self.ids[class]), Some(class));
        let end = self.log.end();
        self.ids[class] = open(&mut self.classes, class, end);
        self.model.floors[class] = end;
        let members = self.readers.iter_mut().filter(|r| r.class == class);
        members.for_each(|reader| reader.join(self.model.fed()));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Mostly small frames, and as many operations as carry the log round several times.
    fn inputs() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![4 => 0u16..200, 1 => any::<u16>()];
        let operation = (any::<u8>(), part).prop_map(|(kind, part)| {
            let [a, b] = part.to_le_bytes();
            [kind, a, b]
        });
        let operations = prop::collection::vec(operation, 0..600);
        (any::<u8>(), operations)
            .prop_map(|(counts, operations)| [&[counts], operations.as_flattened()].concat())
    }

    fn config() -> ProptestConfig {
        ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn a_log_and_its_classes_equal_the_model(input in inputs()) {
            frame_log(&input);
        }
    }
}
