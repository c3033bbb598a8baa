//! Content codings: which of those that are offered a client likes best.

use super::head::Head;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Coding {
    /// The bytes as they are.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
}

impl Coding {
    /// Its name in `Accept-Encoding` and `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }

    /// Chooses among `offered` the one that the head's `Accept-Encoding` values highest, the first of
    /// equals; `None`: it accepts none of them.
    ///
    /// A client that says nothing gets identity. What it does not name has the quality of its `*`;
    /// without one, identity is accepted after all that is named, and nothing else is. An element that
    /// is not in order counts as not there.
    // RFC 9110, 12.5.3
    ///
    /// ```
    /// use eventring::wire::http::{Coding, HttpLimits, RequestDecoder, Step};
    ///
    /// let head = b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br, gzip;q=0.5\r\n\r\n";
    /// let (_, Step::Head(head)) = RequestDecoder::new(HttpLimits::default()).decode(head)? else { panic!() };
    /// assert_eq!(Coding::choose(&head, &[Coding::Gzip, Coding::Identity]), Some(Coding::Gzip));
    /// # Ok::<(), eventring::wire::http::RequestError>(())
    /// ```
    pub fn choose(head: &Head, offered: &[Self]) -> Option<Self> {
        let said = head.header("accept-encoding").is_some();
        let mut best = None;
        for &coding in offered {
            let quality = if said {
                quality(head.header_values("accept-encoding"), coding)
            } else {
                u16::from(coding == Self::Identity) * UNNAMED
            };
            if quality > best.map_or(0, |(_, quality)| quality) {
                best = Some((coding, quality));
            }
        }
        best.map(|(coding, _)| coding)
    }
}

/// Identity where nobody names it: accepted, after all that is named. A named quality is this much
/// higher.
const UNNAMED: u16 = 1;

/// Returns the weight of `coding`: 0 if it is not acceptable, else [`UNNAMED`] or more.
fn quality<'a>(lines: impl Iterator<Item = &'a [u8]>, coding: Coding) -> u16 {
    let mut named = None;
    let mut rest = None;
    for element in lines.flat_map(|line| line.split(|&byte| byte == b',')) {
        let (name, weight) = match element.iter().position(|&byte| byte == b';') {
            Some(at) => (&element[..at], Some(&element[at + 1..])),
            None => (element, None),
        };
        let Some(weight) = weight.map_or(Some(1000), thousandths) else {
            continue;
        };
        let name = name.trim_ascii();
        // RFC 9110, 8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
        let alias = coding == Coding::Gzip && name.eq_ignore_ascii_case(b"x-gzip");
        if alias || name.eq_ignore_ascii_case(coding.name().as_bytes()) {
            named.get_or_insert(weight);
        } else if name == b"*" {
            rest.get_or_insert(weight);
        }
    }
    match named.or(rest) {
        Some(0) => 0,
        Some(weight) => weight + UNNAMED,
        None if coding == Coding::Identity => UNNAMED,
        None => 0,
    }
}

/// Reads `q=0.5` as 500.
// RFC 9110, 12.4.2: qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
fn thousandths(weight: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', whole, fraction @ ..] = weight.trim_ascii() else {
        return None;
    };
    let digits = match fraction {
        [] => fraction,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let mut value = match whole {
        b'0' => 0,
        b'1' => 1,
        _ => return None,
    };
    for at in 0..3 {
        let digit = digits.get(at).copied().unwrap_or(b'0');
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u16::from(digit - b'0');
    }
    (value <= 1000).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::super::{HttpLimits, RequestDecoder, Step};
    use super::*;

    fn chosen(lines: &[&str]) -> Option<Coding> {
        let fields: String = lines
            .iter()
            .map(|line| format!("Accept-Encoding: {line}\r\n"))
            .collect();
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut decoder = RequestDecoder::new(HttpLimits::default());
        let Ok((_, Step::Head(head))) = decoder.decode(request.as_bytes()) else {
            panic!("{request:?}")
        };
        Coding::choose(&head, &[Coding::Gzip, Coding::Identity])
    }

    #[test]
    fn who_says_nothing_gets_identity() {
        assert_eq!(chosen(&[]), Some(Coding::Identity));
    }

    #[test]
    fn qualities_decide() {
        let (gzip, identity) = (Some(Coding::Gzip), Some(Coding::Identity));
        for (said, want) in [
            ("gzip, deflate, br, zstd", gzip),
            ("GZIP", gzip),
            ("x-gzip", gzip),
            ("*", gzip),
            ("gzip;q=0.001", gzip),
            ("gzip ; q=0.5 , identity;q=0.4", gzip),
            ("identity;q=0, gzip;q=0.1", gzip),
            ("*;q=0, gzip", gzip),
            ("identity;q=0, *;q=0.5", gzip),
            ("", identity),
            ("br", identity),
            ("deflate", identity),
            ("gzip;q=0", identity),
            ("gzip;q=0.000, *", identity),
            ("gzip;q=0.4, identity;q=0.5", identity),
            ("gzip;q=0.4, *;q=0.5", identity),
            ("gzip;q=2", identity),
            ("gzip;q=0.1234", identity),
            ("gzip;q=", identity),
            ("gzip;level=9", identity),
            ("gzipped", identity),
            ("identity;q=0", None),
            ("*;q=0", None),
            ("br, *;q=0", None),
            ("identity;q=0, gzip;q=0", None),
        ] {
            assert_eq!(chosen(&[said]), want, "{said:?}");
        }
    }

    #[test]
    fn field_lines_add_up() {
        assert_eq!(chosen(&["br", "gzip"]), Some(Coding::Gzip));
        assert_eq!(chosen(&["identity;q=0", "br"]), None);
    }
}
