//! Encoded pieces that were asked for last: after a restart thousands of clients want the same ones, in the same form.

use std::collections::{HashMap, VecDeque};

use crate::gateway::stream::catch_up::encoded::{EncodedPiece, PieceKey};

/// Bytes of encoded pieces that a reactor keeps. Beyond it the one that came first goes, and is encoded again if somebody
/// still wants it. The hub keeps what was read of the journal, 16 MiB, besides.
pub(super) const ENCODED_BYTES_MAX: usize = 4 << 20;
/// Bytes that a piece counts beside its own.
const PIECE_BYTES: usize = 512;

/// The pieces of one reactor.
#[derive(Default)]
pub(super) struct EncodedCache {
    pieces: HashMap<PieceKey, EncodedPiece>,
    /// In the order in which they came.
    order: VecDeque<PieceKey>,
    bytes: usize,
}

impl EncodedCache {
    pub(super) fn get(&self, key: &PieceKey) -> Option<&EncodedPiece> {
        self.pieces.get(key)
    }

    /// Keeps a piece, which is none of those that are kept.
    pub(super) fn keep(&mut self, key: PieceKey, piece: EncodedPiece) {
        self.bytes += weight(&piece);
        self.order.push_back(key.clone());
        self.pieces.insert(key, piece);
        // The newest stays, however large it is: somebody waits for it.
        while self.bytes > ENCODED_BYTES_MAX && self.order.len() > 1 {
            if let Some(first) = self.order.pop_front()
                && let Some(gone) = self.pieces.remove(&first)
            {
                self.bytes -= weight(&gone);
            }
        }
    }
}

fn weight(piece: &EncodedPiece) -> usize {
    piece.bytes.capacity() + PIECE_BYTES
}
