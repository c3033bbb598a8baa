//! A certificate that the tests make for themselves.

use crate::programs::program;
use std::path::PathBuf;
use std::process::Command;

/// A certificate for localhost that nobody has signed.
pub(crate) struct Certificate {
    folder: tempfile::TempDir,
}

impl Certificate {
    pub(crate) fn new() -> Option<Self> {
        let openssl = program(&["openssl"])?;
        let folder = tempfile::tempdir().expect("a folder");
        let made = Self { folder };
        let mut command = Command::new(openssl);
        command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes"]);
        command.args(["-subj", "/CN=localhost"]);
        command.arg("-keyout").arg(made.path("key"));
        command.arg("-out").arg(made.path("cert"));
        assert!(command.output().expect("openssl runs").status.success());
        // Both in one file, as HAProxy has it.
        let both = ["cert", "key"].map(|name| std::fs::read(made.path(name)).expect("just made"));
        std::fs::write(made.path("both"), both.concat()).expect("a folder of ours");
        Some(made)
    }

    /// The file `cert`, `key`, or `both`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
