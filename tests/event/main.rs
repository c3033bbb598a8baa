//! Events: their record, their JSON, topics and filters.
#![cfg(feature = "event")]

mod filter;
mod json;
mod record;
mod shapes;
mod topics;
#[cfg(feature = "serde")]
mod typed;
