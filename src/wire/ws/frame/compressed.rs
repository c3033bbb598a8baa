//! Compressed messages of a server (RFC 7692, 6.1): whole frames taken apart, and put together around a block.

use super::header::{FrameHeader, Opcode};
use crate::wire::deflate::without_tail;

/// Splits the first frame off `frames`, whole ones without a mask: its opcode, its payload, what follows.
/// `None`: there is none.
///
/// # Examples
///
/// ```
/// use eventring::wire::ws::{Opcode, split_frame};
///
/// let (opcode, payload, rest) = split_frame(b"\x81\x02hi\x89\x00").unwrap();
/// assert_eq!((opcode, payload, rest), (Opcode::Text, &b"hi"[..], &b"\x89\x00"[..]));
/// assert!(split_frame(b"").is_none());
/// ```
pub fn split_frame(frames: &[u8]) -> Option<(Opcode, &[u8], &[u8])> {
    let (used, header) = FrameHeader::decode(frames).ok()??;
    let rest = &frames[used..];
    let len = usize::try_from(header.len).ok()?;
    let (payload, rest) = rest.split_at_checked(len)?;
    Some((header.opcode, payload, rest))
}

/// Appends the frame of a message that was compressed to `block`, one of [`deflate`](crate::wire::deflate).
///
/// # Examples
///
/// ```
/// use eventring::wire::deflate::Independent;
/// use eventring::wire::ws::{Opcode, compressed_frame};
///
/// let (mut block, mut out) = (Vec::new(), Vec::new());
/// Independent::default().encode(b"Hello", &mut block);
/// compressed_frame(&mut out, Opcode::Text, &block);
/// // RFC 7692, 7.2.3.1.
/// assert_eq!(out, [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
/// ```
// RFC 7692, 6: "An endpoint sends compressed messages by setting the RSV1 bit of the first frame."
pub fn compressed_frame(out: &mut Vec<u8>, opcode: Opcode, block: &[u8]) {
    let payload = without_tail(block);
    let header = FrameHeader {
        fin: true,
        rsv1: true,
        opcode,
        len: payload.len() as u64,
        mask: None,
    };
    header.write_to(out);
    out.extend_from_slice(payload);
}
