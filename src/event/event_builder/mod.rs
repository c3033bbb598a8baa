//! Building an event: the setters, the checks of what they are given, and the ids that are made here.

mod builder;
mod ids;
mod json;
#[cfg(feature = "serde")]
mod typed;
mod validate;

pub use builder::EventBuilder;

pub(super) use validate::{has_control, shortened};
