//! The answer to a client that is a WebSocket: a handshake, then messages and pings.

use super::buffers::Buffers;
use super::message::Message;
use super::response::{refusal, response_decoder};
use crate::bench::connection::ACCEPT;
use eventring::json::{Members, Value};
use eventring::wire::http::{Response, ResponseDecoder, Step};
use eventring::wire::ws::{
    Inflate, MessageDecoder, MessageKind, MessageLimits, MessageStep, Opcode, Peer, masked_frame,
};
use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

/// The longest message: a payload of the longest kind, and what stands around it.
const MESSAGE_BYTES: usize = 65 << 20;

/// The decoder of one WebSocket after the other, and remembers the last message's id.
pub(crate) struct Socket {
    http: ResponseDecoder,
    /// Bytes of the handshake's answer, while it is not complete.
    left: Vec<u8>,
    frames: Option<MessageDecoder>,
    last_id: String,
    /// Pongs that wait to be sent.
    pub(crate) replies: Vec<u8>,
}

impl Socket {
    pub(crate) fn new() -> Socket {
        Socket {
            http: response_decoder(),
            left: Vec::new(),
            frames: None,
            last_id: String::new(),
            replies: Vec::new(),
        }
    }

    /// Starts over for another connection.
    pub(crate) fn restart(&mut self) {
        // The id outlives the connection: it is what the next one resumes after.
        let last_id = std::mem::take(&mut self.last_id);
        *self = Socket {
            last_id,
            ..Socket::new()
        };
    }

    /// Returns the id that a client resumes behind; empty for one that goes on with what is new.
    pub(crate) fn last_id(&self) -> &str {
        &self.last_id
    }

