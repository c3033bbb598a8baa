//! `eventring journal`: the real binary on real files, beside a server and without one.

#[path = "../common/mod.rs"]
mod common;

mod beside;
mod export_import;
mod repair;
mod scavenge;
mod wrong;

use common::Process;
use std::path::Path;

/// Runs a command on a journal; exit code, standard output, standard error.
fn journal(command: &str, data: &Path, args: &[&str]) -> (i32, String, String) {
    let data = data.to_str().expect("UTF-8");
    let mut process = Process::eventring(&[&["journal", command, "--data", data], args].concat());
    (process.code(), process.stdout(), process.stderr())
}

/// The same, which has to succeed; standard output.
fn done(command: &str, data: &Path, args: &[&str]) -> String {
    let (code, out, said) = journal(command, data, args);
    assert_eq!(code, 0, "{command}: {out}{said}");
    out
}
