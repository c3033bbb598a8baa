//! Follows a JSON pointer (RFC 6901) through a text that was checked, without reading it into values.

use super::string::read_string;

/// Returns the value that `tokens` lead to, as it stands in the text. Nothing is allocated but for member names with
/// escapes. A text that is not JSON gives anything or nothing, never a panic.
pub(crate) fn find<'t, S: AsRef<str>>(text: &'t str, tokens: &[S]) -> Option<&'t str> {
    let mut walk = Walk { text, at: 0 };
    for token in tokens {
        walk.space();
        match walk.peek()? {
            b'{' => walk.enter_member(token.as_ref())?,
            b'[' => walk.enter_element(token.as_ref())?,
            _ => return None,
        }
    }
    walk.space();
    let start = walk.at;
    walk.skip_value();
    // Empty where a separator or the end stands in the place of a value.
    text.get(start..walk.at).filter(|value| !value.is_empty())
}

struct Walk<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Walk<'t> {
    /// Goes to the value of the first member of that name.
    fn enter_member(&mut self, name: &str) -> Option<()> {
        self.at += 1;
        loop {
            self.space();
            let key = self.key()?;
            self.space();
            self.expect(b':')?;
            // A name without escapes is compared as it stands: reading one that has some allocates.
            if key == name || (key.contains('\\') && unescaped(key, name)) {
                return Some(());
            }
            self.next_entry()?;
        }
    }

    /// Goes to the element of that number.
    fn enter_element(&mut self, token: &str) -> Option<()> {
        // RFC 6901, section 4: "array-index = %x30 / ( %x31-39 *(%x30-39) )".
        if token.len() > 1 && token.starts_with(['0', '+']) {
            return None;
        }
        // `-` is the element behind the last one (RFC 6901, section 4), which is not there: it is no number either.
        let index: usize = token.parse().ok()?;
        self.at += 1;
        self.space();
        if self.peek()? == b']' {
            return None;
        }
        (0..index).try_for_each(|_| self.next_entry())
    }

    /// Passes a value and the comma behind it; `None` where the last one was passed.
    fn next_entry(&mut self) -> Option<()> {
        self.space();
        self.skip_value();
        self.space();
        self.expect(b',')
    }

    /// Takes a member's name, without its quotes.
    fn key(&mut self) -> Option<&'t str> {
        let start = self.at + 1;
        if self.peek()? != b'"' {
            return None;
        }
        self.skip_string();
        self.text.get(start..self.at.checked_sub(1)?)
    }

    /// Each step passes at least one byte or stops.
    fn skip_value(&mut self) {
        // A count is enough: in checked JSON each bracket closes its own kind, and other text may give anything.
        let mut open = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    if open == 0 {
                        return;
                    }
                    open -= 1;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if open > 0 => self.at += 1,
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => return,
                _ => self.skip_scalar(),
            }
            if open == 0 {
                return;
            }
        }
    }

    fn skip_scalar(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let end = rest.iter().position(|byte| {
            matches!(
                byte,
                b',' | b':' | b'}' | b']' | b'"' | b' ' | b'\t' | b'\n' | b'\r'
            )
        });
        // It is never 0 for the bytes that lead here; were it so, `skip_value` would stand still for ever.
        self.at += end.unwrap_or(rest.len()).max(1);
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += match byte {
                // This may pass the end of a broken text, where `peek` and `get` find nothing.
                b'\\' => 2,
                b'"' => {
                    self.at += 1;
                    return;
                }
                _ => 1,
            };
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

fn unescaped(key: &str, name: &str) -> bool {
    // In quotes again: `read_string` takes a string as it stands in a text.
    let quoted = format!("\"{key}\"");
    read_string(&quoted).is_ok_and(|text| text == name)
}

#[cfg(test)]
mod tests {
    use super::find;

    const TEXT: &str =
        r#" { "a" : [ 1, {"b~/": "x,}]\"y" } , [] ] , "\u0061b" : {"": null}, "n":-1.5e3 } "#;

    fn at(tokens: &[&str]) -> Option<&'static str> {
        find(TEXT, tokens)
    }

    #[test]
    fn values_are_found_as_they_stand() {
        assert_eq!(at(&["a", "0"]), Some("1"));
        assert_eq!(at(&["a", "1", "b~/"]), Some(r#""x,}]\"y""#));
        assert_eq!(at(&["a", "2"]), Some("[]"));
        assert_eq!(at(&["ab", ""]), Some("null"));
        assert_eq!(at(&["n"]), Some("-1.5e3"));
        assert_eq!(find("7", &[] as &[&str]), Some("7"));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for tokens in [
            &["b"][..],
            &["a", "3"],
            &["a", "00"],
            &["a", "x"],
            &["n", "x"],
            &["a", "2", "0"],
        ] {
            assert_eq!(at(tokens), None, "{tokens:?}");
        }
    }

    #[test]
    fn broken_text_does_no_harm() {
        for end in 0..TEXT.len() {
            if TEXT.is_char_boundary(end) {
                find(&TEXT[..end], &["a", "1", "b~/"]);
                find(&TEXT[..end], &["n"]);
            }
        }
    }
}
