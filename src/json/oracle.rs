//! The properties that hold for any input: the fuzz targets and the property tests call these.

use super::{Cursor, DEPTH_MAX, JsonError, JsonErrorKind, Members, check, find};

/// Bytes of the longest literal, `false`.
const LITERAL: usize = 5;

/// Checks a text against the naive reader, cut everywhere, walked, and inside nests around the bound.
pub fn any_text(text: &[u8]) {
    let whole = check(text);
    assert_eq!(whole.is_ok(), naive(text), "{whole:?}");
    if str::from_utf8(text).is_err() {
        return;
    }
    for cut in 0..text.len() {
        match check(&text[..cut]) {
            Ok(()) => {}
            // What is wrong before the cut is wrong without it; a literal that is cut is wrong at its start.
            Err(error) if error.at + LITERAL < cut => {
                assert_eq!(Err(error), whole, "cut at {cut}");
            }
            Err(error) => assert!(error.at <= cut),
        }
    }
    let members = Members::read(text);
    if whole.is_ok() {
        let mut cursor = Cursor::new(text).unwrap();
        walk(&mut cursor).unwrap();
        cursor.end().unwrap();
        any_nest(text);
    }
    for (name, value) in members.iter().flat_map(Members::iter) {
        assert!(check(value.raw().as_bytes()).is_ok(), "{value:?}");
        assert_eq!(
            &text[value.at()..][..value.raw().len()],
            value.raw().as_bytes()
        );
        if whole.is_ok() {
            let text = str::from_utf8(text).unwrap();
            assert_eq!(find(text, &[name]), Some(value.raw()), "{name}");
        }
        let _ = (value.string(), value.strings(), value.number());
    }
}

/// A good text in as many brackets as go, and in one more.
fn any_nest(text: &[u8]) {
    let nested = |levels: usize| [&b"[".repeat(levels), text, &b"]".repeat(levels)].concat();
    let room = (0..=DEPTH_MAX).rev().find(|levels| naive(&nested(*levels)));
    let room = room.expect("none go with every good text");
    assert_eq!(check(&nested(room)), Ok(()));
    let error = check(&nested(room + 1)).unwrap_err();
    assert_eq!(error.kind, JsonErrorKind::TooDeep { limit: DEPTH_MAX });
}

/// Goes through every value.
fn walk(cursor: &mut Cursor<'_>) -> Result<(), JsonError> {
    let (mut look, start) = (*cursor, cursor.at());
    let whole = look.value()?;
    match cursor.peek() {
        b'{' => cursor.members(|cursor, name| {
            let _ = name.text();
            walk(cursor)
        })?,
        b'[' => cursor.elements(walk)?,
        _ => _ = cursor.value()?,
    }
    assert_eq!(cursor.since(start).raw(), whole.raw());
    assert_eq!(cursor.at(), look.at());
    Ok(())
}

/// The dumb model: RFC 8259 read off the page, with a bound on depth.
fn naive(text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text) else {
        return false;
    };
    let rest = value(text.trim_start_matches(SPACE), DEPTH_MAX);
    rest.is_some_and(|rest| rest.trim_start_matches(SPACE).is_empty())
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Returns what follows a value.
fn value(text: &str, room: usize) -> Option<&str> {
    match text.chars().next()? {
        '{' => entries(text, '}', room, |text, room| {
            let rest = string(text)?.trim_start_matches(SPACE);
            let rest = rest.strip_prefix(':')?.trim_start_matches(SPACE);
            value(rest, room)
        }),
        '[' => entries(text, ']', room, value),
        '"' => string(text),
        't' => text.strip_prefix("true"),
        'f' => text.strip_prefix("false"),
        'n' => text.strip_prefix("null"),
        _ => number(text),
    }
}

fn entries<'t>(
    text: &'t str,
    close: char,
    room: usize,
    entry: impl Fn(&'t str, usize) -> Option<&'t str>,
) -> Option<&'t str> {
    let room = room.checked_sub(1)?;
    let mut rest = text[1..].trim_start_matches(SPACE);
    if let Some(rest) = rest.strip_prefix(close) {
        return Some(rest);
    }
    loop {
        rest = entry(rest, room)?.trim_start_matches(SPACE);
        if let Some(rest) = rest.strip_prefix(close) {
            return Some(rest);
        }
        rest = rest.strip_prefix(',')?.trim_start_matches(SPACE);
    }
}

fn string(text: &str) -> Option<&str> {
    let mut chars = text.strip_prefix('"')?.chars();
    loop {
        match chars.next()? {
            '"' => return Some(chars.as_str()),
            '\\' => match chars.next()? {
                'u' => {
                    let digits = chars.as_str().get(..4)?;
                    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                        return None;
                    }
                    chars = chars.as_str()[4..].chars();
                }
                '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => {}
                _ => return None,
            },
            '\0'..='\x1f' => return None,
            _ => {}
        }
    }
}

fn number(text: &str) -> Option<&str> {
    fn digits(text: &str) -> Option<&str> {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < text.len()).then_some(rest)
    }
    let text = text.strip_prefix('-').unwrap_or(text);
    let mut rest = match text.strip_prefix('0') {
        Some(rest) => rest,
        None => digits(text)?,
    };
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = digits(fraction)?;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        rest = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::any_text;

    #[test]
    fn texts_good_and_bad_are_read_as_the_page_says() {
        for text in [
            "",
            " ",
            "{}",
            r#" {"a":[1,-0.5e+3,"\u00e9\\",null,true,false,{}] , "b" :{"c":[[]]}} "#,
            r#"{"a":1,"a":2}"#,
            r#"["\ud800", "\x", 1]"#,
            "[01]",
            "[1.]",
            "[1e]",
            "-",
            "[,]",
            "[1,]",
            "{\"a\"}",
            "{1:2}",
            "tru",
            "\"\n\"",
            "\u{feff}1",
            "[1] 2",
        ] {
            any_text(text.as_bytes());
            any_text(&[text.as_bytes(), b"\xff"].concat());
        }
        any_text("[".repeat(70).as_bytes());
        any_text(format!("{}{}", "[".repeat(64), "]".repeat(64)).as_bytes());
    }
}
