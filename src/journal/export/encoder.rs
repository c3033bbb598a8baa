//! Writes an export, line by line.

use super::{FORMAT, MARK};
use crate::event::{Epoch, Position, Stamp, write_archived};
use crate::journal::StoredEvent;

/// Writes the lines of an export.
///
/// # Examples
///
/// ```
/// use eventring::Event;
/// use eventring::event::Epoch;
/// use eventring::journal::{ExportDecoder, ExportEncoder, ExportLine, StoredEvent};
///
/// let event = Event::builder("orders", "created").json("{\"id\":7}").build()?;
/// let mut encoder = ExportEncoder::new(Epoch(7));
/// let mut text = Vec::new();
/// encoder.begin(&mut text);
/// encoder.event(&StoredEvent::new(3, 1_000, event.as_ref()), &mut text);
/// encoder.end(&mut text);
///
/// let mut decoder = ExportDecoder::new();
/// let mut offsets = Vec::new();
/// for line in text.split_inclusive(|byte| *byte == b'\n') {
///     if let ExportLine::Event(stored) = decoder.line(line)? {
///         assert_eq!(stored.event, event.as_ref());
///         offsets.push(stored.offset);
///     }
/// }
/// decoder.finish()?;
/// assert_eq!(offsets, [3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExportEncoder {
    epoch: Epoch,
    id: Epoch,
    events: u64,
}

impl ExportEncoder {
    /// Begins an export of a log.
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            // Another number for each export, written as epochs are: an import that is begun again knows it by that.
            id: Epoch::random(),
            events: 0,
        }
    }

    /// Returns how many events were written.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Appends the first line.
    pub fn begin(&self, out: &mut Vec<u8>) {
        let (id, epoch) = (self.id, self.epoch);
        let line = format!(
            "{{\"{MARK}\":\"begin\",\"format\":{FORMAT},\"id\":\"{id}\",\"epoch\":\"{epoch}\"}}\n"
        );
        out.extend_from_slice(line.as_bytes());
    }

    /// Appends the line of an event.
    pub fn event(&mut self, event: &StoredEvent<'_>, out: &mut Vec<u8>) {
        let stamp = Stamp {
            position: Position {
                epoch: self.epoch,
                offset: event.offset,
            },
            recorded: event.recorded,
            version: event.version,
            rest: event.rest,
        };
        write_archived(event.event, &stamp, out);
        out.push(b'\n');
        self.events += 1;
    }

    /// Appends the last line: without it the export is cut off.
    pub fn end(&self, out: &mut Vec<u8>) {
        let (id, events) = (self.id, self.events);
        let line = format!("{{\"{MARK}\":\"end\",\"id\":\"{id}\",\"events\":{events}}}\n");
        out.extend_from_slice(line.as_bytes());
    }
}
