//! One class: its members, and the frames that they want.

use std::ops::Range;
use std::time::Duration;

use crate::fanout::class::ClassSpec;
use crate::fanout::class::extents::Extents;
use crate::fanout::form::FormId;
use crate::fanout::log::{Entry, WindowLog};

/// The state that the members of a class share.
pub(in crate::fanout) struct Class<K> {
    key: K,
    /// The wire form, and so the frame log that its members read.
    form: FormId,
    /// The frames of this class; `None`: every frame in the log from `floor` on.
    extents: Option<Extents>,
    /// Bytes of the log before this one are unknown to the class.
    floor: u64,
    /// The time for which it collects before its members are sent to; zero: it does not.
    hold: Duration,
    /// Numbers of streams, in no order.
    members: Vec<u32>,
    /// The index in `members` of the one visited last: the next round starts behind it, so that nobody is always first.
    visited: usize,
    /// Members that the round has yet to visit; not 0 exactly while the class is queued for it.
    unvisited: usize,
    /// In a compressed form: what aligned members read; there while there are enough members.
    window_log: Option<Box<WindowLog>>,
    /// In a compressed form: how many members read the form's own log.
    loose: u32,
    /// In a compressed form: the offset of the newest event; 0: there was none.
    last: u64,
}

impl<K> Class<K> {
    /// Makes a class whose frames are known from `floor` on.
    pub(super) fn new(spec: ClassSpec<K>, floor: u64) -> Self {
        Self {
            key: spec.key,
            form: spec.form,
            extents: (!spec.everything).then(Extents::default),
            floor,
            hold: spec.hold,
            members: Vec::new(),
            visited: 0,
            unvisited: 0,
            window_log: None,
            loose: 0,
            last: 0,
        }
    }

    pub(in crate::fanout) fn key(&self) -> &K {
        &self.key
    }

    pub(super) fn into_key(self) -> K {
        self.key
    }

    pub(in crate::fanout) fn form(&self) -> FormId {
        self.form
    }

    pub(in crate::fanout) fn hold(&self) -> Duration {
        self.hold
    }

    // -- Frames

    /// Returns whether it takes every frame of its log.
    pub(super) fn takes_all(&self) -> bool {
        self.extents.is_none()
    }

    /// Lists the frames of a class that took all there were, up to the log's `end`: the next one is not for it.
    pub(super) fn list_frames(&mut self, end: u64) {
        let from = self.floor.min(end);
        self.extents
            .get_or_insert_with(|| Extents::all_of(from..end));
    }

    /// First byte of the log from which on the class knows its frames.
    pub(in crate::fanout) fn floor(&self) -> u64 {
        self.floor
    }

    /// Notes that the frame at `range` belongs to the class.
    pub(in crate::fanout) fn push(&mut self, range: Range<u64>) {
        if let Some(extents) = &mut self.extents
            && let Some(lost) = extents.push(range)
        {
            self.floor = self.floor.max(lost);
        }
    }

    /// The next bytes for a member at `cursor`, up to the log's `end`; `None`: nothing to send.
    pub(in crate::fanout) fn next_range(&self, cursor: u64, end: u64) -> Option<Range<u64>> {
        match &self.extents {
            None => (cursor < end).then_some(cursor..end),
            Some(extents) => extents.next(cursor),
        }
    }

    /// Forgets what lies before the log's new `tail`.
    pub(in crate::fanout) fn trim(&mut self, tail: u64) {
        self.floor = self.floor.max(tail);
        if let Some(extents) = &mut self.extents {
            extents.trim(tail);
        }
    }

    // -- Members

    pub(in crate::fanout) fn members(&self) -> &[u32] {
        &self.members
    }

    /// Adds a member; returns its slot.
    pub(in crate::fanout) fn add(&mut self, number: u32) -> usize {
        self.members.push(number);
        if self.unvisited > 0 {
            // The round is longer now: who was last in it must not fall out.
            self.unvisited = self.members.len();
        }
        self.members.len() - 1
    }

    /// Removes the member in a slot; returns the one that has the slot now.
    pub(in crate::fanout) fn remove(&mut self, slot: usize) -> Option<u32> {
        // No search and no shifting: members know their slots, and only that of the last one changes.
        self.members.swap_remove(slot);
        if self.unvisited > 0 {
            // The member that moved may not have been visited yet: the round begins anew.
            self.unvisited = self.members.len().max(1);
        }
        self.members.get(slot).copied()
    }

    // -- The round in which each member is visited once

    /// Returns whether the class is queued for a round.
    pub(in crate::fanout) fn is_queued(&self) -> bool {
        self.unvisited > 0
    }

    /// Has every member be visited once from here on.
    pub(in crate::fanout) fn begin_round(&mut self) {
        self.unvisited = self.members.len();
    }

    /// The member that is visited next; `None`: the round is over.
    pub(in crate::fanout) fn next_member(&mut self) -> Option<u32> {
        if self.members.is_empty() {
            self.unvisited = 0;
        }
        // Counted down before the visit: a visit may end the member, or the class.
        self.unvisited = self.unvisited.checked_sub(1)?;
        self.visited = (self.visited + 1) % self.members.len();
        Some(self.members[self.visited])
    }

    // -- The window log of a compressed form

    pub(in crate::fanout) fn window_log(&self) -> Option<&WindowLog> {
        self.window_log.as_deref()
    }

    pub(in crate::fanout) fn window_log_mut(&mut self) -> Option<&mut WindowLog> {
        self.window_log.as_deref_mut()
    }

    pub(in crate::fanout) fn open_window_log(&mut self, bytes: usize) {
        self.window_log = Some(Box::new(WindowLog::new(bytes)));
    }

    /// Drops the window log; `true`: there was one.
    pub(in crate::fanout) fn drop_window_log(&mut self) -> bool {
        self.window_log.take().is_some()
    }

    /// Returns the place where members may pass from the form's log to the window log.
    pub(in crate::fanout) fn entry(&self) -> Option<Entry> {
        self.window_log.as_ref()?.entry()
    }

    /// Returns whether a member reads the form's own log.
    pub(in crate::fanout) fn has_loose(&self) -> bool {
        self.loose > 0
    }

    /// Counts members that read the form's own log.
    pub(in crate::fanout) fn count_loose(&mut self, more: i32) {
        self.loose = self.loose.saturating_add_signed(more);
    }

    /// The offset of the newest event; 0: there was none.
    pub(in crate::fanout) fn last(&self) -> u64 {
        self.last
    }

    pub(in crate::fanout) fn set_last(&mut self, offset: u64) {
        self.last = offset;
    }
}
