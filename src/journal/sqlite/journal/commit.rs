//! Committing: one transaction, and the meaning of its failure.

use std::sync::Arc;
use std::time::Instant;

use super::{Open, RESERVE_AGAIN};
use crate::deadline;
use crate::journal::sqlite::faults::Fault;
use crate::journal::sqlite::view::View;
use crate::journal::sqlite::write::{Failed, Writer};
use crate::journal::sqlite::{open, wal};
use crate::journal::{CommitError, CommitFailure, CommitRound, JournalState};

/// Bytes of events after which a commit makes a step of retention itself: less than what a step deletes, so that it keeps up.
const RETAIN_AFTER: u64 = 1 << 20;
/// Steps of retention that a commit makes, at most, until twice as much has gone as came: it catches up.
const RETAIN_STEPS: u32 = 16;

impl Open {
    pub(super) fn commit(
        &mut self,
        round: &mut CommitRound<'_>,
        view: &Arc<View>,
    ) -> Result<(), CommitError> {
        self.retaining.resume();
        // Without anything to write a round is a question whether it could be written.
        let is_probe = round.events.is_empty() && round.work.is_empty() && round.holes.is_empty();
        if is_probe && !round.flush {
            return self.writable().and_then(|()| self.is_within_bounds());
        }
        // What holds something back may be moved, and settings changed: only events are refused.
        if is_probe || !round.events.is_empty() {
            self.is_within_bounds()?;
        }
        let last = round.events.last().map_or(self.last, |event| event.offset);
        let prev = self.last;
        // Offsets that may be gone with the power must not be given out again: that there are any is flushed before the
        // first of them is shown, and how far they go is bounded.
        let is_first = !round.flush && !self.is_unflushed_known;
        let flush = round.flush || is_first || last - self.flushed > open::UNFLUSHED_OFFSETS;
        self.transact(flush, view, |writer| {
            if is_first {
                writer.write_with(|connection, _| {
                    let sql = "INSERT OR REPLACE INTO meta VALUES(?1, 1)";
                    connection.execute(sql, [open::UNFLUSHED])
                })?;
            }
            match is_probe {
                true => writer.write_mark(),
                false => writer.write(round, prev),
            }
        })?;
        self.is_unflushed_known |= is_first;
        self.last = last;
        if flush {
            self.flushed = last;
        }
        let first = round
            .events
            .first()
            .map(|event| (event.offset, event.recorded));
        view.committed(first, round.events.len() as u64, last, flush);
        let records = round.events.iter().map(|event| event.event.record().len());
        let bytes = records.sum::<usize>() as u64;
        self.upkeep.committed(bytes);
        self.retaining.committed(&round.events, bytes);
        self.unmeasured += bytes;
        // Damage above a mark that could not be moved would not be told: no reason to fail what is committed.
        let _ = self.mark.write(self.last, self.flushed);
        self.checkpointer
            .committed(wal::committed(), Instant::now());
        // Between rounds there may be no time, for as long as they come.
        self.unretained += bytes;
        if self.is_measure_due() {
            self.measure(view);
        }
        if self.unretained >= RETAIN_AFTER.min(self.measure_after()) {
            let written = std::mem::take(&mut self.unretained);
            let (now, before) = (Instant::now(), self.retaining.freed());
            for _ in 0..RETAIN_STEPS {
                self.retain(now, view);
                if !self.retaining.is_passing() || self.retaining.freed() - before >= 2 * written {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Says whether the bounds leave room for events.
    fn is_within_bounds(&self) -> Result<(), CommitError> {
        match self.retaining.exceeded() {
            Some(reason) => Err(CommitError::new(CommitFailure::NoSpace, reason)),
            None => Ok(()),
        }
    }

    /// Runs one transaction, and says what its failure means.
    pub(super) fn transact(
        &mut self,
        flush: bool,
        view: &View,
        write: impl FnOnce(&mut Writer) -> Result<(), Failed>,
    ) -> Result<(), CommitError> {
        self.writable()?;
        let written = self.try_transact(flush, view, write);
        written.map_err(|failed| self.failed(failed, view))
    }

    /// Runs one transaction. What its failure means for the journal is the caller's to say.
    pub(super) fn try_transact(
        &mut self,
        flush: bool,
        view: &View,
        write: impl FnOnce(&mut Writer) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let mut waits = false;
        let result = loop {
            match self.writer.begin(flush) {
                Err(failed) if failed.fault == Fault::Wait => {
                    // Somebody's shell: nothing failed, and it is said who everybody waits for.
                    waits = true;
                    view.set_state(JournalState::HeldByOther {
                        reason: "another process writes to the database".to_owned(),
                    });
                }
                begun => break begun,
            }
        };
        let result = result.and_then(|()| write(&mut self.writer));
        let result = result.and_then(|()| {
            loop {
                match self.writer.commit() {
                    Err(failed) if failed.fault == Fault::Wait => waits = true,
                    committed => break committed,
                }
            }
        });
        match result {
            Ok(()) => {
                if self.full.take().is_some() || waits {
                    self.show_state(view);
                }
                match flush {
                    // It flushed everything before it, too.
                    true => self.unflushed = None,
                    false => {
                        self.unflushed.get_or_insert_with(Instant::now);
                    }
                }
                Ok(())
            }
            Err(failed) => {
                if waits {
                    self.show_state(view);
                }
                Err(failed)
            }
        }
    }

    /// Says whether there is room.
    pub(super) fn show_state(&self, view: &View) {
        view.set_state(match self.full.as_ref().or(self.exceeded.as_ref()) {
            Some(reason) => JournalState::Full {
                reason: reason.clone(),
            },
            None => JournalState::Writable,
        });
    }

    /// Says whether it may be written at all.
    pub(super) fn writable(&mut self) -> Result<(), CommitError> {
        if let Some(reason) = &self.poisoned {
            return Err(CommitError::new(CommitFailure::Poisoned, reason.clone()));
        }
        // A checkpoint that failed has poisoned it as a commit does.
        match self.checkpointer.poisoned() {
            Some(error) => {
                self.poison(error.reason.clone());
                Err(error)
            }
            None => Ok(()),
        }
    }

    /// Writes nothing more. What was only written was shown, and may be lost without the machine or this process having ended:
    /// its offsets are not given out again, which is all that can still be said of it.
    fn poison(&mut self, reason: String) {
        self.poisoned = Some(reason);
        if self.flushed < self.last {
            let below = self.mark.mark().reserved.max(self.last + 1);
            let _ = self.mark.reserve(below);
        }
    }

    pub(super) fn failed(&mut self, failed: Failed, view: &View) -> CommitError {
        // A statement that had to wait was undone: that is all that its events need to know.
        let failure = failed.fault.failure().unwrap_or(CommitFailure::Aborted);
        let reason = failed.reason;
        match failure {
            CommitFailure::NoSpace => {
                self.full = Some(reason.clone());
                self.free_reserve();
                self.show_state(view);
                // What can be copied into the database makes room at the front of the log.
                self.checkpointer.maintain(Instant::now());
            }
            CommitFailure::Poisoned => {
                self.checkpointer.poison();
                self.poison(reason.clone());
                view.set_state(JournalState::Poisoned {
                    reason: reason.clone(),
                });
            }
            CommitFailure::Aborted => {}
        }
        CommitError::new(failure, reason)
    }

    /// Gives up the room that is kept for a full disk; returns whether there was any.
    pub(super) fn free_reserve(&mut self) -> bool {
        // Taken back at once, it would be missing for what it was given up for.
        self.reserve_again = Some(deadline::after(Instant::now(), RESERVE_AGAIN));
        self.reserve.free()
    }
}
