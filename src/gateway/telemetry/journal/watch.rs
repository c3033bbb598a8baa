//! The log of a journal: loud, and once for each change.

use std::fmt;

use crate::gateway::telemetry::journal::JournalCondition;
use crate::gateway::telemetry::journal::read_watch::ReadWatch;
use crate::gateway::telemetry::journal::retention_watch::RetentionWatch;
use crate::hub::Hub;

/// Says in the log what has become of a journal, once for each change.
#[derive(Debug, Default)]
pub(in crate::gateway) struct JournalWatch {
    /// The condition that was said last; `None`: nothing was said.
    last: Option<JournalCondition>,
    damaged: u64,
    retention: RetentionWatch,
    reads: ReadWatch,
    /// Topics to whose settings it did not keep at the last look.
    not_taken: usize,
}

impl JournalWatch {
    /// Looks at a hub's journal, and says what has changed since the last look.
    pub(in crate::gateway) fn look(&mut self, hub: &Hub) {
        let (Some((condition, reason)), Some(journal)) = (JournalCondition::of(hub), hub.journal())
        else {
            return;
        };
        if let Some(reads) = hub.read_side().journal() {
            self.reads.look(reads.stats());
        }
        let stats = journal.stats();
        self.retention.look(&stats);
        let (not_taken, first) = journal.not_taken();
        if not_taken > self.not_taken {
            tracing::error!(
                topics = not_taken,
                topic = first.unwrap_or_default(),
                "the journal does not keep to the bounds or the key of some topics, which keep more: it has too many such topics"
            );
        }
        self.not_taken = not_taken;
        let damaged = stats.damaged;
        if damaged > self.damaged {
            tracing::error!(
                chunks = damaged,
                "the journal is damaged: readers are told of gaps"
            );
        }
        self.damaged = damaged;
        let before = self.last.replace(condition);
        if before == Some(condition) {
            return;
        }
        let words = Words(&reason);
        match condition {
            JournalCondition::Full => {
                tracing::error!("the journal has no space: publishing to it is refused{words}");
            }
            JournalCondition::Poisoned => {
                tracing::error!("the journal writes nothing more in this process{words}");
            }
            JournalCondition::Stalled => tracing::error!("the journal is stalled{words}"),
            JournalCondition::Held => {
                tracing::warn!("the journal's log of writes cannot get shorter{words}");
            }
            JournalCondition::Closed => tracing::info!("the journal is closed"),
            // At the start it goes without saying.
            JournalCondition::Writable if before.is_some() => {
                tracing::warn!("the journal takes events again");
            }
            JournalCondition::Writable => {}
        }
    }
}

/// A reason behind a colon, if there is one.
struct Words<'a>(&'a str);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => Ok(()),
            words => write!(f, ": {words}"),
        }
    }
}
