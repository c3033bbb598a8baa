//! One line to one event, with the line's bytes as its data, unchanged.

use super::batch::BodyFormat;
use crate::cli::LineFormat;
use eventring::event::{ErrorKind, EventBuilder, EventError, EventLimits};
use eventring::json::{is_utf16, without_mark, write_string};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;

/// The beginning of the lines around the events of `eventring journal export`.
const EXPORT: &[u8] = b"{\"eventringexport\":";

/// Why a line is not what the format says.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineError {
    #[error("{kind} at byte {at}")]
    Data { kind: ErrorKind, at: usize },
    #[error("{0}")]
    Event(EventError),
    #[error("not UTF-8 at byte {at}")]
    Utf8 { at: usize },
    #[error("UTF-16, but UTF-8 is expected")]
    Utf16,
    #[error("topic: {named:?} is not the topic that is published to, {topic:?}")]
    Topic { named: String, topic: String },
    #[error("longer than {limit} bytes")]
    TooLong { limit: usize },
}

impl LineError {
    /// The line is the data, so the field's name says nothing.
    fn data(error: EventError) -> LineError {
        LineError::Data {
            kind: error.kind,
            at: error.at.unwrap_or_default(),
        }
    }
}

/// Checks lines by the rules of the server, and writes them as events.
#[derive(Debug)]
pub(super) struct Encoder {
    format: LineFormat,
    topic: String,
    /// Number in the id of a text event, in front of the line's; no other run has it.
    run: u64,
    /// Bytes between id and data of a text event, made once.
    text: Vec<u8>,
    /// The file began as UTF-16 does.
    utf16: bool,
    checker: EventBuilder,
}

impl Encoder {
    /// `line_bytes` bounds a line; what a server takes of that is its own affair.
    pub(super) fn new(
        format: LineFormat,
        file: &Path,
        topic: &str,
        kind: &str,
        line_bytes: usize,
    ) -> Encoder {
        let mut text = br#"","source":"#.to_vec();
        write_string(&mut text, &format!("/{topic}"));
        text.extend_from_slice(br#","type":"#);
        write_string(&mut text, kind);
        text.extend_from_slice(br#","datacontenttype":"text/plain","data":"#);
        let limits = EventLimits::default().payload_bytes(line_bytes);
        Encoder {
            format: by_name(format, file),
            topic: topic.to_string(),
            // Random: two runs over one file must not give their events the same ids.
            run: RandomState::new().build_hasher().finish(),
            text,
            utf16: false,
            checker: EventBuilder::with_limits(limits),
        }
    }

    /// Returns the format of a request's body. The first event settles it.
    pub(super) fn body_format(&self) -> BodyFormat {
        match self.format {
            LineFormat::Ndjson | LineFormat::Auto => BodyFormat::Data,
            LineFormat::Lines | LineFormat::Cloudevents => BodyFormat::Events,
        }
    }

    /// Looks at the file's first line; returns it without a byte-order mark.
    pub(super) fn begin<'l>(&mut self, line: &'l [u8]) -> &'l [u8] {
        self.utf16 = is_utf16(line);
        without_mark(line)
    }

    /// False for a line that is no event: a blank one, but in plain text, and those around the events of an export.
    pub(super) fn is_event(&mut self, line: &[u8]) -> bool {
        let blank = line.trim_ascii().is_empty();
        if self.format == LineFormat::Auto {
            // A blank line settles nothing: the format is that of the first line that says something.
            if blank {
                return false;
            }
            self.format = self.by_content(line);
        }
        // The first and the last line of an export say that it is whole, and are no events.
        let is_mark = self.format == LineFormat::Cloudevents && line.starts_with(EXPORT);
        !is_mark && (!blank || self.format == LineFormat::Lines)
    }

