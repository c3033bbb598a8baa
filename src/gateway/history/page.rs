//! A page of history on its way: made on another thread, and sent when it is there.

use std::io::Write as _;
use std::sync::Arc;

use crate::event::Filter;
use crate::gateway::encode::GapReason;
use crate::gateway::history::request::{HistoryRequest, problem_of};
use crate::gateway::http::pending_answer::PendingAnswer;
use crate::gateway::http::problem::Problem;
use crate::hub::{EventPage, HistoryTotal, Hub};
use crate::json::write_string;
use crate::ring::Notify;

/// Has a page made; `wake` ends the next sleep of the reactor once it is there.
pub(super) fn ask(
    hub: &Hub,
    request: HistoryRequest,
    wake: Arc<dyn Notify>,
) -> Result<PendingAnswer, Problem> {
    let HistoryRequest { query, allowed } = request;
    let (pending, maker) = PendingAnswer::new(wake);
    let asked = hub.submit_history(&query, move |page| {
        let page = page.map(|page| json(&page, allowed.as_ref()));
        maker.put(page.map_err(|error| problem_of(&error)));
    });
    asked.map_err(|error| problem_of(&error))?;
    Ok(pending)
}

/// Writes a page; of its events only those of `allowed` topics.
fn json(page: &EventPage, allowed: Option<&Filter>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + page.events.len() * 512);
    out.extend_from_slice(br#"{"events":["#);
    let may_see = |topic: &str| allowed.is_none_or(|allowed| allowed.matches(topic));
    let events = page.events.iter();
    let seen = events.filter(|one| may_see(one.event.topic()));
    for (index, one) in seen.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let event = one.event.as_ref();
        event.write_cloudevents_json_at(one.position, &mut out);
    }
    out.extend_from_slice(br#"],"next":"#);
    match &page.next {
        Some(next) => write_string(&mut out, next),
        None => out.extend_from_slice(b"null"),
    }
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        r#","has_more":{},"as_of":"{}""#,
        page.has_more, page.as_of
    );
    let _ = match page.total {
        Some(HistoryTotal::Exactly(total)) => write!(out, r#","total":{total}"#),
        Some(HistoryTotal::AtLeast(total)) => write!(out, r#","total_at_least":{total}"#),
        None => Ok(()),
    };
    if !page.holes.is_empty() {
        out.extend_from_slice(br#","gaps":["#);
        for (index, hole) in page.holes.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let reason = GapReason::from(hole.reason).name();
            let epoch = page.as_of.epoch;
            let (from, to) = (hole.range.start, hole.range.end - 1);
            let _ = write!(
                out,
                r#"{comma}{{"reason":"{reason}","from":"{epoch}-{from}","to":"{epoch}-{to}"}}"#
            );
        }
        out.push(b']');
    }
    out.extend_from_slice(b"}\n");
    out
}
