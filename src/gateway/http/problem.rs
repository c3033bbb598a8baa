//! Error answers: `application/problem+json` (RFC 9457) that names the field, line or byte.

use std::io::Write as _;

use crate::event::{EventError, FilterErrors, FilterFault, topic};
use crate::gateway::access::{AccessError, OriginFault};
use crate::gateway::http::response::response;
use crate::json::{JsonError, write_string};
use crate::net::Answer;
use crate::wire::http::{Head, ResponseHead, reason_phrase};

/// About the largest head of a whole answer, bytes.
const HEAD_BYTES: usize = 512;

/// An error answer in the making. Boxed: it is the rare half of many results.
#[derive(Debug)]
pub(in crate::gateway) struct Problem(Box<Parts>);

#[derive(Debug, Default)]
struct Parts {
    status: u16,
    detail: String,
    field: Option<String>,
    line: Option<usize>,
    at: Option<u64>,
    limit: Option<u64>,
    allow: Option<&'static str>,
    authenticate: Option<&'static str>,
    retry_after_s: Option<u32>,
    upgrade: bool,
}

impl Problem {
    pub(in crate::gateway) fn new(status: u16, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            detail: detail.into(),
            ..Parts::default()
        }))
    }

    /// The problem with an event: 413 if it is over a limit, else 400.
    pub(in crate::gateway) fn of_event(error: &EventError) -> Self {
        let status = if error.is_too_large() { 413 } else { 400 };
        let mut problem = Self::new(status, error.to_string());
        problem.0.at = error.at.map(|at| at as u64);
        problem.0.limit = error.limit().map(|limit| limit as u64);
        if !error.field.is_empty() {
            problem.0.field = Some(error.field.clone().into_owned());
        }
        problem
    }

    /// Code of the program has panicked, or fails.
    pub(in crate::gateway) fn failed(detail: &str) -> Self {
        Self::new(500, detail)
    }

    /// Why a request is not let in, and what would let it in: whoever runs the server has to find that out.
    pub(in crate::gateway) fn of_origin(fault: &OriginFault) -> Self {
        match fault {
            OriginFault::Host(host) => {
                let detail = format!(
                    "host: this server does not go by the name {host}: allowed_hosts adds it"
                );
                Self::new(421, detail).field("host")
            }
            OriginFault::Origin(origin) => {
                let detail = format!(
                    "origin: a page of {origin} may not do this: cors_origins lets it in; if it is the server's own, the \
                     proxy before it must pass Host on, or public_url say its address"
                );
                Self::new(403, detail).field("origin")
            }
        }
    }

    /// The problem with JSON; `field` is what it is about unless it names a member.
    pub(in crate::gateway) fn of_json(error: JsonError, field: &str) -> Self {
        let error = EventError::from(error);
        let problem = Self::of_event(&error);
        if error.field.is_empty() {
            return problem.field(field);
        }
        problem
    }

    /// Everything that is wrong with the patterns of a filter; the field is that of the first.
    pub(in crate::gateway) fn of_filter(errors: &FilterErrors) -> Self {
        let all: Vec<String> = errors.faults().iter().map(fault_text).collect();
        let problem = Self::new(400, all.join("; "));
        let Some(first) = errors.faults().first() else {
            return problem;
        };
        let problem = problem.field(&*first.field);
        match (first.limit, first.index, first.column) {
            (Some(limit), ..) => problem.limit(limit as u64),
            (None, Some(_), Some(column)) => problem.at(column as u64),
            // Of JSON, a column is a byte counted from 1.
            (None, None, Some(column)) => problem.at(column as u64 - 1),
            _ => problem,
        }
    }

    /// Names the event of a batch, from 0.
    pub(in crate::gateway) fn of_entry(mut self, index: usize) -> Self {
        self.0.detail.insert_str(0, &format!("event {index}: "));
        self
    }

    /// Names the header that an attribute of an event came in.
    pub(in crate::gateway) fn of_header(mut self) -> Self {
        if let Some(field) = self
            .0
            .field
            .as_mut()
            .filter(|field| self.0.detail.starts_with(&**field))
        {
            field.insert_str(0, "ce-");
            self.0.detail.insert_str(0, "ce-");
        }
        self
    }

    pub(in crate::gateway) fn field(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// The line of the body, from 1.
    pub(in crate::gateway) fn line(mut self, line: usize) -> Self {
        self.0.line = Some(line);
        self
    }

    /// The byte of what was given, from 0.
    pub(in crate::gateway) fn at(mut self, at: u64) -> Self {
        self.0.at = Some(at);
        self
    }

    pub(in crate::gateway) fn limit(mut self, limit: u64) -> Self {
        self.0.limit = Some(limit);
        self
    }

    pub(in crate::gateway) fn allow(mut self, methods: &'static str) -> Self {
        self.0.allow = Some(methods);
        self
    }

    pub(in crate::gateway) fn authenticate(mut self, challenge: &'static str) -> Self {
        self.0.authenticate = Some(challenge);
        self
    }

    pub(in crate::gateway) fn retry_after_s(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Tells what to upgrade to (RFC 9110, 15.5.22, and RFC 6455, 4.4).
    pub(in crate::gateway) fn upgrade(mut self) -> Self {
        self.0.upgrade = true;
        self
    }

    /// The answer; `keep`: the connection may go on, as far as we are concerned.
    pub(in crate::gateway) fn answer(&self, reply: ReplyTo) -> Answer {
        let mut body = Vec::with_capacity(160);
        self.write_json(&mut body);
        body.push(b'\n');
        reply.whole(self.0.status, &body, |mut head| {
            // Caches may keep 404 and 405 unless told otherwise (RFC 9110, 15.1), and an endpoint can be there a moment
            // later.
            head = head
                .header("Content-Type", "application/problem+json")
                .header("Cache-Control", "no-store");
            if let Some(allow) = self.0.allow {
                head = head.header("Allow", allow);
            }
            if let Some(challenge) = self.0.authenticate {
                head = head.header("WWW-Authenticate", challenge);
            }
            if self.0.upgrade {
                head = head
                    .header("Upgrade", "websocket")
                    .header("Connection", "Upgrade")
                    .header("Sec-WebSocket-Version", "13");
            }
            if let Some(seconds) = self.0.retry_after_s {
                head = head.header_number("Retry-After", seconds.into());
            }
            head
        })
    }

    /// Appends the members after `status` and `detail`, for a result line.
    pub(in crate::gateway) fn write_members(&self, out: &mut Vec<u8>) {
        if let Some(field) = &self.0.field {
            out.extend_from_slice(br#","field":"#);
            write_string(out, field);
        }
        for (name, value) in [
            ("line", self.0.line.map(|line| line as u64)),
            ("at", self.0.at),
            ("limit", self.0.limit),
        ] {
            if let Some(value) = value {
                let _ = write!(out, r#","{name}":{value}"#);
            }
        }
    }

    pub(in crate::gateway) fn status(&self) -> u16 {
        self.0.status
    }

    pub(in crate::gateway) fn detail(&self) -> &str {
        &self.0.detail
    }

    fn write_json(&self, out: &mut Vec<u8>) {
        let title = reason_phrase(self.0.status);
        let _ = write!(
            out,
            r#"{{"type":"about:blank","title":"{title}","status":{}"#,
            self.0.status
        );
        out.extend_from_slice(br#","detail":"#);
        write_string(out, &self.0.detail);
        self.write_members(out);
        out.push(b'}');
    }
}

/// The facts of a request that its answer depends on.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct ReplyTo {
    /// The connection goes on afterwards.
    pub(in crate::gateway) keep_alive: bool,
    /// HEAD: the body stays away.
    pub(in crate::gateway) head_only: bool,
    /// HTTP/1.0, which keeps connections only when told so.
    pub(in crate::gateway) http10: bool,
}

impl ReplyTo {
    /// For the answer to a request.
    pub(in crate::gateway) fn of(head: &Head) -> Self {
        Self {
            keep_alive: head.keep_alive(),
            head_only: head.method() == "HEAD",
            http10: head.version() == 10,
        }
    }

    /// For what cannot be answered as part of a conversation.
    pub(in crate::gateway) const LAST: Self = Self {
        keep_alive: false,
        head_only: false,
        http10: false,
    };

    /// Writes the connection's fate and ends the head.
    pub(in crate::gateway) fn finish(self, head: ResponseHead<'_>) {
        match (self.keep_alive, self.http10) {
            (false, _) => head.close().end(),
            (true, true) => head.keep_alive().end(),
            (true, false) => head.end(),
        }
    }

    /// Makes a whole answer: `fields` adds what the head has beside the date, the length and the connection's fate.
    pub(in crate::gateway) fn whole(
        self,
        status: u16,
        body: &[u8],
        fields: impl FnOnce(ResponseHead<'_>) -> ResponseHead<'_>,
    ) -> Answer {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
        let head = fields(response(&mut bytes, status));
        self.finish(head.content_length(body.len() as u64));
        // RFC 9110, 9.3.2: the length of what GET would get, and no byte of it.
        if !self.head_only {
            bytes.extend_from_slice(body);
        }
        Answer {
            bytes,
            close: !self.keep_alive,
        }
    }

    /// The same, but the connection ends.
    pub(in crate::gateway) fn closing(self) -> Self {
        Self {
            keep_alive: false,
            ..self
        }
    }
}

fn fault_text(fault: &FilterFault) -> String {
    let FilterFault { field, .. } = fault;
    format!("{field}: {}", pattern_fault(fault))
}

/// Says what is wrong with one of the patterns in a field, without the field.
pub(in crate::gateway) fn pattern_fault(fault: &FilterFault) -> String {
    let reason = &fault.reason;
    match (fault.index, fault.column) {
        (Some(index), Some(column)) => format!("pattern {index}: {reason} at column {column}"),
        (Some(index), None) => format!("pattern {index}: {reason}"),
        (None, _) => reason.clone(),
    }
}

/// Refuses topics that only the program itself publishes to: whoever could from outside would speak in its name.
pub(in crate::gateway) fn refuse_reserved(topic: &str) -> Result<(), Problem> {
    if !topic::is_reserved(topic) {
        return Ok(());
    }
    let detail = format!("topic: {topic:?} begins with \"$\": nobody publishes there from outside");
    Err(Problem::new(403, detail).field("topic"))
}

/// A whole JSON answer.
pub(in crate::gateway) fn json_answer(reply: ReplyTo, body: &[u8]) -> Answer {
    json_answer_of(200, reply, body)
}

/// The same with another status.
pub(super) fn json_answer_of(status: u16, reply: ReplyTo, body: &[u8]) -> Answer {
    fresh(status, reply, "application/json", body)
}

/// An answer that tells nothing but that it is done.
pub(in crate::gateway) fn no_content(reply: ReplyTo) -> Answer {
    let mut bytes = Vec::with_capacity(64);
    reply.finish(response(&mut bytes, 204));
    Answer {
        bytes,
        close: !reply.keep_alive,
    }
}

/// A whole answer that is not to be kept: it is different the next time.
pub(in crate::gateway) fn fresh_answer(reply: ReplyTo, content_type: &str, body: &[u8]) -> Answer {
    fresh(200, reply, content_type, body)
}

fn fresh(status: u16, reply: ReplyTo, content_type: &str, body: &[u8]) -> Answer {
    reply.whole(status, body, |head| {
        head.header("Content-Type", content_type)
            .header("Cache-Control", "no-store")
    })
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Unknown(challenge) => {
                Self::new(401, "who are you?").authenticate(challenge)
            }
            AccessError::Forbidden => Self::new(403, "not allowed"),
            AccessError::Failed(detail) => Self::failed(detail),
            AccessError::Later => Self::new(503, "the decision comes later"),
        }
    }
}
