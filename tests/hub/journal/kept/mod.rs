//! What a journal keeps: bounds and keys of topics, and events that somebody has deleted.

#[cfg(feature = "sqlite")]
mod bound;
mod policies;
mod truncate;
