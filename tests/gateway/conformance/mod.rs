//! The tables of `tests/conformance`, whose README has the rules behind them, against real servers.
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod answers;
mod deflate;
mod exchange;
mod frames;
mod http;
mod sse;
mod ws;
