//! The client: one subscription over as many WebSockets as it takes.

use std::sync::Arc;
use std::time::Instant;

use thiserror::Error;

use super::super::client_builder::{ClientBuilder, WsClientBuilder};
use super::super::error::ReadError;
use super::super::item::{Cause, ClientError};
use super::super::random::random;
use super::super::reconnect::Reconnector;
#[cfg(feature = "async")]
use super::super::task::{ClientItems, WsItems};
use super::super::transport::{Network, Stopper};
use super::super::url::UrlError;
use super::item::WsItem;
use super::session::Session;
use super::target::Target;
use crate::wire::ws::{
    AnswerError, ClientHandshake, CloseCode, CloseFrame, MessageDecoder, MessageStep, Opcode, Peer,
    Scratch, masked_close_frame, masked_frame,
};

/// The code that stands for a close frame without one (RFC 6455, 7.1.5).
const NO_CODE: CloseCode = CloseCode(1005);

/// Why a request did not leave.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WsRequestError {
    /// No connection is open: ask for items until [`WsItem::Connected`] comes.
    #[error("there is no connection")]
    NotConnected,
    /// The connection broke; what is asked for next says so, too.
    #[error(transparent)]
    Send(#[from] ReadError),
}

/// Reads the events of an eventring WebSocket, across connections, and sends requests on it.
///
/// As [`SseClient`](crate::client::SseClient) it comes back when the connection is lost, with the id of
/// the last event that it has got whole, after a wait that doubles with each failure, or that the
/// server asked for, until a connection has delivered an event or lived for 5 s. What the URL subscribes to
/// (`topic`) is resumed; what was subscribed by a request
/// ends with the connection.
///
/// Pings are answered while it is asked for items: who takes longer than the server's patience (20 s)
/// over one item is cut, and comes back.
#[derive(Debug)]
pub struct WsClient {
    options: WsClientBuilder,
    target: Target,
    reconnector: Reconnector,
    session: Session,
    /// `Some` while there is a connection.
    decoder: Option<MessageDecoder>,
    scratch: Scratch,
    /// Bytes that came, of which `used` are decoded.
    input: Vec<u8>,
    used: usize,
    /// Frames that leave before more is read: answers to what was read last.
    out: Vec<u8>,
    /// Set once our close frame is on its way: there is only one.
    closing: bool,
    /// Set once the iterator has handed out an error.
    ended: bool,
}

impl WsClient {
    pub(in crate::client) fn new(options: WsClientBuilder, network: Arc<dyn Network>) -> Self {
        let (target, id) = Target::split(&options.target);
        let given = options.last_event_id.clone();
        Self {
            reconnector: Reconnector::new(&options, network),
            options,
            target,
            session: Session::after(given.or(id).unwrap_or_default()),
            decoder: None,
            scratch: Scratch::new(),
            input: Vec::new(),
            used: 0,
            out: Vec::new(),
            closing: false,
            ended: false,
        }
    }

    /// Makes a client for a URL, with the default options.
    ///
    /// # Errors
    ///
    /// [`UrlError`] for what is not `ws://host:port/path?query`, or the same with `http`.
    pub fn open(url: &str) -> Result<Self, UrlError> {
        Ok(Self::builder(url)?.build())
    }

