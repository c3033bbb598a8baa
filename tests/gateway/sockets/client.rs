//! A WebSocket client on a real socket: another implementation's frames, our own handshake.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

/// The head of an answer: its status and all of it, in lower case.
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) text: String,
}

/// Sends a handshake for `target` with `fields` (each ended by CRLF) beside the usual ones.
pub(crate) fn connect(address: SocketAddr, target: &str, fields: &str) -> (TcpStream, Head) {
    let stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    );
    ask(stream, &request)
}

/// Sends a whole request and reads the head of the answer.
pub(crate) fn ask(mut stream: TcpStream, request: &str) -> (TcpStream, Head) {
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the answer ends early");
        head.push(byte[0]);
    }
    let text = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let status = text[9..12].parse().unwrap();
    (stream, Head { status, text })
}

/// A connection after its handshake.
pub(crate) struct Client(pub(crate) WebSocket<TcpStream>);

impl Client {
    pub(crate) fn new(address: SocketAddr, target: &str) -> Self {
        let (stream, head) = connect(address, target, "");
        assert_eq!(head.status, 101, "{}", head.text);
        Self(WebSocket::from_raw_socket(stream, Role::Client, None))
    }

    pub(crate) fn send(&mut self, json: &str) {
        self.0.send(Message::text(json)).unwrap();
    }

    /// The next message that is JSON, heartbeats and pings left out.
    pub(crate) fn json(&mut self) -> Value {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => {
                    let value: Value = serde_json::from_str(&text).expect(&text);
                    if value["type"] != "heartbeat" {
                        return value;
                    }
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next message, which must have this type.
    pub(crate) fn expect(&mut self, ty: &str) -> Value {
        let value = self.json();
        assert_eq!(value["type"], ty, "{value}");
        value
    }

    /// Sends a request and returns its answer.
    pub(crate) fn request(&mut self, json: &str) -> Value {
        self.send(json);
        self.json()
    }

    /// Reads to the end: the close code, after the peer closed the connection too.
    pub(crate) fn close_code(mut self) -> Option<u16> {
        let mut code = None;
        loop {
            match self.0.read() {
                Ok(Message::Close(frame)) => code = frame.map(|frame| frame.code.into()),
                Ok(_) => {}
                Err(Error::ConnectionClosed) => return code,
                Err(error) => panic!("{error} after close code {code:?}"),
            }
        }
    }
}
