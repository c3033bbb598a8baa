//! The answer to a client's request, in the form that the run is about.

use super::event_stream::EventStream;
use super::news::News;
use super::socket::Socket;
use super::tools::Tools;
use crate::cli::Form;

/// Reads it.
pub(super) enum Answer {
    Stream(EventStream),
    Socket(Socket),
}

impl Answer {
    pub(super) fn new(form: Form) -> Answer {
        match form {
            Form::Sse | Form::Gzip => Answer::Stream(EventStream::new(form)),
            Form::Ws => Answer::Socket(Socket::new()),
        }
    }

    /// Starts over for another connection; what came last is remembered.
    pub(super) fn restart(&mut self) {
        match self {
            Answer::Stream(stream) => stream.restart(),
            Answer::Socket(socket) => socket.restart(),
        }
    }

    /// What a client says that comes back; empty for one that goes on with what is new.
    pub(super) fn last_id(&self) -> &str {
        match self {
            Answer::Stream(stream) => stream.last_id(),
            Answer::Socket(socket) => socket.last_id(),
        }
    }

    /// Takes what came; frames are read where they lie. The error is why the connection is of no more
    /// use.
    pub(super) fn take(
        &mut self,
        input: &mut [u8],
        tools: &mut Tools,
        each: &mut impl FnMut(News<'_>),
    ) -> Result<(), String> {
        match self {
            Answer::Stream(stream) => stream.take(input, tools, each),
            Answer::Socket(socket) => socket.take(input, tools, each),
        }
    }

    /// What the client has to send now: pongs.
    pub(super) fn replies(&mut self) -> Vec<u8> {
        match self {
            Answer::Stream(_) => Vec::new(),
            Answer::Socket(socket) => std::mem::take(&mut socket.replies),
        }
    }
}
