//! The opening handshake, the server's half (RFC 6455, 4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::super::message::Inflate;
use super::extension::{Deflate, DeflatePolicy, agree, is_token_byte};
use crate::settings::setters;
use crate::wire::http::{BodyLength, Head, ResponseHead};

/// The suffix that keys are hashed with (RFC 6455, 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 16;

/// Why a request is no handshake that can be answered with 101.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Not a GET.
    #[error("method is not GET")]
    Method,
    /// HTTP/1.0.
    #[error("version is not HTTP/1.1")]
    HttpVersion,
    /// `Upgrade` does not name `websocket`, or `Connection` does not name `Upgrade`.
    #[error("upgrade to websocket is not asked for")]
    NoUpgrade,
    /// Not version 13.
    #[error("sec-websocket-version is not 13")]
    Version,
    /// No key, several, or not 16 bytes in base 64.
    #[error("sec-websocket-key is not one key of 16 bytes")]
    Key,
    /// A body: what follows a handshake are frames.
    #[error("content-length: a handshake has no body")]
    Body,
    /// Not a list of extensions.
    #[error("sec-websocket-extensions is malformed")]
    Extensions,
    /// Not a list of tokens.
    #[error("sec-websocket-protocol is malformed")]
    Protocols,
    /// Subprotocols are named, and the server speaks none of them.
    #[error("sec-websocket-protocol names none that is spoken here")]
    NoProtocol,
}

impl HandshakeError {
    /// Returns the status of the answer. With 426 go `Upgrade: websocket` and
    /// `Sec-WebSocket-Version: 13`.
    pub fn status(self) -> u16 {
        match self {
            Self::Method => 405,
            // RFC 6455, 4.2.2: "If this version does not match a version understood by the server,
            // the server MUST [..] send an appropriate HTTP error code (such as 426 Upgrade
            // Required) and a |Sec-WebSocket-Version| header field".
            Self::NoUpgrade | Self::Version => 426,
            _ => 400,
        }
    }

    /// Returns the field that is wrong, in lower case.
    pub fn field(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::HttpVersion => "version",
            Self::NoUpgrade => "upgrade",
            Self::Version => "sec-websocket-version",
            Self::Key => "sec-websocket-key",
            Self::Body => "content-length",
            Self::Extensions => "sec-websocket-extensions",
            Self::Protocols | Self::NoProtocol => "sec-websocket-protocol",
        }
    }
}

/// The subprotocols and extensions that a server agrees to.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct HandshakePolicy<'a> {
    /// Subprotocols that the server speaks. The first that the client names is taken. If it names only others,
    /// the handshake fails: a browser would close the connection as soon as it is open (WebSockets standard,
    /// "establish a WebSocket connection").
    pub protocols: &'a [&'a str],
    /// The policy for permessage-deflate; `None`: never.
    pub deflate: Option<DeflatePolicy>,
}

setters! {
    HandshakePolicy<'a> {
        protocols: &'a [&'a str],
        deflate: Option<DeflatePolicy>,
    }
}

/// A handshake that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    accept: String,
    /// The subprotocol agreed on.
    pub protocol: Option<String>,
    /// The compression agreed on.
    pub deflate: Option<Deflate>,
}

impl Handshake {
    /// Looks whether a request is a handshake. Whom it comes from (`Origin`) is the caller's to check.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::wire::http::{HttpLimits, RequestDecoder, Step};
    /// use eventring::wire::ws::{Handshake, HandshakePolicy};
    ///
    /// let input = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
    ///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    /// let mut decoder = RequestDecoder::new(HttpLimits::default());
    /// let (_, Step::Head(head)) = decoder.decode(input)? else { panic!("a whole head") };
    /// let mut out = Vec::new();
    /// Handshake::read(&head, &HandshakePolicy::default())?.write_response(&mut out);
    /// let out = String::from_utf8(out)?;
    /// assert!(out.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first thing that is wrong; [`HandshakeError::status`] answers it.
    pub fn read(head: &Head, policy: &HandshakePolicy<'_>) -> Result<Self, HandshakeError> {
        if head.method() != "GET" {
            return Err(HandshakeError::Method);
        }
        if head.version() != 11 {
            return Err(HandshakeError::HttpVersion);
        }
        if !head.header_has_token("upgrade", "websocket")
            || !head.header_has_token("connection", "upgrade")
        {
            return Err(HandshakeError::NoUpgrade);
        }
        if !matches!(head.body(), BodyLength::None | BodyLength::Length(0)) {
            return Err(HandshakeError::Body);
        }
        if single(head.header_values("sec-websocket-version")) != Some(b"13") {
            return Err(HandshakeError::Version);
        }
        let key = single(head.header_values("sec-websocket-key")).ok_or(HandshakeError::Key)?;
        if STANDARD.decode(key).map(|key| key.len()) != Ok(KEY_BYTES) {
            return Err(HandshakeError::Key);
        }
        let deflate = match policy.deflate {
            Some(deflate) => agree(head.header_values("sec-websocket-extensions"), deflate)?,
            None => None,
        };
        Ok(Self {
            accept: accept(key),
            protocol: protocol(head, policy.protocols)?,
            deflate,
        })
    }

    /// Returns how the client's messages may be compressed.
    pub fn inflate(&self) -> Inflate {
        self.deflate.map_or(Inflate::No, Deflate::by_client)
    }

    /// Appends the answer, 101.
    pub fn write_response(&self, out: &mut Vec<u8>) {
        self.response(out).end();
    }

    /// Appends the answer, 101, but for its end: for who adds fields to it.
    pub fn response<'o>(&self, out: &'o mut Vec<u8>) -> ResponseHead<'o> {
        let mut head = ResponseHead::status(out, 101)
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Accept", &self.accept);
        if let Some(protocol) = &self.protocol {
            head = head.header("Sec-WebSocket-Protocol", protocol);
        }
        if let Some(deflate) = &self.deflate {
            head = head.header("Sec-WebSocket-Extensions", deflate.to_string());
        }
        head
    }
}

/// Computes the `Sec-WebSocket-Accept` that answers `key`.
// RFC 6455, 4.2.2: "concatenating this value with the string "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
// taking the SHA-1 hash of this concatenated value to obtain a 20-byte value and base64-encoding".
pub fn accept(key: &[u8]) -> String {
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(hash)
}

/// The value of a field that stands once.
pub(super) fn single<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let first = values.next();
    values.next().is_none().then_some(first).flatten()
}

fn protocol(head: &Head, known: &[&str]) -> Result<Option<String>, HandshakeError> {
    let (mut taken, mut named) = (None, false);
    let names = head.header_values("sec-websocket-protocol");
    for name in names.flat_map(|value| value.split(|byte| *byte == b',')) {
        let name = name.trim_ascii();
        if !name.iter().all(|byte| is_token_byte(*byte)) {
            return Err(HandshakeError::Protocols);
        }
        // RFC 9110, 5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list elements".
        named |= !name.is_empty();
        let found = known.iter().find(|known| known.as_bytes() == name);
        taken = taken.or(found.map(|known| (*known).to_owned()));
    }
    if named && taken.is_none() {
        return Err(HandshakeError::NoProtocol);
    }
    Ok(taken)
}
