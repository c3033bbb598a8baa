//! The opening handshake, the client's half (RFC 6455, 4.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::message::Inflate;
use super::extension::{Deflate, PERMESSAGE_DEFLATE, accepted, is_token_byte};
use super::server::{KEY_BYTES, accept, single};
use crate::wire::http::Response;

/// Why an answer does not make a WebSocket of the connection, which is of no more use then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Any status but 101.
    #[error("status is {status}, not 101")]
    Status {
        /// The status.
        status: u16,
    },
    /// `Upgrade` is not `websocket`.
    #[error("upgrade is not websocket")]
    Upgrade,
    /// `Connection` does not name `Upgrade`.
    #[error("connection does not name upgrade")]
    Connection,
    /// The accept field is missing, stands several times, or is not what the key comes to: somebody answers who has not read the request.
    #[error("sec-websocket-accept does not answer the key")]
    Accept,
    /// Not a list of extensions.
    #[error("sec-websocket-extensions is malformed")]
    Extensions,
    /// An extension that was not offered, or one twice.
    #[error("sec-websocket-extensions names what was not offered")]
    NotOffered,
    /// permessage-deflate with parameters that an answer cannot have.
    #[error("sec-websocket-extensions has parameters that permessage-deflate cannot have")]
    Deflate,
    /// A subprotocol that was not offered, or several.
    #[error("sec-websocket-protocol is not one that was offered")]
    Protocol,
}

impl AnswerError {
    /// Returns the field that is wrong, in lower case.
    pub fn field(self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Upgrade => "upgrade",
            Self::Connection => "connection",
            Self::Accept => "sec-websocket-accept",
            Self::Extensions | Self::NotOffered | Self::Deflate => "sec-websocket-extensions",
            Self::Protocol => "sec-websocket-protocol",
        }
    }
}

/// A request for a WebSocket, and the judge of its answer.
///
/// # Examples
///
/// ```
/// use eventring::wire::http::{HttpLimits, ResponseDecoder, Step};
/// use eventring::wire::ws::{ClientHandshake, Inflate};
///
/// // From a source of randomness, new for each connection.
/// let key = *b"the sample nonce";
/// let handshake = ClientHandshake::new(key).deflate(true);
/// let mut request = b"GET /ws HTTP/1.1\r\nHost: a\r\n".to_vec();
/// handshake.write_fields(&mut request);
/// request.extend_from_slice(b"\r\n");
///
/// let input = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// let mut decoder = ResponseDecoder::new(HttpLimits::default());
/// let (_, Step::Head(head)) = decoder.decode(input)? else { panic!("a whole head") };
/// assert_eq!(handshake.read(&head)?.inflate(), Inflate::No);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientHandshake<'a> {
    key: String,
    protocols: &'a [&'a str],
    deflate: bool,
}

impl<'a> ClientHandshake<'a> {
    /// Begins with a key.
    // RFC 6455, 4.1: "The value of this header field MUST be a nonce consisting of a randomly
    // selected 16-byte value that has been base64-encoded".
    pub fn new(key: [u8; KEY_BYTES]) -> Self {
        Self {
            key: STANDARD.encode(key),
            protocols: &[],
            deflate: false,
        }
    }

