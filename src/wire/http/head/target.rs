//! Request targets in their four forms, and the Host field.

use super::super::error::{Fault, Reason};
use super::fields::{Fields, Span};

/// The parts of a target, as spans of the head.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Target {
    /// `None` is the empty path of an absolute target, which reads as `/`.
    pub(super) path: Option<Span>,
    pub(super) query: Option<Span>,
    /// The authority of an absolute target.
    pub(super) authority: Option<Span>,
}

/// Takes the target apart that stands at `span`.
// RFC 9112, 3.2: "request-target = origin-form / absolute-form / authority-form / asterisk-form"
pub(super) fn parse(head: &[u8], method: &[u8], span: Span) -> Result<Target, Fault> {
    let target = span.bytes(head);
    let start = span.start();
    // RFC 3986, 2: a URI is visible ASCII. 3.5: the fragment "is separated from the rest of the URI
    // prior to a dereference", so a `#` never arrives.
    let bad = |byte: &u8| !matches!(byte, 0x21..=0x7e) || *byte == b'#';
    if let Some(at) = target.iter().position(bad) {
        return Err(Fault::bad("target", Reason::BadByte, start + at));
    }
    // RFC 9110, 9.3.6: "An origin server MAY accept a CONNECT request, but most origin servers do
    // not implement CONNECT."
    if method == b"CONNECT" {
        return Err(Fault::new(501, "method", Reason::NotSupported, 0));
    }
    match target {
        [b'/', ..] => Ok(split_query(target, start)),
        // RFC 9112, 3.2.4: "The asterisk-form of request-target is only used for a server-wide
        // OPTIONS request"
        b"*" if method == b"OPTIONS" => Ok(Target {
            path: Some(span),
            ..Target::default()
        }),
        _ => absolute(target, start),
    }
}

/// `target` starts with its path.
fn split_query(target: &[u8], start: usize) -> Target {
    let end = start + target.len();
    let mark = memchr::memchr(b'?', target).map(|k| start + k);
    let path_end = mark.unwrap_or(end);
    Target {
        path: (path_end > start).then(|| Span::new(start, path_end)),
        query: mark.map(|mark| Span::new(mark + 1, end)),
        authority: None,
    }
}

// RFC 9112, 3.2.2: "A server MUST accept the absolute-form in requests even though most HTTP/1.1
// clients will only send the absolute-form to a proxy."
fn absolute(target: &[u8], start: usize) -> Result<Target, Fault> {
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|s| target.len() >= s.len() && target[..s.len()].eq_ignore_ascii_case(s));
    let Some(scheme) = scheme else {
        return Err(Fault::bad("target", Reason::TargetForm, start));
    };
    let rest = &target[scheme.len()..];
    let authority_end = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
    let at = start + scheme.len();
    let authority = &rest[..authority_end];
    // RFC 9110, 4.2.1: "A sender MUST NOT generate an "http" URI with an empty host identifier."
    if authority.is_empty() || !is_host(authority) {
        return Err(Fault::bad("target", Reason::NotAHost, at));
    }
    let mut parts = split_query(&rest[authority_end..], at + authority_end);
    parts.authority = Some(Span::new(at, at + authority_end));
    Ok(parts)
}

// RFC 9112, 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1
// request message that lacks a Host header field and to any request message that contains more than
// one Host header field line or a Host header field with an invalid field value."
pub(super) fn check_host(fields: &Fields, http10: bool) -> Result<(), Fault> {
    match fields.single("host")? {
        Some((span, host)) if !is_host(host) => {
            Err(Fault::bad("host", Reason::NotAHost, span.start()))
        }
        None if !http10 => Err(Fault::bad("host", Reason::Missing, fields.bytes.len())),
        _ => Ok(()),
    }
}

/// Returns whether `value` is `uri-host [":" port]`. Empty is a valid Host: the target has no authority.
// RFC 3986, 3.2.2: "host = IP-literal / IPv4address / reg-name". A comma is a sub-delim of
// reg-name, but is refused: it is what two Host lines look like after somebody joined them.
fn is_host(value: &[u8]) -> bool {
    let (host, rest) = match value {
        [b'[', inside @ ..] => {
            let Some(end) = memchr::memchr(b']', inside) else {
                return false;
            };
            let (literal, rest) = (&inside[..end], &inside[end + 1..]);
            let v6 = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
            if literal.is_empty() || !literal.iter().all(v6) {
                return false;
            }
            (&b""[..], rest)
        }
        _ => value.split_at(memchr::memchr(b':', value).unwrap_or(value.len())),
    };
    let reg_name = |b: &u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(b);
    let port = match rest {
        [] => true,
        [b':', port @ ..] => port.len() <= 5 && port.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    host.iter().all(reg_name) && port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in [
            "",
            "a",
            "example.com:80",
            "127.0.0.1:",
            "[::1]:8080",
            "[::ffff:1.2.3.4]",
            "a_b~c",
        ] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "###", "a,b", "u@a", "a/b", "[::1", "[]", "[::1]x", "a:b", "a:123456", "a:1:2", "a b",
            "é",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }
}
