//! The query of `GET /api/v1/events/history`.

use crate::event::{Filter, parse_time};
use crate::gateway::access::Access;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::query::{self, Parameter, Query};
use crate::gateway::stream::parameters::filter;
use crate::hub::{HistoryError, HistoryOrder, HistoryQuery};

/// A question about the past, and what whoever asks may see of the answer.
pub(super) struct HistoryRequest {
    pub(super) query: HistoryQuery,
    /// The topics that it may see; `None`: all that are asked for.
    pub(super) allowed: Option<Filter>,
}

impl HistoryRequest {
    /// Reads a query, for somebody who may read what `access` says.
    pub(super) fn read(query: &Query<'_>, access: &Access) -> Result<Self, Problem> {
        let asked = filter(query.all(&query::TOPIC))?.unwrap_or_else(Filter::all);
        let allow = &access.allow;
        // The narrower of the two, where one is: then nothing is read that is left out afterwards.
        let (wanted, allowed) = if allow.covers(&asked) {
            (asked, None)
        } else if asked.covers(allow) {
            (allow.clone(), None)
        } else {
            (asked, Some(allow.clone()))
        };
        let total = query.switch(&query::TOTAL).unwrap_or(false);
        if total && allowed.is_some() {
            let detail = "total: counting takes the right to all topics that are asked for";
            return Err(Problem::new(403, detail).field("total"));
        }
        let order = match query.text(&query::ORDER) {
            Some("desc") => HistoryOrder::Descending,
            _ => HistoryOrder::Ascending,
        };
        let default = HistoryQuery::default();
        let limit = query.number(&query::LIMIT).map(|limit| limit as usize);
        Ok(Self {
            query: HistoryQuery::topics(wanted)
                .since(time(query, &query::SINCE)?)
                .until(time(query, &query::UNTIL)?)
                .limit(limit.unwrap_or(default.limit))
                .cursor(query.text(&query::CURSOR).map(str::to_owned))
                .offset(query.number(&query::OFFSET).unwrap_or(0))
                .order(order)
                .total(total),
            allowed,
        })
    }
}

/// Reads a time, nanoseconds since 1970.
fn time(query: &Query<'_>, parameter: &'static Parameter) -> Result<Option<i64>, Problem> {
    let Some(text) = query.text(parameter) else {
        return Ok(None);
    };
    // A plus sign in a query is a space.
    let read = parse_time(text).or_else(|| parse_time(&text.replace(' ', "+")));
    read.map(Some).ok_or_else(|| parameter.wrong())
}

/// The problem of a question that has no page.
pub(super) fn problem_of(error: &HistoryError) -> Problem {
    match error.field() {
        Some(field) => Problem::new(400, error.to_string()).field(field),
        None if *error == HistoryError::Panicked => Problem::failed(&error.to_string()),
        None => Problem::new(503, error.to_string()).retry_after_s(1),
    }
}
