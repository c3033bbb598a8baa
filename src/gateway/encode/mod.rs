//! Wire formats: events, gaps and notices as bytes of SSE and WebSocket.

pub(in crate::gateway) mod compression;
pub(in crate::gateway) mod disconnect;
pub(in crate::gateway) mod format;
pub(in crate::gateway) mod notices;
pub(in crate::gateway) mod schemas;
pub(in crate::gateway) mod stream_head;
pub(in crate::gateway) mod ws;
