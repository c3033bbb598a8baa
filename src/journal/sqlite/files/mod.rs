//! The files beside the database: who holds the directory, how far the journal is, and room for a full disk.

mod lock;
mod mark;
mod reserve;

pub(super) use lock::DirectoryLock;
pub(super) use mark::{Mark, MarkFile, RESERVE_UNKNOWN};
pub(super) use reserve::Reserve;

#[cfg(test)]
pub(super) mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    /// A new directory, gone with its test.
    pub(in crate::journal::sqlite) struct Directory(PathBuf);

    impl Directory {
        pub(in crate::journal::sqlite) fn new(name: &str) -> Self {
            let name = format!("eventring-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        pub(in crate::journal::sqlite) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
