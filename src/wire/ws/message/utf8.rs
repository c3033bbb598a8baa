//! UTF-8 checked as it arrives: wrong text fails at the first byte that makes it wrong.

/// Checks text that comes in pieces, which may be cut inside a character.
///
/// # Examples
///
/// ```
/// use eventring::wire::ws::Utf8;
///
/// let mut text = Utf8::default();
/// assert!(text.push(b"caf\xc3").is_ok() && !text.is_whole());
/// assert!(text.push(b"\xa9").is_ok() && text.is_whole());
/// // No character starts with F4 90: known before its end has come.
/// assert_eq!(text.push(b"ok\xf4\x90"), Err(7));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Utf8 {
    /// The beginning of a character that is not whole.
    begun: [u8; 4],
    begun_len: u8,
    /// Bytes of whole characters so far.
    whole: u64,
}

impl Utf8 {
    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// The byte, counted from the start of the text, where the character starts that cannot be one.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), u64> {
        let mut rest = bytes;
        while self.begun_len > 0 {
            let Some((&next, after)) = rest.split_first() else {
                return Ok(());
            };
            rest = after;
            let len = usize::from(self.begun_len) + 1;
            self.begun[len - 1] = next;
            match std::str::from_utf8(&self.begun[..len]) {
                Ok(_) => {
                    self.begun_len = 0;
                    self.whole += len as u64;
                }
                Err(error) if error.error_len().is_some() => return Err(self.whole),
                // A character has four bytes at most, so this ends.
                Err(_) => self.begun_len += 1,
            }
        }
        match std::str::from_utf8(rest) {
            Ok(_) => self.whole += rest.len() as u64,
            Err(error) => {
                let valid = error.valid_up_to();
                self.whole += valid as u64;
                if error.error_len().is_some() {
                    return Err(self.whole);
                }
                let tail = &rest[valid..];
                self.begun[..tail.len()].copy_from_slice(tail);
                self.begun_len = tail.len() as u8;
            }
        }
        Ok(())
    }

    /// Returns whether the text so far ends with a whole character.
    pub fn is_whole(&self) -> bool {
        self.begun_len == 0
    }

    /// Returns how many bytes of whole characters there were.
    pub fn whole_bytes(&self) -> u64 {
        self.whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that a text is judged as the whole is, however it is cut in three.
    fn check(text: &[u8]) {
        let want = match std::str::from_utf8(text) {
            Ok(_) => Ok(true),
            Err(error) if error.error_len().is_none() => Ok(false),
            Err(error) => Err(error.valid_up_to() as u64),
        };
        for a in 0..=text.len() {
            for b in a..=text.len() {
                let mut utf8 = Utf8::default();
                let pieces = [&text[..a], &text[a..b], &text[b..]];
                let got = pieces.iter().try_for_each(|piece| utf8.push(piece));
                assert_eq!(
                    got.map(|()| utf8.is_whole()),
                    want,
                    "{text:x?} cut at {a}, {b}"
                );
            }
        }
    }

    #[test]
    fn every_cut_gives_the_verdict_of_the_whole() {
        for text in [
            &b"plain"[..],
            "κόσμε ü 😀 \u{fffd}".as_bytes(),
            b"\xf4\x90\x80\x80",
            b"\xed\xa0\x80x",
            b"\xc0\x80",
            b"ab\xe2\x82",
            b"ab\xe2\x82\x41",
            b"\xf0\x9f\x98",
            b"\x80",
        ] {
            check(text);
        }
    }

    #[test]
    fn a_wrong_character_fails_at_the_byte_that_makes_it_wrong() {
        let mut utf8 = Utf8::default();
        assert_eq!(utf8.push(b"\xce\xba\xf4"), Ok(()));
        assert_eq!(utf8.push(b"\x90"), Err(2));
    }
}
