//! A reader that resumes behind what it has seen, over every end of its server.

use super::payload::Found;
use crate::common::{Event, Stream, offset};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What one reader has seen, from the first round on.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The last id that it had; `None`: none yet.
    pub(super) last: Option<String>,
    /// What it saw in this round.
    pub(super) seen: Vec<Found>,
    /// Offsets that it was told to be missing, by gap, in all.
    pub(super) gaps: Vec<Range<u64>>,
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

    /// Takes an event: behind the one before, next to it unless all between them was told to be missing.
    fn take(&mut self, event: &Event) {
        match event.event.as_str() {
            "gap" => {
                let told = event.json();
                let [from, to] =
                    ["from", "to"].map(|name| offset(told[name].as_str().expect("a position")));
                self.gaps.push(from..to + 1);
                return;
            }
            "message" => {}
            other => panic!("{other} after {:?}: {}", self.last, event.data),
        }
        let (before, now) = (self.offset(), event.offset());
        assert!(now > before, "{now} after {before}");
        // The beginning is what is kept: what was in memory alone before it is nobody's to tell.
        if self.last.is_none() && now > 1 {
            self.gaps.push(1..now);
        }
        assert!(
            is_told(&self.gaps, before + 1..now),
            "{now} after {before}, and nothing was told: {:?}",
            self.gaps
        );
        self.seen.push(Found::read(now, &event.data));
        self.last = Some(event.id.clone());
    }
}

/// Returns whether each of some offsets lies in one of the gaps that were told.
pub(super) fn is_told(gaps: &[Range<u64>], mut offsets: Range<u64>) -> bool {
    while !offsets.is_empty() {
        let here = gaps.iter().filter(|gap| gap.contains(&offsets.start));
        match here.map(|gap| gap.end).max() {
            Some(end) => offsets.start = end,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Once any gap at all, in any round, excused every jump after it.
    #[test]
    fn a_jump_is_told_by_gaps_that_cover_it() {
        let gaps = [3..6, 10..12, 5..8];
        for told in [3..8, 3..3, 9..9, 10..12, 4..7] {
            assert!(is_told(&gaps, told.clone()), "{told:?}");
        }
        for untold in [2..4, 3..9, 8..11, 11..13, 1..20] {
            assert!(!is_told(&gaps, untold.clone()), "{untold:?}");
        }
    }
}
