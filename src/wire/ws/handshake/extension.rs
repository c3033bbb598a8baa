//! `Sec-WebSocket-Extensions`: offers read (RFC 6455, 9.1), permessage-deflate agreed on (RFC 7692, 7.1).

use std::borrow::Cow;
use std::fmt;

use super::super::message::Inflate;
use super::client::AnswerError;
use super::server::HandshakeError;
use crate::settings::setters;

/// Offers that are looked at; further ones are left alone.
const OFFERS_MAX: usize = 16;
pub(super) const PERMESSAGE_DEFLATE: &str = "permessage-deflate";
/// Largest deflate window, as a power of two.
const WINDOW_BITS_MAX: u8 = 15;

/// Policy of a server for offers of permessage-deflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeflatePolicy {
    /// The smallest window that the server's own messages can do with, as a power of two: an offer
    /// that wants a smaller one (`server_max_window_bits`) is declined. A server that sends its
    /// messages uncompressed, which it always may, can do with any: 8, the default.
    pub server_window_bits: u8,
    /// Allows clients to refer to earlier messages. It saves them bytes and costs the server
    /// 42 KiB a connection, so by default they may not.
    pub looking_back: bool,
}

impl DeflatePolicy {
    /// The window that [`deflate`](crate::wire::deflate) needs, as a power of two.
    pub const WINDOW_BITS: u8 = WINDOW_BITS_MAX;
}

impl Default for DeflatePolicy {
    fn default() -> Self {
        Self {
            server_window_bits: 8,
            looking_back: false,
        }
    }
}

setters! {
    DeflatePolicy {
        server_window_bits: u8,
        looking_back: bool,
    }
}

/// The permessage-deflate that was agreed on. `Display` gives the value of the response's field.
///
/// ```
/// use eventring::wire::ws::Deflate;
///
/// let deflate = Deflate::default().server_window_bits(Some(12));
/// assert_eq!(deflate.to_string(), "permessage-deflate; server_max_window_bits=12");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deflate {
    /// The server's messages may not refer to earlier ones.
    pub server_no_context_takeover: bool,
    /// The client's may not.
    pub client_no_context_takeover: bool,
    /// The largest window of the server's messages, if the client wants one.
    pub server_window_bits: Option<u8>,
}

setters! {
    Deflate {
        server_no_context_takeover: bool,
        client_no_context_takeover: bool,
        server_window_bits: Option<u8>,
    }
}

impl Deflate {
    /// Returns how the client's messages may be compressed.
    pub fn by_client(self) -> Inflate {
        inflate(self.client_no_context_takeover)
    }

    /// Returns how the server's messages may be compressed.
    pub fn by_server(self) -> Inflate {
        inflate(self.server_no_context_takeover)
    }
}

fn inflate(no_context_takeover: bool) -> Inflate {
    if no_context_takeover {
        Inflate::EachMessage
    } else {
        Inflate::LookingBack
    }
}

impl fmt::Display for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PERMESSAGE_DEFLATE)?;
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        match self.server_window_bits {
            Some(bits) => write!(f, "; server_max_window_bits={bits}"),
            None => Ok(()),
        }
    }
}

/// One extension, offered by a client or accepted by a server.
struct Extension<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, Option<Cow<'a, str>>)>,
}

impl Extension<'_> {
    fn is_deflate(&self) -> bool {
        self.name.eq_ignore_ascii_case(PERMESSAGE_DEFLATE)
    }
}

/// The parameters of permessage-deflate.
#[derive(Default)]
struct Parameters {
    deflate: Deflate,
    /// `true`: the client's window is spoken of, with or without its size.
    client_window: bool,
}

impl Parameters {
    /// Reads them; `None`: one is unknown, stands twice, or has a value that it cannot have.
    fn of(extension: &Extension<'_>) -> Option<Self> {
        let mut all = Self::default();
        for (at, (name, value)) in extension.parameters.iter().enumerate() {
            let mut earlier = extension.parameters[..at].iter();
            if earlier.any(|(earlier, _)| earlier == name) {
                return None;
            }
            match (*name, value.as_deref()) {
                ("server_no_context_takeover", None) => {
                    all.deflate.server_no_context_takeover = true;
                }
                ("client_no_context_takeover", None) => {
                    all.deflate.client_no_context_takeover = true;
                }
                ("server_max_window_bits", Some(bits)) => {
                    all.deflate.server_window_bits = Some(window_bits(bits)?);
                }
                ("client_max_window_bits", bits) => {
                    bits.map_or(Some(0), window_bits)?;
                    all.client_window = true;
                }
                _ => return None,
            }
        }
        Some(all)
    }
}

