//! Publishing over HTTP: bodies to events, events to the hub.

mod cloudevents;
mod lines;
mod published;
mod publisher;
mod receipt;
mod request;
mod room;
pub(in crate::gateway) mod routes;

pub(in crate::gateway) use self::publisher::{Bounds, Publisher, Refused};
pub(in crate::gateway) use self::receipt::{Receipt, unsettled};
pub(in crate::gateway) use self::request::Publish;
pub(in crate::gateway) use self::room::RoomPlace;
