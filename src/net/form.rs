//! Wire forms: the number that names one, and how its streams are compressed.

/// The number of a wire form: an index below [`Format::FORMS`](crate::net::Format::FORMS).
///
/// What a form looks like is the service's affair; the reactor keeps one frame log for each.
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

    /// All forms of a service that has `count` of them.
    pub(in crate::net) fn all(count: usize) -> impl Iterator<Item = Self> {
        (0..count as u8).map(Self)
    }
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
