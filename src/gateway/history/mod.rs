//! History: questions about the past over HTTP, answered a page at a time.
//!
//! A page is read and written on one of the hub's own threads; the request waits, and the reactor does something else.

mod page;
mod request;
pub(in crate::gateway) mod routes;
mod schemas;