    /// Begins with a URL. A `last-event-id` in it counts unless the builder is given another.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn builder(url: &str) -> Result<WsClientBuilder, UrlError> {
        ClientBuilder::at(url, &["ws", "http"])
    }

    /// The id that it would resume with; empty: none.
    pub fn last_event_id(&self) -> &str {
        self.session.last_event_id()
    }

    /// Stops it from another thread.
    pub fn stopper(&self) -> Stopper {
        self.reconnector.stopper()
    }

    /// Sends a request, an object of JSON as `docs/asyncapi.yaml` has them, on the connection that there
    /// is. What answers it comes as [`WsItem::Answer`]; nobody answers if the connection is lost
    /// before.
    ///
    /// While the server takes nothing it waits, at most the client's timeout.
    ///
    /// # Errors
    ///
    /// [`WsRequestError`]; whether a part has left is not known then.
    pub fn request(&mut self, json: &str) -> Result<(), WsRequestError> {
        if self.reconnector.conn().is_none() {
            return Err(WsRequestError::NotConnected);
        }
        let mask = random().map_err(ReadError::Io)?;
        masked_frame(&mut self.out, Opcode::Text, json.as_bytes(), mask);
        Ok(self.flush()?)
    }

    /// Returns the next item if it has come already; never waits for the server.
    ///
    /// # Errors
    ///
    /// As [`next_item`](Self::next_item).
    pub fn try_next_item(&mut self) -> Result<Option<WsItem>, ClientError> {
        loop {
            let Some(decoder) = &mut self.decoder else {
                return Ok(None);
            };
            let decoded = decoder.decode(&mut self.input[self.used..], &mut self.scratch);
            let (used, item) = match decoded {
                Ok(decoded) => decoded,
                Err(violation) => {
                    return Err(self.fail(violation.close_code(), violation.into()));
                }
            };
            self.used += used;
            match item {
                MessageStep::NeedMore => return Ok(None),
                MessageStep::Message(kind, data) => match self.session.take(kind, data) {
                    Ok(None) => {}
                    Ok(item) => {
                        // As in a stream: a server that sends a notice and hangs up has been of no use.
                        if matches!(item, Some(WsItem::Event(_))) {
                            self.reconnector.delivered();
                        }
                        return Ok(item);
                    }
                    // The frames are as they should be, the message is not: RFC 6455, 7.4.1, has 1008 for that.
                    Err(error) => return Err(self.fail(CloseCode::POLICY, error.into())),
                },
                MessageStep::Ping(data) => match random() {
                    Ok(mask) => masked_frame(&mut self.out, Opcode::Pong, data, mask),
                    // No frame may leave unmasked (RFC 6455, 5.1), and there is nothing to mask it with.
                    Err(error) => return self.disconnected(ReadError::Io(error)).map(Some),
                },
                MessageStep::Pong(_) => {}
                MessageStep::Close(said) => {
                    let reason = said.map_or("", |said| said.reason).to_owned();
                    let code = said.map(|CloseFrame { code, .. }| code);
                    return self.closed(code, reason).map(Some);
                }
            }
        }
    }

    /// Waits for the next item, connecting where there is no connection.
    ///
    /// # Errors
    ///
    /// [`ClientError`] where connecting again would not help. The next call tries anyway, after a wait as
    /// for any failure.
    pub fn next_item(&mut self) -> Result<WsItem, ClientError> {
        self.reconnector.rest();
        loop {
            self.reconnector.check()?;
            if let Some(item) = self.try_next_item()? {
                return Ok(item);
            }
            if self.decoder.is_none() {
                let connected = self.connect();
                if connected.is_err() {
                    self.hang_up();
                    self.reconnector.failed();
                }
                return connected;
            }
            if let Err(error) = self.read() {
                return self.disconnected(error);
            }
        }
    }

    /// Ends the connection as the protocol has it: says so, and waits for the server to say so too, at
    /// most twice the client's timeout. What else comes is dropped.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the server said nothing or went away without it; one that breaks the protocol ends it, too; the connection is gone all the same.
    pub fn close(mut self) -> Result<(), ReadError> {
        if self.decoder.is_none() {
            return Ok(());
        }
        // It leaves with the first read, behind what waits already.
        self.push_close(Some(CloseCode::NORMAL))?;
        // Each read waits as long as the timeout, so twice of it is the most.
        let (begun, timeout) = (Instant::now(), self.options.timeout);
        while begun.elapsed() < timeout {
            match self.try_next_item() {
                Ok(Some(WsItem::Disconnected(_))) | Err(_) => return Ok(()),
                Ok(Some(_)) => {}
                Ok(None) => self.read()?,
            }
        }
        Err(ReadError::Silent(timeout.as_secs_f64()))
    }

    /// Reads on a thread of its own, for a task.
    ///
    /// # Errors
    ///
    /// The system's error when it refuses a thread.
    #[cfg(feature = "async")]
    pub fn into_stream(mut self) -> std::io::Result<WsItems> {
        ClientItems::spawn(self.stopper(), move || self.next_item())
    }

    fn connect(&mut self) -> Result<WsItem, ClientError> {
        self.hang_up();
        let key = match random() {
            Ok(key) => key,
            Err(error) => return self.disconnected(ReadError::Io(error)),
        };
        let handshake = ClientHandshake::new(key).deflate(self.options.own.deflate);
        let target = self.target.after(self.session.last_event_id());
        let mut request = self.options.request(&target).into_bytes();
        handshake.write_fields(&mut request);
        request.extend_from_slice(b"\r\n");
        let (conn, head) = match self.reconnector.ask(&request) {
            Ok(answered) => answered,
            Err(cause) => return self.disconnected(cause),
        };
        match handshake.read(&head) {
            // What came behind the head stays in the connection, and is read as frames.
            Ok(agreed) => {
                let limits = self.options.own.limits;
                self.decoder = Some(MessageDecoder::new(Peer::Server, agreed.inflate(), limits));
                self.reconnector.keep(conn);
                Ok(WsItem::Connected)
            }
            // A redirect, a refusal or a busy server: judged as for any stream.
            Err(AnswerError::Status { status: 300.. }) => self
                .reconnector
                .refused(conn, &head)
                .map(WsItem::Disconnected),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends what is to be answered, then waits for more.
    fn read(&mut self) -> Result<(), ReadError> {
        // Whatever became of it, the server's last words may be there to be read.
        let flushed = self.flush();
        self.input.clear();
        self.used = 0;
        let Some(conn) = self.reconnector.conn() else {
            return Err(ReadError::Closed);
        };
        match conn.raw(&mut self.input)? {
            true => Ok(()),
            false => flushed.and(Err(ReadError::Cut)),
        }
    }

    fn flush(&mut self) -> Result<(), ReadError> {
        let Some(conn) = self.reconnector.conn().filter(|_| !self.out.is_empty()) else {
            return Ok(());
        };
        let sent = conn.send(&self.out);
        self.out.clear();
        // Half a frame may have left: nothing could follow it. What the server has sent can still be read.
        if sent.is_err() {
            conn.cut();
        }
        sent
    }

    /// The server's close frame: it wants ours.
    fn closed(&mut self, code: Option<CloseCode>, reason: String) -> Result<WsItem, ClientError> {
        // RFC 6455, 5.5.1: "If an endpoint receives a Close frame and did not previously send a Close
        // frame, the endpoint MUST send a Close frame in response."
        if !self.closing {
            // Who has closed already does not need it.
            let _ = self.push_close(code).and_then(|()| self.flush());
        }
        let code = code.unwrap_or(NO_CODE);
        self.disconnected(Cause::Closed { code, reason })
    }

    /// Has a close frame leave next, the last frame of all.
    fn push_close(&mut self, code: Option<CloseCode>) -> Result<(), ReadError> {
        let mask = random().map_err(ReadError::Io)?;
        match code {
            Some(code) => masked_close_frame(&mut self.out, code, "", mask),
            None => masked_frame(&mut self.out, Opcode::Close, b"", mask),
        }
        self.closing = true;
        Ok(())
    }

    /// Tells the server what it did wrong, and leaves it.
    fn fail(&mut self, code: CloseCode, error: ClientError) -> ClientError {
        // A courtesy: RFC 6455, 7.1.7 asks for it where it can be sent.
        let _ = self.push_close(Some(code)).and_then(|()| self.flush());
        self.hang_up();
        self.reconnector.failed();
        error
    }

    fn disconnected(&mut self, cause: impl Into<Cause>) -> Result<WsItem, ClientError> {
        // Before the hang-up forgets it. How the connection ended behind a `bye` says nothing more.
        let (cause, wait) = match self.session.take_bye() {
            Some(bye) => (Cause::Bye { reason: bye.reason }, Some(bye.wait)),
            None => (cause.into(), None),
        };
        self.hang_up();
        self.reconnector
            .disconnected(cause, wait)
            .map(WsItem::Disconnected)
    }

    /// Drops the connection and what of a message had come.
    fn hang_up(&mut self) {
        self.reconnector.hang_up();
        // A goodbye is of one connection: the next one must not end with it.
        self.session.take_bye();
        if let Some(decoder) = self.decoder.take() {
            decoder.end(&mut self.scratch);
        }
        // Frames that wait are for the connection that is gone; another one must not begin with them.
        self.input.clear();
        self.out.clear();
        self.used = 0;
        self.closing = false;
    }
}

impl Iterator for WsClient {
    type Item = Result<WsItem, ClientError>;

    /// Ends after an error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_item();
        self.ended = next.is_err();
        Some(next)
    }
}
