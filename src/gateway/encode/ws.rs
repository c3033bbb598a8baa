//! Events and notices as WebSocket messages, encoded once for all subscribers.

use std::io::Write as _;

use crate::event::{DataKind, EventRef, Position};
use crate::gateway::encode::format::Gap;
use crate::gateway::encode::notices::ResetReason;
use crate::json::write_string;
use crate::wire::ws::{Opcode, wrap};

/// Version of the header of binary events.
const BINARY_VERSION: u8 = 1;

/// Appends an event: a text message with its data as JSON or as a string, or a binary message with a
/// header before the data. One without a position, sent to this connection alone, has no id.
pub(crate) fn write_event(position: Option<Position>, event: EventRef<'_>, out: &mut Vec<u8>) {
    match event.data_kind() {
        // A text message must be UTF-8, and base 64 would cost a third more and a decoder in each client.
        DataKind::Binary => wrap(out, Opcode::Binary, |out| {
            write_binary(position, event, out)
        }),
        kind => wrap(out, Opcode::Text, |out| {
            write_text(position, event, kind, out)
        }),
    }
}

fn write_text(position: Option<Position>, event: EventRef<'_>, kind: DataKind, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":"event","#);
    if let Some(position) = position {
        out.extend_from_slice(br#""id":""#);
        position.write_to(out);
        out.extend_from_slice(br#"","#);
    }
    out.extend_from_slice(br#""topic":"#);
    write_string(out, event.topic());
    out.extend_from_slice(br#","event":"#);
    write_string(out, event.ty());
    match kind {
        DataKind::Json => {
            // As it stands: it was checked when the event was made, and is JSON within JSON.
            out.extend_from_slice(br#","data":"#);
            out.extend_from_slice(event.data());
        }
        DataKind::None | DataKind::Binary => {}
        DataKind::Text => {
            let content_type = event.content_type().unwrap_or("text/plain");
            out.extend_from_slice(br#","datacontenttype":"#);
            write_string(out, content_type);
            out.extend_from_slice(br#","data":"#);
            // Text is checked when events are made.
            write_string(out, std::str::from_utf8(event.data()).unwrap_or_default());
        }
    }
    out.push(b'}');
}

/// One byte of version, then id, topic, type and content type, each after its length in two bytes (big
/// endian), then the data.
fn write_binary(position: Option<Position>, event: EventRef<'_>, out: &mut Vec<u8>) {
    out.push(BINARY_VERSION);
    let mut id = Vec::with_capacity(48);
    if let Some(position) = position {
        position.write_to(&mut id);
    }
    let content_type = event.content_type().unwrap_or_default();
    let (topic, ty) = (event.topic().as_bytes(), event.ty().as_bytes());
    for field in [&id, topic, ty, content_type.as_bytes()] {
        // Topics, types and content types are far shorter than 64 KiB: their limits are checked.
        let len = field.len().min(usize::from(u16::MAX));
        out.extend_from_slice(&(len as u16).to_be_bytes());
        out.extend_from_slice(&field[..len]);
    }
    out.extend_from_slice(event.data());
}

/// Appends a `gap`: the events after `asked` up to `earliest` are gone.
pub(crate) fn write_gap(gap: &Gap, out: &mut Vec<u8>) {
    let Gap {
        reason,
        asked,
        earliest,
        missing,
        exact,
        ..
    } = gap;
    let id = gap.told_to();
    wrap(out, Opcode::Text, |out| {
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            r#"{{"type":"gap","id":"{id}","reason":"{}","asked":"{asked}","earliest":"{earliest}","missing":{missing},"exact":{exact}}}"#,
            reason.name()
        );
    });
}

/// Appends a `reset`: the id that was `asked` says nothing here.
pub(crate) fn write_reset(reason: ResetReason, asked: &str, head: Position, out: &mut Vec<u8>) {
    wrap(out, Opcode::Text, |out| {
        let reason = reason.name();
        let _ = write!(
            out,
            r#"{{"type":"reset","id":"{head}","reason":"{reason}","asked":"#
        );
        write_string(out, asked);
        out.push(b'}');
    });
}

/// Appends a `heartbeat`: everything up to `head` was sent.
pub(crate) fn write_heartbeat(head: Position, out: &mut Vec<u8>) {
    wrap(out, Opcode::Text, |out| {
        let _ = write!(out, r#"{{"type":"heartbeat","id":"{head}"}}"#);
    });
}

/// Appends a `presence`: somebody joined (`join`) or left (`leave`) what the connection listens to, or so much did that
/// the list has to be asked (`reset`).
pub(crate) fn write_presence(event: &str, who: Option<&str>, at: u64, out: &mut Vec<u8>) {
    wrap(out, Opcode::Text, |out| {
        let _ = write!(out, r#"{{"type":"presence","event":"{event}","at":{at}"#);
        if let Some(who) = who {
            out.extend_from_slice(br#","who":"#);
            write_string(out, who);
        }
        out.push(b'}');
    });
}
