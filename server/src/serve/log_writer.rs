//! Standard error of the server: a thread of its own writes it, so that a terminal or a pipe that
//! takes nothing more holds up neither events nor an orderly end.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that wait for standard error to take them; a line beyond that is dropped and counted.
const PENDING_BYTES: usize = 256 << 10;
/// Time that what was said last has to leave before the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Where the server's lines go. Writing to it never waits and never fails.
#[derive(Clone)]
pub(super) struct LogWriter(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Queue {
    pending: Vec<u8>,
    /// Lines dropped since somebody was told; until the queue is taken, those that follow are too.
    missing: u64,
    /// What was taken is not written yet.
    writing: bool,
}

impl Queue {
    fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.missing == 0 && !self.writing
    }

    /// Takes a line; `false`: there is no room.
    fn push(&mut self, line: &[u8]) -> bool {
        let fits = self.missing == 0 && self.pending.len() + line.len() <= PENDING_BYTES;
        if fits {
            self.pending.extend_from_slice(line);
        } else {
            self.missing += 1;
        }
        fits
    }
}

impl LogWriter {
    /// Starts the thread, which ends with the process.
    pub(super) fn start() -> io::Result<LogWriter> {
        let shared = Arc::<Shared>::default();
        let theirs = shared.clone();
        let thread = std::thread::Builder::new().name("stderr".into());
        thread.spawn(move || theirs.write_all_to(&mut io::stderr()))?;
        Ok(LogWriter(shared))
    }

    /// Says something to the person at the terminal, with the program's name in front.
    pub(super) fn print(&self, line: impl std::fmt::Display) {
        self.push(format!("eventring: {line}\n").as_bytes());
    }

    /// How many lines were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        // Relaxed: a count that orders nothing.
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything has left, a while at most.
    pub(super) fn drain(&self) {
        let busy = |queue: &mut Queue| !queue.is_idle();
        let done = self
            .0
            .changed
            .wait_timeout_while(self.0.lock(), FLUSH_TIMEOUT, busy);
        drop(done);
    }

    fn push(&self, line: &[u8]) {
        if !self.0.lock().push(line) {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A queue is whole whenever its lock is free, whoever panicked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all_to(&self, stderr: &mut impl Write) {
        let mut batch = Vec::new();
        loop {
            let missing = {
                let mut queue = self.lock();
                queue.writing = false;
                self.changed.notify_all();
                while queue.is_idle() {
                    let waited = self.changed.wait(queue);
                    queue = waited.unwrap_or_else(PoisonError::into_inner);
                }
                queue.writing = true;
                batch.clear();
                std::mem::swap(&mut batch, &mut queue.pending);
                std::mem::take(&mut queue.missing)
            };
            if stderr.write_all(&batch).is_err() {
                // Nobody is there to take it. Relaxed: a count that orders nothing.
                let lines = batch.iter().filter(|byte| **byte == b'\n').count();
                self.dropped.fetch_add(lines as u64, Ordering::Relaxed);
            }
            if missing > 0 {
                // It comes back through the queue, as a line like any other.
                tracing::warn!(lines = missing, "log lines dropped: stderr took no more");
            }
        }
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = LogWriter;

    fn make_writer(&self) -> LogWriter {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_missing_until_the_queue_is_taken() {
        let mut queue = Queue::default();
        assert!(queue.push(&vec![b'x'; PENDING_BYTES - 3]));
        assert!(!queue.push(b"long\n"));
        // It would fit, but not where it belongs.
        assert!(!queue.push(b"s\n"));
        assert_eq!((queue.pending.len(), queue.missing), (PENDING_BYTES - 3, 2));
        queue.pending.clear();
        queue.missing = 0;
        assert!(queue.push(b"s\n"));
    }
}
