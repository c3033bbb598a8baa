//! Running a server: what to set, what is bounded, what a slow reader and a compressed one cost.
//!
//! | page | what is there |
//! | --- | --- |
//! | [`shell`] | publishing and watching from the shell |
//! | [`configure`] | flags, variables and the settings file; how the server stops |
//! | [`journal`] | where events outlive the process, how safe they are, and what a full or broken disk does |
//! | [`disk`] | what a crash takes along, how large a journal gets, what each of its states means and what to do |
//! | [`journal_commands`] | looking into a journal, checking, backup, export and import, repair |
//! | [`deploy`] | reverse proxies, file limits, and what to do before exposing it |
//! | [`limits`] | every bound, its default, and what is beyond it |
//! | [`slow_clients`] | what happens to who falls behind, step by step |
//! | [`compression`] | what gzip saves readers, what it costs, and when to turn it off |
//! | [`measure`] | `eventring bench`, what it reports, and what it reported here |

pub mod compression;
pub mod configure;
pub mod deploy;
pub mod disk;
pub mod journal;
pub mod journal_commands;
pub mod limits;
pub mod measure;
pub mod shell;
pub mod slow_clients;
