//! Who a request came from by the word of proxies: `X-Forwarded-For` and `Forwarded` (RFC 7239).
//!
//! Each proxy appends the address that it was asked from. Only what trusted proxies appended counts, so
//! whoever believes these fields goes through them from the last element to the first, and stops at
//! the first address that is not one of its proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::Head;

/// The field that proxies write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedField {
    /// `X-Forwarded-For: 192.0.2.7, 10.0.0.2`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=192.0.2.7;proto=https, for="[2001:db8::1]:4711"`, RFC 7239.
    Forwarded,
}

impl ForwardedField {
    /// The field's name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

/// Finds the client that a trusted proxy speaks for.
///
/// Goes through the elements of `field` from the last to the first while `is_proxy` says that the address
/// before is that of a proxy. Returns the first address that is none, or the first element of all.
/// An element that is no address (`unknown`, `_hidden`, junk) ends the search with what was found so
/// far: what stands before it was written by who knows whom. `None`: no element counts.
///
/// A port is 0 where the field has none.
pub fn forwarded_client(
    head: &Head,
    field: ForwardedField,
    is_proxy: impl Fn(IpAddr) -> bool,
) -> Option<SocketAddr> {
    let lines: Vec<&[u8]> = head.header_values(field.name()).collect();
    let mut found = None;
    for line in lines.into_iter().rev() {
        for element in elements(line).into_iter().rev() {
            let node = match field {
                ForwardedField::XForwardedFor => node(element),
                ForwardedField::Forwarded => for_parameter(element).and_then(node),
            };
            let Some(address) = node else {
                return found;
            };
            found = Some(address);
            if !is_proxy(address.ip()) {
                return found;
            }
        }
    }
    found
}

/// The parts between commas that are in no quoted string.
fn elements(line: &[u8]) -> Vec<&[u8]> {
    split(line, b',')
}

fn split(text: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (i, byte) in text.iter().copied().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b if b == separator && !quoted => {
                parts.push(text[start..i].trim_ascii());
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim_ascii());
    parts
}

/// The value of `for=` in an element of `Forwarded`, without quotes.
fn for_parameter(element: &[u8]) -> Option<&[u8]> {
    let pairs = split(element, b';').into_iter();
    let mut values = pairs.filter_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        // RFC 7239, 4: "parameter names are case-insensitive".
        let is_for = pair[..at].eq_ignore_ascii_case(b"for");
        is_for.then(|| &pair[at + 1..])
    });
    let value = values.next()?;
    // "Each parameter MUST NOT occur more than once per field-value."
    if values.next().is_some() {
        return None;
    }
    match value.strip_prefix(b"\"") {
        Some(rest) => rest.strip_suffix(b"\""),
        None => Some(value),
    }
}

/// An address with or without a port: `192.0.2.7`, `192.0.2.7:80`, `[2001:db8::1]:80`, `2001:db8::1`.
fn node(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some((ip, 0).into());
    }
    let inside = text.strip_prefix('[').and_then(|v6| v6.strip_suffix(']'));
    if let Some(v6) = inside {
        return Some((v6.parse::<Ipv6Addr>().ok()?, 0).into());
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::{Limits, RequestDecoder, Step};

    fn client(fields: &str, field: ForwardedField) -> Option<String> {
        let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut decoder = RequestDecoder::new(Limits::default());
        let Ok((_, Step::Head(head))) = decoder.decode(bytes.as_bytes()) else {
            panic!("{fields}");
        };
        let proxies = |ip: IpAddr| ip.to_string().starts_with("10.");
        forwarded_client(&head, field, proxies).map(|client| client.to_string())
    }

    #[test]
    fn what_a_client_writes_itself_does_not_count() {
        let x = |fields| client(fields, ForwardedField::XForwardedFor);
        for (fields, found) in [
            ("", None),
            ("X-Forwarded-For: 192.0.2.7\r\n", Some("192.0.2.7:0")),
            (
                "X-Forwarded-For: 1.1.1.1, 192.0.2.7, 10.0.0.2\r\n",
                Some("192.0.2.7:0"),
            ),
            (
                "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 192.0.2.7\r\n",
                Some("192.0.2.7:0"),
            ),
            (
                "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n",
                Some("10.0.0.1:0"),
            ),
            (
                "X-Forwarded-For: 1.1.1.1, junk, 10.0.0.2\r\n",
                Some("10.0.0.2:0"),
            ),
            ("X-Forwarded-For: 1.1.1.1,\r\n", None),
            (
                "X-Forwarded-For: 192.0.2.7:1234\r\n",
                Some("192.0.2.7:1234"),
            ),
            ("X-Forwarded-For: 2001:db8::1\r\n", Some("[2001:db8::1]:0")),
            ("Forwarded: for=192.0.2.7\r\n", None),
        ] {
            assert_eq!(x(fields).as_deref(), found, "{fields}");
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_has_it() {
        let forwarded = |value: &str| {
            client(
                &format!("Forwarded: {value}\r\n"),
                ForwardedField::Forwarded,
            )
        };
        for (value, found) in [
            (
                "for=192.0.2.60;proto=http;by=203.0.113.43",
                Some("192.0.2.60:0"),
            ),
            (
                "For=\"[2001:db8:cafe::17]:4711\"",
                Some("[2001:db8:cafe::17]:4711"),
            ),
            (
                "for=1.1.1.1, for=192.0.2.43;ext=\"a,b;for=9.9.9.9\"",
                Some("192.0.2.43:0"),
            ),
            ("for=1.1.1.1, for=unknown", None),
            (
                "for=1.1.1.1, for=\"_gazonk\", for=10.0.0.1",
                Some("10.0.0.1:0"),
            ),
            ("for=1.1.1.1;for=2.2.2.2", None),
            ("proto=https", None),
            ("for=\"1.1.1.1", None),
        ] {
            assert_eq!(forwarded(value).as_deref(), found, "{value}");
        }
    }
}
