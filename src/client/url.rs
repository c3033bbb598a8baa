//! The server's URL: `http://host:port/prefix`, and what else people type.

use std::fmt::Write;

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Name or address, without the brackets of an IPv6 address.
    pub host: String,
    /// 80 where none was given.
    pub port: u16,
    /// Path in front of the routes, without a slash at its end; empty for most.
    pub prefix: String,
}

/// Why a text is not the URL of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// TLS.
    #[error("https is not supported yet; put a TLS proxy in between or use http://")]
    Https,
    /// TLS below a WebSocket.
    #[error("wss is not supported yet; put a TLS proxy in between or use http://")]
    Wss,
    /// It is none at all.
    #[error("expected a URL such as http://127.0.0.1:8080, got {0:?}")]
    Form(String),
    /// Its port is none.
    #[error("{0:?} is not a port")]
    Port(String),
    /// It holds credentials.
    #[error("a URL with a user name or password is not supported")]
    User,
    /// It goes on after its path.
    #[error("the URL must end with the path, without ?query or #fragment")]
    Query,
}

impl Url {
    /// Parses `text`; the scheme may be left out.
    ///
    /// # Errors
    ///
    /// [`UrlError`] says what it is instead.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        Self::parse_any(text, &["http"])
    }

    /// Parses a URL of one of these schemes.
    pub(super) fn parse_any(text: &str, schemes: &[&str]) -> Result<Url, UrlError> {
        let form = || UrlError::Form(text.to_string());
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if schemes.contains(&scheme) => rest,
            Some(("https", _)) => return Err(UrlError::Https),
            Some(("wss", _)) => return Err(UrlError::Wss),
            Some(_) => return Err(form()),
            None => text,
        };
        if rest.bytes().any(|b| !b.is_ascii_graphic()) {
            return Err(form());
        }
        if rest.contains(['?', '#']) {
            return Err(UrlError::Query);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::User);
        }
        let (host, port) = split_port(authority).ok_or_else(form)?;
        let port = match port {
            None => 80,
            Some(port) => port.parse().map_err(|_| UrlError::Port(port.to_string()))?,
        };
        let prefix = path.trim_end_matches('/').to_string();
        Ok(Url {
            host: host.to_string(),
            port,
            prefix,
        })
    }

    /// The value of the Host header.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Splits `host:port`, `[v6]:port`, `host`; `None` when it is neither.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            match after {
                "" => (host, None),
                _ => (host, Some(after.strip_prefix(':')?)),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    (!host.is_empty()).then_some((host, port))
}

/// Percent-encodes everything that is not plain in a path segment or a query value.
///
/// ```
/// assert_eq!(eventring::client::escape("orders.>"), "orders.%3E");
/// ```
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
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

    #[test]
    fn escapes_all_but_the_plain() {
        assert_eq!(escape("orders.eu-1_~"), "orders.eu-1_~");
        assert_eq!(escape("a/b c>*é"), "a%2Fb%20c%3E%2A%C3%A9");
    }
}
