//! A server that the test plays itself, frame by frame.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use eventring::wire::http::{HttpLimits, RequestDecoder, Step};
use eventring::wire::ws::{CloseCode, MessageLimits};
use eventring::wire::ws::{
    Inflate, MessageDecoder, MessageKind, MessageStep, Opcode, Peer, Scratch, accept, close_frame,
    frame,
};

use super::PATIENCE;

pub(crate) struct Played(TcpListener);

impl Played {
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Where a client finds it, with a subscription.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws?topic=t", self.0.local_addr().unwrap())
    }

    /// The next connection, and the target and key of its request.
    pub(crate) fn accept(&self) -> Asked {
        let (mut stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            text.push(byte[0]);
        }
        let mut decoder = RequestDecoder::new(HttpLimits::default());
        let (_, Step::Head(head)) = decoder.decode(&text).unwrap() else {
            panic!("a whole head")
        };
        let field = |name: &str| {
            let value = head.header(name).unwrap_or_default();
            String::from_utf8(value.to_vec()).unwrap()
        };
        Asked {
            target: match head.query() {
                Some(query) => format!("{}?{query}", head.path()),
                None => head.path().to_owned(),
            },
            key: field("sec-websocket-key"),
            extensions: field("sec-websocket-extensions"),
            x_key: field("x-key"),
            stream,
        }
    }

    /// The next connection, agreed on.
    pub(crate) fn socket(&self) -> (Socket, String) {
        let asked = self.accept();
        let target = asked.target.clone();
        (asked.agree(""), target)
    }
}

/// A request that waits for its answer.
pub(crate) struct Asked {
    pub(crate) target: String,
    pub(crate) key: String,
    pub(crate) extensions: String,
    pub(crate) x_key: String,
    pub(crate) stream: TcpStream,
}

impl Asked {
    /// Answers with these bytes and hangs up.
    pub(crate) fn answer(mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).unwrap();
    }

    /// Makes a WebSocket of it; `fields` go along.
    pub(crate) fn agree(mut self, fields: &str) -> Socket {
        let accept = accept(self.key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{fields}\r\n"
        );
        self.stream.write_all(answer.as_bytes()).unwrap();
        Socket {
            stream: self.stream,
            decoder: MessageDecoder::new(Peer::Client, Inflate::No, MessageLimits::default()),
            raw: Vec::new(),
            input: Vec::new(),
        }
    }
}

/// What a client has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(String),
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The end of the connection.
    End,
}

pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
    decoder: MessageDecoder,
    /// All that came, masked.
    pub(crate) raw: Vec<u8>,
    /// What is not decoded of it.
    input: Vec<u8>,
}

impl Socket {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut out = Vec::new();
        frame(&mut out, opcode, payload);
        self.send(&out);
    }

    /// Sends a message of the subscribe protocol.
    pub(crate) fn say(&mut self, json: &str) {
        self.frame(Opcode::Text, json.as_bytes());
    }

    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        let mut out = Vec::new();
        close_frame(&mut out, CloseCode(code), reason);
        self.send(&out);
    }

    /// The next thing that the client has sent.
    pub(crate) fn hear(&mut self) -> Heard {
        let mut scratch = Scratch::new();
        loop {
            let decoded = self.decoder.decode(&mut self.input, &mut scratch);
            let (used, item) = decoded.expect("a client that keeps to the protocol");
            let heard = match item {
                MessageStep::NeedMore => None,
                MessageStep::Message(MessageKind::Text, data) => {
                    Some(Heard::Text(String::from_utf8(data.to_vec()).unwrap()))
                }
                MessageStep::Pong(data) => Some(Heard::Pong(data.to_vec())),
                MessageStep::Close(said) => Some(Heard::Close(said.map(|said| said.code.0))),
                other => panic!("a client sends no {other:?}"),
            };
            self.input.drain(..used);
            if let Some(heard) = heard {
                return heard;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).unwrap() {
                0 => return Heard::End,
                n => {
                    self.raw.extend_from_slice(&buffer[..n]);
                    self.input.extend_from_slice(&buffer[..n]);
                }
            }
        }
    }
}
