//! The server of an embedder: its routes, its streams and sockets, and what strangers can do to it.
#![cfg(feature = "gateway")]

#[path = "../common/body.rs"]
mod body;
#[path = "../common/contract.rs"]
mod contract;
#[path = "../common/counting.rs"]
mod counting;
#[path = "../common/faulty_journal.rs"]
mod faulty_journal;
#[path = "../conformance/table.rs"]
mod table;

mod bounds;
mod chaos;
mod clients_behind_proxies;
mod conformance;
mod dashboard;
mod date;
mod examples;
mod guard;
mod history_route;
mod journal;
mod journal_resume;
mod metrics;
mod openapi;
mod seams;
mod sockets;
mod streams;
mod unwinding;
mod wrong_values;
