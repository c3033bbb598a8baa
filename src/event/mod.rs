//! Events: one binary record, CloudEvents names, JSON in and out, topics and patterns.
//!
//! An event is built with [`EventBuilder`] (or read from JSON), is kept as one flat record that ring, journal and
//! backplane share, and is seen through [`EventRef`]. [`Event`] owns a record, [`Record`] is a ring's slot for one, and
//! [`EventBatch`] holds many. The attributes have the names of CloudEvents 1.0; those of our own (`topic`,
//! `streamtype`, `correlationid`, …) are extension attributes, and unknown ones are kept.
//!
//! [`Pattern`], [`Filter`] and [`Router`] say who wants which topic, [`EventFilter`] what else somebody asks of an event;
//! [`Position`] says where an event stands.
#![cfg_attr(
    all(
        feature = "gateway",
        feature = "pipeline",
        feature = "client",
        feature = "async"
    ),
    doc = "\n\nIn the guide: [`publish`](crate::guide::publish), [`filters`](crate::guide::program::filters)."
)]
#![forbid(unsafe_code)]

mod as_event;
mod attribute;
mod batch;
#[cfg(feature = "serde")]
mod data;
mod error;
#[allow(clippy::module_inception, reason = "a file has the name of its type")]
mod event;
mod event_builder;
mod event_ref;
mod filter;
mod json;
mod limits;
mod position;
mod record;
mod time;
pub mod topic;

pub use as_event::AsEvent;
pub use attribute::AttributeValue;
pub use batch::EventBatch;
#[cfg(feature = "serde")]
pub use data::DataError;
pub use error::{ErrorKind, EventError};
pub use event::Event;
pub use event_builder::EventBuilder;
pub use event_ref::{EventRef, StreamName};
pub use filter::{
    EventFilter, EventFilterBuilder, EventQuery, Filter, FilterError, FilterErrors, FilterFault,
    PATTERNS_MAX, PREDICATE_BYTES_MAX, Pattern, PatternError, Predicate, PredicateError, Router,
    TypePattern,
};
pub use json::Shape;
#[cfg(feature = "journal")]
pub(crate) use json::{Stamp, read_archived, write_archived};
pub use limits::EventLimits;
pub use position::{Epoch, Position, PositionError};
pub use record::layout::DataKind;
pub use record::{INLINE_BYTES, Record};
pub use time::parse_time;
pub use topic::{TOPIC_BYTES_MAX, TopicError};
