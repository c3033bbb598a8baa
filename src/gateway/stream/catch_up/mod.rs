//! Catching up from the journal: what the ring has no more is read on the hub's own threads, and encoded there.
//!
//! A stream that wants it asks for a *piece* and is left alone until that has come; no thread waits, and no other stream
//! does. A piece ends where the ring begins, as that was when it was asked for: what is in the ring need not be in the
//! journal (topics that ask for no durability), what has left it is. So a stream goes on from piece to piece, and from the
//! last one into the ring and its log, with no gap and nothing twice, however fast the ring moves on meanwhile.
//!
//! How many pieces of a reactor are read at once is bounded, and whoever asks comes behind those who asked before: five
//! hundred who look far back take turns, and cost who is live no more than one of them does.

mod asking;
mod cache;
mod encoded;
mod journal_catch_up;
mod starts;

pub(super) use self::journal_catch_up::{JournalCatchUp, Starts};
