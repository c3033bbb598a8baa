//! A chain of blocks that share a window, and its keyframes.

use std::time::{Duration, Instant};

use super::encoder::Compressor;

/// Blocks from one keyframe to the next at most: whoever waits for one waits no longer than this.
pub const KEYFRAME_EVENTS: u32 = 64;
/// A keyframe on demand comes at most this often, since it is three times as long for everybody.
pub const DEMAND_INTERVAL: Duration = Duration::from_secs(1);

/// The kind of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// The block refers to nothing before it: readers may join here.
    Keyframe,
    /// The block may refer to what follows the last keyframe.
    Linked,
}

/// Makes blocks of one chain. About 300 KiB of memory.
///
/// A keyframe is the first block, each [`KEYFRAME_EVENTS`]th after one, and one that is asked for, at
/// most each [`DEMAND_INTERVAL`].
///
/// # Examples
///
/// ```
/// use std::time::Instant;
/// use eventring::wire::deflate::{Block, Chain};
///
/// let (mut chain, now, mut out) = (Chain::default(), Instant::now(), Vec::new());
/// assert_eq!(chain.encode(b"first", false, now, &mut out), Block::Keyframe);
/// assert_eq!(chain.encode(b"second", false, now, &mut out), Block::Linked);
/// // Too soon after the last one.
/// assert_eq!(chain.encode(b"third", true, now, &mut out), Block::Linked);
/// ```
pub struct Chain {
    compressor: Compressor,
    /// Blocks since the last keyframe, itself included; 0: there was none yet.
    since: u32,
    keyframe_at: Option<Instant>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            compressor: Compressor::new(),
            since: 0,
            keyframe_at: None,
        }
    }
}

impl Chain {
    /// Appends `plain`, at least one byte, as the chain's next block; `wanted`: somebody waits for a
    /// keyframe.
    pub fn encode(&mut self, plain: &[u8], wanted: bool, now: Instant, out: &mut Vec<u8>) -> Block {
        let rested = self
            .keyframe_at
            .is_none_or(|at| now.saturating_duration_since(at) >= DEMAND_INTERVAL);
        // Demand is rationed and the period is not: joiners may come all the time, but nobody waits for more than a period.
        let keyframe = self.since == 0 || self.since >= KEYFRAME_EVENTS || (wanted && rested);
        if keyframe {
            self.compressor.forget();
            self.since = 0;
            self.keyframe_at = Some(now);
        }
        self.since += 1;
        self.compressor.encode(plain, out);
        if keyframe {
            Block::Keyframe
        } else {
            Block::Linked
        }
    }
}
