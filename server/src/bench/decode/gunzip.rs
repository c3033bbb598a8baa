//! Inflates a gzip stream as it comes, with somebody else's inflater.

use flate2::{Decompress, FlushDecompress, Status};

/// Base-two logarithm of the window, the largest that gzip has: 32 KiB a client.
const WINDOW_BITS: u8 = 15;
/// Bytes that are inflated at a time.
pub(crate) const INFLATED: usize = 64 << 10;

/// One stream. Head and trailer are checked, the CRC with them.
#[derive(Debug)]
pub(crate) struct Gunzip(Decompress);

impl Gunzip {
    pub(crate) fn new() -> Gunzip {
        Gunzip(Decompress::new_gzip(WINDOW_BITS))
    }

    /// Inflates all of `input`, through `out`, which has room for some bytes.
    pub(crate) fn push(
        &mut self,
        mut input: &[u8],
        out: &mut Vec<u8>,
        mut each: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        loop {
            out.clear();
            let before = self.0.total_in();
            // What has come is to come out now: a stream has no end to wait for.
            let inflated = self.0.decompress_vec(input, out, FlushDecompress::Sync);
            let status = inflated.map_err(|error| format!("gzip: {error}"))?;
            input = &input[(self.0.total_in() - before) as usize..];
            each(out)?;
            // A buffer that is full may leave more behind in the inflater.
            let done = input.is_empty() && out.len() < out.capacity();
            if done || status == Status::StreamEnd || out.is_empty() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventring::wire::deflate::{Independent, gzip};

    /// Returns the plain bytes of `pieces`, through a buffer of `room` bytes.
    fn inflated<'a>(pieces: impl Iterator<Item = &'a [u8]>, room: usize) -> Vec<u8> {
        let (mut gunzip, mut out, mut all) = (Gunzip::new(), Vec::with_capacity(room), Vec::new());
        for piece in pieces {
            let each = |plain: &[u8]| {
                all.extend_from_slice(plain);
                Ok(())
            };
            gunzip.push(piece, &mut out, each).expect("a gzip stream");
        }
        all
    }

    #[test]
    fn every_cut_gives_the_same() {
        let (mut stream, mut plain) = (gzip::HEAD.to_vec(), Vec::new());
        for text in ["one fish, two fish", &"red fish, blue fish ".repeat(500)] {
            Independent::default().encode(text.as_bytes(), &mut stream);
            plain.extend_from_slice(text.as_bytes());
        }
        for size in [1, 7, stream.len()] {
            for room in [16, INFLATED] {
                assert_eq!(inflated(stream.chunks(size), room), plain, "{size} {room}");
            }
        }
    }

    #[test]
    fn what_is_no_gzip_is_an_error() {
        let mut out = Vec::with_capacity(INFLATED);
        let error = Gunzip::new().push(b"data: plain text\n\n", &mut out, |_| Ok(()));
        assert!(error.expect_err("plain text").starts_with("gzip: "));
    }
}
