//! Wire forms: what a stream's bytes look like, and how events and notices become frames.

use std::io::Write as _;

use crate::event::{DataKind, EventRef, Position};
use crate::fanout::{Codec, FormId};
use crate::gateway::encode::notices::{GapReason, NoticeCounts, ResetReason};
use crate::gateway::encode::ws;
use crate::json::write_string;
use crate::wire::http::{Coding, chunk};
use crate::wire::sse::{self, Frame, FrameError};

/// The name of an event that SSE clients assume where none is given.
pub(in crate::gateway) const DEFAULT_TYPE: &str = "message";

/// The names of what a stream is told beside events, and those of what `EventSource` tells its page of the connection.
/// An event of such a type is sent without a name, so that nothing a publisher sends can be taken for a control, or
/// for a connection that opened or broke.
const RESERVED: [&str; 7] = [
    "gap",
    "reset",
    "disconnect",
    "join",
    "leave",
    "error",
    "open",
];

/// The index of the first form of WebSocket. Before it come three codings of two formats, framings and kinds of
/// names.
const FIRST_OF_MESSAGES: u8 = 24;

/// Syntax and framing of a stream. Its index names a frame log of the reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct WireFormat {
    pub(in crate::gateway) data: DataFormat,
    pub(in crate::gateway) framing: Framing,
    pub(in crate::gateway) names: EventNames,
    pub(in crate::gateway) coding: Coding,
}

/// The content of `data:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum DataFormat {
    /// The payload, verbatim; base 64 where it is not text.
    Data,
    /// The whole event as CloudEvents JSON.
    CloudEvents,
}

/// The mark of the end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Framing {
    /// By the end of the connection.
    Close,
    /// By a last chunk, so that a cut does not look like an end. Each frame is one chunk: clients that
    /// read a body of unknown length by size (Python's `requests`) read a chunked one as it comes.
    Chunked,
    /// WebSocket messages, which stand for themselves: format, names and coding do not matter.
    Messages(Messages),
}

/// The compression of WebSocket messages (RFC 7692).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Messages {
    /// None.
    Plain,
    /// Messages may refer to those before them.
    SharedContext,
    /// Each message by itself: the client asked for no context takeover.
    NoContext,
}

/// The content of `event:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum EventNames {
    /// The event's type.
    Type,
    /// Nothing, so that a browser's `onmessage` gets events of all types. Notices keep their names.
    None,
}

impl WireFormat {
    /// Forms of SSE, then those of WebSocket.
    pub(in crate::gateway) const COUNT: usize = FIRST_OF_MESSAGES as usize + 3;

    /// JSON in WebSocket messages.
    pub(in crate::gateway) const fn web_socket(messages: Messages) -> Self {
        Self {
            data: DataFormat::Data,
            framing: Framing::Messages(messages),
            names: EventNames::Type,
            coding: Coding::Identity,
        }
    }

    /// Its number among all forms.
    pub(in crate::gateway) fn id(self) -> FormId {
        FormId::new(self.index())
    }

    fn index(self) -> u8 {
        let framing = match self.framing {
            Framing::Close => 0,
            Framing::Chunked => 1,
            Framing::Messages(messages) => return FIRST_OF_MESSAGES + messages as u8,
        };
        self.coding as u8 * 8 + self.names as u8 * 4 + self.data as u8 * 2 + framing
    }

    /// The form of a number.
    pub(in crate::gateway) fn of(id: FormId) -> Self {
        let index = id.index() as u8;
        if let Some(messages) = index.checked_sub(FIRST_OF_MESSAGES) {
            return Self::web_socket(match messages {
                0 => Messages::Plain,
                1 => Messages::SharedContext,
                _ => Messages::NoContext,
            });
        }
        let coding = match index / 8 {
            0 => Coding::Identity,
            1 => Coding::Gzip,
            _ => Coding::Brotli,
        };
        let names = if index & 4 == 0 {
            EventNames::Type
        } else {
            EventNames::None
        };
        let data = if index & 2 == 0 {
            DataFormat::Data
        } else {
            DataFormat::CloudEvents
        };
        let framing = if index & 1 == 0 {
            Framing::Close
        } else {
            Framing::Chunked
        };
        Self {
            data,
            framing,
            names,
            coding,
        }
    }

