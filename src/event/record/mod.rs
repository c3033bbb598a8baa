//! An event's binary form: its layout, the check of what comes from elsewhere, and the ring's slot that holds one.

pub(in crate::event) mod layout;
#[allow(clippy::module_inception, reason = "a file has the name of its type")]
mod record;
pub(in crate::event) mod verify;

pub use record::{INLINE_BYTES, Record};
