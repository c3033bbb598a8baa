//! The TLS of one connection, by the interface of rustls that owns no buffers: what is kept here is one
//! record that is not whole, and what the socket has not taken yet.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::ServerConfig;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};

/// Bytes kept of what is not whole yet: a record, or a client's hello. More is a broken peer.
const INCOMING_MAX: usize = 20 << 10;
/// Bytes that may wait for the socket: a record of ours and answers to the peer's own. A peer that asks
/// for more and reads none of it goes.
const OUTGOING_MAX: usize = 32 << 10;
/// Most plaintext of one record, RFC 8446, 5.1.
const PLAIN_MAX: usize = 16 << 10;
/// Bytes that a record has beside its plaintext, about; a record that needs more says so and is made again.
const RECORD_OVERHEAD: usize = 64;

pub(in crate::net) struct Session {
    tls: UnbufferedServerConnection,
    /// Ciphertext that is not whole yet.
    incoming: Vec<u8>,
    /// Ciphertext that the socket has not taken, from `sent` on.
    outgoing: Vec<u8>,
    sent: usize,
    /// Plaintext that was not read, from `taken` on.
    plain: Vec<u8>,
    taken: usize,
    /// A PROXY header comes before the first record.
    preface: bool,
    /// The peer has closed its direction.
    ended: bool,
    /// The peer broke the protocol: rustls must not be asked again.
    failed: bool,
    /// The first byte of a record has come.
    begun: bool,
    /// The peer was told that no more comes.
    announced: bool,
}

impl Session {
    pub(super) fn new(config: Arc<ServerConfig>, preface: bool) -> Result<Self, rustls::Error> {
        Ok(Self {
            tls: UnbufferedServerConnection::new(config)?,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
            plain: Vec::new(),
            taken: 0,
            preface,
            ended: false,
            failed: false,
            begun: false,
            announced: false,
        })
    }

    /// Ends the bytes in the clear: `rest` is what was read behind them.
    pub(in crate::net) fn end_preface(&mut self, rest: &[u8]) {
        self.preface = false;
        self.incoming.extend_from_slice(rest);
    }

    /// Reads plaintext; `Ok(0)` is the end. Answers of the handshake go out on the way.
    pub(in crate::net) fn read(
        &mut self,
        socket: &mut TcpStream,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        loop {
            if !self.preface {
                self.process(socket)?;
            }
            let waiting = &self.plain[self.taken..];
            if !waiting.is_empty() {
                let n = waiting.len().min(buffer.len());
                buffer[..n].copy_from_slice(&waiting[..n]);
                self.taken += n;
                if self.taken == self.plain.len() {
                    (self.plain, self.taken) = (Vec::new(), 0);
                }
                return Ok(n);
            }
            if self.ended {
                return Ok(0);
            }
            let room = INCOMING_MAX.saturating_sub(self.incoming.len());
            if room == 0 {
                return Err(ErrorKind::InvalidData.into());
            }
            let room = room.min(buffer.len());
            let n = socket.read(&mut buffer[..room])?;
            if n == 0 {
                self.ended = true;
            } else if self.preface {
                return Ok(n);
            }
            self.incoming.extend_from_slice(&buffer[..n]);
        }
    }

    /// Encrypts a record's worth of `bytes` and sends it; what the socket does not take waits here.
    /// Would block while there is something that waits, or the handshake is not through.
    pub(in crate::net) fn write(
        &mut self,
        socket: &mut TcpStream,
        bytes: &[u8],
    ) -> io::Result<usize> {
        self.process(socket)?;
        if self.wants_flush() {
            return Err(ErrorKind::WouldBlock.into());
        }
        // One record: what is sealed has to be kept until the socket takes it.
        let bytes = &bytes[..bytes.len().min(PLAIN_MAX)];
        self.seal(Some(bytes))?;
        self.flush(socket)?;
        Ok(bytes.len())
    }

    /// Sends "no more comes" and FIN, behind all that was written; `false`: some of it waits for the
    /// socket, and this is to be called again.
    // RFC 8446, 6.1: "Each party MUST send a "close_notify" alert before closing its write side of the
    // connection, unless it has already sent some error alert."
    pub(in crate::net) fn finish(&mut self, socket: &mut TcpStream) -> io::Result<bool> {
        self.close_writing();
        self.flush(socket)?;
        if self.wants_flush() {
            return Ok(false);
        }
        socket.shutdown(Shutdown::Write)?;
        Ok(true)
    }