    pub(in crate::gateway) fn is_web_socket(self) -> bool {
        matches!(self.framing, Framing::Messages(_))
    }

    pub(in crate::gateway) fn codec(self) -> Codec {
        match (self.framing, self.coding) {
            (Framing::Messages(Messages::SharedContext), _) => Codec::Messages {
                shared_context: true,
            },
            (Framing::Messages(Messages::NoContext), _) => Codec::Messages {
                shared_context: false,
            },
            (_, Coding::Identity) => Codec::Identity,
            (_, Coding::Gzip) => Codec::Gzip,
            (_, Coding::Brotli) => Codec::Brotli,
        }
    }

    /// Appends what `write` writes, framed. What will be compressed gets its frame afterwards.
    pub(in crate::gateway) fn wrap(self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        match self.framing_of_plain() {
            // Messages have their frames from who writes them.
            Framing::Close | Framing::Messages(_) => write(out),
            Framing::Chunked => chunk::wrap(out, 256, write),
        }
    }

    /// Appends a compressed block, framed.
    pub(in crate::gateway) fn frame_block(self, block: &[u8], last: bool, out: &mut Vec<u8>) {
        match self.framing {
            // The fan-out frames compressed messages itself.
            Framing::Close | Framing::Messages(_) => out.extend_from_slice(block),
            Framing::Chunked => {
                // A block of many frames is one chunk: it is flushed, so a client can inflate all of it.
                chunk::wrap(out, block.len(), |out| out.extend_from_slice(block));
                if last {
                    out.extend_from_slice(chunk::LAST);
                }
            }
        }
    }

    /// Appends the framing's own end of a stream, if it has one and is not compressed.
    pub(in crate::gateway) fn end(self, out: &mut Vec<u8>) {
        if self.framing_of_plain() == Framing::Chunked {
            out.extend_from_slice(chunk::LAST);
        }
    }

    /// The framing of what is not compressed yet.
    fn framing_of_plain(self) -> Framing {
        match self.coding {
            Coding::Identity => self.framing,
            // Chunks are around compressed bytes and not among them.
            Coding::Gzip | Coding::Brotli => Framing::Close,
        }
    }
}

/// Encodes frames, reusing its buffers.
#[derive(Default)]
pub(in crate::gateway) struct Encoder {
    id: Vec<u8>,
    data: Vec<u8>,
    /// The notices that were written so far.
    notices: NoticeCounts,
}

impl Encoder {
    /// The notices that were written so far.
    pub(in crate::gateway) fn notices(&self) -> &NoticeCounts {
        &self.notices
    }

    /// Counts notices that were written elsewhere, for one stream more.
    pub(in crate::gateway) fn count_notices(&mut self, notices: &NoticeCounts) {
        self.notices.add(notices);
    }

    /// Counts a `reset` that is written elsewhere.
    pub(in crate::gateway) fn note_reset(&mut self, reason: ResetReason) {
        self.notices.resets[reason as usize] += 1;
    }

    /// Appends an event's frame.
    pub(in crate::gateway) fn event(
        &mut self,
        form: WireFormat,
        position: Position,
        event: EventRef<'_>,
        out: &mut Vec<u8>,
    ) {
        self.event_at(form, Some(position), event, out);
    }

