//! How connections and streams end, and why.

pub(in crate::net) mod closing;
pub(in crate::net) mod disconnect;
pub(in crate::net) mod queue;
pub(in crate::net) mod reason;
