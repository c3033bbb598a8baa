//! The wire formats, as the fan-out sees them: a number each, and a way to compress.

use crate::fanout::{Codec, FormId, Format};
use crate::gateway::encode::format::WireFormat;

impl Format for WireFormat {
    const FORMS: usize = Self::COUNT;

    fn codec(form: FormId) -> Codec {
        Self::of(form).codec()
    }

    fn frame_block(form: FormId, block: &[u8], last: bool, out: &mut Vec<u8>) {
        Self::of(form).frame_block(block, last, out);
    }
}
