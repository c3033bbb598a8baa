//! Bodies: how long they are, and their bytes without the framing.

pub mod chunk;
mod chunked;
mod decoder;
mod framing;

pub(super) use chunked::ChunkStep;
pub(super) use decoder::BodyDecoder;
pub use framing::{BodyLength, ResponseBody};
pub(super) use framing::{request_body, response_body};
