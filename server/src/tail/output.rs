//! Standard output: one write per read from the server, and a quiet end when nobody reads.

use crate::cli::TailFormat;
use eventring::client::SseEvent;
use eventring::wire::sse::{self, Frame};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{self, ErrorKind, Write};

/// Events on their way to standard output.
#[derive(Debug)]
pub(crate) struct Output {
    format: TailFormat,
    left: Option<usize>,
    pending: Vec<u8>,
}

impl Output {
    pub(crate) fn new(format: TailFormat, count: Option<usize>) -> Output {
        Output {
            format,
            left: count,
            pending: Vec::new(),
        }
    }

    /// True when as many events were taken as were asked for.
    pub(crate) fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    /// Takes an event; those behind the last one asked for are dropped.
    pub(crate) fn event(&mut self, event: &SseEvent) {
        if self.is_full() {
            return;
        }
        self.left = self.left.map(|left| left - 1);
        match self.format {
            TailFormat::Sse => self.frame(event),
            TailFormat::Data | TailFormat::Cloudevents => {
                self.pending.extend_from_slice(event.data.as_bytes());
                self.pending.push(b'\n');
            }
        }
    }

    /// Takes a notice of the server, which only `sse` shows among the events.
    pub(super) fn notice(&mut self, event: &SseEvent) {
        if self.format == TailFormat::Sse && !self.is_full() {
            self.frame(event);
        }
    }

    fn frame(&mut self, event: &SseEvent) {
        let frame = Frame::default()
            .id(event.id.as_bytes())
            .event(&event.event)
            .data(event.data.as_bytes());
        // Line ends in ids and names, which only a strange server sends, and only over a WebSocket: such an
        // event is left out, or it would pass for several.
        let _ = sse::encode(&mut self.pending, frame);
    }

    /// Writes what was taken; `false` when nobody reads any more.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let mut stdout = io::stdout().lock();
        let written = stdout
            .write_all(&self.pending)
            .and_then(|()| stdout.flush());
        // After a failure, too: nobody knows how much of it went out.
        self.pending.clear();
        match written {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(e) => Err(e),
        }
    }
}

/// Ends the process, quietly, as soon as the reader of standard output is gone: on a quiet topic
/// there may be no write for a long time that would tell.
pub(crate) fn end_when_nobody_reads() {
    std::thread::spawn(|| {
        loop {
            // Nothing is asked for: errors and hang-ups are reported all the same.
            let stdout = io::stdout();
            let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
            match poll(&mut watched, None) {
                Err(rustix::io::Errno::INTR) => {}
                Ok(_)
                    if watched[0]
                        .revents()
                        .intersects(PollFlags::ERR | PollFlags::HUP) =>
                {
                    // The reader has seen what it wanted, as with `head`: that is no failure.
                    std::process::exit(0);
                }
                _ => return,
            }
        }
    });
}
