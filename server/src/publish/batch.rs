//! Lines on their way: the events of one request, and which line each of them was.

/// The format of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFormat {
    /// NDJSON: the data of an event a line.
    Data,
    /// A JSON array of CloudEvents.
    Events,
}

impl BodyFormat {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            BodyFormat::Data => "application/x-ndjson",
            BodyFormat::Events => "application/cloudevents-batch+json",
        }
    }

    fn separator(self) -> u8 {
        match self {
            BodyFormat::Data => b'\n',
            BodyFormat::Events => b',',
        }
    }

    /// Returns the bytes around the events, before and behind.
    fn brackets(self) -> (&'static [u8], &'static [u8]) {
        match self {
            BodyFormat::Data => (b"", b""),
            BodyFormat::Events => (b"[", b"]"),
        }
    }
}

/// The events of one request, encoded one after another.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    format: BodyFormat,
    /// Each event with a separator behind it.
    events: Vec<u8>,
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    number: u64,
    /// Offset in `events` behind its event and the separator.
    end: usize,
}

impl Batch {
    pub(super) fn new(format: BodyFormat) -> Batch {
        Batch {
            format,
            events: Vec::new(),
            lines: Vec::new(),
        }
    }

    pub(super) fn body_format(&self) -> BodyFormat {
        self.format
    }

    /// Appends the event that `encode` writes for line `number`; nothing when it fails.
    pub(super) fn push<E>(
        &mut self,
        number: u64,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.events.len();
        match encode(&mut self.events) {
            Ok(()) => {
                self.events.push(self.format.separator());
                self.lines.push(Line {
                    number,
                    end: self.events.len(),
                });
                Ok(())
            }
            Err(error) => {
                // An encoder that fails may have written half an event.
                self.events.truncate(start);
                Err(error)
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Bytes of the request's body.
    pub(super) fn body_len(&self) -> usize {
        let (before, behind) = self.format.brackets();
        before.len() + self.bare().len() + behind.len()
    }

    /// Appends the request's body.
    pub(super) fn write_body(&self, out: &mut Vec<u8>) {
        let (before, behind) = self.format.brackets();
        out.extend_from_slice(before);
        out.extend_from_slice(self.bare());
        out.extend_from_slice(behind);
    }

    /// The events without the last separator.
    fn bare(&self) -> &[u8] {
        // JSON has no comma behind the last element of an array.
        self.events.split_last().map_or(&[], |(_, events)| events)
    }

    /// The number of the line at `index`.
    pub(super) fn number(&self, index: usize) -> u64 {
        self.lines[index].number
    }

    /// `line 3` or `lines 3-9`, for people.
    pub(super) fn name(&self) -> String {
        match (self.lines.first(), self.lines.last()) {
            (Some(a), Some(b)) if a.number < b.number => format!("lines {}-{}", a.number, b.number),
            (Some(a), _) => format!("line {}", a.number),
            _ => "no lines".into(),
        }
    }

    /// The index of the event that holds byte `at` of the body.
    pub(super) fn at_byte(&self, at: u64) -> Option<usize> {
        // The bracket itself goes with the first event.
        let at = usize::try_from(at)
            .ok()?
            .saturating_sub(self.format.brackets().0.len());
        self.lines.iter().position(|line| at < line.end)
    }

    /// Splits into the events before `index` and the others.
    pub(super) fn split(&self, index: usize) -> (Batch, Batch) {
        let cut = index
            .checked_sub(1)
            .map_or(0, |before| self.lines[before].end);
        let first = Batch {
            format: self.format,
            events: self.events[..cut].to_vec(),
            lines: self.lines[..index].into(),
        };
        let mut rest = Batch {
            format: self.format,
            events: self.events[cut..].to_vec(),
            lines: self.lines[index..].into(),
        };
        rest.lines.iter_mut().for_each(|line| line.end -= cut);
        (first, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(texts: &[&str]) -> Batch {
        let mut batch = Batch::new(BodyFormat::Events);
        for (number, text) in (10..).zip(texts) {
            let write = |out: &mut Vec<u8>| {
                out.extend_from_slice(text.as_bytes());
                Ok::<(), ()>(())
            };
            batch.push(number, write).expect("written");
        }
        batch
    }

    fn body(batch: &Batch) -> String {
        let mut out = Vec::new();
        batch.write_body(&mut out);
        assert_eq!(out.len(), batch.body_len());
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn splits_where_asked() {
        let whole = batch(&["1", "22", "333"]);
        assert_eq!(
            (body(&whole).as_str(), whole.name().as_str()),
            ("[1,22,333]", "lines 10-12")
        );
        for index in 0..=3 {
            let (first, rest) = whole.split(index);
            let both = [body(&first), body(&rest)].join("").replace("][", ",");
            assert_eq!(both.replace("[,", "[").replace(",]", "]"), "[1,22,333]");
            assert_eq!((first.len(), rest.len()), (index, 3 - index));
        }
        assert_eq!(whole.split(1).1.at_byte(3), Some(0));
        assert_eq!(whole.split(1).1.at_byte(4), Some(1));
    }

    #[test]
    fn finds_the_event_of_a_byte() {
        let whole = batch(&["1", "22", "333"]);
        let found: Vec<_> = (0..11).map(|at| whole.at_byte(at)).collect();
        let expected = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2].map(Some);
        assert_eq!(found[..10], expected);
        assert_eq!(found[10], None);
    }

    #[test]
    fn lines_have_no_brackets() {
        let mut whole = batch(&["1", "22"]);
        whole.format = BodyFormat::Data;
        whole.events = b"1\n22\n".to_vec();
        assert_eq!(body(&whole), "1\n22");
        assert_eq!((whole.at_byte(1), whole.at_byte(2)), (Some(0), Some(1)));
    }

    #[test]
    fn a_failed_push_leaves_nothing() {
        let mut whole = batch(&["1"]);
        let failed = whole.push(11, |out| {
            out.extend_from_slice(b"half");
            Err("no")
        });
        assert_eq!((failed, body(&whole).as_str()), (Err("no"), "[1]"));
    }
}
