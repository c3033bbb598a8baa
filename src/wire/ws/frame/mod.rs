//! Frames: their headers, masks and close codes, read and written.

mod close;
mod compressed;
mod header;
mod mask;

pub use close::{CloseCode, CloseFrame};
pub use compressed::{compressed_frame, split_frame};
pub use header::{
    CONTROL_MAX, FrameHeader, Opcode, close_frame, frame, masked_close_frame, masked_frame, wrap,
};
pub(super) use mask::advanced;
pub use mask::apply_mask;
