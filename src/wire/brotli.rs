//! Brotli (RFC 7932) for one reader: a stream that is flushed after each piece.
//!
//! Nothing of it can be shared between readers, so each has a window and hash tables of its own. It is for the
//! few that want it; [`deflate`](super::deflate) is for the many.

use std::io::Write;

use brotli::CompressorWriter;
use brotli::enc::BrotliEncoderParams;

/// Brotli's quality, the effort to find repetitions; from 5 on, the tables for it are larger.
const QUALITY: i32 = 4;
/// The window, as a power of two: 64 KiB, what waits for one connection at most.
const WINDOW_BITS: i32 = 16;
/// Bytes of output that the encoder hands over at a time.
const OUTPUT: usize = 4 << 10;

/// Compresses for one reader. It holds about 0.7 MiB once something was compressed.
///
/// # Examples
///
/// ```
/// use std::io::Read;
/// use eventring::wire::brotli::Encoder;
///
/// let (mut encoder, mut out) = (Encoder::new(), Vec::new());
/// encoder.encode(b"one fish, two fish", &mut out);
/// let first = out.len();
/// encoder.encode(b"one fish, two fish, red fish", &mut out);
/// encoder.finish(&mut out);
/// let mut plain = String::new();
/// brotli::Decompressor::new(&out[..], 4096).read_to_string(&mut plain)?;
/// assert_eq!(plain, "one fish, two fishone fish, two fish, red fish");
/// assert!(first > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Encoder(CompressorWriter<Vec<u8>>);

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// Begins a stream.
    pub fn new() -> Self {
        let params = BrotliEncoderParams {
            quality: QUALITY,
            lgwin: WINDOW_BITS,
            ..BrotliEncoderParams::default()
        };
        Self(CompressorWriter::with_params(Vec::new(), OUTPUT, &params))
    }

    /// Appends `plain` compressed, all of it: a reader that has these bytes has those.
    pub fn encode(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let done = self.0.write_all(plain).and_then(|()| self.0.flush());
        debug_assert!(done.is_ok(), "{done:?}");
        out.append(self.0.get_mut());
    }

    /// Appends the end of the stream; nothing may be encoded after it.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let ended = std::mem::take(self);
        out.append(&mut ended.0.into_inner());
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}
