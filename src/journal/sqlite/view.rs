//! What any thread may ask of the journal while a round is being written.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, RwLock};

use super::read::SqliteReader;
use super::retention::{Floors, TakenTopics};
use super::upkeep::CompactStats;
use super::wal::{Baton, CheckpointView};
use crate::event::Filter;
use crate::journal::{
    CommitError, Hole, JournalError, JournalReader, JournalState, JournalStats, JournalView,
    TopicPolicy,
};

/// Figures and state, as the journal's thread leaves them.
///
/// # Orderings
///
/// Figures are Relaxed: each stands for itself. `last` is stored with Release after a commit and loaded with Acquire by
/// readers before their transaction begins, so that a transaction has at least what `last` says.
pub(super) struct View {
    pub(super) path: PathBuf,
    /// See [`SqliteOptions::vfs`](super::SqliteOptions::vfs).
    pub(super) vfs: Option<String>,
    pub(super) baton: Arc<Baton>,
    /// `None`: nobody checkpoints here, since nothing is written.
    checkpoints: Option<CheckpointView>,
    /// Ranges that are missing since before the journal was opened.
    pub(super) holes: Vec<Hole>,
    /// Topics to whose settings the journal keeps.
    pub(super) topics: Mutex<TakenTopics>,
    /// The offsets below which events are gone for readers. They look after their transaction has begun, and it is raised before the
    /// transaction commits that deletes: whoever sees rows gone sees why.
    floors: RwLock<Arc<Floors>>,
    state: Mutex<JournalState>,
    is_closed: AtomicBool,
    last: AtomicU64,
    /// The oldest event; 0: there is none.
    oldest: AtomicU64,
    oldest_recorded: AtomicI64,
    events: AtomicU64,
    commits: AtomicU64,
    flushes: AtomicU64,
    merges: AtomicU64,
    damaged: AtomicU64,
    /// Bytes of pages in use, without the log.
    bytes: AtomicU64,
    removed_events: AtomicU64,
    removed_bytes: AtomicU64,
    is_age_suspended: AtomicBool,
    holds_cut: AtomicU64,
    compaction_rows: AtomicU64,
    compaction_parts: AtomicU64,
}

impl View {
    pub(super) fn new(
        path: PathBuf,
        vfs: Option<String>,
        baton: Arc<Baton>,
        checkpoints: Option<CheckpointView>,
        holes: Vec<Hole>,
    ) -> Self {
        Self {
            path,
            vfs,
            baton,
            checkpoints,
            holes,
            topics: Mutex::default(),
            floors: RwLock::default(),
            state: Mutex::default(),
            is_closed: AtomicBool::new(false),
            last: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
            oldest_recorded: AtomicI64::new(0),
            events: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            merges: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            removed_events: AtomicU64::new(0),
            removed_bytes: AtomicU64::new(0),
            is_age_suspended: AtomicBool::new(false),
            holds_cut: AtomicU64::new(0),
            compaction_rows: AtomicU64::new(0),
            compaction_parts: AtomicU64::new(0),
        }
    }

    /// Notes what was found when it was opened.
    pub(super) fn found(&self, last: u64, oldest: Option<(u64, i64)>, events: u64) {
        let (oldest, recorded) = oldest.unwrap_or_default();
        self.oldest.store(oldest, Ordering::Relaxed);
        self.oldest_recorded.store(recorded, Ordering::Relaxed);
        self.events.store(events, Ordering::Relaxed);
        self.last.store(last, Ordering::Release);
    }

