//! `GET /healthz`: that it is alive, where it stands, who is connected.

use std::io::Write as _;

use super::problem::{ReplyTo, json_answer};
use crate::event::Position;
use crate::reactor::{Answer, Stats};

/// The state as JSON.
pub(super) fn answer(reply: ReplyTo, head: Position, stats: Stats) -> Answer {
    let mut body = Vec::with_capacity(160);
    let Stats {
        connections,
        streams,
        ..
    } = stats;
    // Writing to a Vec cannot fail.
    let _ = writeln!(
        body,
        r#"{{"status":"ok","epoch":"{}","head":"{head}","connections":{connections},"streams":{streams}}}"#,
        head.epoch
    );
    json_answer(reply, &body)
}
