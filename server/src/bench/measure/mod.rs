//! Figures of a run: histograms and counts, and the CPU and memory of the processes that take part.

mod histogram;
mod machine;
mod procfs;
mod totals;
mod usage;

pub(super) use histogram::Histogram;
pub(super) use procfs::Process;
pub(super) use totals::Totals;
pub(super) use usage::{Moment, Usage};
