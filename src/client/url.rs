//! The server's URL: `http://host:port/prefix`, `unix:/path`, and what else people type.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use ::url::{Host, ParseError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The bytes that `escape` changes: all but the unreserved ones.
// RFC 3986, 2.3: "unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~"".
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The address of a server, and the path in front of its routes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Url {
    /// Name or address, without the brackets of an IPv6 address; with its zone, as `fe80::1%eth0`, if it
    /// has one. `localhost` for a Unix socket.
    pub host: String,
    /// 80 where none was given.
    pub port: u16,
    /// Path in front of the routes, without a slash at its end; empty for most.
    pub prefix: String,
    /// The Unix socket, if it is one.
    pub socket: Option<PathBuf>,
}

/// Why a text is not the URL of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// TLS is asked for.
    #[error("https is not supported yet; put a TLS proxy in between or use http://")]
    Https,
    /// TLS below a WebSocket is asked for.
    #[error("wss is not supported yet; put a TLS proxy in between or use http://")]
    Wss,
    /// The text is no URL, or one of another scheme.
    #[error("expected a URL such as http://127.0.0.1:8080 or unix:/run/eventring.sock, got {0:?}")]
    Form(String),
    /// The Unix socket has no file.
    #[error(
        "{0:?} is an abstract socket, which has no permissions; give the path of a socket (a file of \
         that name is unix:./@name)"
    )]
    Abstract(String),
    /// The port is no number from 0 to 65,535.
    #[error("{0:?} is not a port")]
    Port(String),
    /// The URL holds credentials.
    #[error("a URL with a user name or password is not supported")]
    User,
    /// The URL goes on after its path.
    #[error("the URL must end with the path, without ?query or #fragment")]
    Query,
}

