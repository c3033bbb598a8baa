//! An error answer of the server: `application/problem+json`, or whatever a proxy sent instead.

use eventring::json::{Members, Value};
use std::borrow::Cow;
use std::fmt;

/// Longest text of a foreign answer that is shown.
const SHOWN: usize = 200;

/// A problem that the server answered with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) field: Option<String>,
    /// From 1: the line, or the event of a batch.
    pub(crate) line: Option<u64>,
    /// The byte of the body.
    pub(crate) at: Option<u64>,
    pub(crate) limit: Option<u64>,
}

impl Problem {
    /// Reads an answer's body; a body that is no problem document is quoted.
    pub(crate) fn read(status: u16, body: &[u8]) -> Problem {
        let Ok(members) = Members::read(body) else {
            return Problem {
                status,
                text: quoted(body),
                ..Problem::default()
            };
        };
        let text = |name: &str| members.get(name)?.string();
        let number = |name: &str| members.get(name).as_ref().and_then(Value::whole);
        Problem {
            status,
            // RFC 9457, 3.1: the detail is about this answer, the title about all of its kind.
            text: text("detail")
                .or(text("title"))
                .unwrap_or_default()
                .into_owned(),
            field: text("field").map(Cow::into_owned),
            line: number("line"),
            at: number("at"),
            limit: number("limit"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        if !self.text.is_empty() {
            write!(f, ": {}", self.text)?;
        }
        let mut open = " (";
        let mut part = |f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            let written = write!(f, "{open}{name} {value}");
            open = ", ";
            written
        };
        if let Some(field) = &self.field {
            part(f, "field", field)?;
        }
        if let Some(limit) = &self.limit {
            part(f, "limit", limit)?;
        }
        if open == ", " { write!(f, ")") } else { Ok(()) }
    }
}

fn quoted(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default();
    // What a stranger has written must not steer the terminal.
    line.chars()
        .filter(|c| !c.is_control())
        .take(SHOWN)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_problem_documents() {
        let body = br#"{"title":"Bad Request","detail":"no","line":3,"at":9,"field":"topic"}"#;
        let problem = Problem::read(400, body);
        assert_eq!((problem.line, problem.at), (Some(3), Some(9)));
        assert_eq!(
            problem.to_string(),
            "the server answered 400: no (field topic)"
        );
    }

    #[test]
    fn quotes_what_a_proxy_sent() {
        let problem = Problem::read(502, b"<html>\x1b[31mBad Gateway\nmore");
        assert_eq!(
            problem.to_string(),
            "the server answered 502: <html>[31mBad Gateway"
        );
    }
}
