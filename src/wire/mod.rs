//! Sans-IO protocols: bytes in, bytes and events out.
#![forbid(unsafe_code)]
