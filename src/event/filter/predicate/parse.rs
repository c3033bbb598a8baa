//! Reading a predicate from its text.

use std::borrow::Cow;

use super::literal::Literal;
use super::{Operator, PredicateError, Root, Tokens};
use crate::json::scalar;

pub(super) struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn pointer(&mut self) -> Result<(Root, Tokens), PredicateError> {
        self.space();
        let start = self.at;
        let quoted = self.rest().starts_with('"');
        let path: Cow<'t, str> = if quoted {
            self.literal("expected the end of the string")?.1
        } else {
            let rest = self.rest();
            let end = rest.find(|c: char| c.is_whitespace() || "=!<>".contains(c));
            self.at += end.unwrap_or(rest.len());
            rest[..self.at - start].into()
        };
        let inside = start + usize::from(quoted);
        let Some(path) = path.strip_prefix('/').map(str::to_owned) else {
            return self.fail_at("a pointer starts with \"/\"", inside);
        };
        let mut tokens: Vec<Box<str>> = Vec::new();
        for token in path.split('/') {
            match unescape(token) {
                Some(token) => tokens.push(token.into()),
                None => return self.fail_at("\"~\" is followed by 0 or 1", start),
            }
        }
        // `split` gives one piece at least.
        let first = tokens.remove(0);
        let root = match (&*first, tokens.len()) {
            ("", _) => return self.fail_at("expected the name of an attribute", inside + 1),
            ("data", _) => return Ok((Root::Data, tokens.into())),
            // As texts, times with different offsets are in no order.
            ("time", _) => return self.fail_at("a time is compared by a time range", inside),
            ("tags", 1) => Root::Entry("tags", tokens.remove(0)),
            ("headers", 1) => Root::Entry("headers", tokens.remove(0)),
            ("metadata", 1) => Root::Entry("metadata", tokens.remove(0)),
            ("tags" | "headers" | "metadata", _) => {
                return self.fail_at("expected one name below it", inside);
            }
            (_, 0) => Root::Attribute(first),
            _ => return self.fail_at("only data has anything below it", inside),
        };
        Ok((root, tokens.into()))
    }

    pub(super) fn test(&mut self) -> Result<Option<(Operator, Literal)>, PredicateError> {
        self.space();
        if self.rest().is_empty() {
            return Ok(None);
        }
        let Some((length, operator)) = operator(self.rest()) else {
            return self.fail_at("expected ==, !=, <, <=, > or >=", self.at);
        };
        self.at += length;
        self.space();
        let (literal, _) = self.literal("expected a JSON value")?;
        self.space();
        if self.rest().is_empty() {
            Ok(Some((operator, literal)))
        } else {
            self.fail_at("expected the end", self.at)
        }
    }

    /// Takes one JSON scalar; the text of a string beside it.
    fn literal(&mut self, reason: &'static str) -> Result<(Literal, Cow<'t, str>), PredicateError> {
        let start = self.at;
        let Ok(length) = scalar(self.rest().as_bytes(), 0) else {
            return self.fail_at(reason, start);
        };
        let raw = &self.text[start..start + length];
        self.at += length;
        match Literal::read(raw) {
            Some(Literal::Text(text)) => {
                Ok((Literal::Text(text.clone()), String::from(text).into()))
            }
            Some(literal) => Ok((literal, raw.into())),
            None => self.fail_at("out of range", start),
        }
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn fail_at<T>(&self, reason: &'static str, at: usize) -> Result<T, PredicateError> {
        // Columns count characters, and `at` counts bytes.
        let before = self
            .text
            .char_indices()
            .take_while(|(place, _)| *place < at);
        Err(PredicateError {
            reason,
            column: before.count() + 1,
        })
    }
}

fn operator(text: &str) -> Option<(usize, Operator)> {
    // The longer first: `<=` starts with `<`.
    const OPERATORS: [(&str, Operator); 6] = [
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    let (sign, operator) = OPERATORS.iter().find(|(sign, _)| text.starts_with(sign))?;
    Some((sign.len(), *operator))
}

/// RFC 6901, section 4: `~1` is `/`, `~0` is `~`.
fn unescape(token: &str) -> Option<String> {
    // In one pass: RFC 6901, section 4, warns that replacing `~0` first would make `/` of `~01`.
    let mut text = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(text)
}
