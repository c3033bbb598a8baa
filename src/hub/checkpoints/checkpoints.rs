//! The checkpoints of a hub, as the program sees them.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::row::{self, Refused, Rule, TABLE};
use super::{Checkpoint, CheckpointError, CheckpointPolicy, CheckpointWriter, NamedCheckpoint};
use crate::event::{Position, topic};
use crate::hub::journal::{HubJournal, TransactDone, TransactError};
use crate::hub::journal_read::JournalReads;
use crate::hub::shared::Shared;
use crate::hub::topics;
use crate::journal::{StateError, StateFn, StateTx};

/// Most checkpoints that a hub keeps.
pub(super) const CHECKPOINTS_MAX: usize = 10_000;
/// Most checkpoints on one page of their list.
const PAGE_MAX: usize = 1_000;

/// Called once with what came of a save or a deletion, as [`TransactDone`] is.
pub(crate) type OnSaved<T> = Box<dyn FnOnce(Result<T, CheckpointError>) + Send>;

/// The checkpoints of a hub: how far readers have come, by name, kept in its journal. See
/// [`Hub::checkpoints`](crate::hub::Hub::checkpoints).
///
/// A checkpoint only goes forward, unless it is [forced](Self::force), and counts for one log: what is kept from another
/// one, as of a journal that was copied, has to be replaced by force. One that cannot be read is an error, and never the
/// beginning. Saving commits with whatever is published meanwhile, flushed to the disk. 10,000 are kept at most; names are
/// those that topics may have.
///
/// # Examples
///
/// ```
/// use eventring::journal::{MemoryJournal, MemoryLog};
/// use eventring::{Event, Hub, Subscription};
///
/// let log = MemoryLog::default();
/// let hub = Hub::builder().journal(MemoryJournal::open(&log)).build()?;
/// let first = hub.publish(Event::builder("orders", "t").build()?)?;
/// let second = hub.publish(Event::builder("orders", "t").build()?)?;
///
/// let checkpoints = hub.checkpoints().expect("a hub with a journal");
/// checkpoints.save("billing", first)?;
/// let kept = checkpoints.load("billing")?.expect("it was saved");
/// let orders = Subscription::topic("orders").resume(&kept.position.to_string());
/// assert_eq!(hub.subscribe(orders)?.recv()?.position, second);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Checkpoints<'h> {
    shared: &'h Arc<Shared>,
    journal: &'h HubJournal,
    reads: &'h Arc<JournalReads>,
}

impl<'h> Checkpoints<'h> {
    /// Returns those of a hub; `None`: it has no journal.
    pub(in crate::hub) fn of(shared: &'h Arc<Shared>) -> Option<Self> {
        Some(Self {
            shared,
            journal: shared.journal.as_ref()?,
            reads: shared.read_side.journal()?,
        })
    }

    /// Returns the checkpoint of a name; `None`: there is none. It reads on this thread.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Unreadable`], [`Read`](CheckpointError::Read), [`Name`](CheckpointError::Name).
    pub fn load(&self, name: &str) -> Result<Option<Checkpoint>, CheckpointError> {
        topic::validate(name)?;
        load(self.reads, name)
    }

    /// Saves the position that a reader is done with, and waits until it is kept. The same one again is as good as another.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]: nothing is changed then, but for [`TransactError::Indeterminate`] and
    /// [`TimedOut`](TransactError::TimedOut), where it may be there later.
    pub fn save(&self, name: &str, position: Position) -> Result<(), CheckpointError> {
        self.save_and_wait(name, position, Rule::Forward)
    }