    /// Sends "no more comes", as far as the socket takes it.
    pub(in crate::net) fn announce_end(&mut self, socket: &mut TcpStream) {
        if !self.announced {
            self.close_writing();
            // The connection is closed next, whatever came of it.
            let _ = self.flush(socket);
        }
    }

    fn close_writing(&mut self) {
        if !std::mem::replace(&mut self.announced, true) {
            // A peer that has not got through the handshake has nothing to be told.
            let _ = self.seal(None);
        }
    }

    /// Returns whether the peer began with something else than TLS that may be HTTP.
    pub(in crate::net) fn is_plain(&self) -> bool {
        let first = self.incoming.first();
        !self.begun && first.is_some_and(u8::is_ascii_alphabetic)
    }

    /// Returns whether bytes wait for the socket.
    pub(in crate::net) fn wants_flush(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    /// Sends what waits, as far as the socket takes it.
    pub(in crate::net) fn flush(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        while self.wants_flush() {
            match socket.write(&self.outgoing[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // Freed, not cleared: each of thousands of quiet sessions would keep a record's worth.
        (self.outgoing, self.sent) = (Vec::new(), 0);
        Ok(())
    }

    /// Appends a record with `plain` to `outgoing`; `None`: the alert that closes.
    fn seal(&mut self, plain: Option<&[u8]>) -> io::Result<()> {
        if self.failed {
            return Err(ErrorKind::InvalidData.into());
        }
        let Self {
            tls,
            incoming,
            outgoing,
            ..
        } = self;
        let UnbufferedStatus { discard, state } = tls.process_tls_records(incoming);
        let done = match state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                let start = outgoing.len();
                let mut size = plain.map_or(0, <[u8]>::len) + RECORD_OVERHEAD;
                loop {
                    outgoing.resize(start + size, 0);
                    let out = &mut outgoing[start..];
                    let made = match plain {
                        Some(plain) => traffic.encrypt(plain, out),
                        None => traffic.queue_close_notify(out),
                    };
                    match made {
                        Ok(n) => {
                            outgoing.truncate(start + n);
                            break Ok(());
                        }
                        Err(EncryptError::InsufficientSize(error))
                            if error.required_size > size =>
                        {
                            size = error.required_size;
                        }
                        Err(error) => {
                            outgoing.truncate(start);
                            break Err(broken(error));
                        }
                    }
                }
            }
            // The handshake is not through, or the peer has closed.
            Ok(_) => Err(ErrorKind::WouldBlock.into()),
            Err(error) => Err(broken(error)),
        };
        incoming.drain(..discard);
        done
    }

    /// Takes all whole records out of `incoming`, and sends what they ask for.
    fn process(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        if self.failed || self.is_plain() {
            return Err(ErrorKind::InvalidData.into());
        }
        self.begun |= !self.incoming.is_empty();
        let mut failure = None;
        // Behind a failure there are only what was made before, and the alert that says so.
        while failure.is_none() || self.tls.wants_write() {
            let UnbufferedStatus { mut discard, state } =
                self.tls.process_tls_records(&mut self.incoming);
            let go_on = match state {
                Ok(ConnectionState::ReadTraffic(mut records)) => {
                    while let Some(record) = records.next_record() {
                        let record = record.map_err(broken)?;
                        discard += record.discard;
                        self.plain.extend_from_slice(record.payload);
                    }
                    true
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    let start = self.outgoing.len();
                    match data.encode(&mut []) {
                        Err(EncodeError::InsufficientSize(error)) => {
                            self.outgoing.resize(start + error.required_size, 0);
                            data.encode(&mut self.outgoing[start..]).map_err(broken)?;
                        }
                        done => drop(done.map_err(broken)?),
                    }
                    true
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    true
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.ended = true;
                    true
                }
                Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_)) => false,
                Ok(ConnectionState::Closed) => {
                    self.ended = true;
                    false
                }
                // Early data is never offered.
                Ok(_) => return Err(ErrorKind::InvalidData.into()),
                Err(error) => {
                    // What came stays where it is: rustls knows its places.
                    let first = !std::mem::replace(&mut self.failed, true);
                    failure.get_or_insert(error);
                    first
                }
            };
            self.incoming.drain(..discard);
            if !go_on {
                break;
            }
        }
        if self.incoming.is_empty() {
            self.incoming = Vec::new();
        }
        self.flush(socket)?;
        if self.outgoing.len() - self.sent > OUTGOING_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        failure.map_or(Ok(()), |error| Err(broken(error)))
    }
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