    /// Notes a commit: the first event and its time where there are events, how many, and the last offset.
    pub(super) fn committed(&self, first: Option<(u64, i64)>, events: u64, last: u64, flush: bool) {
        if let Some((first, recorded)) = first
            && self.oldest.load(Ordering::Relaxed) == 0
        {
            self.oldest.store(first, Ordering::Relaxed);
            self.oldest_recorded.store(recorded, Ordering::Relaxed);
        }
        self.events.fetch_add(events, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.flushes.fetch_add(flush.into(), Ordering::Relaxed);
        self.last.store(last, Ordering::Release);
    }

    /// Notes a flush that is no round.
    pub(super) fn flushed(&self) {
        self.flushes.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that chunks were merged.
    pub(super) fn merged(&self) {
        self.merges.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn floors(&self) -> Arc<Floors> {
        Arc::clone(&self.floors.read())
    }

    pub(super) fn set_floors(&self, floors: Arc<Floors>) {
        *self.floors.write() = floors;
    }

    /// Notes that events were removed, and which is the oldest now.
    pub(super) fn removed(&self, events: u64, bytes: u64, oldest: Option<(u64, i64)>) {
        let (oldest, recorded) = oldest.unwrap_or_default();
        self.oldest.store(oldest, Ordering::Relaxed);
        self.oldest_recorded.store(recorded, Ordering::Relaxed);
        let there = self.events();
        // Only the journal's thread writes it.
        self.events
            .store(there.saturating_sub(events), Ordering::Relaxed);
        self.removed_events.fetch_add(events, Ordering::Relaxed);
        self.removed_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn set_age_suspended(&self, is_suspended: bool) {
        self.is_age_suspended.store(is_suspended, Ordering::Relaxed);
    }

    /// Notes that holds were cut.
    pub(super) fn cut_holds(&self, holds: u64) {
        self.holds_cut.fetch_add(holds, Ordering::Relaxed);
    }

    pub(super) fn set_compaction(&self, stats: CompactStats) {
        self.compaction_rows.store(stats.rows, Ordering::Relaxed);
        self.compaction_parts.store(stats.parts, Ordering::Relaxed);
    }

    /// Notes that damage was met.
    pub(super) fn met_damage(&self, chunks: u64) {
        self.damaged.fetch_add(chunks, Ordering::Relaxed);
    }

    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    pub(super) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(super) fn set_state(&self, state: JournalState) {
        *self.state.lock() = state;
    }

    /// Notes that it is closed: in order, or with an error, which stays its state.
    pub(super) fn close(&self, error: Option<&CommitError>) {
        // Relaxed: it stands for itself.
        self.is_closed.store(true, Ordering::Relaxed);
        let mut state = self.state.lock();
        match (error, &*state) {
            (None, _) => *state = JournalState::Closed,
            (Some(_), JournalState::Full { .. } | JournalState::Poisoned { .. }) => {}
            (Some(error), _) => {
                let reason = error.reason.clone();
                *state = JournalState::Poisoned { reason };
            }
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }
}

/// The view as it is handed out: a reader needs it, too.
pub(super) struct SqliteView(pub(super) Arc<View>);

impl JournalView for SqliteView {
    fn reader(&self) -> Result<Box<dyn JournalReader>, JournalError> {
        Ok(Box::new(SqliteReader::open(&self.0)?))
    }

    fn stats(&self) -> JournalStats {
        let view = &*self.0;
        let last = view.last();
        let checkpoints = view.checkpoints.as_ref();
        let wal_bytes = checkpoints.map_or(0, CheckpointView::wal_bytes);
        let oldest = view.oldest.load(Ordering::Relaxed);
        JournalStats {
            oldest: if oldest == 0 { last + 1 } else { oldest },
            oldest_recorded: view.oldest_recorded.load(Ordering::Relaxed),
            last,
            events: view.events(),
            bytes: view.bytes.load(Ordering::Relaxed) + wal_bytes,
            wal_bytes,
            commits: view.commits.load(Ordering::Relaxed),
            flushes: view.flushes.load(Ordering::Relaxed),
            merges: view.merges.load(Ordering::Relaxed),
            checkpoints: checkpoints.map_or(0, CheckpointView::checkpoints),
            damaged: view.damaged.load(Ordering::Relaxed),
            floor: view.floors().all().announced(),
            removed_events: view.removed_events.load(Ordering::Relaxed),
            removed_bytes: view.removed_bytes.load(Ordering::Relaxed),
            is_age_suspended: view.is_age_suspended.load(Ordering::Relaxed),
            holds_cut: view.holds_cut.load(Ordering::Relaxed),
            compaction_rows: view.compaction_rows.load(Ordering::Relaxed),
            compaction_parts: view.compaction_parts.load(Ordering::Relaxed),
        }
    }

    fn takes_topic(&self, topic: &str, policy: &TopicPolicy) -> Result<(), String> {
        self.0.topics.lock().takes(topic, policy)
    }

    fn retained_below(&self, filter: &Filter) -> u64 {
        self.0.floors().announced(filter, 0)
    }

    fn state(&self) -> JournalState {
        let state = self.0.state.lock().clone();
        if state != JournalState::Writable {
            return state;
        }
        let Some(checkpoints) = &self.0.checkpoints else {
            return JournalState::Writable;
        };
        if let Some(reason) = checkpoints.poisoned() {
            return JournalState::Poisoned { reason };
        }
        if let Some(reason) = checkpoints.no_space() {
            return JournalState::Full { reason };
        }
        match checkpoints.held_by_other(Instant::now()) {
            Some(reason) => JournalState::HeldByOther { reason },
            None => JournalState::Writable,
        }
    }
}

impl fmt::Debug for SqliteView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteView")
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}
