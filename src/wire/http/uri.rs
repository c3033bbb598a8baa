//! Percent-encoding: path segments and query parameters, strictly decoded.

use std::borrow::Cow;

/// Why an encoded text has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EscapeKind {
    /// A `%` without two hexadecimal digits after it.
    #[error("has a percent sign without two hexadecimal digits")]
    Incomplete,
    /// The decoded bytes are not UTF-8.
    #[error("is not UTF-8 after decoding")]
    NotUtf8,
}

/// A path segment that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("path segment {kind} (byte {at})")]
#[non_exhaustive]
pub struct EscapeError {
    /// The kind of fault.
    pub kind: EscapeKind,
    /// The byte, counted in the encoded text.
    pub at: usize,
}

/// A query parameter that cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("query parameter {name:?} {kind} (byte {at})")]
#[non_exhaustive]
pub struct QueryError {
    /// The parameter's name, still encoded where it is itself at fault.
    pub name: String,
    /// The kind of fault.
    pub kind: EscapeKind,
    /// The byte, counted in the whole query.
    pub at: usize,
}

/// Decodes one segment of a path. A `+` stays a plus. Borrows where there is nothing to decode.
///
/// # Errors
///
/// [`EscapeError`] with the byte: an incomplete escape, or a text that is not UTF-8.
///
/// # Examples
///
/// ```
/// use eventring::wire::http::percent_decode;
///
/// assert_eq!(percent_decode("caf%C3%A9+a%2Fb")?, "café+a/b");
/// assert_eq!(percent_decode("100%").unwrap_err().at, 3);
/// # Ok::<(), eventring::wire::http::EscapeError>(())
/// ```
pub fn percent_decode(segment: &str) -> Result<Cow<'_, str>, EscapeError> {
    decode(segment, false)
}

/// Iterates over the parameters of a query, decoded: `a=1&b=x+y` gives `("a", "1")` and `("b", "x
/// y")`.
///
/// A parameter without `=` has an empty value; empty parameters (`&&`) are skipped. This is the
/// `application/x-www-form-urlencoded` parser of the URL standard, but for what that one guesses: a
/// bad escape and bad UTF-8 are errors here.
///
/// # Examples
///
/// ```
/// use eventring::wire::http::query;
///
/// let pairs: Vec<_> = query("topic=a.%2A&from=now").collect::<Result<_, _>>()?;
/// assert_eq!(pairs, [("topic".into(), "a.*".into()), ("from".into(), "now".into())]);
///
/// let error = query("a=1&from=%zz").last().unwrap().unwrap_err();
/// assert_eq!(error.to_string(),
///     "query parameter \"from\" has a percent sign without two hexadecimal digits (byte 9)");
/// # Ok::<(), eventring::wire::http::QueryError>(())
/// ```
pub fn query(query: &str) -> Query<'_> {
    Query {
        text: query,
        next: 0,
    }
}

/// Iterates over query parameters. Made by [`query`](fn@query).
#[derive(Clone, Debug)]
pub struct Query<'a> {
    text: &'a str,
    next: usize,
}

impl<'a> Iterator for Query<'a> {
    type Item = Result<(Cow<'a, str>, Cow<'a, str>), QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
            let start = self.next;
            let end = memchr::memchr(b'&', rest.as_bytes()).unwrap_or(rest.len());
            self.next += end + 1;
            if end > 0 {
                return Some(pair(&rest[..end], start));
            }
        }
    }
}

fn pair(text: &str, start: usize) -> Result<(Cow<'_, str>, Cow<'_, str>), QueryError> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let at_value = start + name.len() + 1;
    let name = decode(name, true).map_err(|e| query_error(name, e, start))?;
    let value = decode(value, true).map_err(|e| query_error(&name, e, at_value))?;
    Ok((name, value))
}

fn query_error(name: &str, error: EscapeError, start: usize) -> QueryError {
    QueryError {
        name: name.to_owned(),
        kind: error.kind,
        at: start + error.at,
    }
}

fn decode(text: &str, plus_is_space: bool) -> Result<Cow<'_, str>, EscapeError> {
    let encoded = |b: u8| b == b'%' || (plus_is_space && b == b'+');
    let Some(first) = text.bytes().position(encoded) else {
        return Ok(Cow::Borrowed(text));
    };
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(&text.as_bytes()[..first]);
    let mut at = first;
    while let Some(&byte) = text.as_bytes().get(at) {
        match byte {
            b'%' => {
                out.push(escape(text.as_bytes(), at)?);
                at += 3;
                continue;
            }
            b'+' if plus_is_space => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    match String::from_utf8(out) {
        Ok(text) => Ok(Cow::Owned(text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            Err(EscapeError {
                kind: EscapeKind::NotUtf8,
                at: encoded_at(text, valid),
            })
        }
    }
}

// RFC 3986, 2.1: "pct-encoded = "%" HEXDIG HEXDIG"
fn escape(text: &[u8], at: usize) -> Result<u8, EscapeError> {
    let digit = |k: usize| text.get(at + k).and_then(|&b| char::from(b).to_digit(16));
    match (digit(1), digit(2)) {
        (Some(high), Some(low)) => Ok((high << 4 | low) as u8),
        _ => Err(EscapeError {
            kind: EscapeKind::Incomplete,
            at,
        }),
    }
}

/// Returns where byte `decoded` of the decoded text stands in the encoded one.
fn encoded_at(text: &str, decoded: usize) -> usize {
    let mut at = 0;
    for _ in 0..decoded {
        at += if text.as_bytes()[at] == b'%' { 3 } else { 1 };
    }
    at
}
