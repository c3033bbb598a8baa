//! Masking: every byte of a client's payload is combined with one of four (RFC 6455, 5.3).

/// Combines `bytes` with `mask`, in place; doing it twice gives the bytes back.
///
/// Eight bytes at a time, in a shape that compilers turn into vector instructions.
///
/// # Examples
///
/// ```
/// use eventring::wire::ws::apply_mask;
///
/// let mut bytes = *b"Hello, Ring";
/// apply_mask(&mut bytes, [1, 2, 3, 4]);
/// assert_eq!(bytes[..4], [b'H' ^ 1, b'e' ^ 2, b'l' ^ 3, b'l' ^ 4]);
/// apply_mask(&mut bytes, [1, 2, 3, 4]);
/// assert_eq!(&bytes, b"Hello, Ring");
/// ```
pub fn apply_mask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        let word = u64::from_ne_bytes(word) ^ wide;
        chunk.copy_from_slice(&word.to_ne_bytes());
    }
    // The rest starts at a multiple of eight, so it starts with the mask's first byte.
    for (byte, key) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// The mask for what follows `len` bytes.
pub(in crate::wire::ws) fn advanced(mut mask: [u8; 4], len: usize) -> [u8; 4] {
    mask.rotate_left(len % 4);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_it_is_cut_it_is_byte_by_byte() {
        let mask = [0x12, 0x34, 0x56, 0x78];
        let plain: Vec<u8> = (0..100).collect();
        let want: Vec<u8> = plain
            .iter()
            .enumerate()
            .map(|(i, b)| b ^ mask[i % 4])
            .collect();
        for len in 0..plain.len() {
            for cut in 0..=len {
                let mut bytes = plain[..len].to_vec();
                let (first, second) = bytes.split_at_mut(cut);
                apply_mask(first, mask);
                apply_mask(second, advanced(mask, cut));
                assert_eq!(bytes, want[..len], "{len} bytes cut at {cut}");
            }
        }
    }
}
