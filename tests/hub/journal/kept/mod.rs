//! What a journal keeps: bounds and keys of topics, and events that somebody has deleted.

mod policies;
mod truncate;
