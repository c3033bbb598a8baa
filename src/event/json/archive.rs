//! Events as an export has them: structured CloudEvents JSON, with what a journal knows of each beside it.
//!
//! CloudEvents has no place for all of a record. Extension attributes of our own say the rest, so that reading gives the
//! record back: where it stood, and what the JSON had to fill in or leave out.

use std::borrow::Cow;

use super::{Shape, write_shape};
use crate::event::attribute::{self, AttributeKind, AttributeValue};
use crate::event::error::{ErrorKind, EventError};
use crate::event::record::layout::{DataKind, Field, Notes};
use crate::event::{EventBuilder, EventRef, Position, time};

/// The place of an event in a journal, as an export tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) position: Position,
    /// Milliseconds since 1970.
    pub(crate) recorded: i64,
    /// The version of its stream.
    pub(crate) version: Option<u64>,
    /// Events of the same batch that follow it.
    pub(crate) rest: u32,
}

/// The beginning of the names of our attributes.
const OURS: &str = "eventring";
const POSITION: &str = "eventringposition";
const RECORDED: &str = "eventringrecorded";
const VERSION: &str = "eventringversion";
const REST: &str = "eventringrest";
/// The notes of the record, and [`TYPE_MADE`].
const NOTES: &str = "eventringnotes";
/// Places of the data at which a line was broken: an export has one event a line.
const BREAKS: &str = "eventringbreaks";
/// White space before the data and behind it, which JSON does not keep: letters of [`SPACES`] and a comma between.
const AROUND: &str = "eventringaround";
const SPACES: [(u8, u8); 4] = [(b' ', b's'), (b'\n', b'n'), (b'\r', b'r'), (b'\t', b't')];
/// A time without an offset, as it was given.
const TIME: &str = "eventringtime";
/// Stands before an attribute of the event's own that is called as one of ours: each such name gets one more.
const ESCAPE: &str = "x-";
/// Beside the record's notes: the content type was filled in.
const TYPE_MADE: u64 = 1 << 8;
/// Line breaks that are told; of data that has more, the others come back as blanks.
const BREAKS_MAX: usize = 8192;
/// Bytes of white space around the data that are told; more of it is left out.
const AROUND_MAX: usize = 4096;
/// Attributes that we add to those of an event.
const ADDED: usize = 8;

/// Appends an event as a line, without its end.
pub(crate) fn write_archived(event: EventRef<'_>, stamp: &Stamp, out: &mut Vec<u8>) {
    let mut own = event.attributes();
    if own.any(|(name, _)| is_family(name)) {
        let mut builder = EventBuilder::default();
        builder.copy_from(event);
        rename(&mut builder, |name| {
            is_family(name).then(|| format!("{ESCAPE}{name}"))
        });
        // Everything of it was in an event before.
        if let Ok(renamed) = builder.build_ref() {
            return write(renamed, stamp, out);
        }
    }
    write(event, stamp, out);
}

fn write(event: EventRef<'_>, stamp: &Stamp, out: &mut Vec<u8>) {
    let start = out.len();
    write_shape(event, Shape::CloudEvents, out);
    // White space is all that a line break can be here: in strings it is escaped.
    for byte in &mut out[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.pop();
    push(out, POSITION);
    out.push(b'"');
    stamp.position.write_to(out);
    out.push(b'"');
    push(out, RECORDED);
    out.push(b'"');
    match stamp.recorded.checked_mul(1_000_000) {
        Some(nanos) => time::write(nanos, out),
        None => out.extend_from_slice(stamp.recorded.to_string().as_bytes()),
    }
    out.push(b'"');
    let type_made = event.data_kind() == DataKind::Text && event.content_type().is_none();
    let notes = u64::from(event.notes().0) | if type_made { TYPE_MADE } else { 0 };
    let numbers = [
        (VERSION, stamp.version),
        (REST, Some(stamp.rest.into()).filter(|rest| *rest > 0)),
        (NOTES, Some(notes).filter(|notes| *notes > 0)),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            push(out, name);
            out.extend_from_slice(number.to_string().as_bytes());
        }
    }
    if let Some(text) = event
        .optional(Field::TimeText)
        .filter(|text| !time::is_rfc3339(text))
    {
        push(out, TIME);
        crate::json::write_string(out, text);
    }
    if event.data_kind() == DataKind::Json {
        write_white_space(event.data(), out);
    }
    out.push(b'}');
}

