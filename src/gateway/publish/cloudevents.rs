//! The CloudEvents HTTP binding: from request headers to how the body is to be read.

use std::borrow::Cow;

use crate::event::EventBuilder;
use crate::gateway::http::problem::{Problem, refuse_reserved};
use crate::wire::http::{Head, percent_decode};

/// The form in which a publish body holds its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One event: its data is the body, its attributes are `ce-*` headers.
    Binary,
    /// One event as JSON.
    Structured,
    /// A JSON array of events.
    Batch,
    /// A JSON value a line, each the data of an event; the `ce-*` headers hold for all.
    Ndjson,
}

impl Mode {
    /// Reads it off the content type.
    pub(super) fn of(content_type: &str) -> Result<Self, Problem> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/cloudevents+json") {
            Ok(Self::Structured)
        } else if is("application/cloudevents-batch+json") {
            Ok(Self::Batch)
        } else if is("application/x-ndjson") || is("application/ndjson") {
            Ok(Self::Ndjson)
        } else if essence.len() >= 23
            && essence.is_char_boundary(23)
            && essence[..23].eq_ignore_ascii_case("application/cloudevents")
        {
            // Not taken for data: readers would get an envelope that nobody opens as an event of its own.
            let detail = format!("{essence} is not supported: CloudEvents come as JSON");
            Err(Problem::new(415, detail).field("content-type"))
        } else {
            Ok(Self::Binary)
        }
    }
}

/// The attributes that came as headers.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// Collects the `ce-*` headers of a publish to `topic`.
    pub(super) fn of(head: &Head, mode: Mode, topic: &str) -> Result<Self, Problem> {
        let mut found = Vec::new();
        for (name, value) in head.headers() {
            let Some(attribute) = strip_ce(name) else {
                continue;
            };
            let attribute = attribute.to_ascii_lowercase();
            let fail = |why: &str| {
                Problem::new(400, format!("ce-{attribute} {why}")).field(format!("ce-{attribute}"))
            };
            let text = std::str::from_utf8(value).map_err(|_| fail("is not UTF-8"))?;
            // CloudEvents HTTP binding, 3.1.3.2: "any HTTP header value MUST first be unescaped with respect to
            // double-quoted strings ... A single round of percent-decoding MUST then be performed".
            let text = unquoted(text);
            let text = percent_decode(&text).map_err(|_| fail("is not percent-encoded UTF-8"))?;
            match attribute.as_str() {
                // Who may publish to the path's topic may not choose another one here.
                "topic" if text == topic => continue,
                "topic" => return Err(other_topic("ce-topic", &text, topic)),
                "specversion" if text == "1.0" => continue,
                "specversion" => return Err(fail("is not 1.0")),
                // Source and id are what an event is known by: consumers would take all lines but the first for
                // duplicates.
                "id" if mode == Mode::Ndjson => return Err(fail("cannot be that of many events")),
                // CloudEvents HTTP binding, 3.1.1: in binary mode the content type says it, and two places could
                // differ.
                "datacontenttype" => return Err(fail("is the Content-Type header")),
                // Not the first nor the last of them: what stands before this server may have gone by the other.
                _ if found.iter().any(|(name, _)| *name == attribute) => {
                    return Err(fail("appears twice"));
                }
                _ => found.push((attribute, text.into_owned())),
            }
        }
        Ok(Self(found))
    }

    /// Returns whether the attribute called `name` came as a header.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| own == name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Starts an event on `topic` with these attributes.
    pub(super) fn start(&self, builder: &mut EventBuilder, topic: &str) {
        builder.clear();
        builder.topic(topic);
        let mut typed = false;
        for (name, value) in &self.0 {
            typed |= name == "type";
            builder.attribute(name, value);
        }
        // An event must have a type, and who posts plain data has none to name.
        if !typed {
            builder.ty(crate::gateway::encode::DEFAULT_TYPE);
        }
    }
}

/// Says that an event names another topic than the path (or the message) that it came in.
pub(super) fn other_topic(field: &str, named: &str, topic: &str) -> Problem {
    if let Err(problem) = refuse_reserved(named) {
        return problem;
    }
    let detail = format!("{field}: {named:?} is not the topic that is published to, {topic:?}");
    Problem::new(400, detail).field(field)
}

/// Returns the content of a quoted string (RFC 9110, 5.6.4). Anything else is as it is: earlier versions of the binding let
/// quotes stand in values.
fn unquoted(value: &str) -> Cow<'_, str> {
    let inside = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let Some(inside) = inside else {
        return value.into();
    };
    let mut text = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return value.into(),
            '\\' => match chars.next() {
                Some(escaped) => text.push(escaped),
                // The last quote is escaped: the string has no end.
                None => return value.into(),
            },
            c => text.push(c),
        }
    }
    text.into()
}

fn strip_ce(name: &str) -> Option<&str> {
    let (prefix, rest) = name.split_at_checked(3)?;
    prefix.eq_ignore_ascii_case("ce-").then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::unquoted;

    #[test]
    fn only_a_whole_quoted_string_is_unquoted() {
        for (value, text) in [
            (r#""a b""#, "a b"),
            (r#""a\"b\\c\d""#, r#"a"b\cd"#),
            (r#""""#, ""),
            (r#""%22""#, "%22"),
            (r#""é""#, "é"),
            // As they are: no quoted string, or more than one.
            ("a b", "a b"),
            (r#"say "hi""#, r#"say "hi""#),
            (r#""a" and "b""#, r#""a" and "b""#),
            (r#""no end"#, r#""no end"#),
            (r#""no end\""#, r#""no end\""#),
            (r#"""#, r#"""#),
        ] {
            assert_eq!(unquoted(value), text, "{value}");
        }
    }
}
