//! The programs of a measurement, each a file of its own: what two processes map of one file counts half for
//! each in Pss.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Copies in a folder that goes with this program.
pub struct Programs {
    folder: TempDir,
    /// `eventring`, for `serve`.
    pub server: PathBuf,
    /// `eventring`, for `bench`.
    pub load: PathBuf,
    /// This program, for `serve NAME`.
    pub peers: PathBuf,
}

impl Programs {
    /// Builds the repository's `eventring` unless there is one, and copies.
    pub fn build(eventring: Option<&str>) -> Self {
        let built = eventring.map_or_else(built, PathBuf::from);
        let folder = tempfile::tempdir().expect("a folder");
        let copy = |from: &Path, name: &str| {
            let to = folder.path().join(name);
            std::fs::copy(from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
            to
        };
        let this = std::env::current_exe().expect("the path of this program");
        Self {
            server: copy(&built, "server"),
            load: copy(&built, "load"),
            peers: copy(&this, "peers"),
            folder,
        }
    }

    /// A new folder for the files of a server.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(format!("{name}-files"));
        std::fs::create_dir_all(&folder).expect("a folder of ours");
        folder
    }
}

/// Builds the server of the repository, as its users do.
fn built() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--package", "eventring-server"]);
    // The variable of this build would put it elsewhere.
    let target = root.join("target");
    cargo.current_dir(&root).env("CARGO_TARGET_DIR", &target);
    assert!(
        cargo.status().is_ok_and(|status| status.success()),
        "cargo does not build eventring"
    );
    target.join("release/eventring")
}
