//! Origins of web pages, and which of them the configuration lets in.

use crate::gateway::access::BadValue;

use std::sync::Arc;

use crate::gateway::access::hosts::Authority;
use crate::gateway::access::origin_check::Cors;

/// The protocol that clients speak to the server, by the name that it has in an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// Reads the name of a scheme, that of WebSockets included: some proxies call a handshake so.
    pub(super) fn of(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match () {
            () if is("http") || is("ws") => Some(Self::Http),
            () if is("https") || is("wss") => Some(Self::Https),
            () => None,
        }
    }

    /// The port where an address has none.
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port of a page (RFC 6454).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Origin<'a> {
    scheme: &'a str,
    authority: Authority<'a>,
}

impl<'a> Origin<'a> {
    /// Reads `scheme://host[:port]`; `null` and everything else is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let part = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        let host = |b: u8| b.is_ascii_alphanumeric() || b"-._~:[]".contains(&b);
        if scheme.is_empty() || !scheme.bytes().all(part) || !rest.bytes().all(host) {
            return None;
        }
        let authority = Authority::of(rest);
        // A port that is no number is none to `Authority`: that must not pass for an origin without one.
        let port_is_there = rest.len() > authority.host.len();
        if authority.host.is_empty() || (port_is_there && authority.port.is_none()) {
            return None;
        }
        Some(Self { scheme, authority })
    }

    /// Returns whether this is the origin of `own`, by `scheme`; `None`: by HTTP with or without TLS.
    pub(super) fn is_at(&self, scheme: Option<Scheme>, own: &Authority<'_>) -> bool {
        let Some(known) = Scheme::of(self.scheme) else {
            return false;
        };
        // Browsers leave out the default port in Origin, and some clients write it in Host.
        let port = |authority: &Authority<'_>| authority.port.unwrap_or(known.port());
        scheme.is_none_or(|scheme| scheme == known)
            && self.authority.host.eq_ignore_ascii_case(own.host)
            && port(&self.authority) == port(own)
    }

    /// The scheme, if it is one of ours, and the host and port.
    pub(super) fn parts(&self) -> Option<(Scheme, Authority<'a>)> {
        Some((Scheme::of(self.scheme)?, self.authority))
    }
}

/// The origins that the configuration lets in.
#[derive(Debug)]
pub(in crate::gateway) struct Origins {
    any: bool,
    allowed: Vec<Arc<str>>,
}

impl Origins {
    /// Reads them; `*` is all.
    ///
    /// # Errors
    ///
    /// The value that is no origin, and why.
    pub(in crate::gateway) fn new(values: &[String]) -> Result<Self, BadValue> {
        let mut origins = Self {
            any: false,
            allowed: Vec::new(),
        };
        for value in values {
            let fail = |why: &str| Err(BadValue::new(value, why));
            match value.as_str() {
                "*" => origins.any = true,
                "null" => return fail("is what any sandboxed page says: use * if you mean all"),
                value if Origin::parse(value).is_some() => {
                    origins.allowed.push(value.to_ascii_lowercase().into());
                }
                _ => return fail("must be scheme://host[:port] without a path, or *"),
            }
        }
        Ok(origins)
    }

    /// Returns what to tell a page of `origin`; `None`: it is not let in.
    pub(super) fn find(&self, origin: &str) -> Option<Cors> {
        if self.any {
            return Some(Cors::Any);
        }
        let found = self
            .allowed
            .iter()
            .find(|allowed| allowed.eq_ignore_ascii_case(origin));
        found.cloned().map(Cors::Origin)
    }

    /// Returns what to tell whoever sent a head that could not be read; `None`: it did not come as far as the
    /// origin. One that is let in alone is told in any case: no other page can read that answer.
    pub(super) fn of_broken(&self, origin: Option<&str>) -> Cors {
        let cors = match (origin, &self.allowed[..]) {
            (Some(origin), _) => self.find(origin),
            (None, _) if self.any => Some(Cors::Any),
            (None, [only]) => Some(Cors::Origin(only.clone())),
            (None, _) => None,
        };
        cors.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_ours_by_scheme_host_and_port() {
        let at = |origin, scheme, host| {
            let origin = Origin::parse(origin);
            origin.is_some_and(|origin| origin.is_at(scheme, &Authority::of(host)))
        };
        let (http, https) = (Some(Scheme::Http), Some(Scheme::Https));
        for (origin, scheme, host) in [
            ("http://localhost:8080", http, "localhost:8080"),
            ("http://LOCALHOST", http, "localhost:80"),
            ("http://[::1]:8080", http, "[::1]:8080"),
            ("https://a.example", https, "a.example:443"),
            ("https://a.example:8443", https, "a.example:8443"),
            // Nobody knows by what scheme it came: the default port is that of the page.
            ("http://a.example", None, "a.example:80"),
            ("https://a.example", None, "a.example"),
            ("https://a.example:8443", None, "a.example:8443"),
        ] {
            assert!(at(origin, scheme, host), "{origin} {host}");
        }
        for (origin, scheme, host) in [
            ("http://localhost:8081", None, "localhost:8080"),
            ("https://localhost:8080", http, "localhost:8080"),
            ("http://localhost:8080", https, "localhost:8080"),
            ("http://localhost", None, "localhost:8080"),
            ("https://a.example", None, "a.example:80"),
            ("http://evil.example:8080", None, "localhost:8080"),
            ("ftp://localhost:8080", None, "localhost:8080"),
            ("null", None, "null"),
            ("http://localhost:8080/", None, "localhost:8080"),
            ("http://user@localhost:8080", None, "localhost:8080"),
        ] {
            assert!(!at(origin, scheme, host), "{origin} {host}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for bad in [
            "",
            "null",
            "a.example",
            "https://a.example/",
            "https://",
            "https://a:b",
            "https://*.a",
        ] {
            assert!(Origins::new(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
