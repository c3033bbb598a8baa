//! eventring: an embeddable, lock-free event-streaming core.

pub mod ring;
mod sync;

#[cfg(feature = "event")]
pub mod event;

#[cfg(feature = "wire")]
pub mod wire;

#[cfg(feature = "reactor")]
pub mod reactor;

#[cfg(feature = "hub")]
pub mod hub;

#[cfg(feature = "gateway")]
pub mod gateway;
