//! Time: the clock, the wheel of deadlines, and what passes when.

pub(in crate::net) mod clock;
pub(in crate::net) mod date;
pub(in crate::net) mod deadlines;
pub(in crate::net) mod wheel;
