//! Carries packets between two TUN devices, late and not all of them; which ones are lost is the same in
//! each run, counted in packets of a direction.

use crate::link::{Fault, PACKETS_MAX};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longest wait: so long a stop may take.
const WAIT: Duration = Duration::from_millis(20);
/// The largest packet.
const PACKET: usize = 64 << 10;

/// A thread for each direction; dropped, they end.
pub(crate) struct Relay {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    // Relaxed throughout: neither orders anything else.
    stop: AtomicBool,
    dropped: AtomicU64,
}

impl Relay {
    pub(crate) fn start(ends: [File; 2], fault: Fault) -> Relay {
        let shared = Arc::<Shared>::default();
        let ends = ends.map(Arc::new);
        let threads = [(0, 1), (1, 0)].map(|(from, to)| {
            let (from, to) = (Arc::clone(&ends[from]), Arc::clone(&ends[to]));
            let (shared, mut line) = (Arc::clone(&shared), Line::new(fault));
            thread::spawn(move || line.carry(&from, &to, &shared))
        });
        Relay {
            shared,
            threads: threads.into(),
        }
    }

    /// Packets that were lost so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that has panicked has said so, and its link carries nothing: the test fails by that.
            let _ = thread.join();
        }
    }
}

/// One direction.
struct Line {
    fault: Fault,
    /// State of xorshift64.
    random: u64,
    /// Until then the line is busy with what it has taken.
    busy: Instant,
    /// Packets by when they arrive.
    on_the_way: VecDeque<(Instant, Vec<u8>)>,
}

impl Line {
    fn new(fault: Fault) -> Line {
        Line {
            fault,
            random: 0x9E37_79B9_7F4A_7C15,
            busy: Instant::now(),
            on_the_way: VecDeque::new(),
        }
    }

    fn carry(&mut self, mut from: &File, mut to: &File, shared: &Shared) {
        let mut buffer = vec![0; PACKET];
        while !shared.stop.load(Ordering::Relaxed) {
            while let Some(packet) = self.arrived(Instant::now()) {
                // A device that is down takes none, as a wire without anybody at its end.
                let _ = to.write(&packet);
            }
            match from.read(&mut buffer) {
                Ok(len) => {
                    let taken = self.take(&buffer[..len], Instant::now());
                    shared
                        .dropped
                        .fetch_add(u64::from(!taken), Ordering::Relaxed);
                }
                // There is none, or the device is not up yet.
                Err(_) => self.wait(from),
            }
        }
    }

    /// Puts a packet on its way; `false`: it is lost.
    fn take(&mut self, packet: &[u8], now: Instant) -> bool {
        let lost = self.next() % 100 < u64::from(self.fault.loss_percent);
        if lost || self.on_the_way.len() >= PACKETS_MAX {
            return false;
        }
        let bytes = packet.len() as f64;
        let length = self.fault.rate.map_or(0.0, |rate| bytes / rate as f64);
        self.busy = self.busy.max(now) + Duration::from_secs_f64(length);
        let due = self.busy + self.fault.delay;
        self.on_the_way.push_back((due, packet.to_vec()));
        true
    }

    /// The next packet that is at the other end.
    fn arrived(&mut self, now: Instant) -> Option<Vec<u8>> {
        let (due, _) = self.on_the_way.front()?;
        let arrived = *due <= now;
        arrived
            .then(|| self.on_the_way.pop_front())?
            .map(|(_, packet)| packet)
    }

    /// Waits for a packet to come or to be due.
    fn wait(&self, from: &File) {
        let due = self.on_the_way.front().map(|(due, _)| *due);
        let left = due.map_or(WAIT, |due| due.saturating_duration_since(Instant::now()));
        let left = left.min(WAIT);
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut device = [PollFd::new(from, PollFlags::IN)];
        // It is looked at again in any case.
        let _ = poll(&mut device, Some(&timeout));
    }

    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 11
    }
}
