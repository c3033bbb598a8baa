//! Wire forms: the number that names one, and how its streams are compressed.

/// The number of a wire form: an index below [`Format::FORMS`].
///
/// What a form looks like is the owner's affair; the fan-out keeps one frame log for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FormId(u8);

impl FormId {
    /// Names the form of an index.
    pub const fn new(index: u8) -> Self {
        Self(index)
    }

    /// The index of the form.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// All forms where there are `count` of them.
    pub(super) fn all(count: usize) -> impl Iterator<Item = Self> {
        (0..count as u8).map(Self)
    }
}

/// The wire forms of a fan-out.
pub trait Format {
    /// Number of wire forms; a [`FormId`] is an index below it.
    const FORMS: usize;

    /// Says how the streams of `form` are compressed. All that is written for them is plain; what is compressed with
    /// gzip or Brotli, which is everything but response heads, goes through [`frame_block`](Self::frame_block).
    fn codec(form: FormId) -> Codec;

    /// Appends a compressed `block` as `form` frames it; `last`: nothing follows it.
    fn frame_block(form: FormId, block: &[u8], last: bool, out: &mut Vec<u8>);
}

/// The compression of a wire form's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// Not at all.
    Identity,
    /// Each stream is one gzip stream, of blocks that its members share.
    Gzip,
    /// Each stream by a Brotli compressor of its own, of 0.7 MiB: whoever plans streams sees to it
    /// that they are few. Only where the feature `brotli` is on.
    Brotli,
    /// Its frames are WebSocket messages, each compressed (RFC 7692) once for all members.
    Messages {
        /// `true`: a message may refer to those before.
        shared_context: bool,
    },
}
