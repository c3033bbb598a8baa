//! Any bytes as a settings file: what is taken is shown as a file that says the same, and what is wrong has its line.
#![no_main]
// The modules are those of the server, which is a program and no library.
#![allow(dead_code, unused_imports)]

#[path = "../../server/src/cli/mod.rs"]
mod cli;
#[path = "../../server/src/config/mod.rs"]
mod config;
#[path = "../../server/src/units.rs"]
mod units;

/// What the command line has of the server's client.
mod client {
    pub(crate) use eventring::client::Url;
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let path = std::env::temp_dir().join(format!("eventring-fuzz-{}.toml", std::process::id()));
    config::any::any_file(&path, input);
    let _ = std::fs::remove_file(path);
});