fn push(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn write_white_space(data: &[u8], out: &mut Vec<u8>) {
    let trimmed = data.trim_ascii_end();
    let (inner, behind) = (trimmed.trim_ascii_start(), &data[trimmed.len()..]);
    let before = &trimmed[..trimmed.len() - inner.len()];
    if inner.len() < data.len() && before.len() + behind.len() <= AROUND_MAX {
        push(out, AROUND);
        out.push(b'"');
        let letter = |byte: &u8| SPACES.iter().find(|(space, _)| space == byte);
        out.extend(before.iter().filter_map(letter).map(|(_, letter)| letter));
        out.push(b',');
        out.extend(behind.iter().filter_map(letter).map(|(_, letter)| letter));
        out.push(b'"');
    }
    if inner.iter().any(|byte| is_break(*byte)) {
        write_breaks(inner, out);
    }
}

/// Each break is twice how far it lies behind the one before, and one more where it is a carriage return.
fn write_breaks(data: &[u8], out: &mut Vec<u8>) {
    push(out, BREAKS);
    out.push(b'[');
    let (mut before, mut first) = (0, true);
    let breaks = data.iter().enumerate().filter(|(_, byte)| is_break(**byte));
    for (at, byte) in breaks.take(BREAKS_MAX) {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        let number = 2 * (at - before) + usize::from(*byte == b'\r');
        out.extend_from_slice(number.to_string().as_bytes());
        before = at;
    }
    out.push(b']');
}

/// Returns whether a name is one of ours, or one that was made of such a name.
fn is_family(name: &str) -> bool {
    let mut name = name;
    while let Some(inner) = name.strip_prefix(ESCAPE) {
        name = inner;
    }
    name.starts_with(OURS)
}

/// Reads a line into a builder that is cleared for it.
///
/// # Errors
///
/// As [`EventBuilder::read_cloudevents_json`]; what a journal knows of an event is missing, or makes no sense.
pub(crate) fn read_archived(builder: &mut EventBuilder, line: &[u8]) -> Result<Stamp, EventError> {
    builder.clear();
    builder.limits.attributes += ADDED;
    let read = builder.read_cloudevents_json(None, line);
    builder.limits.attributes -= ADDED;
    read?;
    let mut given = Given::default();
    let ours = |name: &str, value: AttributeValue<'_>| given.take(name, value);
    take_attributes(builder, OURS, ours)?;
    let stamp = given.stamp()?;
    if builder
        .attributes_of(AttributeKind::Extension)
        .any(|(name, _)| is_family(name))
    {
        rename(builder, |name| {
            let inner = name.strip_prefix(ESCAPE).filter(|_| is_family(name))?;
            Some(inner.to_owned())
        });
    }
    if given.notes & TYPE_MADE != 0 {
        builder.fields[Field::ContentType as usize].clear();
    }
    builder.notes = Notes((given.notes & 0xff) as u8);
    if let Some(time) = &given.time {
        builder.set_time(time, true)?;
    }
    put_breaks(&given.breaks, &mut builder.data);
    if let Some(around) = given
        .around
        .as_ref()
        .filter(|_| builder.kind == DataKind::Json)
    {
        put_around(around, builder)?;
    }
    Ok(stamp)
}

fn put_breaks(breaks: &[usize], data: &mut [u8]) {
    let mut at = 0;
    for number in breaks {
        at += number / 2;
        // Whoever changed the data has moved what stood there: a break is never put where no white space is.
        match data.get_mut(at) {
            Some(byte) if *byte == b' ' => *byte = if number % 2 == 1 { b'\r' } else { b'\n' },
            _ => return,
        }
    }
}

fn put_around(around: &str, builder: &mut EventBuilder) -> Result<(), EventError> {
    let wrong = || EventError::new(ErrorKind::Invalid("not white space"), AROUND);
    let (before, behind) = around.split_once(',').ok_or_else(wrong)?;
    let bytes = |letters: &str| -> Option<Vec<u8>> {
        let space = |given: u8| SPACES.iter().find(|(_, letter)| *letter == given);
        letters
            .bytes()
            .map(|letter| space(letter).map(|(space, _)| *space))
            .collect()
    };
    let (before, behind) = (bytes(before), bytes(behind));
    builder.data.splice(..0, before.ok_or_else(wrong)?);
    builder.data.extend(behind.ok_or_else(wrong)?);
    builder.check_payload(builder.data.len())
}

/// Our attributes of one line.
#[derive(Default)]
struct Given {
    position: Option<Position>,
    recorded: Option<i64>,
    version: Option<u64>,
    rest: u32,
    notes: u64,
    breaks: Vec<usize>,
    around: Option<String>,
    time: Option<String>,
}

impl Given {
    fn take(&mut self, name: &str, value: AttributeValue<'_>) -> Result<(), EventError> {
        let wrong = |what| EventError::new(ErrorKind::Invalid(what), name.to_owned());
        let text = value.as_str();
        let number = || text.parse::<u64>().map_err(|_| wrong("not a number"));
        match name {
            POSITION => {
                let position = text.parse().map_err(|_| wrong("not a position"))?;
                self.position = Some(position);
            }
            RECORDED => {
                let millis = time::parse(text, false).map(|nanos| nanos.div_euclid(1_000_000));
                let recorded = millis.or_else(|| text.parse().ok());
                self.recorded = Some(recorded.ok_or_else(|| wrong("not a time"))?);
            }
            VERSION => self.version = Some(number()?),
            REST => self.rest = u32::try_from(number()?).map_err(|_| wrong("not a number"))?,
            NOTES => self.notes = number()?,
            AROUND => self.around = Some(text.to_owned()),
            TIME => self.time = Some(text.to_owned()),
            BREAKS => {
                let inner = text
                    .strip_prefix('[')
                    .and_then(|text| text.strip_suffix(']'));
                let numbers = inner
                    .unwrap_or_default()
                    .split(',')
                    .map(|n| n.trim().parse());
                let numbers: Result<Vec<usize>, _> = numbers.take(BREAKS_MAX).collect();
                self.breaks = numbers.map_err(|_| wrong("not a list of places"))?;
            }
            // Of a later version: what it says cannot be kept, and must not be lost without a word.
            _ => return Err(wrong("is not known")),
        }
        Ok(())
    }

    fn stamp(&self) -> Result<Stamp, EventError> {
        let missing = |name| EventError::new(ErrorKind::Missing, name);
        Ok(Stamp {
            position: self.position.ok_or_else(|| missing(POSITION))?,
            recorded: self.recorded.ok_or_else(|| missing(RECORDED))?,
            version: self.version,
            rest: self.rest,
        })
    }
}

/// Takes the event's own attributes out whose names begin so, and hands them over.
fn take_attributes(
    builder: &mut EventBuilder,
    prefix: &str,
    mut take: impl FnMut(&str, AttributeValue<'_>) -> Result<(), EventError>,
) -> Result<(), EventError> {
    let mut kept = std::mem::take(&mut builder.record);
    kept.clear();
    let mut count = 0;
    let taken = attribute::All::new(&builder.attributes, builder.attribute_count).try_for_each(
        |(kind, name, value)| {
            if kind == AttributeKind::Extension && name.starts_with(prefix) {
                return take(name, value);
            }
            count += 1;
            attribute::write(&mut kept, kind, name, value);
            Ok(())
        },
    );
    std::mem::swap(&mut kept, &mut builder.attributes);
    builder.attribute_count = count;
    kept.clear();
    builder.record = kept;
    taken
}

/// Gives the event's own attributes other names, where there are any for them.
fn rename(builder: &mut EventBuilder, other: impl Fn(&str) -> Option<String>) {
    let mut renamed = Vec::with_capacity(builder.attributes.len());
    let all = attribute::All::new(&builder.attributes, builder.attribute_count);
    for (kind, name, value) in all {
        let name = match kind {
            AttributeKind::Extension => other(name).map_or(Cow::Borrowed(name), Cow::Owned),
            _ => Cow::Borrowed(name),
        };
        attribute::write(&mut renamed, kind, &name, value);
    }
    builder.attributes = renamed;
}
