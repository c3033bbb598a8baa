//! Base 64, as JSON shapes have binary data.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Appends bytes as base 64.
pub(in crate::event) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let length = bytes.len().div_ceil(3) * 4;
    out.resize(start + length, 0);
    // The place is exactly as long as the encoding, so it cannot fail.
    let _ = STANDARD.encode_slice(bytes, &mut out[start..]);
}

/// Appends the bytes that base 64 text stands for. `Err` is the place of the first character that is wrong.
pub(super) fn read_base64(text: &str, out: &mut Vec<u8>) -> Result<(), usize> {
    STANDARD.decode_vec(text, out).map_err(|error| match error {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => {
            at
        }
        // Wrong lengths and paddings are faults of the end.
        _ => text.len(),
    })
}