    /// Appends the event of line `number`; what is appended when it fails means nothing.
    pub(super) fn encode(
        &mut self,
        number: u64,
        line: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), LineError> {
        // One reason for the file: its lines would each have another.
        if self.utf16 {
            return Err(LineError::Utf16);
        }
        match self.format {
            LineFormat::Lines => {
                let text = std::str::from_utf8(line);
                let text = text.map_err(|e| LineError::Utf8 {
                    at: e.valid_up_to(),
                })?;
                let id = format!(r#"{{"specversion":"1.0","id":"{:016x}-{number}"#, self.run);
                out.extend_from_slice(id.as_bytes());
                out.extend_from_slice(&self.text);
                write_string(out, text);
                out.push(b'}');
            }
            LineFormat::Cloudevents => {
                self.checker.clear();
                let read = self.checker.read_cloudevents_json(Some(&self.topic), line);
                read.map_err(LineError::Event)?;
                let event = self.checker.build_ref().map_err(LineError::Event)?;
                // Without a topic of its own the event has read ours, so only another one inside can differ.
                if event.topic() != self.topic {
                    return Err(LineError::Topic {
                        named: event.topic().to_string(),
                        topic: self.topic.clone(),
                    });
                }
                // As it came, not as it was read: numbers and members keep their spelling.
                out.extend_from_slice(line);
            }
            LineFormat::Ndjson | LineFormat::Auto => {
                self.check_json(line).map_err(LineError::data)?;
                out.extend_from_slice(line);
            }
        }
        Ok(())
    }

    /// Returns the format that the first line is in: an object, even a broken one, or a whole array is meant as JSON.
    fn by_content(&mut self, line: &[u8]) -> LineFormat {
        match line.trim_ascii_start().first() {
            Some(b'{') => LineFormat::Ndjson,
            // Lines of a log often begin with a bracket, too: only a whole array is taken for JSON.
            Some(b'[') if self.check_json(line).is_ok() => LineFormat::Ndjson,
            _ => LineFormat::Lines,
        }
    }

    fn check_json(&mut self, line: &[u8]) -> Result<(), EventError> {
        // Topic and type only make the event complete: its data is what is judged.
        let checker = self.checker.clear().topic("t").ty("t");
        checker
            .data("application/json", line)
            .build_ref()
            .map(|_| ())
    }
}

/// Returns the format that the file's name is for.
fn by_name(format: LineFormat, file: &Path) -> LineFormat {
    let extension = file.extension().and_then(|e| e.to_str());
    let extension = extension.unwrap_or_default();
    let json = ["ndjson", "jsonl"];
    let json = json.iter().any(|e| extension.eq_ignore_ascii_case(e));
    match format {
        LineFormat::Auto if json => LineFormat::Ndjson,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoder(format: LineFormat) -> Encoder {
        Encoder::new(format, Path::new("-"), "a.b", "t\"x", 1 << 20)
    }

    fn encoded(format: LineFormat, line: &str) -> Result<String, LineError> {
        let mut encoder = encoder(format);
        assert!(encoder.is_event(line.as_bytes()));
        let mut out = Vec::new();
        encoder.encode(7, line.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn json_goes_in_as_it_is() {
        for line in [r#"{"n":1.10e+03,  "é":"\u00e9"}"#, " [1] \t"] {
            assert_eq!(encoded(LineFormat::Auto, line).as_deref(), Ok(line));
        }
        assert_eq!(encoded(LineFormat::Ndjson, " 1").as_deref(), Ok(" 1"));
    }

    #[test]
    fn text_becomes_a_string() {
        let event = encoded(LineFormat::Auto, "[INFO] \"hé\"\t").expect("text");
        let value: serde_json::Value = serde_json::from_str(&event).expect("json");
        assert_eq!(value["data"], "[INFO] \"hé\"\t");
        assert_eq!(value["datacontenttype"], "text/plain");
        assert_eq!(
            (&value["type"], &value["source"]),
            (&"t\"x".into(), &"/a.b".into())
        );
        assert!(
            value["id"].as_str().is_some_and(|id| id.ends_with("-7")),
            "{value}"
        );
    }

    #[test]
    fn bad_lines_say_where() {
        let error = encoded(LineFormat::Ndjson, r#"{"a":x}"#).unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with("not JSON") && said.ends_with("at byte 5"),
            "{said}"
        );
        assert!(encoded(LineFormat::Cloudevents, "[]").is_err());
        assert!(encoded(LineFormat::Cloudevents, r#"{"specversion":"0.1"}"#).is_err());
        let error = encoder(LineFormat::Lines).encode(1, b"ab\xff", &mut Vec::new());
        assert_eq!(error, Err(LineError::Utf8 { at: 2 }));
        assert!(
            encoder(LineFormat::Ndjson)
                .encode(1, b"\"\xff\"", &mut Vec::new())
                .is_err()
        );
    }

    #[test]
    fn names_and_first_lines_decide() {
        let named = |format, name| by_name(format, Path::new(name));
        assert_eq!(named(LineFormat::Auto, "a.JSONL"), LineFormat::Ndjson);
        assert_eq!(named(LineFormat::Lines, "a.jsonl"), LineFormat::Lines);
        let content = |line: &[u8]| encoder(LineFormat::Auto).by_content(line);
        assert_eq!(content(b" {broken"), LineFormat::Ndjson);
        assert_eq!(content(b"[1]"), LineFormat::Ndjson);
        assert_eq!(content(b"[1"), LineFormat::Lines);
        assert_eq!(content(b"42"), LineFormat::Lines);
    }
}
