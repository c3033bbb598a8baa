//! The start of a stream: Last-Event-ID, its query forms, and `from=`.

use crate::event::{Position, parse_time};
use crate::gateway::delivery::JournalStart;
use crate::gateway::encode::ResetReason;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::query::{self, Query};
use crate::gateway::stream::history::{FoundStart, ReplayStart};
use crate::hub::ResumeId;
use crate::wire::http::Head;

/// The start that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum StartRequest {
    /// With the next event.
    Now,
    /// With the oldest event that is kept.
    Beginning,
    /// Within what is kept.
    Replay(StartFrom),
    /// After this id, whatever it is: an `EventSource` that gets anything but 200 gives up for good.
    After(ResumeId),
}

/// A start within what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum StartFrom {
    /// The newest so many.
    Last(u64),
    /// From the first one of this time or later, nanoseconds since 1970.
    Since(i64),
}

impl StartRequest {
    /// Reads where a request says that its stream starts; `None`: it says nothing.
    ///
    /// An id that a client remembers beats what its address said when it first connected, and the header
    /// beats the address.
    pub(in crate::gateway) fn read(
        head: &Head,
        query: &Query<'_>,
    ) -> Result<Option<Self>, Problem> {
        let start = start(query)?;
        Ok(last_event_id(head, query)
            .map(|id| Self::After(ResumeId::read(&id)))
            .or(start))
    }

    /// Reads `from`.
    pub(in crate::gateway) fn from_parameter(text: &str) -> Result<Self, Problem> {
        match text {
            "now" => Ok(Self::Now),
            "beginning" => Ok(Self::Beginning),
            position => match position.parse() {
                Ok(position) => Ok(Self::After(ResumeId::Position(position))),
                Err(_) => Err(query::FROM.wrong()),
            },
        }
    }

    /// Resolves it for a hub whose newest event is at `newest`, shown or not, and that still has `oldest`; `replay_start`
    /// looks up where a part of what is kept begins.
    pub(in crate::gateway) fn resolve(
        self,
        newest: Position,
        oldest: u64,
        replay_start: impl FnOnce(StartFrom) -> FoundStart,
    ) -> Start {
        match self {
            Self::Now => Start::Live,
            Self::Beginning => Start::Oldest(oldest),
            Self::Replay(start) => match replay_start(start) {
                FoundStart::Known(start) => Start::Replay(start),
                FoundStart::InJournal(start) => Start::InJournal(start),
            },
            // One that is not shown yet is waited for: its publisher may know it already.
            Self::After(id) => match id.resolve(newest) {
                Ok(offset) => Start::From(offset + 1),
                Err(reset) => Start::Reset {
                    reason: reset.reason.into(),
                    asked: reset.asked,
                },
            },
        }
    }
}

/// The start of a stream, as far as the hub can do what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Start {
    /// With the next event.
    Live,
    /// With this offset, or after a gap.
    From(u64),
    /// With this offset, the oldest that there is.
    Oldest(u64),
    /// There, after a gap if what it should begin with is gone.
    Replay(ReplayStart),
    /// At the offset that the journal says.
    InJournal(JournalStart),
    /// With the next event, after saying that the id means nothing here.
    Reset {
        /// Why.
        reason: ResetReason,
        /// The id as it came, shortened.
        asked: String,
    },
}

/// The id that a request comes with, in its header or its address; `None`: it has none.
pub(in crate::gateway) fn last_event_id(head: &Head, query: &Query<'_>) -> Option<String> {
    id_of_header(head).or_else(|| {
        let ids = query.all(&query::LAST_EVENT_ID);
        ids.rev().find(|id| ResumeId::is_id(id)).map(str::to_owned)
    })
}

/// The id in the header. Several that differ are together one value (RFC 9110, 5.3), which is no id of ours:
/// any one of them might be the wrong one.
fn id_of_header(head: &Head) -> Option<String> {
    let values = head.header_values("last-event-id");
    let mut ids: Vec<_> = values
        .map(String::from_utf8_lossy)
        .filter(|id| ResumeId::is_id(id))
        .collect();
    // A proxy may repeat a field; that is no contradiction.
    ids.dedup();
    (!ids.is_empty()).then(|| ids.join(", "))
}

/// Reads where the address says that the stream starts: one parameter may.
fn start(query: &Query<'_>) -> Result<Option<StartRequest>, Problem> {
    let all = [&query::FROM, &query::LAST, &query::SINCE];
    let mut given = all.into_iter().filter(|one| query.text(one).is_some());
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        let (first, second) = (first.name, second.name);
        let detail = format!("{second} cannot be given with {first}: a stream has one start");
        return Err(Problem::new(400, detail).field(second));
    }
    if let Some(from) = query.text(&query::FROM) {
        return StartRequest::from_parameter(from).map(Some);
    }
    if let Some(time) = query.text(&query::SINCE) {
        // A plus sign in a query is a space.
        let read = parse_time(time).or_else(|| parse_time(&time.replace(' ', "+")));
        let time = read.ok_or_else(|| query::SINCE.wrong())?;
        return Ok(Some(StartRequest::Replay(StartFrom::Since(time))));
    }
    let last = query.number(&query::LAST);
    Ok(last.map(|count| StartRequest::Replay(StartFrom::Last(count))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Epoch;

    fn at(offset: u64) -> Position {
        Position {
            epoch: Epoch(7),
            offset,
        }
    }

    fn after_id(id: &str) -> StartRequest {
        StartRequest::After(ResumeId::read(id))
    }

    fn nowhere(start: StartFrom) -> FoundStart {
        panic!("{start:?} was not asked for")
    }

    #[test]
    fn an_id_of_ours_goes_on_after_it() {
        let request = after_id(&at(5).to_string());
        assert_eq!(request.resolve(at(9), 1, nowhere), Start::From(6));
    }

    #[test]
    fn strange_ids_reset_and_say_why() {
        let reason = |id: &str| match after_id(id).resolve(at(9), 1, nowhere) {
            Start::Reset { reason, .. } => reason.name(),
            other => panic!("{other:?}"),
        };
        assert_eq!(reason("hello"), "junk");
        assert_eq!(reason(&at(10).to_string()), "future");
        assert_eq!(
            reason(
                &Position {
                    epoch: Epoch(8),
                    offset: 1
                }
                .to_string()
            ),
            "epoch"
        );
    }
}
