//! What a contender must give. One more contender = one `impl Contender` (see `ours.rs`).
#[derive(Default, Clone, Copy)]
pub struct Drained {
    pub n: usize,
    pub lagged: u64,
}
use bytes::Bytes;

/// Messages carry their sequence number; `seq` folds the whole payload, so every byte is read.
pub trait Payload: Clone + Send + Sync + 'static {
    fn make(i: u64) -> Self;
    fn seq(&self) -> u64;
}
impl Payload for u64 {
    #[inline(always)]
    fn make(i: u64) -> Self {
        i
    }
    #[inline(always)]
    fn seq(&self) -> u64 {
        *self
    }
}
/// 64 bytes inline.
pub type W64 = [u64; 8];
impl Payload for W64 {
    #[inline(always)]
    fn make(i: u64) -> Self {
        [i, 0, 0, 0, 0, 0, 0, 0]
    }
    #[inline(always)]
    fn seq(&self) -> u64 {
        self.iter().fold(0, |a, b| a.wrapping_add(*b))
    }
}
/// 64 bytes behind a reference count, allocated per message.
impl Payload for Bytes {
    #[inline(always)]
    fn make(i: u64) -> Self {
        let mut b = [0u8; 64];
        b[..8].copy_from_slice(&i.to_le_bytes());
        Bytes::copy_from_slice(&b)
    }
    #[inline(always)]
    fn seq(&self) -> u64 {
        self.chunks_exact(8)
            .fold(0, |a, c| a.wrapping_add(u64::from_le_bytes(c.try_into().unwrap())))
    }
}

pub trait Tx: Send + 'static {
    /// Publishes `P::make(seq)`; false = full (a lossless peer's slowest consumer is a lap behind).
    fn push(&mut self, seq: u64) -> bool;
    /// Publishes up to `n` from `seq` on; returns how many.
    #[inline(always)]
    fn push_batch(&mut self, seq: u64, n: usize) -> usize {
        for i in 0..n {
            if !self.push(seq + i as u64) {
                return i;
            }
        }
        n
    }
}
pub trait Rx: Send + 'static {
    /// Takes up to `max` messages, never waits.
    fn drain(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Drained;
    /// Waits (parks) for one message. Only called where `Contender::PARKS`.
    fn recv(&mut self) -> u64 {
        unreachable!("the harness asks only contenders that park")
    }
}
/// Many cursors drained by one thread.
pub trait Set: Send + 'static {
    /// One round over all; `f` gets (consumer, seq).
    fn round(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Round;
}
#[derive(Default, Clone, Copy)]
pub struct Round {
    pub delivered: u64,
    pub lagged: u64,
    /// Messages the slowest consumer has behind it, since opening.
    pub min: u64,
}
pub struct VecSet<R> {
    rx: Vec<(R, u64)>,
}
impl<R> VecSet<R> {
    pub fn new(rx: Vec<R>) -> Self {
        Self { rx: rx.into_iter().map(|r| (r, 0)).collect() }
    }
}
impl<R: Rx> Set for VecSet<R> {
    #[inline(always)]
    fn round(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Round {
        let mut out = Round { min: u64::MAX, ..Default::default() };
        for (r, got) in self.rx.iter_mut() {
            let d = r.drain(max, f);
            *got += d.n as u64 + d.lagged;
            out.delivered += d.n as u64;
            out.lagged += d.lagged;
            out.min = out.min.min(*got);
        }
        out
    }
}

pub trait Contender<P: Payload>: 'static {
    const NAME: &'static str;
    /// Overwrites; the harness paces it so that nothing is lost.
    const LOSSY: bool = false;
    /// Can be asked for what is there without waiting.
    const SPINS: bool = true;
    /// Has a receive that parks the thread.
    const PARKS: bool = false;
    type Tx: Tx;
    type Rx: Rx;
    type Set: Set;
    /// None: this shape is not supported.
    fn open(cap: usize, producers: usize, consumers: usize) -> Option<(Vec<Self::Tx>, Vec<Self::Rx>)>;
    fn open_set(cap: usize, producers: usize, consumers: usize) -> Option<(Vec<Self::Tx>, Self::Set)>;
}
/// `open_set` for peers without anything better than a vector of receivers.
#[macro_export]
macro_rules! vec_set {
    ($p:ty) => {
        type Set = $crate::api::VecSet<Self::Rx>;
        fn open_set(c: usize, p: usize, n: usize) -> Option<(Vec<Self::Tx>, Self::Set)> {
            let (t, r) = <Self as Contender<$p>>::open(c, p, n)?;
            Some((t, $crate::api::VecSet::new(r)))
        }
    };
}