    /// Saves a position whatever is kept: one that is before it, of another log, or cannot be read.
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save), but for what it overrules. The position itself has to be of this log, and visible.
    pub fn force(&self, name: &str, position: Position) -> Result<(), CheckpointError> {
        self.save_and_wait(name, position, Rule::Force)
    }

    /// Deletes a checkpoint, and waits until it is gone; returns whether it was there.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Name`], [`NotSaved`](CheckpointError::NotSaved).
    pub fn delete(&self, name: &str) -> Result<bool, CheckpointError> {
        let (change, refusal) = deletion(name)?;
        let committed = self.journal.transact(self.shared, change);
        refusal.outcome(committed)
    }

    /// Returns a page of the checkpoints by name: at most `limit` (1,000 at most) behind the name `after`. It reads on this
    /// thread.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Read`]. One that cannot be read alone is in the list.
    pub fn list(&self, after: &str, limit: usize) -> Result<Vec<NamedCheckpoint>, CheckpointError> {
        list(self.reads, after, limit.min(PAGE_MAX))
    }

    /// Makes a writer, which saves a name's checkpoint now and then while its reader goes on. It reads on this thread what is kept:
    /// once somebody sets that back or deletes it, the writer saves no more ([`Moved`](CheckpointError::Moved)).
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Name`], [`Policy`](CheckpointError::Policy), and as [`load`](Self::load).
    pub fn writer(
        &self,
        name: &str,
        policy: CheckpointPolicy,
    ) -> Result<CheckpointWriter, CheckpointError> {
        policy.validate()?;
        let kept = self.load(name)?.map(|kept| kept.position);
        Ok(CheckpointWriter::new(
            self.shared.clone(),
            name,
            policy,
            kept,
        ))
    }

    fn save_and_wait(
        &self,
        name: &str,
        position: Position,
        rule: Rule,
    ) -> Result<(), CheckpointError> {
        let (change, refusal) = saving(self.shared, name, position, rule)?;
        let committed = self.journal.transact(self.shared, change);
        refusal.outcome(committed).map(drop)
    }

    /// Has a position saved, without waiting: `done` is called with what comes of it.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]: `done` is not called.
    #[cfg(feature = "gateway")]
    pub(crate) fn submit_save(
        &self,
        name: &str,
        position: Position,
        force: bool,
        done: OnSaved<Checkpoint>,
    ) -> Result<(), CheckpointError> {
        let rule = if force { Rule::Force } else { Rule::Forward };
        self.submit_by(name, position, rule, done)
    }

    /// As [`submit_save`](Self::submit_save), by a rule.
    pub(super) fn submit_by(
        &self,
        name: &str,
        position: Position,
        rule: Rule,
        done: OnSaved<Checkpoint>,
    ) -> Result<(), CheckpointError> {
        let (change, refusal) = saving(self.shared, name, position, rule)?;
        self.submit(
            change,
            Box::new(move |committed| done(refusal.outcome(committed))),
        )
    }

    /// Has a checkpoint deleted, without waiting: `done` is called with whether it was there.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]: `done` is not called.
    #[cfg(feature = "gateway")]
    pub(crate) fn submit_delete(
        &self,
        name: &str,
        done: OnSaved<bool>,
    ) -> Result<(), CheckpointError> {
        let (change, refusal) = deletion(name)?;
        self.submit(
            change,
            Box::new(move |committed| done(refusal.outcome(committed))),
        )
    }

    fn submit(&self, change: StateFn<'static>, done: TransactDone) -> Result<(), CheckpointError> {
        let submitted = self.journal.submit_transact(self.shared, change, done);
        submitted.map_err(CheckpointError::NotSaved)
    }

    /// Has checkpoints read on a thread of the hub's own: `look` is called there with what reads them. It is dropped without
    /// a call where the hub goes first.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Busy`].
    #[cfg(feature = "gateway")]
    pub(crate) fn submit_read(
        &self,
        look: impl FnOnce(&CheckpointReads<'_>) + Send + 'static,
    ) -> Result<(), CheckpointError> {
        use crate::hub::journal_read::Step;

        let (reads, mut look) = (self.reads.clone(), Some(look));
        let task = Box::new(move || {
            if let Some(look) = look.take() {
                look(&CheckpointReads(&reads));
            }
            Step::Done
        });
        let submitted = self.shared.read_side.run(task);
        submitted.map_err(|full| CheckpointError::Busy {
            reason: full.to_string(),
        })
    }
}

/// Reads checkpoints on a thread that may wait for a disk.
#[cfg(feature = "gateway")]
pub(crate) struct CheckpointReads<'r>(&'r JournalReads);

#[cfg(feature = "gateway")]
impl CheckpointReads<'_> {
    /// As [`Checkpoints::load`].
    pub(crate) fn load(&self, name: &str) -> Result<Option<Checkpoint>, CheckpointError> {
        load(self.0, name)
    }

    /// As [`Checkpoints::list`].
    pub(crate) fn list(
        &self,
        after: &str,
        limit: usize,
    ) -> Result<Vec<NamedCheckpoint>, CheckpointError> {
        list(self.0, after, limit)
    }
}