    /// Offers subprotocols, the one that is liked best first. What is no token is not offered.
    #[must_use]
    pub fn protocols(mut self, protocols: &'a [&'a str]) -> Self {
        self.protocols = protocols;
        self
    }

    /// Offers that the server compress its messages, or not. What is sent need not be compressed then.
    #[must_use]
    pub fn deflate(mut self, offer: bool) -> Self {
        self.deflate = offer;
        self
    }

    /// The key as it is sent.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Appends the fields of the request that ask for a WebSocket. The request line, `Host` and the
    /// empty line at the end are the caller's.
    pub fn write_fields(&self, out: &mut Vec<u8>) {
        let mut field = |name: &str, value: &str| {
            for part in [name, ": ", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        };
        field("Upgrade", "websocket");
        field("Connection", "Upgrade");
        field("Sec-WebSocket-Version", "13");
        field("Sec-WebSocket-Key", &self.key);
        let protocols: Vec<&str> = self.offered().collect();
        if !protocols.is_empty() {
            field("Sec-WebSocket-Protocol", &protocols.join(", "));
        }
        if self.deflate {
            field("Sec-WebSocket-Extensions", PERMESSAGE_DEFLATE);
        }
    }

    /// Looks whether a response makes a WebSocket of the connection.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong. Unless it is the status, the server must not be spoken to any
    /// more.
    // RFC 6455, 4.1, the list of what "the client MUST validate" in the server's response.
    pub fn read(&self, head: &Response) -> Result<Agreed, AnswerError> {
        let status = head.status();
        if status != 101 {
            return Err(AnswerError::Status { status });
        }
        let upgrade = single(head.header_values("upgrade")).unwrap_or_default();
        if !upgrade.eq_ignore_ascii_case(b"websocket") {
            return Err(AnswerError::Upgrade);
        }
        if !head.header_has_token("connection", "upgrade") {
            return Err(AnswerError::Connection);
        }
        let right = accept(self.key.as_bytes());
        if single(head.header_values("sec-websocket-accept")) != Some(right.as_bytes()) {
            return Err(AnswerError::Accept);
        }
        let extensions = head.header_values("sec-websocket-extensions");
        Ok(Agreed {
            deflate: accepted(extensions, self.deflate)?,
            protocol: self.protocol(head)?,
        })
    }

    fn protocol(&self, head: &Response) -> Result<Option<String>, AnswerError> {
        if head.header("sec-websocket-protocol").is_none() {
            return Ok(None);
        }
        let answered = single(head.header_values("sec-websocket-protocol"));
        let mut offered = self.offered();
        let found = offered.find(|offered| answered == Some(offered.as_bytes()));
        let found = found.ok_or(AnswerError::Protocol)?;
        Ok(Some(found.to_owned()))
    }

    fn offered(&self) -> impl Iterator<Item = &'a str> {
        let is_token = |name: &&str| !name.is_empty() && name.bytes().all(is_token_byte);
        self.protocols.iter().copied().filter(is_token)
    }
}

/// The extension and subprotocol that client and server have agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed {
    /// The subprotocol.
    pub protocol: Option<String>,
    /// The compression.
    pub deflate: Option<Deflate>,
}

