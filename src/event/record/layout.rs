//! The record: one flat run of bytes for an event, the same in ring, journal and backplane.
//!
//! ```text
//!  0  magic "e", format 1                   16  offset of the data, u32
//!  2  what the data is (DataKind)           20  count of attributes, u16
//!  3  notes about how it was read           22  lengths of the eight fields, u16 each
//!  4  length of the record, u32             38  zero, u16
//!  8  time, nanoseconds since 1970, i64     40  fields, attributes, data
//! ```
//!
//! Numbers are little endian. A field of length 0 is absent. An attribute is its kind and form (u8), the length of
//! its name (u8), the length of its value (u32), the name, the value. All text is UTF-8.

/// Bytes before the first field.
pub(in crate::event) const HEAD: usize = 40;
/// Bytes of an attribute beside its name and value.
pub(in crate::event) const ATTRIBUTE_HEAD: usize = 6;

pub(in crate::event) const MAGIC: [u8; 2] = [b'e', 1];
pub(in crate::event) const KIND: usize = 2;
const NOTES: usize = 3;
pub(in crate::event) const LENGTH: usize = 4;
const TIME: usize = 8;
pub(in crate::event) const DATA: usize = 16;
pub(in crate::event) const COUNT: usize = 20;
const LENGTHS: usize = 22;

/// The fields that every event may have, in the record's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::event) enum Field {
    Topic,
    Id,
    Type,
    Source,
    Subject,
    ContentType,
    DataSchema,
    /// The time as it was written, where it would not be written so again.
    TimeText,
}

pub(in crate::event) const FIELDS: usize = 8;

impl Field {
    /// The CloudEvents name.
    pub(in crate::event) fn name(self) -> &'static str {
        [
            "topic",
            "id",
            "type",
            "source",
            "subject",
            "datacontenttype",
            "dataschema",
            "time",
        ][self as usize]
    }

    pub(in crate::event) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "topic" => Self::Topic,
            "id" => Self::Id,
            "type" => Self::Type,
            "source" => Self::Source,
            "subject" => Self::Subject,
            "datacontenttype" => Self::ContentType,
            "dataschema" => Self::DataSchema,
            "time" => Self::TimeText,
            _ => return None,
        })
    }
}

/// The kind of an event's data, which decides how it is written as JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum DataKind {
    /// There is none.
    #[default]
    None = 0,
    /// Valid JSON, written verbatim.
    Json = 1,
    /// UTF-8 text, written as a JSON string.
    Text = 2,
    /// Other bytes, written as base 64.
    Binary = 3,
}

/// Notes about how the event was written in the shape it was read from, where writing it back depends on that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::event) struct Notes(pub(in crate::event) u8);

impl Notes {
    /// The shape's other name for the id was used (`eventId`, `event_id`).
    pub(in crate::event) const OTHER_ID: u8 = 1;
    /// The topic was not in the text.
    pub(in crate::event) const TOPIC_GIVEN: u8 = 2;
    /// The data stood without the shape's tag (`{"Json": …}`).
    pub(in crate::event) const UNTAGGED: u8 = 4;
    /// The source was filled in here.
    pub(in crate::event) const SOURCE_MADE: u8 = 8;

    pub(in crate::event) fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    pub(in crate::event) fn set(&mut self, bit: u8) {
        self.0 |= bit;
    }

    pub(in crate::event) fn unset(&mut self, bit: u8) {
        self.0 &= !bit;
    }
}

/// Everything that a head says.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::event) struct Head {
    pub(in crate::event) kind: DataKind,
    pub(in crate::event) notes: Notes,
    pub(in crate::event) time: i64,
    pub(in crate::event) attributes: u16,
    pub(in crate::event) lengths: [u16; FIELDS],
    /// Bytes of all attributes.
    pub(in crate::event) attribute_bytes: usize,
    pub(in crate::event) data_bytes: usize,
}

impl Head {
    pub(in crate::event) fn record_bytes(&self) -> usize {
        self.data_at() + self.data_bytes
    }

    fn data_at(&self) -> usize {
        HEAD + self.lengths.iter().map(|n| *n as usize).sum::<usize>() + self.attribute_bytes
    }

    /// Writes the head. The record is at most 1 GiB of data, 8 fields and 1,024 attributes of 64 KiB each: `u32` holds its length.
    pub(in crate::event) fn to_bytes(self) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[..2].copy_from_slice(&MAGIC);
        head[KIND] = self.kind as u8;
        head[NOTES] = self.notes.0;
        head[LENGTH..LENGTH + 4].copy_from_slice(&(self.record_bytes() as u32).to_le_bytes());
        head[TIME..TIME + 8].copy_from_slice(&self.time.to_le_bytes());
        head[DATA..DATA + 4].copy_from_slice(&(self.data_at() as u32).to_le_bytes());
        head[COUNT..COUNT + 2].copy_from_slice(&self.attributes.to_le_bytes());
        for (index, length) in self.lengths.iter().enumerate() {
            let at = LENGTHS + 2 * index;
            head[at..at + 2].copy_from_slice(&length.to_le_bytes());
        }
        head
    }
}

/// Reads one number of a head. A record is never shorter than its head: [`check`](super::verify::check) or the builder made sure.
pub(in crate::event) fn kind(record: &[u8]) -> DataKind {
    match record[KIND] {
        1 => DataKind::Json,
        2 => DataKind::Text,
        3 => DataKind::Binary,
        // That is 0: records of any other number are refused when they come in.
        _ => DataKind::None,
    }
}

pub(in crate::event) fn notes(record: &[u8]) -> Notes {
    Notes(record[NOTES])
}

pub(in crate::event) fn time(record: &[u8]) -> i64 {
    i64::from_le_bytes(std::array::from_fn(|i| record[TIME + i]))
}

pub(in crate::event) fn data_at(record: &[u8]) -> usize {
    u32_at(record, DATA)
}

pub(in crate::event) fn attribute_count(record: &[u8]) -> usize {
    u16_at(record, COUNT)
}

/// Returns the bytes of a field: at most seven additions.
pub(in crate::event) fn field(record: &[u8], field: Field) -> &[u8] {
    let before: usize = (0..field as usize)
        .map(|i| u16_at(record, LENGTHS + 2 * i))
        .sum();
    let start = HEAD + before;
    &record[start..start + u16_at(record, LENGTHS + 2 * field as usize)]
}

/// Returns where the attributes start.
pub(in crate::event) fn attributes_at(record: &[u8]) -> usize {
    HEAD + (0..FIELDS)
        .map(|i| u16_at(record, LENGTHS + 2 * i))
        .sum::<usize>()
}

/// Views text that was checked when the record was made. Records come from [`check`](super::verify::check) and the builder only, so the
/// text is UTF-8; were it not, it would read as empty rather than panic.
pub(in crate::event) fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

#[inline]
fn u16_at(record: &[u8], at: usize) -> usize {
    u16::from_le_bytes([record[at], record[at + 1]]) as usize
}

pub(in crate::event) fn u32_at(record: &[u8], at: usize) -> usize {
    u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]) as usize
}
