//! Streams that come back to what the ring has no more: from the journal, then from the ring, then live, with no gap and
//! nothing twice.

mod gated;
mod joins;
mod log;
mod outrun;
mod retained;
mod slow_reads;
mod starts;
mod state;
mod voids;
mod world;
