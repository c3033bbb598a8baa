//! The readers' baton: what makes room between read transactions.
//!
//! SQLite begins its log anew only when no reader has a transaction on it. Readers that take turns always have one, so
//! the log would grow for as long as they read. Each read transaction holds the baton together with the others; whoever
//! wants to begin the log anew takes it alone. One that waits for it comes before readers that come later.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use rusqlite::InterruptHandle;

/// The lock that read transactions hold together, and a checkpoint alone.
#[derive(Default)]
pub(in crate::journal::sqlite) struct Baton {
    /// Fair: one that waits to write keeps new readers out.
    held: RwLock<()>,
    readers: Mutex<Readers>,
}

#[derive(Default)]
struct Readers {
    next: u64,
    /// By the number that a reader was given.
    interrupts: Vec<(u64, InterruptHandle)>,
}

/// A reader's place at the baton.
pub(in crate::journal::sqlite) struct BatonReader {
    baton: Arc<Baton>,
    number: u64,
}

impl Baton {
    /// Adds a reader, whose connection can be interrupted.
    pub(in crate::journal::sqlite) fn reader(
        self: &Arc<Self>,
        interrupt: InterruptHandle,
    ) -> BatonReader {
        let mut readers = self.readers.lock();
        let number = readers.next;
        readers.next += 1;
        readers.interrupts.push((number, interrupt));
        BatonReader {
            baton: Arc::clone(self),
            number,
        }
    }

    /// Takes it alone: no read transaction is open, and none begins, until the guard is dropped. `None`: readers were not
    /// done in time.
    pub(super) fn take(&self, within: Duration) -> Option<RwLockWriteGuard<'_, ()>> {
        self.held.try_write_for(within)
    }

    /// Ends the statements that readers run; one that runs none does not notice.
    pub(super) fn interrupt(&self) {
        for (_, reader) in &self.readers.lock().interrupts {
            reader.interrupt();
        }
    }
}

impl BatonReader {
    /// Holds the baton for one read transaction, which is to be done within 5 ms. Waits for a checkpoint that has it, or
    /// that came before.
    ///
    /// Not again by a thread that holds it: a checkpoint that waits in between would stop both.
    pub(in crate::journal::sqlite) fn hold(&self) -> RwLockReadGuard<'_, ()> {
        self.baton.held.read()
    }
}

impl Drop for BatonReader {
    fn drop(&mut self) {
        let mut readers = self.baton.readers.lock();
        readers
            .interrupts
            .retain(|(number, _)| *number != self.number);
    }
}

impl fmt::Debug for Baton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readers = self.readers.lock().interrupts.len();
        f.debug_struct("Baton").field("readers", &readers).finish()
    }
}

impl fmt::Debug for BatonReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatonReader").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use rusqlite::Connection;

    use super::*;

    const SHORT: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(10);

    fn reader(baton: &Arc<Baton>) -> (Connection, BatonReader) {
        let connection = Connection::open_in_memory().unwrap();
        let reader = baton.reader(connection.get_interrupt_handle());
        (connection, reader)
    }

    #[test]
    fn readers_hold_it_together_and_a_checkpoint_alone() {
        let baton = Arc::new(Baton::default());
        let ((_a, a), (_b, b)) = (reader(&baton), reader(&baton));
        let (first, second) = (a.hold(), b.hold());
        assert!(baton.take(SHORT).is_none());
        drop(first);
        assert!(baton.take(SHORT).is_none());
        drop(second);
        assert!(baton.take(SHORT).is_some());
        // A checkpoint that gave up leaves readers alone.
        drop(a.hold());
    }

    /// Readers that take turns, so that one always holds it: without a queue the checkpoint would never have its turn.
    #[test]
    fn a_checkpoint_comes_before_readers_that_come_later() {
        let baton = Arc::new(Baton::default());
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let (_connection, reader) = reader(&baton);
                    while !done.load(Ordering::Relaxed) {
                        let held = reader.hold();
                        for _ in 0..100 {
                            std::hint::spin_loop();
                        }
                        drop(held);
                    }
                });
            }
            for _ in 0..100 {
                assert!(baton.take(LONG).is_some());
            }
            done.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_statement_that_runs_is_interrupted() {
        let baton = Arc::new(Baton::default());
        let (connection, reader) = reader(&baton);
        let running = AtomicBool::new(false);
        thread::scope(|scope| {
            let (running, reader) = (&running, &reader);
            let read = scope.spawn(move || {
                let held = reader.hold();
                running.store(true, Ordering::Relaxed);
                // It would run for hours.
                let ended = connection.query_row(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
                    [],
                    |row| row.get::<_, i64>(0),
                );
                drop(held);
                // The next statement is a new one.
                let one = connection.query_row("SELECT 1", [], |row| row.get::<_, i64>(0));
                (ended, one)
            });
            while !running.load(Ordering::Relaxed) || baton.take(SHORT).is_none() {
                baton.interrupt();
            }
            let (ended, one) = read.join().unwrap();
            let code = ended.unwrap_err().sqlite_error_code();
            assert_eq!(code, Some(rusqlite::ErrorCode::OperationInterrupted));
            assert_eq!(one, Ok(1));
        });
        drop(reader);
        assert!(baton.readers.lock().interrupts.is_empty());
    }
}
