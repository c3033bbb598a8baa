//! The gzip framing (RFC 1952), and blocks that need no compressor.

use super::Digest;

/// The head of a gzip stream: deflate, no flags, no time, made by an unknown system.
// RFC 1952, 2.3.1
pub const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// An empty stored block: it says that the stream lives and changes nothing, not even alignment.
// RFC 1951, 3.2.4: LEN and NLEN, its one's complement.
pub const HEARTBEAT: [u8; 5] = [0x00, 0x00, 0x00, 0xff, 0xff];

/// Most bytes of a stored block.
const STORED_MAX: usize = 0xffff;

/// Appends `plain` as stored blocks: 5 bytes more each 64 KiB, and no work.
///
/// ```
/// use eventring::wire::deflate::gzip;
///
/// let mut out = Vec::new();
/// gzip::stored(b"ok", &mut out);
/// assert_eq!(out, [0, 2, 0, 0xfd, 0xff, b'o', b'k']);
/// ```
pub fn stored(plain: &[u8], out: &mut Vec<u8>) {
    for part in plain.chunks(STORED_MAX) {
        let len = part.len() as u16;
        out.push(0);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&(!len).to_le_bytes());
        out.extend_from_slice(part);
    }
}

/// Appends the last block, which is empty, and the trailer of a stream whose bytes are `digest`.
pub fn end(digest: Digest, out: &mut Vec<u8>) {
    // BFINAL, fixed codes, the code for the end: 10 bits.
    out.extend_from_slice(&[0x03, 0x00]);
    out.extend_from_slice(&digest.crc.to_le_bytes());
    // RFC 1952, 2.3.1: "the size of the original (uncompressed) input data modulo 2^32"
    out.extend_from_slice(&(digest.len as u32).to_le_bytes());
}
