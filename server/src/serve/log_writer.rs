//! The server's lines for standard error. The queue and the thread behind it are those of `tracing-appender`, so that
//! a terminal or a pipe that takes nothing more holds up neither events nor an orderly end.

use std::borrow::Cow;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait for standard error to take them; one beyond that is dropped and counted.
const PENDING_LINES: usize = 1024;
/// Longest line, bytes; a longer one is cut, with a mark that says how much is missing. A JSON line that is cut is no JSON any
/// more. With [`PENDING_LINES`] it bounds the memory of a log that nobody reads: 16 MiB.
const LINE_BYTES: usize = 16 << 10;
/// Longest that the last lines may take to leave before the process ends.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The sender of lines to standard error. Writing to it never waits and never fails.
#[derive(Clone)]
pub(super) struct LogWriter {
    queue: NonBlocking,
    shared: Arc<Shared>,
}

/// The counts of the senders and of the thread that writes.
#[derive(Default)]
struct Shared {
    /// Lines handed to the queue, whether it had room or not.
    pushed: AtomicU64,
    /// Lines that standard error did not take.
    failed: AtomicU64,
    /// Lines that the queue had no room for; set before there is a sender.
    overflow: OnceLock<ErrorCounter>,
    progress: Mutex<Progress>,
    progressed: Condvar,
}

/// The counts of the thread that writes.
#[derive(Default)]
struct Progress {
    /// Lines that are written, or that standard error did not take.
    done: u64,
    /// Lines without room that the log has a line about.
    announced: u64,
}

impl LogWriter {
    /// Starts the thread, which ends with the process.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] where the system refuses the thread.
    pub(super) fn start() -> Result<LogWriter, SpawnError> {
        LogWriter::to(io::stderr())
    }

    fn to(stderr: impl Write + Send + 'static) -> Result<LogWriter, SpawnError> {
        let shared = Arc::<Shared>::default();
        let lines = Lines {
            stderr,
            shared: shared.clone(),
            unannounced_for: 0,
        };
        // Lossy: events must not wait for a terminal.
        let builder = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(PENDING_LINES)
            .thread_name("stderr");
        let (queue, guard) = without_panic(|| builder.finish(lines))?;
        // Its drop prints to standard output, which programs read, where the queue is full, panics where that is closed,
        // and ends the thread: `drain` waits instead, as often as there are last lines.
        std::mem::forget(guard);
        // The cell is new.
        let _ = shared.overflow.set(queue.error_counter());
        Ok(LogWriter { queue, shared })
    }

    /// Writes a line for the person at the terminal, with the program's name in front.
    pub(super) fn print(&self, line: impl std::fmt::Display) {
        self.clone().push(format!("eventring: {line}\n").as_bytes());
    }

    /// Returns how many lines were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        // Relaxed: a count that orders nothing.
        self.shared.overflow() + self.shared.failed.load(Ordering::Relaxed)
    }

    /// Waits until everything has left, a while at most.
    pub(super) fn drain(&self) {
        let busy = |progress: &mut Progress| self.shared.is_busy(progress);
        let progress = self.shared.lock();
        let drained = self
            .shared
            .progressed
            .wait_timeout_while(progress, DRAIN_TIMEOUT, busy);
        drop(drained);
    }

    fn push(&mut self, line: &[u8]) {
        // Counted first, or a drain could end between the two. Relaxed: whoever waits for its own line has counted it itself.
        self.shared.pushed.fetch_add(1, Ordering::Relaxed);
        // One that has no room is counted by the queue.
        let _ = self.queue.write_all(&bounded(line));
    }
}

/// The system's refusal of the thread that writes.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the thread that writes the log: {0}")]
pub(super) struct SpawnError(String);

/// Turns a panic of `build` into its text: the appender panics where it gets no thread, and has no other way to say so.
fn without_panic<T>(build: impl FnOnce() -> T) -> Result<T, SpawnError> {
    let hook = panic::take_hook();
    // The text goes to whoever starts the server, once; a backtrace beside it would read like a bug of ours.
    panic::set_hook(Box::new(|_| {}));
    // Nothing of what `build` has touched is used where it fails.
    let built = panic::catch_unwind(AssertUnwindSafe(build));
    panic::set_hook(hook);
    built.map_err(|payload| {
        let text = payload.downcast::<String>();
        SpawnError(text.map_or_else(|_| "no reason is known".into(), |text| *text))
    })
}

/// Returns the line, cut to [`LINE_BYTES`] and marked where it is longer.
fn bounded(line: &[u8]) -> Cow<'_, [u8]> {
    if line.len() <= LINE_BYTES {
        return Cow::Borrowed(line);
    }
    // Cut between characters, or the kept part would end in bytes that are no UTF-8.
    let is_inside_char = |at: &usize| line[*at] & 0xc0 == 0x80;
    let end = (0..LINE_BYTES).rev().find(|at| !is_inside_char(at));
    let kept = &line[..end.unwrap_or(0)];
    // The line feed was in the part that is cut off, so the mark brings its own.
    let mark = format!("... [{} more bytes]\n", line.len() - kept.len());
    Cow::Owned([kept, mark.as_bytes()].concat())
}

