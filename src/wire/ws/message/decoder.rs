//! From bytes to messages: frames, fragments, inflation, text, in any cut of the input.

use super::super::frame::{CONTROL_MAX, CloseFrame, FrameHeader, Opcode, advanced, apply_mask};
use super::super::limits::MessageLimits;
use super::super::violation::Violation;
use super::assembly::{Assembly, check_message};
use super::inflate::Inflater;
use super::item::{Inflate, MessageKind, MessageStep, Peer};
use super::scratch::Scratch;

/// Reads the frames of one peer.
///
/// It holds about a hundred bytes; what an unfinished message needs it borrows from a [`Scratch`].
/// Payload is unmasked where it lies, and a message that came in one frame and one piece is handed
/// out without a copy.
///
/// # Examples
///
/// ```
/// use eventring::wire::ws::{MessageDecoder, Inflate, MessageStep, MessageLimits, MessageKind, Peer, Scratch};
///
/// let mut scratch = Scratch::new();
/// let mut decoder = MessageDecoder::new(Peer::Server, Inflate::No, MessageLimits::default());
/// // RFC 6455, 5.7: a fragmented message, here with a ping between its fragments.
/// let mut input = *b"\x01\x03Hel\x89\x00\x80\x02lo";
/// let (used, item) = decoder.decode(&mut input, &mut scratch)?;
/// assert_eq!((used, item), (7, MessageStep::Ping(b"")));
/// let (_, item) = decoder.decode(&mut input[7..], &mut scratch)?;
/// assert_eq!(item, MessageStep::Message(MessageKind::Text, b"Hello"));
/// # Ok::<(), eventring::wire::ws::Violation>(())
/// ```
pub struct MessageDecoder {
    limits: MessageLimits,
    peer: Peer,
    inflate: Inflate,
    /// The first `head_len` bytes of a header that is not whole: `head_len < BYTES_MAX`, and 0 while `frame` is there.
    head: [u8; FrameHeader::BYTES_MAX],
    head_len: u8,
    /// The frame whose payload is arriving: between calls `left > 0`, and at most `limits.frame_bytes`
    /// but for a control frame.
    frame: Option<Frame>,
    /// The message that has begun and not ended. Its data is at most `limits.message_bytes`; boxed, since an idle
    /// connection has none.
    message: Option<Box<Assembly>>,
    /// The payload of a control frame, at most [`CONTROL_MAX`] bytes. From its first byte until the call after the one that
    /// hands it out; one without payload is never here.
    control: Option<Box<Control>>,
    /// The message handed out last, whose bytes the caller borrows: at most `limits.message_bytes`. Only between a call
    /// that returns it and the next, which recycles it; never with an inflater.
    handed: Option<Box<Assembly>>,
    /// The inflater between two compressed messages, 42 KiB. Only with [`Inflate::LookingBack`], only after a first one, and
    /// never while `message` has an inflater. It counts against the bound of the [`Scratch`] as long as it is here.
    window: Option<Inflater>,
    /// Set once messages are passed over. From then on `message`, `handed` and `window` stay empty.
    abandoned: bool,
}

/// A frame whose header has been read and checked.
#[derive(Clone, Copy)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// Bytes of payload that have not come.
    left: u64,
    /// The mask, turned so that its first byte is the next one's.
    mask: [u8; 4],
}

/// The payload of a control frame.
struct Control {
    bytes: [u8; CONTROL_MAX],
    len: u8,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            bytes: [0; CONTROL_MAX],
            len: 0,
        }
    }
}

