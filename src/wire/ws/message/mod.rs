//! Messages: frames joined, inflated and checked, in buffers that all decoders of a thread share.

mod assembly;
mod decoder;
mod inflate;
mod item;
mod rate;
mod scratch;
mod utf8;

pub use decoder::MessageDecoder;
#[cfg(any(test, fuzzing))]
pub(super) use inflate::Inflater;
pub use item::{Inflate, MessageKind, MessageStep, Peer};
pub use rate::ControlRate;
pub use scratch::Scratch;
pub use utf8::Utf8;
