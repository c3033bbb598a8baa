//! One connection of the load: frames out, echoes in, each compared with what was sent.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::str::FromStr;

use mio::net::TcpStream;
use serde::Serialize;

/// The key of RFC 6455, 1.3, and what a server makes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Digits of a message's number, with which it begins.
const DIGITS: usize = 16;
/// Bytes of a server's frame before a payload of 126 to 65535 bytes.
const HEAD: usize = 4;

/// What messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Text,
    Binary,
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "binary" => Ok(Self::Binary),
            _ => Err(()),
        }
    }
}

/// A connection whose handshake is done.
pub struct Conn {
    pub stream: TcpStream,
    /// The head of an echo: one frame, with the opcode that was sent.
    head: [u8; HEAD],
    /// A message; its number is written anew for each.
    message: Vec<u8>,
    mask: u64,
    sent: u64,
    got: u64,
    /// The echo that has begun to arrive.
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
}

impl Conn {
    /// Connects and becomes a WebSocket. Waits.
    pub fn open(address: SocketAddr, kind: Kind, bytes: usize, number: usize) -> io::Result<Self> {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        write!(
            stream,
            "GET /echo HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            answer.push(byte[0]);
        }
        let answer = String::from_utf8_lossy(&answer);
        let good = answer.starts_with("HTTP/1.1 101 ") && answer.contains(ACCEPT);
        assert!(good, "no WebSocket: {answer}");
        stream.set_nonblocking(true)?;
        let opcode = match kind {
            Kind::Text => 1,
            Kind::Binary => 2,
        };
        let [high, low] = (bytes as u16).to_be_bytes();
        let letters = (0..bytes).map(|at| b'a' + ((at * 7 + number) % 26) as u8);
        Ok(Self {
            stream: TcpStream::from_std(stream),
            head: [0x80 | opcode, 126, high, low],
            message: letters.collect(),
            mask: number as u64 + 1,
            sent: 0,
            got: 0,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
        })
    }

    /// Messages whose echo has not come.
    pub fn under_way(&self) -> u64 {
        self.sent - self.got
    }

    /// Puts the next message into line.
    pub fn queue(&mut self) {
        number(&mut self.message, self.sent);
        self.sent += 1;
        // Xorshift: a mask that nobody could predict costs more and measures the same.
        self.mask ^= self.mask << 13;
        self.mask ^= self.mask >> 7;
        self.mask ^= self.mask << 17;
        let [a, b, c, d, ..] = self.mask.to_ne_bytes();
        let [first, len, high, low] = self.head;
        self.output
            .extend_from_slice(&[first, 0x80 | len, high, low, a, b, c, d]);
        let start = self.output.len();
        self.output.extend_from_slice(&self.message);
        let mask = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let mut words = self.output[start..].chunks_exact_mut(8);
        for word in &mut words {
            let masked = u64::from_ne_bytes(word.try_into().expect("eight bytes")) ^ mask;
            word.copy_from_slice(&masked.to_ne_bytes());
        }
        for (byte, key) in words.into_remainder().iter_mut().zip([a, b, c, d, a, b, c]) {
            *byte ^= key;
        }
    }

    /// Writes what is in line, as far as the socket takes it.
    pub fn write(&mut self) -> io::Result<()> {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(taken) => self.written += taken,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads until the socket is empty; says how many echoes came, each of them compared.
    pub fn read(&mut self, space: &mut [u8]) -> io::Result<u64> {
        let before = self.got;
        loop {
            match self.stream.read(space) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(len) => {
                    self.take(&space[..len]);
                    if len < space.len() {
                        return Ok(self.got - before);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(self.got - before);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        let frame = HEAD + self.message.len();
        if !self.input.is_empty() {
            let more = (frame - self.input.len()).min(bytes.len());
            self.input.extend_from_slice(&bytes[..more]);
            bytes = &bytes[more..];
            if self.input.len() < frame {
                return;
            }
            let whole = std::mem::take(&mut self.input);
            self.compare(&whole);
            self.input = whole;
            self.input.clear();
        }
        while let Some((whole, rest)) = bytes.split_at_checked(frame) {
            self.compare(whole);
            bytes = rest;
        }
        self.input.extend_from_slice(bytes);
    }

    /// An echo is the next message that was sent, in one frame of the same kind.
    fn compare(&mut self, frame: &[u8]) {
        let mut wanted = [0; DIGITS];
        number(&mut wanted, self.got);
        let (head, message) = frame.split_at(HEAD);
        let same = head == self.head
            && message[..DIGITS] == wanted
            && message[DIGITS..] == self.message[DIGITS..];
        assert!(same, "not what was sent: {}", frame.escape_ascii());
        assert!(self.got < self.sent, "an echo of nothing");
        self.got += 1;
    }
}

/// Writes a number in hexadecimal digits.
fn number(digits: &mut [u8], mut number: u64) {
    for digit in digits[..DIGITS].iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}
