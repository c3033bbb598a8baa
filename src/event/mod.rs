//! Events: one binary record, CloudEvents names, JSON in and out, topics and patterns.
//!
//! An event is built with [`EventBuilder`] (or read from JSON), is kept as one flat record that ring, journal and
//! backplane share, and is seen through [`EventRef`]. [`Event`] owns a record, [`Record`] is a ring's slot for one, and
//! [`EventBatch`] holds many. The attributes have the names of CloudEvents 1.0; those of our own (`topic`,
//! `streamtype`, `correlationid`, …) are extension attributes, and unknown ones are kept.
//!
//! [`Pattern`], [`Filter`] and [`Router`] say who wants which topic, [`EventFilter`] what else somebody asks of an event;
//! [`Position`] says where an event stands.
#![forbid(unsafe_code)]

mod attribute;
mod batch;
mod builder;
mod checked;
mod error;
mod filter;
mod foreign;
mod glob;
mod ids;
mod json;
mod layout;
mod limits;
mod owned;
mod pattern;
mod position;
mod predicate;
mod router;
mod select;
mod shards;
mod slot;
mod time;
pub mod topic;
mod view;

pub use attribute::{Attributes, Group, Value};
pub use batch::EventBatch;
pub use builder::EventBuilder;
pub use error::{ErrorKind, EventError};
pub use filter::{Filter, FilterError, PATTERNS_MAX};
pub use glob::TypePattern;
pub use json::{EventQuery, Shape};
pub use layout::DataKind;
pub use limits::Limits;
pub use owned::Event;
pub use pattern::{Pattern, PatternError};
pub use position::{Epoch, Position, PositionError};
pub use predicate::{PREDICATE_BYTES_MAX, Predicate, PredicateError};
pub use router::Router;
pub use select::{EventFilter, EventFilterBuilder, FilterErrors, FilterFault};
pub use slot::{INLINE_BYTES, Record};
pub use time::parse_time;
pub use topic::{TOPIC_BYTES_MAX, TopicError};
pub use view::{EventRef, StreamName};

pub use crate::json::write_string as write_json_string;
