//! The end of an event stream: why it is, in the words of its wire format.

use std::time::Duration;

use crate::gateway::encode::format::{WireFormat, encode};
use crate::net::DisconnectReason;
use crate::wire::sse::{self, Frame};

/// Appends why a stream ends, and the end of its framing.
pub(in crate::gateway) fn write_end(
    form: WireFormat,
    why: DisconnectReason,
    retry: Duration,
    out: &mut Vec<u8>,
) {
    write(form, why, retry, out);
    form.end(out);
}

/// Appends why a stream ends.
///
/// A client that need not know gets a comment: it comes back and goes on. One that was ended on purpose gets
/// a `disconnect` event, without an id, so that it resumes where it was.
fn write(form: WireFormat, why: DisconnectReason, retry: Duration, out: &mut Vec<u8>) {
    let comment = |words: &str, out: &mut Vec<u8>| form.wrap(out, |out| sse::comment(out, words));
    let data = match why {
        DisconnectReason::Stopping => return comment("the server stops", out),
        DisconnectReason::Expired => return comment("the right to read has ended", out),
        DisconnectReason::Aged => return comment("old enough: connect again", out),
        DisconnectReason::TooSlow => &br#"{"reason":"too_slow"}"#[..],
        DisconnectReason::Disconnected => br#"{"reason":"disconnected"}"#,
        DisconnectReason::Removed => br#"{"reason":"removed"}"#,
        DisconnectReason::TopicDeleted => br#"{"reason":"topic_deleted"}"#,
        DisconnectReason::HubClosed => br#"{"reason":"hub_closed"}"#,
    };
    let frame = Frame {
        id: b"",
        event: "disconnect",
        data,
        retry: Some(retry.as_millis().min(u128::from(u32::MAX)) as u32),
    };
    encode(form, frame, out);
}