impl Agreed {
    /// Returns how the server's messages may be compressed.
    pub fn inflate(&self) -> Inflate {
        self.deflate.map_or(Inflate::No, Deflate::by_server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::{HttpLimits, RequestDecoder, ResponseDecoder, Step};
    use crate::wire::ws::{DeflatePolicy, Handshake, HandshakePolicy};

    /// RFC 6455, 1.3.
    const KEY: [u8; 16] = *b"the sample nonce";
    const RIGHT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n\
                         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    fn response(answer: &[u8]) -> Response {
        let mut decoder = ResponseDecoder::new(HttpLimits::default());
        let (_, Step::Head(head)) = decoder.decode(answer).unwrap() else {
            panic!("not a whole head: {}", answer.escape_ascii())
        };
        head
    }

    fn read(answer: &str, deflate: bool) -> Result<Agreed, AnswerError> {
        let handshake = ClientHandshake::new(KEY).protocols(&["a", "no token", "b"]);
        let head = response(format!("{answer}\r\n").as_bytes());
        handshake.deflate(deflate).read(&head)
    }

    #[test]
    fn each_wrong_answer_has_its_name() {
        assert_eq!(read(RIGHT, false), Ok(Agreed::default()));
        let wrong = |from: &str, to: &str| {
            assert!(RIGHT.contains(from), "{from}");
            read(&RIGHT.replace(from, to), true).unwrap_err()
        };
        let status = AnswerError::Status { status: 200 };
        assert_eq!(wrong("101 Switching Protocols", "200 OK"), status);
        assert_eq!(wrong(": WebSocket", ": h2c"), AnswerError::Upgrade);
        assert_eq!(
            wrong(": WebSocket", ": WebSocket, h2c"),
            AnswerError::Upgrade
        );
        assert_eq!(wrong(", upgrade", ""), AnswerError::Connection);
        assert_eq!(wrong("s3pP", "S3PP"), AnswerError::Accept);
        assert_eq!(wrong("Sec-WebSocket-A", "A"), AnswerError::Accept);
        let twice = format!("{RIGHT}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
        assert_eq!(read(&twice, true), Err(AnswerError::Accept));
    }

    #[test]
    fn only_what_was_offered_may_be_accepted() {
        let extensions = |value: &str, deflate: bool| {
            let answer = format!("{RIGHT}Sec-WebSocket-Extensions: {value}\r\n");
            read(&answer, deflate).map(|agreed| agreed.inflate())
        };
        assert_eq!(
            extensions("permessage-deflate", true),
            Ok(Inflate::LookingBack)
        );
        let each = "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; \
                    client_no_context_takeover";
        assert_eq!(extensions(each, true), Ok(Inflate::EachMessage));
        for (value, deflate, error) in [
            ("permessage-deflate", false, AnswerError::NotOffered),
            ("x-other", true, AnswerError::NotOffered),
            (
                "permessage-deflate, permessage-deflate",
                true,
                AnswerError::NotOffered,
            ),
            (
                "permessage-deflate; client_max_window_bits=9",
                true,
                AnswerError::Deflate,
            ),
            (
                "permessage-deflate; server_max_window_bits=7",
                true,
                AnswerError::Deflate,
            ),
            ("permessage-deflate; x", true, AnswerError::Deflate),
            ("permessage-deflate;", true, AnswerError::Extensions),
            ("permessage-deflate \u{fc}", true, AnswerError::Extensions),
        ] {
            assert_eq!(extensions(value, deflate), Err(error), "{value}");
        }
        let protocol = |fields: &str| read(&format!("{RIGHT}{fields}"), false);
        let agreed = protocol("Sec-WebSocket-Protocol: b\r\n").unwrap();
        assert_eq!(agreed.protocol.as_deref(), Some("b"));
        for fields in [
            "Sec-WebSocket-Protocol: c\r\n",
            "Sec-WebSocket-Protocol: no token\r\n",
            "Sec-WebSocket-Protocol:\r\n",
            "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n",
        ] {
            assert_eq!(protocol(fields), Err(AnswerError::Protocol), "{fields}");
        }
    }

    #[test]
    fn the_two_halves_agree() {
        for offer in [false, true] {
            for looking_back in [false, true] {
                let ours = ClientHandshake::new(KEY)
                    .protocols(&["a", "b"])
                    .deflate(offer);
                let mut request = b"GET /ws HTTP/1.1\r\nHost: a\r\n".to_vec();
                ours.write_fields(&mut request);
                request.extend_from_slice(b"\r\n");
                let mut decoder = RequestDecoder::new(HttpLimits::default());
                let (_, Step::Head(head)) = decoder.decode(&request).unwrap() else {
                    panic!("a whole request")
                };
                let policy = HandshakePolicy {
                    protocols: &["c", "b"],
                    deflate: Some(DeflatePolicy {
                        looking_back,
                        ..DeflatePolicy::default()
                    }),
                };
                let theirs = Handshake::read(&head, &policy).unwrap();
                let mut answer = Vec::new();
                theirs.write_response(&mut answer);
                let agreed = ours.read(&response(&answer)).unwrap();
                assert_eq!(agreed.protocol.as_deref(), Some("b"));
                assert_eq!(agreed.deflate, theirs.deflate);
                assert_eq!(agreed.deflate.is_some(), offer);
            }
        }
    }
}