fn load(reads: &JournalReads, name: &str) -> Result<Option<Checkpoint>, CheckpointError> {
    let mut line = Ok(None);
    reads.state(&mut |state| line = state.get(TABLE, name.as_bytes()))?;
    let line = line.map_err(|error| unreadable(name, &error))?;
    line.map(|line| row::read(name, &line)).transpose()
}

fn list(
    reads: &JournalReads,
    after: &str,
    limit: usize,
) -> Result<Vec<NamedCheckpoint>, CheckpointError> {
    // The next key there can be.
    let from = match after {
        "" => Vec::new(),
        after => [after.as_bytes(), &[0]].concat(),
    };
    let mut rows = Ok(Vec::new());
    reads.state(&mut |state| rows = state.scan(TABLE, &from, limit))?;
    let rows = rows.map_err(|error| unreadable(after, &error))?.into_iter();
    Ok(rows
        .map(|(key, line)| {
            let name = String::from_utf8_lossy(&key).into_owned();
            let checkpoint = row::read(&name, &line).ok();
            NamedCheckpoint { name, checkpoint }
        })
        .collect())
}

fn unreadable(name: &str, error: &StateError) -> CheckpointError {
    CheckpointError::Unreadable {
        name: name.to_owned(),
        reason: error.to_string(),
    }
}

/// The place where a change of state leaves what came of it.
struct Outcome<T>(Arc<Mutex<Option<Result<T, CheckpointError>>>>);

impl<T> Outcome<T> {
    /// Returns what came of the change in a commit.
    fn outcome(&self, committed: Result<(), TransactError>) -> Result<T, CheckpointError> {
        match (self.0.lock().take(), committed) {
            (Some(Err(refused)), _) => Err(refused),
            (Some(Ok(outcome)), Ok(())) => Ok(outcome),
            (_, Err(error)) => Err(CheckpointError::NotSaved(error)),
            // It was called, or the commit says that it was not.
            (None, Ok(())) => {
                let reason = "the journal did not run it".to_owned();
                Err(CheckpointError::NotSaved(TransactError::Aborted(reason)))
            }
        }
    }
}

/// Wraps a change, so that its refusal comes out as what it is.
fn change<T: Send + 'static>(
    run: impl FnOnce(&mut dyn StateTx) -> Result<T, Refused> + Send + 'static,
) -> (StateFn<'static>, Outcome<T>) {
    let place = Arc::new(Mutex::new(None));
    let left = Outcome(place.clone());
    let state = move |state: &mut dyn StateTx| {
        let (outcome, told) = match run(state) {
            Ok(outcome) => (Some(Ok(outcome)), Ok(())),
            Err(Refused::Journal(error)) => (None, Err(error)),
            Err(Refused::Checkpoint(error)) => {
                let told = StateError::Refused(error.to_string());
                (Some(Err(error)), Err(told))
            }
        };
        *place.lock() = outcome;
        told
    };
    (Box::new(state), left)
}

fn saving(
    shared: &Shared,
    name: &str,
    position: Position,
    rule: Rule,
) -> Result<(StateFn<'static>, Outcome<Checkpoint>), CheckpointError> {
    topic::validate(name)?;
    if position.epoch != shared.epoch {
        return Err(CheckpointError::Foreign {
            asked: position,
            epoch: shared.epoch,
        });
    }
    let visible = shared.position(shared.ring.visible());
    if position.offset > visible.offset {
        return Err(CheckpointError::BeyondEnd {
            asked: position,
            visible,
        });
    }
    let checkpoint = Checkpoint {
        position,
        saved: topics::now().div_euclid(1_000_000),
    };
    let name = name.to_owned();
    Ok(change(move |state| {
        row::put(state, &name, checkpoint, rule)?;
        Ok(checkpoint)
    }))
}

fn deletion(name: &str) -> Result<(StateFn<'static>, Outcome<bool>), CheckpointError> {
    topic::validate(name)?;
    let name = name.to_owned();
    Ok(change(move |state| Ok(row::delete(state, &name)?)))
}

impl fmt::Debug for Checkpoints<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoints").finish_non_exhaustive()
    }
}
