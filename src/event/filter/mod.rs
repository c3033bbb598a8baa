//! Filters of events: patterns of topics and types, conditions on what is inside, and the router that finds whom an
//! event concerns.

mod cow_map;
mod event_filter;
mod pattern;
mod predicate;
mod query;
mod router;
mod topic_filter;
mod type_pattern;

pub use event_filter::{EventFilter, EventFilterBuilder, FilterErrors, FilterFault};
pub use pattern::{Pattern, PatternError};
pub use predicate::{PREDICATE_BYTES_MAX, Predicate, PredicateError};
pub use query::EventQuery;
pub use router::Router;
pub use topic_filter::{Filter, FilterError, PATTERNS_MAX};
pub use type_pattern::TypePattern;
