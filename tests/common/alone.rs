//! A process of its own for a test that changes, or counts, what belongs to the whole process.

use std::process::Command;

/// Set in the process of its own.
const ALONE: &str = "EVENTRING_TEST_ALONE";

/// Runs a test in a process in which no other test runs. `module` is its `module_path!()`, `name` its function.
///
/// # Panics
///
/// If it fails there.
pub(crate) fn alone(module: &str, name: &str, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    // The first part is the crate: the test harness does not name it.
    let (_, module) = module.split_once("::").expect("a module of a test binary");
    let test = format!("{module}::{name}");
    let output = Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--exact", &test, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("the test binary starts");
    let told = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{test}:\n{told}{wrong}");
    assert!(told.contains(" 1 passed"), "{test} is not a test:\n{told}");
}
