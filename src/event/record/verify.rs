//! Checks records that come from elsewhere: what a builder would have refused is refused here too.

use smallvec::SmallVec;

use super::layout::{
    self, ATTRIBUTE_HEAD, COUNT, DATA, DataKind, Field, HEAD, KIND, LENGTH, MAGIC,
};
use crate::event::attribute::Attributes;
use crate::event::error::{ErrorKind, EventError};
use crate::event::event_builder::{has_control, shortened};
use crate::event::limits::EventLimits;
use crate::event::{time, topic};

/// The fields of a record, in its order, and whether every event has them.
const ALL: [(Field, bool); layout::FIELDS] = [
    (Field::Topic, true),
    (Field::Id, true),
    (Field::Type, true),
    (Field::Source, true),
    (Field::Subject, false),
    (Field::ContentType, false),
    (Field::DataSchema, false),
    (Field::TimeText, false),
];

/// Checks bytes from elsewhere, so that every accessor can trust them.
pub(in crate::event) fn check(record: &[u8]) -> Result<(), EventError> {
    // First the lengths: everything below slices by them.
    check_frame(record)?;
    let limits = EventLimits {
        payload_bytes: usize::MAX,
        attribute_name_bytes: usize::MAX,
        attribute_value_bytes: usize::MAX,
        attributes: usize::MAX,
        ..EventLimits::default()
    };
    // A builder may have been given the most that the format holds.
    let limits = limits.honoured();
    check_fields(record)?;
    check_attributes(record, &limits)?;
    let data_at = layout::data_at(record);
    let data = &record[data_at..];
    if data.len() > limits.payload_bytes {
        let (limit, actual) = (limits.payload_bytes, data.len());
        return Err(EventError::new(ErrorKind::TooLarge { limit, actual }, "data").or_at(data_at));
    }
    // Writers trust the kind and copy the data as it is, so it must be of that kind.
    match layout::kind(record) {
        DataKind::None if !data.is_empty() => Err(wrong("data of no kind", data_at)),
        DataKind::Text => utf8(data, data_at).map(|_| ()),
        DataKind::Json => crate::json::check(data)
            .map_err(|error| wrong("data that is not JSON", data_at + error.at)),
        _ => Ok(()),
    }
}

/// Checks that the lengths of a record add up, so that no accessor slices beyond it.
pub(in crate::event) fn check_frame(record: &[u8]) -> Result<(), EventError> {
    // First, since everything else reads numbers out of the head.
    if record.len() < HEAD {
        return Err(wrong("shorter than its head", record.len()));
    }
    if record[..2] != MAGIC {
        return Err(wrong("it does not start with \"e\" and format 1", 0));
    }
    if record[KIND] > DataKind::Binary as u8 {
        return Err(wrong("unknown kind of data", KIND));
    }
    if layout::u32_at(record, LENGTH) != record.len() {
        return Err(wrong("its length is not the one it states", LENGTH));
    }
    // The fields end where the attributes start, so that this bounds them, too.
    if layout::attributes_at(record) > layout::data_at(record)
        || layout::data_at(record) > record.len()
    {
        return Err(wrong("lengths that do not add up", DATA));
    }
    Ok(())
}

fn check_fields(record: &[u8]) -> Result<(), EventError> {
    let mut at = HEAD;
    for (field, required) in ALL {
        let bytes = layout::field(record, field);
        let value = utf8(bytes, at)?;
        let fault = |kind| Err(EventError::new(kind, field.name()).or_at(at));
        if required && value.is_empty() {
            return fault(ErrorKind::Missing);
        }
        if field == Field::Topic
            && let Err(error) = topic::validate(value)
        {
            return fault(error.into());
        }
        if has_control(value) {
            return fault(ErrorKind::Invalid("holds a control character"));
        }
        // Shapes without offsets are read, too.
        if field == Field::TimeText
            && !value.is_empty()
            && time::parse(value, true) != Some(layout::time(record))
        {
            return fault(ErrorKind::Invalid("not the time that it stands beside"));
        }
        at += bytes.len();
    }
    Ok(())
}

fn check_attributes(record: &[u8], limits: &EventLimits) -> Result<(), EventError> {
    let (mut at, data_at) = (layout::attributes_at(record), layout::data_at(record));
    let count = layout::attribute_count(record);
    if count > limits.attributes {
        let limit = limits.attributes;
        return Err(EventError::new(ErrorKind::TooMany { limit }, "attributes").or_at(COUNT));
    }
    let mut names: SmallVec<[(u8, &str, usize); 16]> = SmallVec::new();
    for _ in 0..count {
        let head = record[at..data_at].first_chunk::<ATTRIBUTE_HEAD>();
        let Some(head) = head else {
            return Err(wrong("attributes that run over", at));
        };
        let name_at = at + ATTRIBUTE_HEAD;
        let value_at = name_at + head[1] as usize;
        let bytes = u32::from_le_bytes([head[2], head[3], head[4], head[5]]) as usize;
        let end = value_at + bytes;
        // Flags are three bits, two of the kind and one for JSON. The end is checked before anything is sliced by it.
        if head[0] > 7 || end > data_at {
            return Err(wrong("attributes that run over", at));
        }
        let name = utf8(&record[name_at..value_at], name_at)?;
        utf8(&record[value_at..end], value_at)?;
        if name.is_empty() || has_control(name) {
            let kind = ErrorKind::Invalid("not a printable name");
            return Err(EventError::new(kind, "attribute").or_at(name_at));
        }
        let fault = |kind| EventError::new(kind, shortened(name)).or_at(value_at);
        if bytes > limits.attribute_value_bytes {
            let limit = limits.attribute_value_bytes;
            return Err(fault(ErrorKind::TooLarge {
                limit,
                actual: bytes,
            }));
        }
        // It is written verbatim into other JSON.
        if Attributes::is_json(head[0]) && crate::json::check(&record[value_at..end]).is_err() {
            return Err(wrong("an attribute that is not JSON", value_at));
        }
        names.push((head[0] & 3, name, name_at));
        at = end;
    }
    // Bytes that belong to nothing would be carried along unseen.
    if at != data_at {
        return Err(wrong("attributes that fall short", at));
    }
    // Sorted, then neighbours: 1,024 attributes compared each with each would be half a million comparisons.
    names.sort_unstable();
    let twice = names
        .windows(2)
        .find(|two| (two[0].0, two[0].1) == (two[1].0, two[1].1));
    match twice {
        Some(two) => {
            let (_, name, at) = two[1];
            Err(EventError::new(ErrorKind::Duplicate, shortened(name)).or_at(at))
        }
        None => Ok(()),
    }
}

fn utf8(bytes: &[u8], at: usize) -> Result<&str, EventError> {
    let checked = str::from_utf8(bytes);
    checked.map_err(|error| wrong("text that is not UTF-8", at + error.valid_up_to()))
}

fn wrong(what: &'static str, at: usize) -> EventError {
    EventError::new(ErrorKind::Record(what), "").or_at(at)
}