    fn event_at(
        &mut self,
        form: WireFormat,
        position: Option<Position>,
        event: EventRef<'_>,
        out: &mut Vec<u8>,
    ) {
        if form.is_web_socket() {
            return ws::write_event(position, event, out);
        }
        // A payload that is text is borrowed from the ring, and copied once: into the log.
        self.data.clear();
        let data = match (form.data, event.data_kind()) {
            (DataFormat::CloudEvents, _) => {
                event.write_cloudevents_json(&mut self.data);
                &self.data
            }
            (DataFormat::Data, DataKind::Binary) => {
                event.write_data_base64(&mut self.data);
                &self.data
            }
            (DataFormat::Data, _) => event.data(),
        };
        let unnamed = event.ty() == DEFAULT_TYPE || RESERVED.contains(&event.ty());
        let name = if form.names == EventNames::None || unnamed {
            ""
        } else {
            event.ty()
        };
        self.id.clear();
        if let Some(position) = position {
            position.write_to(&mut self.id);
        }
        let frame = Frame {
            id: &self.id,
            event: name,
            data,
            retry: None,
        };
        let written = write_frame(form, frame, out);
        self.tell_unless(written, form, position, out);
    }

    /// Tells of an event at a position that could not be written: nothing is left out without a word.
    fn tell_unless(
        &mut self,
        written: Result<(), FrameError>,
        form: WireFormat,
        position: Option<Position>,
        out: &mut Vec<u8>,
    ) {
        if let (Err(_), Some(position)) = (written, position) {
            self.gap(form, Gap::of_one(GapReason::Malformed, position), out);
        }
    }

    /// Appends the frame of an event that has no position: it moves nobody's Last-Event-ID.
    pub(in crate::gateway) fn message(
        &mut self,
        form: WireFormat,
        event: EventRef<'_>,
        out: &mut Vec<u8>,
    ) {
        self.event_at(form, None, event, out);
    }

    /// Appends a `gap`: of the events between `asked` and `earliest`, so many do not come.
    pub(in crate::gateway) fn gap(&mut self, form: WireFormat, gap: Gap, out: &mut Vec<u8>) {
        let Gap {
            reason,
            asked,
            earliest,
            missing,
            exact,
            ..
        } = gap;
        self.notices.gaps[reason as usize] += 1;
        if form.is_web_socket() {
            return ws::write_gap(&gap, out);
        }
        let reason = reason.name();
        let [from, to] =
            [asked.offset + 1, earliest.offset - 1].map(|offset| Position { offset, ..asked });
        self.data.clear();
        // Writing to a Vec cannot fail.
        let _ = write!(
            self.data,
            r#"{{"reason":"{reason}","asked":"{asked}","earliest":"{earliest}","missing":{missing},"exact":{exact},"from":"{from}","to":"{to}","missing_at_most":{missing}}}"#
        );
        self.notice(form, "gap", gap.told_to(), out);
    }

    /// Appends a `reset`: the id that was `asked` says nothing here; the stream goes on after `head`.
    pub(in crate::gateway) fn reset(
        &mut self,
        form: WireFormat,
        reason: ResetReason,
        asked: &str,
        head: Position,
        out: &mut Vec<u8>,
    ) {
        self.note_reset(reason);
        if form.is_web_socket() {
            return ws::write_reset(reason, asked, head, out);
        }
        let reason = reason.name();
        self.data.clear();
        let _ = write!(self.data, r#"{{"reason":"{reason}","asked":"#);
        write_string(&mut self.data, asked);
        let _ = write!(self.data, r#","head":"{head}"}}"#);
        self.notice(form, "reset", head, out);
    }

    /// Appends an id without an event: it moves the client's Last-Event-ID and dispatches nothing.
    pub(in crate::gateway) fn heartbeat(
        &mut self,
        form: WireFormat,
        head: Position,
        out: &mut Vec<u8>,
    ) {
        if form.is_web_socket() {
            return ws::write_heartbeat(head, out);
        }
        self.id.clear();
        head.write_to(&mut self.id);
        form.wrap(out, |out| {
            let done = sse::heartbeat(out, &self.id);
            debug_assert!(done.is_ok(), "an id of ours holds no line end");
        });
    }

    fn notice(&mut self, form: WireFormat, name: &str, id: Position, out: &mut Vec<u8>) {
        self.id.clear();
        id.write_to(&mut self.id);
        encode(
            form,
            Frame {
                id: &self.id,
                event: name,
                data: &self.data,
                retry: None,
            },
            out,
        );
    }
}

/// Events that a stream wanted and does not get.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct Gap {
    /// Why it does not.
    pub(in crate::gateway) reason: GapReason,
    /// The last position that the reader has.
    pub(in crate::gateway) asked: Position,
    /// The first one that is left.
    pub(in crate::gateway) earliest: Position,
    /// Events between the two that do not come, at most.
    pub(in crate::gateway) missing: u64,
    /// `true` where all that is missing was for this reader.
    pub(in crate::gateway) exact: bool,
    /// Between the two there are events that come.
    pub(in crate::gateway) has_events: bool,
}

impl Gap {
    /// All events between two positions.
    pub(in crate::gateway) fn whole(
        reason: GapReason,
        asked: Position,
        earliest: Position,
    ) -> Self {
        Self {
            reason,
            asked,
            earliest,
            missing: earliest.offset.saturating_sub(asked.offset + 1),
            exact: true,
            has_events: reason == GapReason::Memory,
        }
    }

