//! A client that inflates as bytes come, with somebody else's inflater, and keeps them for a strict look.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use brotli::DecompressorWriter;
use eventring::wire::http::{HttpLimits, ResponseDecoder, Step};
use eventring::wire::sse::{DecodeLimits, EventDecoder};
use eventring::wire::ws::{CloseCode, Opcode, masked_close_frame, masked_frame};
use flate2::{Decompress, FlushDecompress};
use socket2::{Domain, Socket, Type};

use super::socket::Messages;

/// Bytes of a gzip head without optional fields.
const HEAD: usize = 10;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: String,
}

impl Seen {
    pub(crate) fn offset(&self) -> u64 {
        self.id.rsplit('-').next().unwrap().parse().unwrap()
    }
}

pub(crate) struct Client {
    stream: TcpStream,
    http: ResponseDecoder,
    input: Vec<u8>,
    pub(crate) fields: Vec<(String, String)>,
    /// The body without its framing.
    pub(crate) body: Vec<u8>,
    inflater: Decompress,
    /// What of the body has been decompressed.
    inflated: usize,
    brotli: DecompressorWriter<Vec<u8>>,
    pub(crate) plain: Vec<u8>,
    decoder: EventDecoder,
    /// There if it is a WebSocket.
    pub(crate) messages: Option<Messages>,
    pub(crate) seen: Vec<Seen>,
    /// The body has ended as its framing says.
    pub(crate) ended: bool,
    pub(crate) closed: bool,
}

impl Client {
    /// A stream over SSE.
    pub(crate) fn open(address: SocketAddr, query: &str, headers: &str, rcvbuf: usize) -> Self {
        let target = format!("/api/v1/events/stream?{query}");
        Self::ask(address, &target, headers, rcvbuf)
    }

    /// A WebSocket that offers to have its messages compressed; `apart`: without looking back.
    pub(crate) fn open_socket(
        address: SocketAddr,
        query: &str,
        apart: bool,
        rcvbuf: usize,
    ) -> Self {
        let parameter = if apart {
            "; server_no_context_takeover"
        } else {
            ""
        };
        let fields = format!(
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Extensions: permessage-deflate{parameter}\r\n"
        );
        let mut client = Self::ask(address, &format!("/api/v1/ws?{query}"), &fields, rcvbuf);
        client.messages = Some(Messages::new(apart));
        client
    }