impl Control {
    /// Appends a piece; the header has been checked, so all pieces together fit.
    fn push(&mut self, piece: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..start + piece.len()].copy_from_slice(piece);
        self.len += piece.len() as u8;
    }

    fn payload(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The place of an item's bytes, until they can be borrowed.
enum Done {
    Nothing,
    /// A whole message in the input.
    Here(MessageKind, usize, usize),
    /// In `handed`.
    Assembled,
    /// A control frame in `control`.
    Control(Opcode),
}

impl MessageDecoder {
    /// Creates a decoder for a connection whose handshake is done.
    pub fn new(peer: Peer, inflate: Inflate, limits: MessageLimits) -> Self {
        Self {
            limits,
            peer,
            inflate,
            head: [0; FrameHeader::BYTES_MAX],
            head_len: 0,
            frame: None,
            message: None,
            control: None,
            handed: None,
            window: None,
            abandoned: false,
        }
    }

    /// Returns whether a message or frame has begun and not ended.
    pub fn is_inside(&self) -> bool {
        self.head_len > 0 || self.frame.is_some() || self.message.is_some()
    }

    /// Returns whether it has borrowed an inflater for a message that has begun and not ended.
    pub fn is_inflating(&self) -> bool {
        self.message.as_ref().is_some_and(|it| it.is_inflating())
    }

    /// Returns the bytes that it holds of messages, and of the windows that they refer to.
    pub fn held_bytes(&self) -> usize {
        let messages = [&self.message, &self.handed].into_iter().flatten();
        let window = self.window.as_ref().map_or(0, |_| Inflater::BYTES);
        messages.map(|it| it.held_bytes()).sum::<usize>() + window
    }

    /// Takes bytes up to the next item, unmasking them in place, and says how many it took. Call
    /// it again with the rest until it says [`MessageStep::NeedMore`], which takes all.
    ///
    /// # Errors
    ///
    /// The first thing that the peer did wrong, as soon as it shows. After it, as after a close,
    /// nothing more may be read.
    pub fn decode<'a>(
        &'a mut self,
        input: &'a mut [u8],
        scratch: &mut Scratch,
    ) -> Result<(usize, MessageStep<'a>), Violation> {
        // The caller cannot hold the last item any more: it borrowed from `self`.
        if let Some(handed) = self.handed.take() {
            handed.recycle(scratch);
        }
        // A control frame that is still arriving keeps what it has; control frames are never interleaved.
        if self.frame.is_none() {
            self.control = None;
        }
        let mut used = 0;
        // Offsets and not slices: a loop that lends `input` out could not go on with it.
        let done = loop {
            match self.step(input, &mut used, scratch)? {
                Some(done) => break done,
                None if used == input.len() => break Done::Nothing,
                None => {}
            }
        };
        let item = match done {
            Done::Nothing => MessageStep::NeedMore,
            Done::Here(kind, start, end) => MessageStep::Message(kind, &input[start..end]),
            Done::Assembled => match &self.handed {
                Some(message) => MessageStep::Message(message.kind, &message.data),
                None => unreachable!("an assembled message was just put there"),
            },
            Done::Control(opcode) => {
                let payload = self.control.as_ref().map_or(&[][..], |it| it.payload());
                match opcode {
                    Opcode::Ping => MessageStep::Ping(payload),
                    Opcode::Pong => MessageStep::Pong(payload),
                    _ => MessageStep::Close(CloseFrame::read(payload)?),
                }
            }
        };
        Ok((used, item))
    }

    /// Takes a header or a run of payload; `None`: there is no item yet.
    fn step(
        &mut self,
        input: &mut [u8],
        used: &mut usize,
        scratch: &mut Scratch,
    ) -> Result<Option<Done>, Violation> {
        if self.frame.is_none() {
            let Some(header) = self.header(input, used)? else {
                *used = input.len();
                return Ok(None);
            };
            self.begin_frame(header, scratch)?;
            if let Some(done) = self.whole_here(header, input, used)? {
                return Ok(Some(done));
            }
        }
        self.payload(input, used, scratch)
    }

    /// Reads a header that may have begun in earlier input.
    fn header(&mut self, input: &[u8], used: &mut usize) -> Result<Option<FrameHeader>, Violation> {
        let held = usize::from(self.head_len);
        let rest = &input[*used..];
        if held == 0 {
            let Some((taken, header)) = FrameHeader::decode(rest)? else {
                // Fits: a header of `BYTES_MAX` bytes is whole.
                self.head[..rest.len()].copy_from_slice(rest);
                self.head_len = rest.len() as u8;
                return Ok(None);
            };
            *used += taken;
            return Ok(Some(header));
        }
        // Perhaps more than the header has: what is payload is taken from the input again.
        let more = rest.len().min(self.head.len() - held);
        self.head[held..held + more].copy_from_slice(&rest[..more]);
        match FrameHeader::decode(&self.head[..held + more])? {
            Some((taken, header)) => {
                self.head_len = 0;
                *used += taken - held;
                Ok(Some(header))
            }
            None => {
                self.head_len = (held + more) as u8;
                Ok(None)
            }
        }
    }

    /// Checks a header against the state of the connection and the limits.
    fn begin_frame(&mut self, header: FrameHeader, scratch: &mut Scratch) -> Result<(), Violation> {
        let mask = match (self.peer, header.mask) {
            // RFC 6455, 5.1: "The server MUST close the connection upon receiving a frame that is
            // not masked." - "A client MUST close a connection if it detects a masked frame."
            (Peer::Client, None) => return Err(Violation::NotMasked),
            (Peer::Server, Some(_)) => return Err(Violation::Masked),
            (_, mask) => mask.unwrap_or_default(),
        };
        // RFC 7692, 6: RSV1 is on the first frame of a message only.
        let first = matches!(header.opcode, Opcode::Text | Opcode::Binary);
        if header.rsv1 && (!first || self.inflate == Inflate::No) {
            return Err(Violation::ReservedBits { bits: 0b100 });
        }
        // Before anything is allocated for it. A control frame has its own bound, in its header's check.
        if header.len > self.limits.frame_bytes as u64 && !header.opcode.is_control() {
            return Err(Violation::FrameTooLarge {
                len: header.len,
                limit: self.limits.frame_bytes as u64,
            });
        }
        self.frame = Some(Frame {
            opcode: header.opcode,
            fin: header.fin,
            left: header.len,
            mask,
        });
        // Whoever has sent a close frame reads only for the peer's: the order of fragments is of no interest.
        if self.abandoned {
            return Ok(());
        }
        let kind = match header.opcode {
            Opcode::Text => MessageKind::Text,
            Opcode::Binary => MessageKind::Binary,
            Opcode::Continuation => {
                let message = self.message.as_mut();
                let message = message.ok_or(Violation::NothingToContinue)?;
                return message.begin_fragment(header.len, &self.limits);
            }
            Opcode::Close | Opcode::Ping | Opcode::Pong => return Ok(()),
        };
        if self.message.is_some() {
            return Err(Violation::MessageNotEnded);
        }
        if header.fin && !header.rsv1 {
            // Perhaps it is all here: then nothing is borrowed.
            return check_message(header.len, &self.limits);
        }
        self.begin_message(kind, header.rsv1, header.len, scratch)
    }

    fn begin_message(
        &mut self,
        kind: MessageKind,
        compressed: bool,
        len: u64,
        scratch: &mut Scratch,
    ) -> Result<(), Violation> {
        let inflater = if !compressed {
            None
        } else if let Some(window) = self.window.take() {
            // Counted already: a connection that keeps its window cannot be refused for the others' sake.
            Some(window)
        } else {
            Some(scratch.take_inflater()?)
        };
        let message = Assembly::new(kind, inflater, scratch.take_buffer());
        let message = self.message.insert(Box::new(message));
        message.begin_fragment(len, &self.limits)
    }

    /// Hands out a message that is whole in the input, where it lies.
    fn whole_here(
        &mut self,
        header: FrameHeader,
        input: &mut [u8],
        used: &mut usize,
    ) -> Result<Option<Done>, Violation> {
        let kind = match header.opcode {
            Opcode::Text => MessageKind::Text,
            Opcode::Binary => MessageKind::Binary,
            _ => return Ok(None),
        };
        let start = *used;
        if self.abandoned || self.message.is_some() || header.len > (input.len() - start) as u64 {
            return Ok(None);
        }
        let end = start + header.len as usize;
        let payload = &mut input[start..end];
        if let Some(mask) = header.mask {
            apply_mask(payload, mask);
        }
        if kind == MessageKind::Text
            && let Err(error) = std::str::from_utf8(payload)
        {
            let at = error.valid_up_to() as u64;
            return Err(Violation::Utf8 { at });
        }
        *used = end;
        self.frame = None;
        Ok(Some(Done::Here(kind, start, end)))
    }

    /// Takes what there is of the frame's payload.
    fn payload(
        &mut self,
        input: &mut [u8],
        used: &mut usize,
        scratch: &mut Scratch,
    ) -> Result<Option<Done>, Violation> {
        let Some(mut frame) = self.frame else {
            return Ok(None);
        };
        let start = *used;
        let len = frame.left.min((input.len() - start) as u64) as usize;
        let piece = &mut input[start..start + len];
        // In place, each byte once: what is taken here is not looked at again.
        if self.peer == Peer::Client {
            apply_mask(piece, frame.mask);
        }
        *used += len;
        frame.left -= len as u64;
        frame.mask = advanced(frame.mask, len);
        self.frame = (frame.left > 0).then_some(frame);
        if frame.opcode.is_control() {
            if !piece.is_empty() {
                self.control.get_or_insert_default().push(piece);
            }
            return Ok((frame.left == 0).then_some(Done::Control(frame.opcode)));
        }
        if self.abandoned {
            return Ok(None);
        }
        if self.message.is_none() {
            // A whole, plain message that has only begun to arrive.
            let kind = if frame.opcode == Opcode::Text {
                MessageKind::Text
            } else {
                MessageKind::Binary
            };
            self.begin_message(kind, false, len as u64 + frame.left, scratch)?;
        }
        let Some(message) = self.message.as_mut() else {
            return Ok(None);
        };
        message.push(piece, &self.limits)?;
        if frame.left > 0 || !frame.fin {
            return Ok(None);
        }
        message.finish(&self.limits)?;
        self.handed = self.message.take();
        self.keep_window(scratch);
        Ok(Some(Done::Assembled))
    }

    /// Keeps the inflater of the message just ended, or gives it back.
    fn keep_window(&mut self, scratch: &mut Scratch) {
        let inflater = self.handed.as_mut().and_then(|done| done.take_inflater());
        match inflater {
            Some(inflater) if self.inflate == Inflate::LookingBack => self.window = Some(inflater),
            Some(inflater) => scratch.give_inflater(inflater),
            None => {}
        }
    }

    /// Gives back what it borrowed for messages, and passes over those that still come: only control frames
    /// matter to whoever has sent a close frame.
    pub fn abandon(&mut self, scratch: &mut Scratch) {
        self.abandoned = true;
        self.give_back(scratch);
    }

    /// Gives back what it borrowed. A decoder that is dropped without this keeps its share of the
    /// [`Scratch`]'s inflaters taken.
    pub fn end(mut self, scratch: &mut Scratch) {
        self.give_back(scratch);
    }

    fn give_back(&mut self, scratch: &mut Scratch) {
        for message in [self.message.take(), self.handed.take()]
            .into_iter()
            .flatten()
        {
            message.recycle(scratch);
        }
        if let Some(inflater) = self.window.take() {
            scratch.give_inflater(inflater);
        }
    }
}

impl std::fmt::Debug for MessageDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageDecoder")
            .field("peer", &self.peer)
            .field("inflate", &self.inflate)
            .field("inside", &self.is_inside())
            .finish_non_exhaustive()
    }
}
