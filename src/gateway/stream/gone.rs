//! Answers to clients that come back to an endpoint or a connection which this server does not have, as after a
//! restart of one that keeps them in memory.
//!
//! `EventSource` gives up for good on a 404, without a word to its page. So who asks for an event stream gets one that
//! says `reset` and ends, and comes back later.

use std::io::Write as _;
use std::time::Duration;

use crate::event::Position;
use crate::gateway::encode::stream_head::{self, framing_of};
use crate::gateway::encode::{DataFormat, Encoder, EventNames, ResetReason, WireFormat, encode};
use crate::gateway::http::query::Query;
use crate::gateway::stream::start::last_event_id;
use crate::json::write_string;
use crate::net::Answer;
use crate::wire::http::{Coding, Head};
use crate::wire::sse::{self, Frame};

/// The wait before coming back to an endpoint: whoever made it may make it again soon.
const ENDPOINT_RETRY: Duration = Duration::from_secs(30);
/// The wait before coming back to a connection: its id does not come again, and only the page can do something about it.
const CONNECTION_RETRY: Duration = Duration::from_secs(3600);

/// An endpoint or a connection that is not there.
#[derive(Clone, Copy)]
pub(in crate::gateway) enum Gone<'a> {
    /// The endpoint of a path.
    Endpoint(&'a str),
    /// The connection of an id.
    Connection(&'a str),
}

impl Gone<'_> {
    /// Returns whether a client that asked for it is told to come back, and not 404.
    ///
    /// It is not where no event stream is asked for, where there cannot have been one, and where it was ended on
    /// purpose: then giving up is right.
    pub(in crate::gateway) fn may_come_back(
        self,
        head: &Head,
        is_path: impl FnOnce(&str) -> bool,
        was_ended: impl FnOnce(&str) -> bool,
    ) -> bool {
        let (name, could_be) = match self {
            Self::Endpoint(path) => (path, is_path(path)),
            Self::Connection(id) => (id, is_made_id(id)),
        };
        could_be && asks_for_events(head) && !was_ended(name)
    }

    /// Answers with a stream that says `reset` and ends.
    pub(in crate::gateway) fn answer(
        self,
        head: &Head,
        query: &Query<'_>,
        newest: Position,
        encoder: &mut Encoder,
    ) -> Answer {
        let asked = last_event_id(head, query).unwrap_or_default();
        let form = WireFormat {
            data: DataFormat::Data,
            framing: framing_of(head, query),
            names: EventNames::Type,
            coding: Coding::Identity,
        };
        encoder.note_reset(ResetReason::Gone);
        let mut bytes = Vec::with_capacity(768);
        stream_head::write_plain(form.framing, &mut bytes);
        if head.method() != "HEAD" {
            write_body(form, self, &asked, newest, &mut bytes);
        }
        Answer { bytes, close: true }
    }
}

fn write_body(form: WireFormat, what: Gone<'_>, asked: &str, newest: Position, out: &mut Vec<u8>) {
    let (retry, detail) = match what {
        Gone::Endpoint(path) => {
            let detail = format!("there is no endpoint {path}: load anew when it is there again");
            (ENDPOINT_RETRY, detail)
        }
        Gone::Connection(id) => {
            let detail = format!(
                "there is no connection {id} any more: close this source, make another one with \
                 POST /api/v1/connections, and load anew"
            );
            (CONNECTION_RETRY, detail)
        }
    };
    form.wrap(out, |out| sse::retry(out, retry.as_millis() as u32));
    let reason = ResetReason::Gone.name();
    let mut data = Vec::with_capacity(256);
    // Writing to a Vec cannot fail.
    let _ = write!(data, r#"{{"reason":"{reason}","asked":"#);
    write_string(&mut data, asked);
    let _ = write!(data, r#","head":"{newest}","detail":"#);
    write_string(&mut data, &detail);
    data.push(b'}');
    let mut id = Vec::new();
    newest.write_to(&mut id);
    let frame = Frame {
        id: &id,
        event: "reset",
        data: &data,
        retry: None,
    };
    encode(form, frame, out);
    form.end(out);
}

/// Returns whether it is a client of event streams: it says so, or it comes back to one.
fn asks_for_events(head: &Head) -> bool {
    let names = |value: &[u8]| memchr::memmem::find(value, b"text/event-stream").is_some();
    matches!(head.method(), "GET" | "HEAD")
        && (head.header_values("accept").any(names)
            || last_event_id(head, &Query::none()).is_some())
}

/// Returns whether an id has the form of those that are given to connections.
fn is_made_id(id: &str) -> bool {
    // Ids are given in one version and one spelling: another one was never ours, and does not come back.
    let parsed = uuid::Uuid::try_parse(id).ok();
    parsed.is_some_and(|parsed| parsed.get_version_num() == 7 && parsed.to_string() == id)
}
