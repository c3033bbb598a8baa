//! Retention between commits, truncation, and what is erased.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Open;
use crate::journal::sqlite::faults::Fault;
use crate::journal::sqlite::retention::{self, Gone, Sweep, There, Work};
use crate::journal::sqlite::view::View;
use crate::journal::sqlite::wal;
use crate::journal::{CommitError, CommitFailure};

impl Open {
    pub(super) fn truncate(
        &mut self,
        topic: &str,
        below: u64,
        streams: bool,
        view: &View,
    ) -> Result<(), CommitError> {
        let below = below.min(self.last + 1);
        let mut floors = None;
        let retaining = std::mem::take(&mut self.retaining);
        let done = self.transact(true, view, |writer| {
            let raise =
                |connection: &_, _: &mut _| retaining.truncate(connection, topic, below, streams);
            floors = writer.write_with(raise)?;
            writer.write_mark()
        });
        self.retaining = retaining;
        done?;
        self.settle(view);
        let Some(floors) = floors else {
            // A walk may find that some have nothing below them any more.
            self.retaining.sweep();
            let reason = "too many topics are truncated already";
            return Err(CommitError::new(CommitFailure::Aborted, reason));
        };
        self.retaining.truncated(topic, below, floors, view);
        Ok(())
    }

    /// Writes every row anew that has events that have gone, and then the whole database.
    pub(super) fn erase(&mut self, view: &Arc<View>) -> Result<(), CommitError> {
        let mut sweep = Sweep::everything();
        let mut is_done = false;
        while !is_done {
            let (floors, last) = (Arc::clone(self.retaining.floors()), self.last);
            let mut gone = Gone::default();
            self.transact(true, view, |writer| {
                let step = |connection: &_, builder: &mut _| {
                    retention::secure(connection)?;
                    sweep.step(connection, builder, &floors, last)
                };
                (gone, is_done) = writer.write_with(step)?;
                writer.write_mark()
            })?;
            let oldest = retention::oldest(self.writer.connection(), &floors);
            view.removed(gone.events, gone.bytes, oldest.unwrap_or_default());
            self.settle(view);
        }
        let floors = Arc::clone(self.retaining.floors());
        self.transact(true, view, |writer| {
            writer.write_with(|connection, _| retention::erase_names(connection, &floors))
        })?;
        self.settle(view);
        self.writable()?;
        let erased = self.writer.vacuum();
        erased.map_err(|failed| self.failed(failed, view))
    }

    /// One step of retention, where there is any to do. Returns when there is more, if nothing else happens.
    pub(super) fn retain(&mut self, now: Instant, view: &Arc<View>) -> Option<Duration> {
        // State may have gone, which nobody counts.
        if self.exceeded.is_some() {
            self.measure(view);
        }
        let there = self.there(view);
        let work = match self.retaining.due(there, now) {
            Ok(Work::Build) => {
                self.retaining.build(view, now);
                return Some(Duration::ZERO);
            }
            Ok(work) => work,
            Err(wait) => return wait,
        };
        let looked = self
            .retaining
            .look(work, self.writer.connection(), there, now);
        let Ok(looked) = looked else {
            self.retaining.failed(view, false, now);
            return None;
        };
        let flushed = self.unflushed;
        let mut outcome = None;
        let mut retaining = std::mem::take(&mut self.retaining);
        let done = self.try_transact(false, view, |writer| {
            let step = |connection: &_, builder: &mut _| {
                retaining.step((work, &looked), connection, builder, there, view, now)
            };
            outcome = Some(writer.write_with(step)?);
            Ok(())
        });
        self.retaining = retaining;
        // A crash before it is flushed finds the events where they were.
        self.unflushed = flushed;
        match (done, outcome) {
            (Ok(()), Some(outcome)) => {
                if outcome.has_freed() {
                    self.measure(view);
                }
                let bytes = self.measured;
                let there = There { bytes, ..there };
                let oldest = retention::oldest(self.writer.connection(), outcome.floors());
                let oldest = oldest.unwrap_or_default();
                self.retaining.done(outcome, oldest, there, view, now);
            }
            (done, _) => {
                let is_unreadable = matches!(&done, Err(failed) if failed.is_unreadable);
                self.retaining.failed(view, is_unreadable, now);
                match done {
                    // There is room kept for that.
                    Err(failed) if failed.fault == Fault::NoSpace => {
                        if self.free_reserve() {
                            self.retaining.resume();
                            return Some(Duration::ZERO);
                        }
                    }
                    // Readers say what is damaged, and nothing was written: no reason to write nothing more.
                    Err(_) if is_unreadable => {
                        if self.retaining.evade(&looked) {
                            return Some(Duration::ZERO);
                        }
                    }
                    Err(failed) => _ = self.failed(failed, view),
                    Ok(()) => {}
                }
                return None;
            }
        }
        let exceeded = self.retaining.exceeded().map(str::to_owned);
        if exceeded != std::mem::replace(&mut self.exceeded, exceeded.clone()) {
            self.show_state(view);
        }
        self.checkpointer
            .committed(wal::committed(), Instant::now());
        match self.retaining.due(self.there(view), now) {
            Ok(_) => Some(Duration::ZERO),
            Err(due) => due,
        }
    }

    fn there(&self, view: &View) -> There {
        There {
            bytes: self.measured,
            events: view.events(),
            last: self.last,
        }
    }

    /// Notes that events have gone since newer ones have their keys.
    pub(super) fn went(&mut self, gone: Gone, view: &View) {
        if gone.events > 0 {
            let oldest = retention::oldest(self.writer.connection(), self.retaining.floors());
            // Where it cannot be read the next pass looks again.
            if let Ok(oldest) = oldest {
                view.removed(gone.events, gone.bytes, oldest);
            }
            self.measure(view);
        }
    }
}
