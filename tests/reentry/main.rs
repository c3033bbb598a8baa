//! No foreign code runs under a lock: wherever a waker, a `Notify`, a handler or a value is cloned, called or dropped, it
//! may do everything that its ring, hub or stream offers. A deadlock is a failure here, not a hang.
#![cfg(all(
    feature = "async",
    feature = "pipeline",
    feature = "client",
    feature = "gateway"
))]

mod client;
mod hooks;
mod hub;
mod ring;
mod streams;
mod unwinding;
