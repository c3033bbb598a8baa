//! The session of one subscriber: its rights, its subscription, its errors.

use crate::event::{Filter, FilterError, Pattern};
use crate::gateway::encode::{Messages, WireFormat};
use crate::gateway::publish::RoomPlace;
use crate::gateway::ws::FilterInterner;

/// The cost of one error: eight messages in order make up for it.
const ERROR_COST: u16 = 8;
/// Errors in a row after which the connection is closed: 64, and one more for every eight messages
/// that were in order.
const ERRORS_MAX: u16 = 64 * ERROR_COST;

/// One connection to `GET /api/v1/ws`.
pub(crate) struct Session {
    /// Topics that it may read; `None`: none.
    pub(in crate::gateway) may_read: Option<Filter>,
    /// Topics that it may publish to; `None`: none.
    pub(in crate::gateway) may_publish: Option<Filter>,
    /// The filter that it is subscribed to.
    wanted: Option<Filter>,
    /// The compression of what it gets.
    messages: Messages,
    /// The client is told who joins and leaves its topics.
    pub(in crate::gateway) presence: bool,
    /// The place of its last message among those who wait for room.
    pub(in crate::gateway) room: RoomPlace,
    errors: u16,
}

impl Session {
    pub(in crate::gateway) fn new(
        may_read: Option<Filter>,
        may_publish: Option<Filter>,
        messages: Messages,
    ) -> Self {
        Self {
            may_read,
            may_publish,
            wanted: None,
            messages,
            presence: false,
            room: RoomPlace::default(),
            errors: 0,
        }
    }

    /// The form of what it gets.
    pub(in crate::gateway) fn form(&self) -> WireFormat {
        WireFormat::web_socket(self.messages)
    }

    pub(in crate::gateway) fn wanted(&self) -> Option<&Filter> {
        self.wanted.as_ref()
    }

    /// Adds what `more` takes; returns all that is wanted now, as `known` has it.
    pub(in crate::gateway) fn add(
        &mut self,
        more: &Filter,
        known: &FilterInterner,
    ) -> Result<Filter, FilterError> {
        let patterns = self.wanted.iter().flat_map(|wanted| wanted.patterns());
        let union = Filter::new(patterns.chain(more.patterns()).cloned())?;
        // A thousand sockets with one filter keep it once.
        let union = known.shared(union);
        self.wanted = Some(union.clone());
        Ok(union)
    }

    /// Takes away the patterns of `less`, or all; returns what is left, or the one it does not have.
    pub(in crate::gateway) fn remove(
        &mut self,
        less: Option<&Filter>,
    ) -> Result<Option<Filter>, Pattern> {
        let had: Vec<Pattern> = self
            .wanted
            .iter()
            .flat_map(|wanted| wanted.patterns())
            .cloned()
            .collect();
        let Some(less) = less else {
            self.wanted = None;
            return Ok(None);
        };
        if let Some(unknown) = less
            .patterns()
            .iter()
            .find(|pattern| !had.contains(pattern))
        {
            return Err(unknown.clone());
        }
        let left = had
            .into_iter()
            .filter(|pattern| !less.patterns().contains(pattern));
        // Fewer than before, so only having none left is an error.
        self.wanted = Filter::new(left).ok();
        Ok(self.wanted.clone())
    }

    /// Notes a message in order.
    pub(super) fn note_ok(&mut self) {
        self.errors = self.errors.saturating_sub(1);
    }

    /// Notes an error; `true`: it is one too many.
    pub(super) fn note_error(&mut self) -> bool {
        self.errors = self.errors.saturating_add(ERROR_COST);
        self.errors > ERRORS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(patterns: &[&str]) -> Filter {
        Filter::parse(patterns).unwrap()
    }

    #[test]
    fn a_connection_receives_the_union_of_what_it_asked_for() {
        let mut session = Session::new(None, None, Messages::Plain);
        let known = FilterInterner::default();
        assert_eq!(
            session.add(&filter(&["a", "b"]), &known),
            Ok(filter(&["a", "b"]))
        );
        assert_eq!(
            session.add(&filter(&["c.>"]), &known),
            Ok(filter(&["a", "b", "c.>"]))
        );
        assert_eq!(
            session.remove(Some(&filter(&["a", "c.>"]))),
            Ok(Some(filter(&["b"])))
        );
        assert!(session.remove(Some(&filter(&["a"]))).is_err());
        assert_eq!(session.remove(None), Ok(None));
        assert!(session.wanted().is_none());
    }

    #[test]
    fn only_a_flood_of_errors_is_one_too_many() {
        let mut session = Session::new(None, None, Messages::Plain);
        for _ in 0..64 {
            assert!(!session.note_error());
        }
        assert!(session.note_error());
        for _ in 0..16 {
            session.note_ok();
        }
        assert!(!session.note_error());
    }
}
