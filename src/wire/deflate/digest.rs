//! CRC and length of bytes that were never seen in one piece.

use crc32fast::Hasher;

/// CRC-32 and length of a run of bytes, as a gzip trailer wants them.
///
/// # Examples
///
/// A reader that joins a log in the middle gets what the log's digests before and after say:
///
/// ```
/// use eventring::wire::deflate::Digest;
///
/// let of = |bytes: &[u8]| { let mut digest = Digest::default(); digest.update(bytes); digest };
/// let (before, after) = (of(b"not for me, "), of(b"not for me, but this"));
/// let mut mine = of(b"hello: ");
/// mine.extend(before, after);
/// assert_eq!(mine, of(b"hello: but this"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// CRC-32 (RFC 1952, 8).
    pub crc: u32,
    /// Bytes.
    pub len: u64,
}

impl Digest {
    /// Appends `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut hasher = Hasher::new_with_initial(self.crc);
        hasher.update(bytes);
        self.crc = hasher.finalize();
        self.len += bytes.len() as u64;
    }

    /// Appends what follows `from` in a run that is `to` in all.
    ///
    /// # Panics
    ///
    /// In debug builds, if `to` is shorter than `from`.
    // crc(A B) = shift(crc(A), |B|) ^ crc(B), and shifting is linear: so with A the part before `from`,
    // the shifted CRC of what the reader has and that of A can be shifted as one.
    pub fn extend(&mut self, from: Self, to: Self) {
        debug_assert!(from.len <= to.len);
        let len = to.len.wrapping_sub(from.len);
        if len == 0 {
            return;
        }
        let mut joined = Hasher::new_with_initial(self.crc ^ from.crc);
        joined.combine(&Hasher::new_with_initial_len(to.crc, len));
        self.crc = joined.finalize();
        self.len += len;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(bytes: &[u8]) -> Digest {
        let mut digest = Digest::default();
        digest.update(bytes);
        digest
    }

    proptest! {
        #[test]
        fn pieces_of_a_log_add_up(
            log in proptest::collection::vec(any::<u8>(), 0..2000),
            cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..10),
        ) {
            let mut whole = Vec::new();
            let mut digest = Digest::default();
            for (a, b) in cuts {
                let (a, b) = (a.index(log.len() + 1), b.index(log.len() + 1));
                let (a, b) = (a.min(b), a.max(b));
                whole.extend_from_slice(&log[a..b]);
                digest.extend(of(&log[..a]), of(&log[..b]));
            }
            prop_assert_eq!(digest, of(&whole));
        }
    }

    #[test]
    fn the_check_value_of_the_standard() {
        assert_eq!(of(b"123456789").crc, 0xcbf4_3926);
    }
}