    /// The event at a position.
    pub(in crate::gateway) fn of_one(reason: GapReason, position: Position) -> Self {
        let [before, after] = [position.offset - 1, position.offset + 1];
        let at = |offset| Position { offset, ..position };
        Self::whole(reason, at(before), at(after))
    }

    /// The id of the notice: who resumes from it goes on behind the gap and is not told twice, unless there are events that
    /// come between its ends.
    pub(super) fn told_to(&self) -> Position {
        match self.has_events {
            true => self.asked,
            false => Position {
                offset: self.earliest.offset - 1,
                ..self.earliest
            },
        }
    }

    /// The same, with its number as a bound, among events that come.
    pub(in crate::gateway) fn among_events(self) -> Self {
        Self {
            exact: false,
            has_events: true,
            ..self
        }
    }

    /// The same, with its number as a bound unless the reader takes every event.
    pub(in crate::gateway) fn exact_if(self, exact: bool) -> Self {
        Self { exact, ..self }
    }
}

/// Appends a frame of our own, whose id and name hold no line end.
pub(in crate::gateway) fn encode(form: WireFormat, frame: Frame<'_>, out: &mut Vec<u8>) {
    let done = write_frame(form, frame, out);
    debug_assert!(done.is_ok(), "{done:?}");
}

/// Appends a frame, or nothing: types are checked when events are made, and one that holds a line end
/// all the same must not inject fields.
fn write_frame(form: WireFormat, frame: Frame<'_>, out: &mut Vec<u8>) -> Result<(), FrameError> {
    match form.framing_of_plain() {
        Framing::Close | Framing::Messages(_) => sse::encode(out, frame),
        Framing::Chunked => sse::encode_chunked(out, frame),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Epoch;

    /// Once: the error was ignored, and clients missed an offset without a word.
    #[test]
    fn an_event_that_cannot_be_written_is_a_gap() {
        let mut encoder = Encoder::default();
        for framing in [Framing::Close, Framing::Chunked] {
            let form = WireFormat {
                data: DataFormat::Data,
                framing,
                names: EventNames::Type,
                coding: Coding::Identity,
            };
            let frame = Frame {
                event: "two\nlines",
                ..Frame::default()
            };
            let (epoch, offset) = (Epoch(7), 41);
            let mut out = Vec::new();
            let written = write_frame(form, frame, &mut out);
            encoder.tell_unless(written, form, Some(Position { epoch, offset }), &mut out);
            let text = String::from_utf8(out).unwrap();
            assert!(text.contains("event: gap\n"), "{text}");
            assert!(text.contains(r#""reason":"malformed""#), "{text}");
            assert!(text.contains(r#""missing":1,"exact":true"#), "{text}");
        }
        assert_eq!(encoder.notices.gaps[GapReason::Malformed as usize], 2);
    }
}
