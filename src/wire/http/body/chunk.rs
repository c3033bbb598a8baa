//! Puts the chunked framing around bytes that are being written, so that a frame stays one
//! contiguous slice.
//!
//! # Examples
//!
//! ```
//! use eventring::wire::http::chunk;
//!
//! let mut out = Vec::new();
//! chunk::wrap(&mut out, 5, |out| out.extend_from_slice(b"hello"));
//! out.extend_from_slice(chunk::LAST);
//! assert_eq!(out, b"5\r\nhello\r\n0\r\n\r\n");
//! ```

/// The chunk that ends a body.
// RFC 9112, 7.1: "last-chunk = 1*("0") [ chunk-ext ] CRLF"
pub const LAST: &[u8] = b"0\r\n\r\n";

/// The start of an open chunk, to be given to [`close`] or [`abort`].
#[derive(Debug)]
#[must_use = "an open chunk needs its `close` or `abort`"]
pub struct Open {
    header: usize,
    data: usize,
}

/// Opens a chunk at the end of `out`, leaving room for the size of about `expected` bytes.
///
/// Where more is written, [`close`] moves the data; where less is, the size gets leading zeros,
/// which `1*HEXDIG` allows.
pub fn open(out: &mut Vec<u8>, expected: usize) -> Open {
    let header = out.len();
    out.resize(header + hex_digits(expected), b'0');
    out.extend_from_slice(b"\r\n");
    Open {
        header,
        data: out.len(),
    }
}

/// Closes a chunk: fills in its size and ends its data. A chunk with no data disappears, because
/// its size 0 would end the body.
pub fn close(out: &mut Vec<u8>, chunk: Open) {
    let mut size = out.len() - chunk.data;
    if size == 0 {
        return abort(out, chunk);
    }
    let digits = chunk.data - 2 - chunk.header;
    if let Some(more) = hex_digits(size)
        .checked_sub(digits)
        .filter(|&more| more > 0)
    {
        out.splice(chunk.header..chunk.header, std::iter::repeat_n(b'0', more));
    }
    let digits = digits.max(hex_digits(size));
    for digit in out[chunk.header..chunk.header + digits].iter_mut().rev() {
        *digit = b"0123456789abcdef"[size & 15];
        size >>= 4;
    }
    out.extend_from_slice(b"\r\n");
}

/// Takes an open chunk back, with all that was written into it.
pub fn abort(out: &mut Vec<u8>, chunk: Open) {
    out.truncate(chunk.header);
}

/// Frames what `write` appends as one chunk; `expected` is a guess at how many bytes that will be.
pub fn wrap(out: &mut Vec<u8>, expected: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let chunk = open(out, expected);
    write(out);
    close(out, chunk);
}

/// Returns the number of hexadecimal digits of `size`.
fn hex_digits(size: usize) -> usize {
    (size | 1).ilog2() as usize / 4 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_guess_gives_a_right_chunk() {
        for size in [1, 15, 16, 255, 256, 4095, 4096, 70_000] {
            for expected in [0, 1, 16, 300, 5000, 1 << 20] {
                let data = vec![b'x'; size];
                let mut out = b"before".to_vec();
                wrap(&mut out, expected, |out| out.extend_from_slice(&data));
                let text = &out[6..];
                let line = text
                    .windows(2)
                    .position(|w| w == b"\r\n")
                    .expect("a size line");
                let said = std::str::from_utf8(&text[..line]).expect("ASCII");
                assert_eq!(
                    usize::from_str_radix(said, 16),
                    Ok(size),
                    "expected {expected}"
                );
                assert_eq!(&text[line + 2..], [&data[..], b"\r\n"].concat());
            }
        }
    }

    #[test]
    fn an_empty_chunk_does_not_end_the_body() {
        let mut out = b"a".to_vec();
        wrap(&mut out, 100, |_| {});
        assert_eq!(out, b"a");
    }
}
