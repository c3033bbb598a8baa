//! Reads an export, line by line.

use super::error::ExportError;
use super::{FORMAT, MARK, NUMBER_MAX};
use crate::event::{Epoch, EventBuilder, EventError, EventLimits, read_archived};
use crate::journal::StoredEvent;
use crate::json::Members;

/// Reads the lines of an export, and tells whether they are all there.
///
/// Blank lines are passed over. See [`ExportEncoder`](super::ExportEncoder) for an example.
#[derive(Debug)]
pub struct ExportDecoder {
    builder: EventBuilder,
    begun: Option<Begun>,
    is_ended: bool,
    lines: u64,
    bytes: u64,
    events: u64,
    /// The offset of the last event.
    last: u64,
}

#[derive(Clone, Debug)]
struct Begun {
    id: String,
    epoch: Epoch,
}

/// A line of an export.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportLine<'a> {
    /// The first line.
    Begin {
        /// The text that this export has, and no other one.
        id: String,
        /// The epoch of the log that it was made of.
        epoch: Epoch,
    },
    /// An event, as the journal had it.
    Event(StoredEvent<'a>),
    /// A blank line.
    Blank,
    /// The last line: the export is whole.
    End,
}

impl Default for ExportDecoder {
    fn default() -> Self {
        // What the record's format can hold: whatever was taken once is taken back.
        let limits = EventLimits::default()
            .payload_bytes(usize::MAX)
            .attribute_name_bytes(usize::MAX)
            .attribute_value_bytes(usize::MAX)
            .attributes(usize::MAX)
            .text_bytes(usize::MAX);
        Self {
            builder: EventBuilder::with_limits(limits),
            begun: None,
            is_ended: false,
            lines: 0,
            bytes: 0,
            events: 0,
            last: 0,
        }
    }
}

impl ExportDecoder {
    /// Begins with the first line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the next line, with its line feed or without. The event ends with the next call.
    ///
    /// # Errors
    ///
    /// See [`ExportError`]. What was read before is good.
    pub fn line(&mut self, line: &[u8]) -> Result<ExportLine<'_>, ExportError> {
        let text = line.trim_ascii_end();
        if text.is_empty() {
            self.passed(line);
            return Ok(ExportLine::Blank);
        }
        let number = self.lines + 1;
        let Some(begun) = &self.begun else {
            let begun = first(text)?;
            self.begun = Some(begun.clone());
            self.passed(line);
            let Begun { id, epoch } = begun;
            return Ok(ExportLine::Begin { id, epoch });
        };
        if self.is_ended {
            return Err(ExportError::Behind { line: number });
        }
        if let Some(said) = last(text, &begun.id) {
            if said != self.events {
                let (line, found) = (number, self.events);
                return Err(ExportError::Count { line, said, found });
            }
            self.is_ended = true;
            self.passed(line);
            return Ok(ExportLine::End);
        }
        let expected = begun.epoch;
        let event = |error: EventError| ExportError::Event {
            line: number,
            error,
        };
        let stamp = read_archived(&mut self.builder, text).map_err(event)?;
        let (found, offset) = (stamp.position.epoch, stamp.position.offset);
        if found != expected {
            return Err(ExportError::OtherEpoch {
                line: number,
                found,
                expected,
            });
        }
        let numbers = [("offset", offset), ("version", stamp.version.unwrap_or(0))];
        for (name, given) in numbers {
            if given > NUMBER_MAX {
                let line = number;
                return Err(ExportError::Number { line, name, given });
            }
        }
        if offset <= self.last {
            return Err(ExportError::Order {
                line: number,
                offset,
                before: self.last,
            });
        }
        self.passed(line);
        (self.last, self.events) = (offset, self.events + 1);
        let built = self.builder.build_ref().map_err(event)?;
        let mut stored = StoredEvent::new(offset, stamp.recorded, built);
        (stored.version, stored.rest) = (stamp.version, stamp.rest);
        Ok(ExportLine::Event(stored))
    }

    fn passed(&mut self, line: &[u8]) {
        self.lines += 1;
        self.bytes += line.len() as u64;
    }

    /// Returns how many lines were read.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns how many events were read.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Says whether the export was read to its last line.
    ///
    /// # Errors
    ///
    /// [`Truncated`](ExportError::Truncated), or [`NotAnExport`](ExportError::NotAnExport) where there was no line at all.
    pub fn finish(&self) -> Result<(), ExportError> {
        match (&self.begun, self.is_ended) {
            (None, _) => Err(ExportError::NotAnExport),
            (Some(_), true) => Ok(()),
            (Some(_), false) => Err(ExportError::Truncated {
                line: self.lines + 1,
                byte: self.bytes,
                events: self.events,
            }),
        }
    }
}

fn first(text: &[u8]) -> Result<Begun, ExportError> {
    let members = Members::read(text).map_err(|_| ExportError::NotAnExport)?;
    let string = |name: &str| Some(members.get(name)?.string()?.into_owned());
    let format = members.get("format").and_then(|value| value.whole());
    let (Some("begin"), Some(id), Some(found)) = (string(MARK).as_deref(), string("id"), format)
    else {
        return Err(ExportError::NotAnExport);
    };
    if found > FORMAT {
        let known = FORMAT;
        return Err(ExportError::Format { found, known });
    }
    let epoch = string("epoch").and_then(|epoch| epoch.parse().ok());
    let epoch = epoch.ok_or(ExportError::NotAnExport)?;
    Ok(Begun { id, epoch })
}

/// Returns how many events the last line of this export says there are; `None`: it is another line.
fn last(text: &[u8], id: &str) -> Option<u64> {
    // Events have far more members: that this is none costs a look at its beginning.
    let is_mark = text
        .get(2..)
        .is_some_and(|text| text.starts_with(MARK.as_bytes()));
    if !is_mark {
        return None;
    }
    let members = Members::read(text).ok()?;
    let string = |name: &str| Some(members.get(name)?.string()?.into_owned());
    (string(MARK)? == "end" && string("id")? == id).then_some(())?;
    members.get("events")?.whole()
}
