//! The origin of a request, and the host it asked for, by the word of proxies: `X-Forwarded-*` and `Forwarded`
//! (RFC 7239).
//!
//! Each proxy appends the address that it was asked from. Only what trusted proxies appended counts, so
//! whoever believes these fields goes through them from the last element to the first, and stops at
//! the first address that is not one of its proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::Head;

/// The field that proxies write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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

/// A request as its client sent it, by the word of trusted proxies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forwarded<'a> {
    /// The address that sent it; the port is 0 where the field has none. `None`: no element counts.
    pub client: Option<SocketAddr>,
    /// `http` or `https`, in any case: `X-Forwarded-Proto`, or `proto=`.
    pub proto: Option<&'a str>,
    /// A host, perhaps with a port: `X-Forwarded-Host`, or `host=`.
    pub host: Option<&'a str>,
    /// The port that it came to: `X-Forwarded-Port`.
    pub port: Option<u16>,
    /// The path that was cut off in front of the target: `X-Forwarded-Prefix`.
    pub prefix: Option<&'a str>,
}

impl<'a> Forwarded<'a> {
    /// Reads what the outermost trusted proxy wrote.
    ///
    /// Goes through the elements of `field` from the last to the first while `is_proxy` says that the address
    /// before is that of a proxy. The client is the first address that is none, or the first element of
    /// all. An element that is no address (`unknown`, `_hidden`, junk) ends the search with the address that
    /// was found so far: what stands before it was written by who knows whom.
    ///
    /// The other values are those of the element where the search ended. Proxies that append to
    /// `X-Forwarded-Proto` and its like append one element each, and others leave one in all: it is the
    /// element at the same distance from the last, or the first one.
    pub fn read(head: &'a Head, field: ForwardedField, is_proxy: impl Fn(IpAddr) -> bool) -> Self {
        let all = all_elements(head, field.name());
        let (mut client, mut hops) = (None, 0);
        for (n, element) in all.iter().rev().enumerate() {
            hops = n;
            let node = match field {
                ForwardedField::XForwardedFor => node(element),
                ForwardedField::Forwarded => parameter(element, b"for").and_then(node),
            };
            let Some(address) = node else { break };
            client = Some(address);
            if !is_proxy(address.ip()) {
                break;
            }
        }
        if field == ForwardedField::Forwarded {
            let element = all.into_iter().rev().nth(hops).unwrap_or_default();
            let told = |name: &'static [u8]| parameter(element, name).and_then(text);
            return Self {
                client,
                proto: told(b"proto"),
                host: told(b"host"),
                ..Self::default()
            };
        }
        let told = |name: &'static str| {
            let all = all_elements(head, name);
            let at = all.len().checked_sub(1)?.saturating_sub(hops);
            text(all[at])
        };
        Self {
            client,
            proto: told("x-forwarded-proto"),
            host: told("x-forwarded-host"),
            port: told("x-forwarded-port").and_then(|port| port.parse().ok()),
            prefix: told("x-forwarded-prefix"),
        }
    }
}

/// The elements of all lines of a field, in order.
fn all_elements<'a>(head: &'a Head, name: &'static str) -> Vec<&'a [u8]> {
    head.header_values(name).flat_map(elements).collect()
}

/// Returns the bytes as text; `None` where they are empty or not UTF-8.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok();
    text.filter(|text| !text.is_empty())
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

/// The value of a parameter in an element of `Forwarded`, without quotes.
fn parameter<'a>(element: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let pairs = split(element, b';').into_iter();
    let mut values = pairs.filter_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        // RFC 7239, 4: "parameter names are case-insensitive".
        let is_it = pair[..at].eq_ignore_ascii_case(name);
        is_it.then(|| &pair[at + 1..])
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
    use crate::wire::http::{HttpLimits, RequestDecoder, Step};

    fn head(fields: &str) -> Head {
        let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut decoder = RequestDecoder::new(HttpLimits::default());
        let Ok((_, Step::Head(head))) = decoder.decode(bytes.as_bytes()) else {
            panic!("{fields}");
        };
        head
    }

    fn is_proxy(ip: IpAddr) -> bool {
        ip.to_string().starts_with("10.")
    }

    fn client(fields: &str, field: ForwardedField) -> Option<String> {
        let head = head(fields);
        let told = Forwarded::read(&head, field, is_proxy);
        told.client.map(|client| client.to_string())
    }

    #[test]
    fn what_was_asked_for_is_told_by_the_outermost_trusted_proxy() {
        for (fields, proto, host, port, prefix) in [
            ("", None, None, None, None),
            (
                "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n\
                 X-Forwarded-Port: 8443\r\nX-Forwarded-Prefix: /ring\r\n",
                Some("https"),
                Some("a.example"),
                Some(8443),
                Some("/ring"),
            ),
            // The client wrote the first, the only proxy appended the second.
            (
                "X-Forwarded-For: 1.1.1.1, 192.0.2.7\r\nX-Forwarded-Proto: https, http\r\n",
                Some("http"),
                None,
                None,
                None,
            ),
            // Two proxies, the inner one without TLS.
            (
                "X-Forwarded-For: 192.0.2.7, 10.0.0.2\r\nX-Forwarded-Proto: https\r\n\
                 X-Forwarded-Proto: http\r\nX-Forwarded-Host: a.example\r\n",
                Some("https"),
                Some("a.example"),
                None,
                None,
            ),
            (
                "X-Forwarded-Proto:\r\nX-Forwarded-Port: x\r\n",
                None,
                None,
                None,
                None,
            ),
        ] {
            let head = head(fields);
            let told = Forwarded::read(&head, ForwardedField::XForwardedFor, is_proxy);
            assert_eq!(
                (told.proto, told.host, told.port, told.prefix),
                (proto, host, port, prefix),
                "{fields}"
            );
        }
        for (value, proto, host) in [
            (
                "proto=https;host=\"a.example:8443\"",
                Some("https"),
                Some("a.example:8443"),
            ),
            (
                "for=1.1.1.1;proto=https, for=192.0.2.7;Proto=http",
                Some("http"),
                None,
            ),
            (
                "for=192.0.2.7;proto=https, for=10.0.0.2;proto=http",
                Some("https"),
                None,
            ),
            (
                "for=1.1.1.1;proto=ftp, for=_x;proto=https",
                Some("https"),
                None,
            ),
        ] {
            let fields = format!("Forwarded: {value}\r\nX-Forwarded-Proto: gopher\r\n");
            let head = head(&fields);
            let told = Forwarded::read(&head, ForwardedField::Forwarded, is_proxy);
            assert_eq!((told.proto, told.host), (proto, host), "{value}");
        }
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
