//! Names that people type: topics, types, hosts, origins, fields and parameters, with the text that says what was expected.

/// Longest topic and type, bytes.
const NAME_BYTES: usize = 255;

/// Parses a topic or a pattern as far as its length; the server judges its form.
pub(super) fn topic(text: &str) -> Result<String, String> {
    short(text)
}

/// Parses the type of an event.
pub(super) fn event_type(text: &str) -> Result<String, String> {
    short(text)
}

/// Parses an origin as browsers send it, `https://app.example:8443`, or `*`.
pub(super) fn origin(text: &str) -> Result<String, String> {
    const EXPECTED: &str = "expected scheme://host[:port] without a path, or *";
    let valid = text.split_once("://").is_some_and(|(scheme, rest)| {
        let letters = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        !scheme.is_empty() && scheme.bytes().all(letters) && host(rest).is_ok() && rest != "*"
    });
    if text == "*" || valid {
        return Ok(text.to_string());
    }
    Err(match text {
        "null" => "any sandboxed page says null; use * if you mean all".into(),
        _ => EXPECTED.into(),
    })
}

/// Parses the address of a server, `https://events.example/ring`.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    const EXPECTED: &str = "expected http:// or https://, a host[:port], and perhaps a path";
    let (_, rest) = text
        .split_once("://")
        .filter(|(scheme, _)| ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()))
        .ok_or(EXPECTED)?;
    let (name, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let plain = |b: u8| b.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&b);
    if name != "*" && host(name).is_ok() && path.bytes().all(plain) && !path.contains("//") {
        Ok(text.to_string())
    } else {
        Err(EXPECTED.into())
    }
}

/// Parses a host name or address with or without a port, or `*`.
pub(super) fn host(text: &str) -> Result<String, String> {
    const EXPECTED: &str =
        "expected a host name or address, with or without a port and without a scheme, or *";
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (text, None),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let v6 = name.strip_prefix('[').and_then(|v6| v6.strip_suffix(']'));
    let valid = match v6 {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(plain),
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok());
    if text == "*" || valid && port_fits {
        Ok(text.to_string())
    } else {
        Err(EXPECTED.into())
    }
}

/// Parses the name of a request field, or `*`.
pub(super) fn field(text: &str) -> Result<String, String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&b);
    if text == "*" || (!text.is_empty() && text.bytes().all(token)) {
        return Ok(text.to_string());
    }
    Err("expected the name of a request field, or *".into())
}

/// Parses the name of a query parameter, or its beginning and `*`.
pub(super) fn parameter(text: &str) -> Result<String, String> {
    let stem = text.strip_suffix('*').unwrap_or(text);
    if text.is_empty() || stem.contains(['*', '&', '=', '#', '?']) {
        return Err("expected the name of a query parameter, or its beginning and *".into());
    }
    short(text)
}

fn short(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > NAME_BYTES {
        return Err(format!("must be between 1 and {NAME_BYTES} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not hold control characters".into());
    }
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_no_scheme() {
        for good in [
            "a.example",
            "a.example:81",
            "[2001:db8::1]:8080",
            "10.0.0.1",
            "*",
        ] {
            assert!(host(good).is_ok(), "{good}");
        }
        for bad in ["", "http://a", "a b", "a/b", "a:b", "a:", "[::1", "é"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn origins_have_a_scheme_and_no_path() {
        for good in ["https://a.example", "http://localhost:3000", "*"] {
            assert!(origin(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "null",
            "a.example",
            "https://a/",
            "https://",
            "https://a:b",
            "https://*",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
