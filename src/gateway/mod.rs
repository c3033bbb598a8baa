//! The gateway: HTTP routes and SSE endpoints on a hub.
#![forbid(unsafe_code)]
