//! The parts of the hub that the models in `loom-tests` check, without the rest of it.
#![allow(missing_docs, reason = "nobody else sees them")]

pub mod journal {
    pub mod turn;
    pub mod void_ranges;
}

pub mod wait {
    pub mod completions;
    pub mod judging;
    pub mod signal;
    pub mod waiter;
}