    /// Takes what came. The error is why the connection is of no more use.
    pub(crate) fn take(
        &mut self,
        input: &mut [u8],
        buffers: &mut Buffers,
        each: &mut impl FnMut(Message<'_>),
    ) -> Result<(), String> {
        if self.frames.is_some() {
            return self.messages(input, buffers, each);
        }
        let mut input = [&std::mem::take(&mut self.left), &*input].concat();
        let decoded = self.http.decode(&input);
        let (used, step) = decoded.map_err(|error| error.to_string())?;
        let Step::Head(head) = step else {
            self.left = input.split_off(used);
            return Ok(());
        };
        begin(&head, &input[used..])?;
        each(Message::Opened);
        // A payload of --size may be longer than a message of strangers is allowed to be.
        let limits = MessageLimits::default()
            .frame_bytes(MESSAGE_BYTES)
            .message_bytes(MESSAGE_BYTES);
        self.frames = Some(MessageDecoder::new(Peer::Server, Inflate::No, limits));
        self.messages(&mut input[used..], buffers, each)
    }

    fn messages(
        &mut self,
        mut input: &mut [u8],
        buffers: &mut Buffers,
        each: &mut impl FnMut(Message<'_>),
    ) -> Result<(), String> {
        let Some(frames) = &mut self.frames else {
            return Ok(());
        };
        loop {
            let decoded = frames.decode(input, &mut buffers.frames);
            let (used, item) = decoded.map_err(|error| error.to_string())?;
            match item {
                MessageStep::NeedMore => return Ok(()),
                MessageStep::Message(MessageKind::Text, text) => {
                    text_message(text, &mut self.last_id, each)?;
                }
                MessageStep::Message(MessageKind::Binary, bytes) => {
                    remember(&mut self.last_id, binary_id(bytes));
                    each(Message::Binary);
                }
                MessageStep::Ping(data) => {
                    masked_frame(&mut self.replies, Opcode::Pong, data, mask())
                }
                MessageStep::Pong(_) => {}
                MessageStep::Close(Some(why)) => {
                    return Err(format!("the server closed: {} {}", why.code.0, why.reason));
                }
                MessageStep::Close(None) => return Err("the server closed".into()),
            }
            input = &mut input[used..];
        }
    }
}

fn begin(head: &Response, rest: &[u8]) -> Result<(), String> {
    if head.status() != 101 {
        return Err(refusal(head.status(), rest));
    }
    // RFC 6455, 4.1: a client must fail the connection over any other value.
    if head.header("sec-websocket-accept") != Some(ACCEPT.as_bytes()) {
        return Err("sec-websocket-accept: not that of our key".into());
    }
    Ok(())
}

fn text_message(
    text: &[u8],
    last_id: &mut String,
    each: &mut impl FnMut(Message<'_>),
) -> Result<(), String> {
    let message = Members::read(text);
    let message = message.map_err(|error| format!("not a message: {error}"))?;
    let text = |name| message.get(name).and_then(|value| value.string());
    let kind = text("type").ok_or("not a message: it has no type")?;
    match kind.as_ref() {
        "event" => each(Message::Event(&payload(message.get("data")))),
        "gap" => {
            let missing = message.get("missing").and_then(|value| value.whole());
            each(Message::Gap(missing.unwrap_or(0)));
        }
        "reset" => each(Message::Reset),
        "error" => return Err(text("detail").unwrap_or_default().into_owned()),
        _ => {}
    }
    remember(last_id, &text("id").unwrap_or_default());
    Ok(())
}

/// The text of a string, or JSON that is none as it stands.
fn payload<'t>(data: Option<Value<'t>>) -> Cow<'t, str> {
    let Some(data) = data else {
        return "".into();
    };
    data.string().unwrap_or_else(|| data.raw().into())
}

/// The id of a binary event: behind a byte of version, after its length.
fn binary_id(bytes: &[u8]) -> &str {
    let id = match bytes {
        [_, high, low, rest @ ..] => rest.get(..u16::from_be_bytes([*high, *low]).into()),
        _ => None,
    };
    id.and_then(|id| std::str::from_utf8(id).ok())
        .unwrap_or_default()
}

fn remember(last_id: &mut String, id: &str) {
    // A message without an id, such as a welcome, leaves the place to resume from as it was.
    if !id.is_empty() {
        last_id.clear();
        last_id.push_str(id);
    }
}

// RFC 6455, 5.3: "The masking key needs to be unpredictable".
fn mask() -> [u8; 4] {
    let hash = RandomState::new().hash_one(0).to_le_bytes();
    [hash[0], hash[1], hash[2], hash[3]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventring::wire::ws::{CloseCode, close_frame, frame};

    const HEAD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: ";

    fn answer(accept: &str, messages: &[(Opcode, &[u8])]) -> Vec<u8> {
        let mut bytes = format!("{HEAD}{accept}\r\n\r\n").into_bytes();
        for (opcode, payload) in messages {
            frame(&mut bytes, *opcode, payload);
        }
        bytes
    }

    /// Returns the messages and the end of these bytes, handed over `size` at a time.
    fn decode(socket: &mut Socket, bytes: &[u8], size: usize) -> (Vec<String>, Result<(), String>) {
        let (mut buffers, mut decoded) = (Buffers::new(), Vec::new());
        for piece in bytes.chunks(size) {
            let each = &mut |message: Message<'_>| decoded.push(format!("{message:?}"));
            let taken = socket.take(&mut piece.to_vec(), &mut buffers, each);
            if taken.is_err() {
                return (decoded, taken);
            }
        }
        (decoded, Ok(()))
    }

    #[test]
    fn messages_come_out_of_every_cut() {
        let binary = b"\x01\x00\x03e-9\x00\x01tdata";
        let messages: [(Opcode, &[u8]); 6] = [
            (Opcode::Text, br#"{"type":"welcome","id":"e-1"}"#),
            (
                Opcode::Text,
                br#"{"type":"event","id":"e-2","topic":"t","data":"a\u0062"}"#,
            ),
            (Opcode::Ping, b"hm"),
            (Opcode::Text, br#"{"type":"gap","id":"e-7","missing":5}"#),
            (Opcode::Text, br#"{"type":"reset","id":"f-1"}"#),
            (Opcode::Binary, binary),
        ];
        let bytes = answer(ACCEPT, &messages);
        for size in [1, 5, bytes.len()] {
            let mut socket = Socket::new();
            let (decoded, ended) = decode(&mut socket, &bytes, size);
            assert_eq!(
                (decoded.join(" "), ended),
                (r#"Opened Event("ab") Gap(5) Reset Binary"#.into(), Ok(()))
            );
            assert_eq!((socket.last_id(), socket.replies.len()), ("e-9", 6 + 2));
            socket.restart();
            assert_eq!((socket.last_id(), socket.replies.len()), ("e-9", 0));
        }
    }

    #[test]
    fn whatever_is_no_websocket_has_its_reason() {
        let mut closed = answer(ACCEPT, &[]);
        close_frame(&mut closed, CloseCode::GOING_AWAY, "bye");
        let full = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec();
        let error = br#"{"type":"error","code":"invalid","detail":"no such thing"}"#;
        for (bytes, reason) in [
            (answer("bm8=", &[]), "sec-websocket-accept"),
            (full, "the server answered 503"),
            (closed, "the server closed: 1001 bye"),
            (
                answer(ACCEPT, &[(Opcode::Text, b"no JSON")]),
                "not a message",
            ),
            (answer(ACCEPT, &[(Opcode::Text, error)]), "no such thing"),
        ] {
            let (_, ended) = decode(&mut Socket::new(), &bytes, bytes.len());
            let said = ended.expect_err(reason);
            assert!(said.starts_with(reason), "{said}");
        }
    }
}
