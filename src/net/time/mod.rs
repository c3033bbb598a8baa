//! Clocks, deadlines, and the date that responses say.

pub(in crate::net) mod clock;
pub(in crate::net) mod date;
pub(in crate::net) mod deadlines;
pub(in crate::net) mod timers;
pub(in crate::net) mod wheel;