impl Shared {
    fn overflow(&self) -> u64 {
        self.overflow
            .get()
            .map_or(0, |counter| counter.dropped_lines() as u64)
    }

    fn is_busy(&self, progress: &Progress) -> bool {
        let overflow = self.overflow();
        let pushed = self.pushed.load(Ordering::Relaxed);
        // What is dropped but not announced yet has a line to come.
        progress.done + overflow < pushed || progress.announced < overflow
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        // Two counts that are whole whenever the lock is free, whoever panicked.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // The thread writes each line as it comes; to wait for it here is what the queue is there to avoid.
        Ok(())
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = LogWriter;

    fn make_writer(&self) -> LogWriter {
        self.clone()
    }
}

/// Standard error as the thread of the queue sees it: each write is a line, each flush an empty queue.
struct Lines<W> {
    stderr: W,
    shared: Arc<Shared>,
    /// Lines written since dropped ones were looked for.
    unannounced_for: usize,
}

impl<W> Lines<W> {
    /// Logs how many lines were dropped since it did so last.
    fn announce(&mut self) {
        self.unannounced_for = 0;
        let overflow = self.shared.overflow();
        let before = self.shared.lock().announced;
        if overflow > before {
            // It comes back through the queue, as a line like any other; where that is full again, it is counted as one.
            tracing::warn!(
                lines = overflow - before,
                "log lines dropped: stderr took no more"
            );
            // Only now, so that a drain waits for that line, too.
            self.shared.lock().announced = overflow;
            self.shared.progressed.notify_all();
        }
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.stderr.write_all(line).is_err() {
            // The queue's thread would forget it without a count. Relaxed: it orders nothing.
            self.shared.failed.fetch_add(1, Ordering::Relaxed);
        }
        // Done even where it failed, or a drain would wait for this line until its timeout.
        self.shared.lock().done += 1;
        self.shared.progressed.notify_all();
        self.unannounced_for += 1;
        // A flood that never lets the queue run empty is announced, too.
        if self.unannounced_for >= PENDING_LINES {
            self.announce();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.announce();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// A terminal that takes a line only when it is let.
    struct Slow {
        lets: Receiver<()>,
        taken: Sender<String>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            // Whoever lets no more has gone.
            self.lets.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            let text = String::from_utf8_lossy(line).into_owned();
            self.taken.send(text).expect("the test reads");
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (LogWriter, Sender<()>, Receiver<String>) {
        let ((let_one, lets), (taken, lines)) = (channel(), channel());
        let log = LogWriter::to(Slow { lets, taken }).expect("a thread");
        (log, let_one, lines)
    }

    #[test]
    fn lines_beyond_the_queue_are_dropped_and_counted_and_the_others_come_in_order() {
        let (log, let_one, lines) = slow();
        // The thread holds one line; how soon it takes it from the queue is its own affair.
        let all = PENDING_LINES + 10;
        for number in 0..all {
            log.print(number);
        }
        let dropped = log.dropped();
        assert!((9..=10).contains(&dropped), "{dropped}");
        let kept = all - dropped as usize;
        for _ in 0..kept {
            let_one.send(()).expect("the thread waits");
        }
        let numbers: Vec<usize> = lines
            .iter()
            .take(kept)
            .map(|line| {
                let number = line.strip_prefix("eventring: ").expect("our name");
                number.trim_end().parse().expect("a number")
            })
            .collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        log.drain();
        assert_eq!(log.dropped(), dropped);
    }

    #[test]
    fn lines_that_are_not_taken_are_counted() {
        let (log, let_one, lines) = slow();
        let_one.send(()).expect("the thread waits");
        log.print("taken");
        assert_eq!(lines.recv().expect("a line"), "eventring: taken\n");
        drop(let_one);
        log.print("nobody reads");
        log.print("nobody reads still");
        log.drain();
        assert_eq!(log.dropped(), 2);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_between_two_characters_and_says_so() {
        let (log, let_one, lines) = slow();
        let long = "\u{e9}".repeat(LINE_BYTES);
        log.print(&long);
        let_one.send(()).expect("the thread waits");
        let line = lines.recv().expect("a line");
        let (kept, mark) = line.split_once("... [").expect("a mark");
        let whole = format!("eventring: {long}\n");
        assert!(whole.starts_with(kept), "{kept}");
        assert!(
            (LINE_BYTES - 2..=LINE_BYTES).contains(&kept.len()),
            "{}",
            kept.len()
        );
        assert_eq!(mark, format!("{} more bytes]\n", whole.len() - kept.len()));
    }

    #[test]
    fn the_longest_line_is_whole() {
        let line = vec![b'x'; LINE_BYTES];
        assert_eq!(*bounded(&line), *line);
    }
}
