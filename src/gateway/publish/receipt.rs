//! Receipts: what the answer to a publish is made of once its outcome is known.

use std::io::Write as _;
use std::ops::Range;

use crate::event::{Epoch, Position};
use crate::gateway::access::Cors;
use crate::gateway::http::problem::{Problem, ReplyTo};
use crate::hub::HubPublishError;
use crate::json::write_string;
use crate::net::Outcome;
use crate::wire::http::chunk;

/// About how many bytes the result of one line takes.
const LINE_BYTES: usize = 64;

/// Something that was published, and whose answer waits for the outcome.
pub(in crate::gateway) enum Receipt {
    /// A request, all or nothing.
    Request {
        reply: ReplyTo,
        cors: Cors,
        offsets: Range<u64>,
    },
    /// Lines of a request, each with a result of its own.
    Lines {
        reply: ReplyTo,
        results: LineResults,
    },
    /// A message of a WebSocket; `request` is its id, as it stands in the message.
    Message { request: Box<str>, offset: u64 },
}

/// The results of lines of one body, in their order.
#[derive(Default)]
pub(in crate::gateway) struct LineResults(Vec<(usize, Result<u64, Problem>)>);

impl LineResults {
    /// Notes that a line was published at an offset, or was not.
    pub(super) fn push(&mut self, line: usize, result: Result<u64, Problem>) {
        self.0.push((line, result));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The offsets from the first line that was published to the last one.
    pub(super) fn offsets(&self) -> Range<u64> {
        // Events of others may lie between them: the range says how long to wait, and each line asks for its own
        // offset.
        let mut offsets = self.0.iter().filter_map(|(_, result)| result.as_ref().ok());
        match (offsets.next(), offsets.next_back()) {
            (Some(first), Some(last)) => *first..last + 1,
            (Some(only), None) => *only..only + 1,
            (None, _) => 0..0,
        }
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.0.len() * LINE_BYTES
    }

    /// Writes them as a piece of the answer; `outcome` says what has become of an offset.
    pub(in crate::gateway) fn write(
        self,
        reply: ReplyTo,
        epoch: Epoch,
        outcome: impl Fn(u64) -> Option<Outcome>,
        out: &mut Vec<u8>,
    ) {
        let mut text = Vec::with_capacity(self.bytes());
        for (line, result) in self.0 {
            let result = result.and_then(|offset| {
                // All of them should be known by now; what is not has taken too long.
                let outcome = outcome(offset).unwrap_or(Outcome::Timeout);
                unsettled(outcome).map_or(Ok(offset), Err)
            });
            write_line(line, result, epoch, &mut text);
        }
        if reply.http10 {
            out.extend_from_slice(&text);
        } else {
            chunk::wrap(out, text.len(), |out| out.extend_from_slice(&text));
        }
    }
}

fn write_line(line: usize, result: Result<u64, Problem>, epoch: Epoch, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, r#"{{"line":{line}"#);
    match result {
        Ok(offset) => {
            let position = Position { epoch, offset };
            let _ = write!(out, r#","position":"{position}""#);
        }
        Err(problem) => {
            out.extend_from_slice(br#","error":"#);
            write_string(out, problem.detail());
            problem.write_members(out);
        }
    }
    out.extend_from_slice(b"}\n");
}

/// The problem of what is not visible; `None`: it is, and only then may an answer say that it was published.
pub(in crate::gateway) fn unsettled(outcome: Outcome) -> Option<Problem> {
    let detail = match outcome {
        Outcome::Visible => return None,
        // As it is told to those who come later.
        Outcome::NoSpace => return Some(Problem::new(507, HubPublishError::NoSpace.to_string())),
        Outcome::Aborted => "nothing was published: it could not be committed",
        Outcome::Indeterminate => {
            "whether it was published is not known: published again it may be there twice"
        }
        Outcome::Timeout => {
            "it is not committed yet, and may still be: published again it may be there twice"
        }
    };
    Some(Problem::new(503, detail).retry_after_s(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTCOMES: [Outcome; 5] = [
        Outcome::Visible,
        Outcome::Aborted,
        Outcome::NoSpace,
        Outcome::Indeterminate,
        Outcome::Timeout,
    ];

    #[test]
    fn only_what_is_visible_is_a_success() {
        for outcome in OUTCOMES {
            let status = unsettled(outcome).map(|problem| problem.status());
            let expected = match outcome {
                Outcome::Visible => None,
                Outcome::NoSpace => Some(507),
                _ => Some(503),
            };
            assert_eq!(status, expected, "{outcome:?}");
        }
    }

    #[test]
    fn each_line_has_the_outcome_of_its_own_offset() {
        let mut results = LineResults::default();
        results.push(1, Ok(10));
        results.push(2, Err(Problem::new(400, "no JSON")));
        for (line, offset) in [(3, 11), (4, 12), (5, 13)] {
            results.push(line, Ok(offset));
        }
        assert_eq!(results.offsets(), 10..14);
        let outcome = |offset: u64| match offset {
            10 => Some(Outcome::Visible),
            11 => Some(Outcome::Aborted),
            12 => Some(Outcome::Indeterminate),
            _ => None,
        };
        let mut out = Vec::new();
        let reply = ReplyTo {
            http10: true,
            ..ReplyTo::LAST
        };
        results.write(reply, Epoch(7), outcome, &mut out);
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[0].contains("position"), "{text}");
        assert!(lines[1].contains("no JSON"), "{text}");
        for (line, word) in lines[2..]
            .iter()
            .zip(["nothing", "not known", "not committed yet"])
        {
            assert!(line.contains(word) && !line.contains("position"), "{text}");
        }
    }
}
