//! `GET /healthz`: that it is alive, where it stands, who is connected. `GET /readyz`: whether clients should
//! be sent here.

use std::io::Write as _;

use crate::event::Position;
use crate::gateway::http::problem::{ReplyTo, json_answer, json_answer_of};
use crate::reactor::{Answer, Stats};

/// The state as JSON.
pub(in crate::gateway) fn answer(reply: ReplyTo, head: Position, stats: Stats) -> Answer {
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

/// 200, or 503 once the server is going to stop.
pub(super) fn readiness(reply: ReplyTo, draining: bool) -> Answer {
    match draining {
        false => json_answer(reply, b"{\"status\":\"ready\"}\n"),
        true => json_answer_of(503, reply, b"{\"status\":\"draining\"}\n"),
    }
}

/// That it is alive, and nothing else: for who asks by a name that is not ours.
pub(super) fn alive(reply: ReplyTo) -> Answer {
    json_answer(reply, b"{\"status\":\"ok\"}\n")
}
