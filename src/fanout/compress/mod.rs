//! Compression that streams share: each event is compressed once for a form, and once more for each class with a window.
//!
//! A compressed stream is *loose* in the form's own log, whose frames refer to nothing, and *aligned* in the window log
//! of its class. It may pass to the window log at a keyframe only, and leaves it when it misses anything, or is
//! sent anything of its own through the reader's inflater: see [`deflate`](crate::wire::deflate).

mod encoders;
#[cfg(not(feature = "brotli"))]
mod no_brotli;
mod own;
mod readers;

pub(in crate::fanout) use self::encoders::{Compressors, plain_max};
pub(in crate::fanout) use self::own::OwnCompressor;
pub(in crate::fanout) use self::readers::Sent;