impl Url {
    /// Parses `text`; the scheme may be left out, and is the same in any case.
    ///
    /// A Unix socket is `unix:/run/eventring.sock`; a prefix stands behind a colon, as in
    /// `unix:/run/eventring.sock:/prefix`. The zone of a link-local address is `%25eth0`, as RFC 6874 has
    /// it, or `%eth0`, as everybody types it.
    ///
    /// # Errors
    ///
    /// [`UrlError`] says what it is instead.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        Self::parse_any(text, &["http"])
    }

    /// Parses a URL of one of these schemes, or of a Unix socket.
    pub(super) fn parse_any(text: &str, schemes: &[&str]) -> Result<Url, UrlError> {
        let form = || UrlError::Form(text.to_string());
        if let Some(path) = unix(text) {
            return Self::unix(path).ok_or_else(form)?;
        }
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if schemes.iter().any(|s| s.eq_ignore_ascii_case(scheme)) => rest,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
                return Err(UrlError::Https);
            }
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("wss") => return Err(UrlError::Wss),
            Some(_) => return Err(form()),
            None => text,
        };
        // The WHATWG's parser mends what browsers are given: it drops line ends and slashes too many, and
        // escapes spaces. Here somebody has mistyped an address, and is told so.
        if rest.bytes().any(|b| !b.is_ascii_graphic()) || rest.starts_with(['/', '\\']) {
            return Err(form());
        }
        let authority = &rest[..rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len())];
        // Before anything is told about the rest: an error that repeats the text must not hold a password.
        if authority.contains('@') {
            return Err(UrlError::User);
        }
        let (rest, zone) = without_zone(rest).ok_or_else(form)?;
        // Every scheme that comes here is HTTP's, with its default port.
        let parsed = ::url::Url::parse(&format!("http://{rest}")).map_err(|error| match error {
            ParseError::InvalidPort => {
                let port = authority.rsplit(':').next().unwrap_or_default();
                UrlError::Port(port.to_owned())
            }
            _ => form(),
        })?;
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(UrlError::Query);
        }
        let host = match parsed.host().ok_or_else(form)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => format!("{address}{zone}"),
        };
        Ok(Url {
            host,
            port: parsed.port_or_known_default().unwrap_or(80),
            prefix: parsed.path().trim_end_matches('/').to_owned(),
            socket: None,
        })
    }

    /// Parses what stands behind `unix:`; `None`: there is no path, or one that no file can have. No URL of the WHATWG: a
    /// file's name may hold any byte, and stands as it is.
    fn unix(rest: &str) -> Option<Result<Url, UrlError>> {
        if rest.starts_with('@') {
            return Some(Err(UrlError::Abstract(rest.to_owned())));
        }
        // `unix:///run/x` is the same to many.
        let rest = rest
            .strip_prefix("//")
            .filter(|path| path.starts_with('/'))
            .unwrap_or(rest);
        let (path, prefix) = match rest.find(":/") {
            Some(colon) => (&rest[..colon], &rest[colon + 1..]),
            None => (rest, ""),
        };
        if path.is_empty() || path.contains('\0') {
            return None;
        }
        if prefix.contains(['?', '#']) {
            return Some(Err(UrlError::Query));
        }
        if prefix.bytes().any(|b| !b.is_ascii_graphic()) {
            return None;
        }
        Some(Ok(Url {
            host: "localhost".to_owned(),
            port: 80,
            prefix: prefix.trim_end_matches('/').to_owned(),
            socket: Some(path.into()),
        }))
    }

    /// Returns the value of the Host header.
    // RFC 6874, 3: "an HTTP client, proxy, or other intermediary MUST remove any ZoneID attached to an
    // outgoing URI, as it has only local significance at the sending host."
    pub fn authority(&self) -> String {
        if self.socket.is_some() {
            return self.host.clone();
        }
        let host = match self.host.split_once('%') {
            Some((address, _)) if address.contains(':') => address,
            _ => &self.host,
        };
        if host.contains(':') {
            format!("[{host}]:{}", self.port)
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// Returns the address as people read it.
    pub(super) fn place(&self) -> String {
        match &self.socket {
            Some(path) => format!("unix:{}", path.display()),
            None if self.host.contains(':') => format!("[{}]:{}", self.host, self.port),
            None => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Url {
    /// In a form that [`parse`](Url::parse) takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(_) if self.prefix.is_empty() => f.write_str(&self.place()),
            Some(_) => write!(f, "{}:{}", self.place(), self.prefix),
            None => write!(f, "http://{}{}", self.place(), self.prefix),
        }
    }
}

/// Returns what stands behind `unix:`.
pub(super) fn unix(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("unix").then_some(rest)
}

/// Takes the zone out of an IPv6 address in brackets, and returns it as the system knows it, with its `%`; `None` for one
/// that is empty. The URLs of the WHATWG have no zones.
// RFC 6874, 2: "IPv6addrz = IPv6address \"%25\" ZoneID"
fn without_zone(rest: &str) -> Option<(Cow<'_, str>, String)> {
    let zone = rest
        .starts_with('[')
        .then(|| rest.split_once(']'))
        .flatten()
        .and_then(|(host, after)| Some((host.split_once('%')?, after)));
    let Some(((address, zone), after)) = zone else {
        return Some((Cow::Borrowed(rest), String::new()));
    };
    let zone = match zone.strip_prefix("25") {
        Some(zone) if !zone.is_empty() => zone,
        _ => zone,
    };
    (!zone.is_empty()).then(|| (format!("{address}]{after}").into(), format!("%{zone}")))
}

/// Percent-encodes everything that is not plain in a path segment or a query value.
///
/// ```
/// assert_eq!(eventring::client::escape("orders.>"), "orders.%3E");
/// ```
pub fn escape(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, u16, String) {
        let url = Url::parse(text).expect(text);
        (url.host, url.port, url.prefix)
    }

    #[test]
    fn usual_forms() {
        assert_eq!(
            parsed("http://127.0.0.1:8080"),
            ("127.0.0.1".into(), 8080, "".into())
        );
        assert_eq!(parsed("http://[::1]:9/"), ("::1".into(), 9, "".into()));
        assert_eq!(parsed("localhost:1"), ("localhost".into(), 1, "".into()));
        assert_eq!(
            parsed("http://h/ev/ring/"),
            ("h".into(), 80, "/ev/ring".into())
        );
        assert_eq!(
            Url::parse("http://[::1]:9").expect("v6").authority(),
            "[::1]:9"
        );
    }

    /// RFC 3986, 3.1: schemes are case-insensitive.
    #[test]
    fn schemes_are_the_same_in_any_case() {
        for text in ["HTTP://h:1", "Http://h:1", "h:1"] {
            assert_eq!(parsed(text), ("h".into(), 1, "".into()), "{text}");
        }
        assert_eq!(Url::parse("HTTPS://h"), Err(UrlError::Https));
        assert_eq!(Url::parse("WSS://h"), Err(UrlError::Wss));
    }

    /// Once: `unix:/x` was "not a port".
    #[test]
    fn unix_sockets_have_urls() {
        let unix = |text: &str| {
            let url = Url::parse(text).expect(text);
            assert_eq!(Url::parse(&url.to_string()), Ok(url.clone()), "{text}");
            assert_eq!(url.authority(), "localhost");
            let socket = url.socket.expect("a socket").display().to_string();
            (socket, url.prefix)
        };
        assert_eq!(unix("unix:/run/e"), ("/run/e".into(), "".into()));
        assert_eq!(unix("UNIX:///run/e"), ("/run/e".into(), "".into()));
        assert_eq!(unix("unix:e a"), ("e a".into(), "".into()));
        assert_eq!(unix("unix:/e:/ev/ring/"), ("/e".into(), "/ev/ring".into()));
        assert_eq!(unix("unix:./@e"), ("./@e".into(), "".into()));
        let told = Url::parse("unix:@e").expect_err("abstract").to_string();
        assert!(told.contains("no permissions"), "{told}");
        assert!(matches!(Url::parse("unix:"), Err(UrlError::Form(_))));
        assert_eq!(Url::parse("unix:/e:/a?b"), Err(UrlError::Query));
    }

    /// RFC 6874: the zone of a link-local address is part of the host.
    #[test]
    fn link_local_addresses_have_zones() {
        for text in ["http://[fe80::77%25d0]:9", "http://[fe80::77%d0]:9"] {
            let url = Url::parse(text).expect(text);
            assert_eq!((url.host.as_str(), url.port), ("fe80::77%d0", 9));
            // A zone means nothing on another machine.
            assert_eq!(url.authority(), "[fe80::77]:9");
        }
        let url = Url::parse("http://[fe80::1%25]").expect("zone 25");
        assert_eq!(url.host, "fe80::1%25");
        assert!(Url::parse("http://[fe80::1%]").is_err());
    }

    #[test]
    fn the_rest_is_refused_with_a_reason() {
        assert_eq!(Url::parse("https://h"), Err(UrlError::Https));
        assert_eq!(Url::parse("wss://h"), Err(UrlError::Wss));
        assert!(matches!(Url::parse("ws://h"), Err(UrlError::Form(_))));
        assert_eq!(Url::parse("http://h:x"), Err(UrlError::Port("x".into())));
        assert_eq!(Url::parse("http://a:b@h"), Err(UrlError::User));
        assert_eq!(Url::parse("http://h/?a=1"), Err(UrlError::Query));
        for wrong in [
            "",
            "http://",
            "ftp://h",
            "http://[::1",
            "http://a b",
            "http://\u{e9}",
        ] {
            assert!(
                matches!(Url::parse(wrong), Err(UrlError::Form(_))),
                "{wrong:?}"
            );
        }
    }

    /// Forms that a parser for browsers would mend, and that a client which is set up once should not.
    #[test]
    fn nothing_is_mended_behind_somebodys_back() {
        for wrong in [
            "http:///h",
            "http://h\n",
            "http://h/a b",
            "http://\\h",
            "http://[1::2::3]",
            "http://1.2.3.4.5",
            "http://a<b",
        ] {
            let error = Url::parse(wrong).expect_err(wrong);
            assert_eq!(error, UrlError::Form(wrong.to_owned()));
        }
        assert_eq!(Url::parse("http://u:secret@"), Err(UrlError::User));
        assert_eq!(Url::parse("http://u:secret@h:x"), Err(UrlError::User));
        assert_eq!(Url::parse("h:65536"), Err(UrlError::Port("65536".into())));
        assert_eq!(Url::parse("[::1]:-1"), Err(UrlError::Port("-1".to_owned())));
    }

    #[test]
    fn one_address_has_one_form() {
        assert_eq!(parsed("http://EXAMPLE.org"), parsed("example.org:80/"));
        assert_eq!(parsed("[0:0::0001]:9"), ("::1".into(), 9, "".into()));
        assert_eq!(parsed("h/a/../b/"), ("h".into(), 80, "/b".into()));
        let name = "xn--bcher-kva.example";
        assert_eq!(parsed(name), (name.into(), 80, "".into()));
    }

    #[test]
    fn escapes_all_but_the_plain() {
        assert_eq!(escape("orders.eu-1_~"), "orders.eu-1_~");
        assert_eq!(escape("a/b c>*é"), "a%2Fb%20c%3E%2A%C3%A9");
    }
}
