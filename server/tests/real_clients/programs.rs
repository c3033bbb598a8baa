//! Where the programs are, or the word that a test is skipped.

use crate::common::skipped;
use std::path::PathBuf;
use std::process::Command;

/// The first of these names that is a program in the search path.
pub(crate) fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(system).collect();
    let found = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        skipped(&format!("{} is not installed", names.join(" or ")));
    }
    found
}

/// What `scripts/clients` put into its folder beside the build's.
pub(crate) fn installed(inside: &str) -> Option<PathBuf> {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_eventring"));
    let folder = built.ancestors().nth(2)?.join("clients");
    let file = folder.join(inside);
    if file.exists() {
        return Some(file);
    }
    skipped(&format!(
        "there is no clients/{inside}: run scripts/clients"
    ));
    None
}

/// The interpreter that `scripts/clients` has made, if it has this module.
pub(crate) fn python_with(module: &str) -> Option<PathBuf> {
    let python = installed("python/bin/python")?;
    let import = format!("import {module}");
    let imported = Command::new(&python).args(["-c", &import]).output();
    if imported.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    skipped(&format!(
        "Python's {module} is not installed: run scripts/clients"
    ));
    None
}

/// A script of ours that speaks to such a program.
pub(crate) fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/real_clients/programs")
        .join(name)
}