/// Takes the first offer of permessage-deflate that the policy allows.
pub(super) fn agree<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    policy: DeflatePolicy,
) -> Result<Option<Deflate>, HandshakeError> {
    let mut agreed = None;
    let mut offers = 0;
    for offer in list(values) {
        let offer = offer.map_err(|Malformed| HandshakeError::Extensions)?;
        offers += 1;
        if agreed.is_none() && offers <= OFFERS_MAX {
            agreed = accept(&offer, policy);
        }
    }
    Ok(agreed)
}

// RFC 7692, 7.1: "A server MUST decline an extension negotiation offer for this extension if any of
// the following conditions are met: The negotiation offer contains an extension parameter not
// defined for use in an offer. [..] with an invalid value. [..] contains multiple extension
// parameters with the same name. The server doesn't support the offered configuration."
fn accept(offer: &Extension<'_>, policy: DeflatePolicy) -> Option<Deflate> {
    if !offer.is_deflate() {
        return None;
    }
    // Our window has 32 KiB: whatever the client says of its own is right.
    let Parameters { mut deflate, .. } = Parameters::of(offer)?;
    let bits = deflate.server_window_bits;
    if bits.is_some_and(|bits| bits < policy.server_window_bits) {
        return None;
    }
    deflate.client_no_context_takeover |= !policy.looking_back;
    Some(deflate)
}

/// Reads what a server has accepted of an offer of permessage-deflate without parameters, if there
/// was one.
// RFC 6455, 4.1: "If the response includes a |Sec-WebSocket-Extensions| header field and this header
// field indicates the use of an extension that was not present in the client's handshake [..], the
// client MUST _Fail the WebSocket Connection_."
// RFC 7692, 7.1: so it must if the parameters are unknown, invalid, doubled, or not supported;
// 7.1.2.2: an answer to an offer without client_max_window_bits must not have it.
pub(super) fn accepted<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    offered: bool,
) -> Result<Option<Deflate>, AnswerError> {
    let mut agreed = None;
    for extension in list(values) {
        let extension = extension.map_err(|Malformed| AnswerError::Extensions)?;
        if !offered || agreed.is_some() || !extension.is_deflate() {
            return Err(AnswerError::NotOffered);
        }
        let read = Parameters::of(&extension).filter(|read| !read.client_window);
        agreed = Some(read.ok_or(AnswerError::Deflate)?.deflate);
    }
    Ok(agreed)
}

/// All extensions that the lines of the field name; nothing may be read after an error.
fn list<'a>(
    values: impl Iterator<Item = &'a [u8]>,
) -> impl Iterator<Item = Result<Extension<'a>, Malformed>> {
    values.flat_map(|value| {
        let text = std::str::from_utf8(value);
        let mut reader = text.map(|text| Reader { text, at: 0 });
        std::iter::from_fn(move || match &mut reader {
            Ok(reader) => reader.extension().transpose(),
            Err(_) => Some(Err(Malformed)),
        })
    })
}

/// 8 to 15, without leading zeros.
fn window_bits(text: &str) -> Option<u8> {
    let plain = !text.starts_with(['0', '+']);
    let bits = text.parse().ok().filter(|_| plain)?;
    (8..=WINDOW_BITS_MAX).contains(&bits).then_some(bits)
}

/// Not a list of extensions.
#[derive(Debug)]
struct Malformed;

