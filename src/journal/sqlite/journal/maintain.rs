//! What is due between commits: flushing, merging, measuring; and the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{FLUSH_WITHIN, Open, RESERVE_AGAIN};
use crate::deadline;
use crate::journal::sqlite::faults::Fault;
use crate::journal::sqlite::upkeep::{Merged, Next};
use crate::journal::sqlite::view::View;
use crate::journal::sqlite::write::{Failed, Writer};
use crate::journal::sqlite::{retention, wal};
use crate::journal::{CommitError, CommitFailure};

/// Bytes of events that are written before it is looked again how many pages are in use; and the same as a part of what
/// is in use already, since a look costs as much as a small commit.
const MEASURE_AFTER: u64 = 64 << 10;
const MEASURE_PART: u64 = 128;

impl Open {
    pub(super) fn maintain(&mut self, now: Instant, view: &Arc<View>) -> Option<Duration> {
        self.writable().ok()?;
        self.checkpointer.maintain(now);
        if let Some(since) = self.unflushed {
            let due = deadline::after(since, FLUSH_WITHIN);
            if now < due {
                return Some(due - now);
            }
            match self.transact(true, view, Writer::write_mark) {
                Ok(()) => self.settle(view),
                // Whole chunks go on a full disk, too.
                Err(error) if error.failure == CommitFailure::NoSpace => {
                    let retained = self.retain(now, view);
                    return [retained, self.unflushed.map(|_| FLUSH_WITHIN)]
                        .into_iter()
                        .flatten()
                        .min();
                }
                Err(_) => return self.unflushed.map(|_| FLUSH_WITHIN),
            }
        }
        if self.is_measure_due() {
            self.measure(view);
        }
        // Whole chunks go on a full disk, too: there is room kept for that.
        let retained = self.retain(now, view);
        if retained == Some(Duration::ZERO) {
            return retained;
        }
        if self.full.is_some() {
            return retained;
        }
        if !self.reserve.is_held() && self.reserve_again.is_none_or(|at| at <= now) {
            let filled = self.reserve.fill_with_room_to_spare();
            self.reserve_again = filled.is_err().then(|| deadline::after(now, RESERVE_AGAIN));
        }
        let due = [retained, self.keep_up(now, view)];
        due.into_iter().flatten().min()
    }

    pub(super) fn is_measure_due(&self) -> bool {
        self.unmeasured >= self.measure_after()
    }

    pub(super) fn measure_after(&self) -> u64 {
        MEASURE_AFTER.max(self.measured / MEASURE_PART)
    }

    /// Notes a flush that was no round.
    pub(super) fn settle(&mut self, view: &View) {
        self.flushed = self.last;
        view.flushed();
        let _ = self.mark.write(self.last, self.flushed);
        self.checkpointer
            .committed(wal::committed(), Instant::now());
    }

    /// One step of merging, where there is any to do.
    fn keep_up(&mut self, now: Instant, view: &View) -> Option<Duration> {
        let mut upkeep = std::mem::take(&mut self.upkeep);
        let connection = self.writer.connection();
        let retaining = &mut self.retaining;
        let more = match upkeep.next(connection, &mut || retaining.limits(connection, now)) {
            Ok(Next::Idle) => None,
            Ok(Next::More) => Some(Duration::ZERO),
            Ok(Next::Write(step)) => {
                let flushed = self.unflushed;
                let mut merged = None;
                let (events, last) = (view.events(), self.last);
                let done = self.try_transact(false, view, |writer| {
                    let write = |connection: &_, builder: &mut _| {
                        let merged = upkeep.write(&step, connection, builder)?;
                        if !step.is_merge() {
                            let there = events.saturating_sub(merged.gone().events);
                            retention::write_events(connection, there, last)?;
                        }
                        Ok(merged)
                    };
                    merged = Some(writer.write_with(write)?);
                    Ok(())
                });
                // Moving what is flushed leaves nothing that has to be: a crash before it finds it where it was.
                self.unflushed = flushed;
                if done.is_ok() && merged == Some(Merged::Written) && step.is_merge() {
                    view.merged();
                }
                let merged = merged.filter(|_| done.is_ok());
                if let Some(topic) = upkeep.done(step, merged) {
                    self.retaining.compacted(&topic, self.last);
                }
                self.went(merged.map(Merged::gone).unwrap_or_default(), view);
                let is_done = done.is_ok();
                match done {
                    // It can wait until there is room. Nobody is refused for it, and nobody would say that there is room again.
                    Ok(())
                    | Err(
                        Failed {
                            fault: Fault::NoSpace,
                            ..
                        }
                        | Failed {
                            is_unreadable: true,
                            ..
                        },
                    ) => {}
                    Err(failed) => _ = self.failed(failed, view),
                }
                self.checkpointer
                    .committed(wal::committed(), Instant::now());
                is_done.then_some(Duration::ZERO)
            }
            // What cannot be read is not merged: readers say what is missing.
            Err(_) => {
                upkeep.pause();
                None
            }
        };
        view.set_compaction(upkeep.compaction());
        self.upkeep = upkeep;
        more
    }

    /// Looks how many pages are in use.
    pub(super) fn measure(&mut self, view: &View) {
        let connection = self.writer.connection();
        let number = |sql: &str| {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([], |row| row.get::<_, i64>(0))
        };
        if let (Ok(pages), Ok(free)) =
            (number("PRAGMA page_count"), number("PRAGMA freelist_count"))
        {
            self.measured = (pages - free).max(0) as u64 * self.page_bytes;
            self.unmeasured = 0;
            view.set_bytes(self.measured);
        }
    }

    pub(super) fn close(&mut self, view: &View) -> Result<(), CommitError> {
        let (events, last) = (view.events(), self.last);
        let mut retaining = std::mem::take(&mut self.retaining);
        let done = self.transact(true, view, |writer| {
            writer.write_with(|connection, _| {
                retaining.close(connection, Instant::now())?;
                retention::write_events(connection, events, last)?;
                let sql = "INSERT OR REPLACE INTO meta VALUES('clean', 1)";
                connection.prepare_cached(sql)?.execute([]).map(|_| ())
            })
        });
        self.retaining = retaining;
        done?;
        let _ = self.mark.write(self.last, self.last);
        self.checkpointer.close()
    }
}
