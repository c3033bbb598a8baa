//! Running a server: what to set, what is bounded, what a slow reader and a compressed one cost.
//!
//! | page | what is there |
//! | --- | --- |
//! | [`deploy`] | reverse proxies, file limits, and what to do before exposing it |
//! | [`limits`] | every bound, its default, and what is beyond it |
//! | [`slow_clients`] | what happens to who falls behind, step by step |
//! | [`compression`] | what gzip saves readers, what it costs, and when to turn it off |

pub mod compression;
pub mod deploy;
pub mod limits;
pub mod slow_clients;
