//! Heads: where they end, their fields, what a request asks for, and what exactly is wrong with one.

pub(super) mod diagnose;
mod fields;
mod request_head;
mod scan;
mod target;

pub(super) use fields::{Fields, Span};
pub use request_head::Head;
pub(super) use request_head::keep_alive;
pub(super) use scan::{HeadScan, is_token_byte};
