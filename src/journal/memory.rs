//! A journal in memory.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{CommitError, JournalError};
use super::journal::{Journal, JournalView, Recovered};
use super::round::Round;
use crate::event::Epoch;

/// A journal that keeps everything in memory: the rules of a journal without its files.
pub struct MemoryJournal {
    recovered: Recovered,
}

impl MemoryJournal {
    /// Creates an empty one.
    pub fn new() -> Self {
        Self {
            recovered: Recovered::new(Epoch::random()),
        }
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl Journal for MemoryJournal {
    fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    fn view(&self) -> Arc<dyn JournalView> {
        unimplemented!()
    }

    fn reserve(&mut self, _below: u64) -> Result<(), CommitError> {
        Ok(())
    }

    fn commit(&mut self, _round: &mut Round<'_>) -> Result<(), CommitError> {
        Ok(())
    }

    fn maintain(&mut self, _now: Instant) -> Option<Duration> {
        None
    }

    fn close(&mut self) -> Result<(), JournalError> {
        Ok(())
    }
}

impl fmt::Debug for MemoryJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryJournal").finish_non_exhaustive()
    }
}
