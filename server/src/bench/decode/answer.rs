//! The answer to a client's request, in the format that the run is about.

use super::buffers::Buffers;
use super::event_stream::EventStream;
use super::message::Message;
use super::socket::Socket;
use crate::cli::WireFormat;

/// The decoder of a client's answer.
pub(crate) enum Answer {
    Stream(EventStream),
    Socket(Socket),
}

impl Answer {
    pub(crate) fn new(format: WireFormat) -> Answer {
        match format {
            WireFormat::Sse | WireFormat::Gzip => Answer::Stream(EventStream::new(format)),
            WireFormat::Ws => Answer::Socket(Socket::new()),
        }
    }

    /// Starts over for another connection; what came last is remembered.
    pub(crate) fn restart(&mut self) {
        match self {
            Answer::Stream(stream) => stream.restart(),
            Answer::Socket(socket) => socket.restart(),
        }
    }

    /// Returns the id that a client resumes behind; empty for one that goes on with what is new.
    pub(crate) fn last_id(&self) -> &str {
        match self {
            Answer::Stream(stream) => stream.last_id(),
            Answer::Socket(socket) => socket.last_id(),
        }
    }

    /// Takes what came; frames are read where they lie. The error is why the connection is of no more
    /// use.
    pub(crate) fn take(
        &mut self,
        input: &mut [u8],
        buffers: &mut Buffers,
        each: &mut impl FnMut(Message<'_>),
    ) -> Result<(), String> {
        match self {
            Answer::Stream(stream) => stream.take(input, buffers, each),
            Answer::Socket(socket) => socket.take(input, buffers, each),
        }
    }

    /// Takes the bytes that the client has to send now: pongs.
    pub(crate) fn replies(&mut self) -> Vec<u8> {
        match self {
            Answer::Stream(_) => Vec::new(),
            Answer::Socket(socket) => std::mem::take(&mut socket.replies),
        }
    }
}