    /// Asks for anything.
    pub(crate) fn ask(address: SocketAddr, target: &str, headers: &str, rcvbuf: usize) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(rcvbuf).unwrap();
        socket.connect(&address.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let limits = HttpLimits::default().body_bytes(u64::MAX);
        Self {
            stream,
            http: ResponseDecoder::new(limits),
            input: Vec::new(),
            fields: Vec::new(),
            body: Vec::new(),
            inflater: Decompress::new(false),
            inflated: 0,
            brotli: DecompressorWriter::new(Vec::new(), 4096),
            plain: Vec::new(),
            decoder: EventDecoder::new(DecodeLimits::default()),
            messages: None,
            seen: Vec::new(),
            ended: false,
            closed: false,
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self
            .fields
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_gzip(&self) -> bool {
        self.field("content-encoding") == Some("gzip")
    }

    pub(crate) fn is_brotli(&self) -> bool {
        self.field("content-encoding") == Some("br")
    }

    pub(crate) fn last_id(&self) -> &str {
        match &self.messages {
            Some(messages) => &messages.last_id,
            None => self.decoder.last_event_id(),
        }
    }

    /// Sends a ping over a WebSocket.
    pub(crate) fn ping(&mut self) {
        let mut frame = Vec::new();
        masked_frame(&mut frame, Opcode::Ping, b"there?", [1, 2, 3, 4]);
        // As in `answer`.
        let _ = self.stream.write_all(&frame);
    }

    /// Takes at most `max` bytes that are there; returns how many there were.
    pub(crate) fn read(&mut self, max: usize) -> usize {
        let mut buffer = vec![0; max];
        match self.stream.read(&mut buffer) {
            Ok(0) => {
                self.closed = true;
                0
            }
            Ok(n) => {
                self.input.extend_from_slice(&buffer[..n]);
                self.decode();
                self.answer();
                n
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            // A WebSocket that answers no pings is cut.
            Err(error) if error.kind() == ErrorKind::ConnectionReset && self.messages.is_some() => {
                self.closed = true;
                0
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Answers what a WebSocket was asked: pings, and the close frame.
    fn answer(&mut self) {
        let Some(messages) = &mut self.messages else {
            return;
        };
        let mut answer = Vec::new();
        for _ in 0..std::mem::take(&mut messages.pings) {
            masked_frame(&mut answer, Opcode::Pong, b"", [1, 2, 3, 4]);
        }
        if std::mem::take(&mut messages.closing) {
            masked_close_frame(&mut answer, CloseCode::GOING_AWAY, "", [1, 2, 3, 4]);
        }
        // Who is cut while it answers reads the end of the stream next.
        let _ = self.stream.write_all(&answer);
    }

    fn decode(&mut self) {
        let mut used = 0;
        if self.messages.is_some() && self.field(":status") == Some("101") {
            return self.decode_messages();
        }
        loop {
            let (n, step) = self.http.decode(&self.input[used..]).unwrap();
            used += n;
            match step {
                Step::NeedMore => break,
                Step::Head(head) => {
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    self.fields = head
                        .headers()
                        .map(|(name, value)| (text(name.as_ref()), text(value)))
                        .collect();
                    self.fields
                        .push((":status".into(), head.status().to_string()));
                    if head.status() == 101 {
                        self.input.drain(..used);
                        return self.decode_messages();
                    }
                }
                Step::Body(piece) => self.body.extend_from_slice(piece),
                Step::End => {
                    self.ended = true;
                    break;
                }
            }
        }
        self.input.drain(..used);
        let fresh = if self.is_gzip() {
            self.inflate()
        } else if self.is_brotli() {
            self.debrotli()
        } else {
            let fresh = self.body[self.plain.len()..].to_vec();
            self.plain.extend_from_slice(&fresh);
            fresh
        };
        let mut fresh = &fresh[..];
        while !fresh.is_empty() {
            let (used, event) = self.decoder.decode(fresh).unwrap();
            fresh = &fresh[used..];
            if let Some(event) = event {
                self.seen.push(Seen {
                    id: event.id.to_owned(),
                    event: event.event.to_owned(),
                    data: event.data.to_owned(),
                });
            }
        }
    }

    fn decode_messages(&mut self) {
        if let Some(messages) = &mut self.messages {
            messages.take(&mut self.input, &mut self.seen);
        }
    }

    /// What the bytes since the last time come to.
    fn debrotli(&mut self) -> Vec<u8> {
        self.brotli.write_all(&self.body[self.inflated..]).unwrap();
        self.inflated = self.body.len();
        let fresh = std::mem::take(self.brotli.get_mut());
        self.plain.extend_from_slice(&fresh);
        fresh
    }

    /// What the bytes since the last time come to.
    fn inflate(&mut self) -> Vec<u8> {
        let before = self.plain.len();
        self.inflated = self.inflated.max(HEAD);
        while self.inflated < self.body.len() {
            self.plain.reserve(64 << 10);
            let (was_in, was_out) = (self.inflater.total_in(), self.inflater.total_out());
            let fresh = &self.body[self.inflated..];
            self.inflater
                .decompress_vec(fresh, &mut self.plain, FlushDecompress::Sync)
                .expect("a deflate stream");
            self.inflated += (self.inflater.total_in() - was_in) as usize;
            let idle = self.inflater.total_in() == was_in && self.inflater.total_out() == was_out;
            if idle {
                // What is left is a part of a block, or the trailer.
                break;
            }
        }
        self.plain[before..].to_vec()
    }

    /// Reads the whole body as a strict gzip reader does, which looks at CRC and length. A WebSocket has
    /// none.
    pub(crate) fn strictly(&self) -> Vec<u8> {
        if self.messages.is_some() {
            return Vec::new();
        }
        let mut whole = Vec::new();
        if self.is_brotli() {
            let mut reader = brotli::Decompressor::new(&self.body[..], 4096);
            reader.read_to_end(&mut whole).unwrap();
            return whole;
        }
        if !self.is_gzip() {
            return self.body.clone();
        }
        let mut plain = Vec::new();
        let mut reader = flate2::bufread::GzDecoder::new(&self.body[..]);
        reader.read_to_end(&mut plain).unwrap();
        assert!(reader.into_inner().is_empty(), "bytes after the trailer");
        plain
    }
}
