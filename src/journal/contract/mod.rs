//! The tests that every journal must pass.
//!
//! A journal of one's own is tested as those of this crate are: a [`Fixture`] opens it, [`check`] runs every [`Test`] on a
//! new one. A test that fails panics, and says what it expected.
//!
//! # Examples
//!
//! ```
//! use eventring::journal::{Journal, MemoryJournal, MemoryLog, contract};
//!
//! /// Keeps a journal for one test: a directory, a database, here a log in memory.
//! #[derive(Default)]
//! struct InMemory(MemoryLog);
//!
//! impl contract::Fixture for InMemory {
//!     fn open(&mut self) -> Box<dyn Journal> {
//!         Box::new(MemoryJournal::open(&self.0))
//!     }
//! }
//!
//! contract::check(&mut || Box::new(InMemory::default()));
//! ```

mod bounds;
mod model;
mod reading;
mod recovery;
mod retention;
mod rounds;
mod tables;

use std::panic::{self, AssertUnwindSafe};

use super::journal::Journal;

/// The place of one journal, which is opened several times: a directory, a database.
pub trait Fixture {
    /// Opens it: a new one at first, then what the one before left, which is dropped by then.
    fn open(&mut self) -> Box<dyn Journal>;

    /// Returns whether its journals delete: on request, and what a topic has more than its bounds allow. One that keeps everything is
    /// not asked for it.
    fn deletes(&self) -> bool {
        false
    }

    /// Ends a journal as the end of its process would: without closing it. What was committed has to be there afterwards.
    fn crash(&mut self, journal: Box<dyn Journal>) {
        drop(journal);
    }
}

/// A test: its name, and what runs it on a new journal.
pub type Test = (&'static str, fn(&mut dyn Fixture));

/// All tests, for who gives each a test function of its own.
pub const TESTS: &[Test] = &[
    ("a_new_journal_is_empty", rounds::a_new_journal_is_empty),
    (
        "events_come_back_as_they_were",
        rounds::events_come_back_as_they_were,
    ),
    (
        "a_round_of_every_size_comes_back",
        rounds::a_round_of_every_size_comes_back,
    ),
    ("batches_stay_whole", rounds::batches_stay_whole),
    ("figures_follow_commits", rounds::figures_follow_commits),
    ("upkeep_changes_nothing", rounds::upkeep_changes_nothing),
    ("a_closed_journal_says_so", rounds::a_closed_journal_says_so),
    (
        "what_was_given_up_is_told",
        recovery::what_was_given_up_is_told,
    ),
    (
        "filters_take_their_topics",
        reading::filters_take_their_topics,
    ),
    ("a_rare_topic_is_found", reading::a_rare_topic_is_found),
    ("readers_go_back", reading::readers_go_back),
    ("times_are_found", reading::times_are_found),
    (
        "versions_of_streams_are_known",
        reading::versions_of_streams_are_known,
    ),
    (
        "readers_read_while_it_writes",
        reading::readers_read_while_it_writes,
    ),
    ("a_call_is_bounded", bounds::a_call_is_bounded),
    ("a_reader_may_break_off", bounds::a_reader_may_break_off),
    (
        "ranges_without_events_are_passed",
        bounds::ranges_without_events_are_passed,
    ),
    (
        "state_commits_with_its_round",
        tables::state_commits_with_its_round,
    ),
    (
        "a_change_that_fails_is_undone_alone",
        tables::a_change_that_fails_is_undone_alone,
    ),
    (
        "tables_are_ordered_as_bytes",
        tables::tables_are_ordered_as_bytes,
    ),
    (
        "looking_at_state_changes_nothing",
        tables::looking_at_state_changes_nothing,
    ),
    (
        "what_is_truncated_is_gone_at_once_and_for_good",
        retention::what_is_truncated_is_gone_at_once_and_for_good,
    ),
    (
        "a_topic_keeps_what_its_bounds_allow",
        retention::a_topic_keeps_what_its_bounds_allow,
    ),
    (
        "what_is_held_stays_until_it_is_not",
        retention::what_is_held_stays_until_it_is_not,
    ),
    (
        "what_was_committed_survives_a_crash",
        recovery::what_was_committed_survives_a_crash,
    ),
    (
        "a_clean_stop_leaves_no_hole",
        recovery::a_clean_stop_leaves_no_hole,
    ),
    (
        "reserved_offsets_are_never_given_again",
        recovery::reserved_offsets_are_never_given_again,
    ),
    (
        "a_reservation_can_be_taken_back",
        recovery::a_reservation_can_be_taken_back,
    ),
    (
        "recorded_never_goes_back",
        recovery::recorded_never_goes_back,
    ),
];

/// Runs all tests, each on a new journal.
///
/// # Panics
///
/// At the end, with the names of the tests that failed; each has said before what it expected.
pub fn check(new: &mut dyn FnMut() -> Box<dyn Fixture>) {
    let mut failed = Vec::new();
    for (name, test) in TESTS {
        let mut fixture = new();
        // The next test begins on another journal: nothing that this one left behind is looked at.
        if panic::catch_unwind(AssertUnwindSafe(|| test(&mut *fixture))).is_err() {
            failed.push(*name);
        }
    }
    assert!(
        failed.is_empty(),
        "the journal breaks its contract: {failed:?}"
    );
}
