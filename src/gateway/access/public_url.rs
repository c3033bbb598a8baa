//! Where clients find the server: the address that the configuration says, or the path that a proxy cut off.

use crate::gateway::access::hosts::Authority;
use crate::gateway::access::origins::{Origin, Scheme};
use crate::wire::http::Forwarded;

/// Longest prefix that is believed, bytes: it is told back.
const PREFIX_MAX: usize = 256;

/// The address of `/` as clients know it.
#[derive(Debug)]
pub(in crate::gateway) struct PublicUrl {
    /// Without a slash at its end.
    text: String,
    /// The byte at which the path begins.
    path: usize,
}

impl PublicUrl {
    /// Reads `scheme://host[:port][/path]`.
    ///
    /// # Errors
    ///
    /// What was expected.
    pub(in crate::gateway) fn new(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str =
            "must be http://host[:port] or https://host[:port], perhaps with a path";
        // Paths of ours begin with a slash, and stand behind it.
        let text = text.trim_end_matches('/');
        let host = text.find("://").ok_or(EXPECTED)? + 3;
        let path = text[host..].find('/').map_or(text.len(), |at| host + at);
        let scheme = Origin::parse(&text[..path]).and_then(|origin| origin.parts());
        // `ws` is a scheme that pages never have, though it is one of ours.
        if scheme.is_none() || text.starts_with("ws") || !is_path(&text[path..]) {
            return Err(EXPECTED);
        }
        let text = text.to_owned();
        Ok(Self { text, path })
    }

    pub(in crate::gateway) fn text(&self) -> &str {
        &self.text
    }

    /// Its host, with the port if there is one.
    pub(in crate::gateway) fn authority(&self) -> &str {
        let host = self.text.find("://").map_or(0, |at| at + 3);
        &self.text[host..self.path]
    }

    /// Returns whether a page is from there.
    pub(in crate::gateway) fn is_of(&self, page: &Origin<'_>) -> bool {
        let own = Origin::parse(&self.text[..self.path]).and_then(|origin| origin.parts());
        own.is_some_and(|(scheme, authority): (Scheme, Authority<'_>)| {
            page.is_at(Some(scheme), &authority)
        })
    }
}

/// The path that a trusted proxy cut off, without a slash at its end; empty if it says none, or nonsense.
pub(in crate::gateway) fn prefix<'a>(told: &Forwarded<'a>) -> &'a str {
    // Not refused but left out: the request itself is good, and only links in its answer would be wrong.
    let prefix = told.prefix.unwrap_or_default().trim_end_matches('/');
    if prefix.len() <= PREFIX_MAX && is_path(prefix) {
        prefix
    } else {
        ""
    }
}

/// Returns whether a text is empty or a path without a query: `/a/b`. `//a` would be a host.
fn is_path(text: &str) -> bool {
    let part = |b: u8| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:@".contains(&b);
    text.is_empty() || (text.starts_with('/') && !text.contains("//") && text.bytes().all(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_what_is_none_is_refused() {
        for (text, base, authority) in [
            ("https://a.example", "https://a.example", "a.example"),
            ("http://[::1]:81/", "http://[::1]:81", "[::1]:81"),
            ("HTTPS://A/ring/", "HTTPS://A/ring", "A"),
        ] {
            let url = PublicUrl::new(text).expect(text);
            assert_eq!((url.text(), url.authority()), (base, authority));
        }
        for wrong in [
            "",
            "a.example",
            "/ring",
            "ftp://a",
            "ws://a",
            "https://",
            "https://a?b",
            "https://a//b",
            "https://a/ b",
            "https://u@a",
        ] {
            assert!(PublicUrl::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_prefix_is_a_path_or_nothing() {
        for (told, base) in [
            ("/ring", "/ring"),
            ("/ring/", "/ring"),
            ("/", ""),
            ("//evil.example", ""),
            ("ring", ""),
            ("/a\"b", ""),
            ("/a?b", ""),
        ] {
            let told = Forwarded {
                prefix: Some(told),
                ..Forwarded::default()
            };
            assert_eq!(prefix(&told), base, "{told:?}");
        }
    }
}
