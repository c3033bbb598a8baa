//! Figures of a hub.

/// The figures of a hub at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubStats {
    /// Events published, which is the newest offset.
    pub published: u64,
    /// The oldest offset that is kept.
    pub earliest: u64,
    /// Events that went before their time because of `ring_bytes`.
    pub trimmed: u64,
    /// Events on topics that are not listed, because there were `topics_max` of them.
    pub untracked: u64,
    /// Topics of which something is known: those that are listed, and those of which the ring has, or had lately, an
    /// event.
    pub topics_known: usize,
    /// Bytes of events on the heap, beside the ring's slots.
    pub heap_bytes: usize,
    /// Receivers and cursors.
    pub readers: usize,
    /// Different filters in use.
    pub classes: usize,
}