/// Reads the grammar of the field.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    // RFC 6455, 9.1: "extension-list = 1#extension", and RFC 9110, 5.6.1.2: "A recipient MUST parse
    // and ignore a reasonable number of empty list elements".
    fn extension(&mut self) -> Result<Option<Extension<'a>>, Malformed> {
        while self.takes(b',') {}
        if self.peek().is_none() {
            return Ok(None);
        }
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.takes(b';') {
            let name = self.token()?;
            let value = if self.takes(b'=') {
                Some(self.value()?)
            } else {
                None
            };
            parameters.push((name, value));
        }
        match self.peek() {
            None | Some(b',') => Ok(Some(Extension { name, parameters })),
            Some(_) => Err(Malformed),
        }
    }

    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        self.peek();
        let rest = &self.text[self.at..];
        let end = rest.bytes().position(|byte| !is_token_byte(byte));
        let token = &rest[..end.unwrap_or(rest.len())];
        if token.is_empty() {
            return Err(Malformed);
        }
        self.at += token.len();
        Ok(token)
    }

    // RFC 6455, 9.1: "When using the quoted-string syntax variant, the value after quoted-string
    // unescaping MUST conform to the 'token' ABNF."
    fn value(&mut self) -> Result<Cow<'a, str>, Malformed> {
        if !self.takes(b'"') {
            return self.token().map(Cow::Borrowed);
        }
        let mut value = String::new();
        let mut escaped = false;
        for byte in self.text.bytes().skip(self.at) {
            self.at += 1;
            match byte {
                b'"' if !escaped && !value.is_empty() => return Ok(Cow::Owned(value)),
                b'\\' if !escaped => escaped = true,
                byte if is_token_byte(byte) => {
                    escaped = false;
                    value.push(char::from(byte));
                }
                _ => return Err(Malformed),
            }
        }
        Err(Malformed)
    }
}

// RFC 9110, 5.6.2: "token = 1*tchar".
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(value: &str, policy: DeflatePolicy) -> Option<String> {
        let values = std::iter::once(value.as_bytes());
        agree(values, policy)
            .unwrap()
            .map(|deflate| deflate.to_string())
    }

    const LOOKING_BACK: DeflatePolicy = DeflatePolicy {
        server_window_bits: 8,
        looking_back: true,
    };

    #[test]
    fn offers_are_tried_in_turn_and_bad_ones_declined() {
        let plain = Some("permessage-deflate".to_owned());
        let table = [
            ("permessage-deflate", plain.clone()),
            (
                "x-other; a=b, PerMessage-Deflate ; client_max_window_bits",
                plain.clone(),
            ),
            (
                "permessage-deflate; client_max_window_bits=\"1\\5\"",
                plain.clone(),
            ),
            (
                "permessage-deflate; nonsense, , permessage-deflate",
                plain.clone(),
            ),
            ("permessage-deflate; client_max_window_bits=16", None),
            ("permessage-deflate; client_max_window_bits=09", None),
            ("permessage-deflate; server_max_window_bits", None),
            ("permessage-deflate; client_no_context_takeover=1", None),
            (
                "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                None,
            ),
            ("x-webkit-deflate-frame", None),
            ("", None),
        ];
        for (value, want) in table {
            assert_eq!(agreed(value, LOOKING_BACK), want, "{value}");
        }
    }

    #[test]
    fn all_four_parameters_are_answered() {
        let offer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                     server_max_window_bits=10; client_max_window_bits=9";
        let want = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                    server_max_window_bits=10";
        assert_eq!(agreed(offer, LOOKING_BACK).as_deref(), Some(want));
    }

    #[test]
    fn a_window_too_small_for_the_server_is_declined_and_the_next_offer_taken() {
        let whole = DeflatePolicy {
            server_window_bits: 15,
            looking_back: false,
        };
        let offer = "permessage-deflate; server_max_window_bits=14, permessage-deflate";
        let want = "permessage-deflate; client_no_context_takeover";
        assert_eq!(agreed(offer, whole).as_deref(), Some(want));
    }

    #[test]
    fn what_is_no_list_of_offers_is_refused() {
        for value in [
            ";;;=,,",
            "a b",
            "a;",
            "a; b=",
            "a; b=\"",
            "a; b=\"c d\"",
            "a; b=\"\"",
            "ü",
        ] {
            let values = std::iter::once(value.as_bytes());
            let refused = agree(values, DeflatePolicy::default());
            assert_eq!(refused, Err(HandshakeError::Extensions), "{value}");
        }
    }
}
