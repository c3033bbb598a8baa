//! A reader that resumes behind what it has seen, over every end of its server.

use super::payload::Found;
use crate::common::{Event, Stream, offset};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What one reader has seen, from the first round on.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The last id that it had; `None`: none yet.
    pub(super) last: Option<String>,
    /// What it saw in this round.
    pub(super) seen: Vec<Found>,
    /// Gaps that it was told of, in all.
    pub(super) gaps: usize,
}

impl Reader {
    /// Opens a stream behind what it has seen.
    pub(super) fn open(&self, address: SocketAddr) -> Stream {
        match &self.last {
            None => Stream::open(address, "topic=%3E&from=beginning"),
            Some(last) => {
                let id = format!("Last-Event-ID: {last}");
                Stream::open_with(address, "topic=%3E", &[&id])
            }
        }
    }

    /// Reads until the stream ends, or is to end and silent.
    pub(super) fn follow(&mut self, mut stream: Stream, over: &AtomicBool) {
        self.seen.clear();
        loop {
            let is_over = over.load(Ordering::Acquire);
            match stream.next_within(Duration::from_millis(20)) {
                Some(event) => self.take(&event),
                // A server that stops waits for those who stay.
                None if is_over || stream.has_ended => return,
                None => {}
            }
        }
    }

    /// Reads up to an offset.
    pub(super) fn read_to(&mut self, address: SocketAddr, head: u64) {
        self.seen.clear();
        if self.offset() >= head {
            return;
        }
        let mut stream = self.open(address);
        while self.offset() < head {
            let event = stream.next();
            self.take(&event);
        }
    }

    pub(super) fn offset(&self) -> u64 {
        self.last.as_deref().map_or(0, offset)
    }

    /// Takes an event: behind the one before, next to it unless a gap was told.
    fn take(&mut self, event: &Event) {
        match event.event.as_str() {
            "gap" => {
                self.gaps += 1;
                return;
            }
            "message" => {}
            other => panic!("{other} after {:?}: {}", self.last, event.data),
        }
        let (before, now) = (self.offset(), event.offset());
        assert!(now > before, "{now} after {before}");
        assert!(
            now == before + 1 || self.gaps > 0,
            "{now} after {before}, and nothing was told"
        );
        self.seen.push(Found::read(now, &event.data));
        self.last = Some(event.id.clone());
    }
}
