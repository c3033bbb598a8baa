//! Puts a new database in the place of the old one, in steps that a kill may come between.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::files::beside;
use crate::journal::sqlite::open::{self, DATABASE, REPAIRING};

/// The name of the new database in the folder that the old one goes into, until it has its place.
pub(super) const NEW: &str = "new.sqlite";
/// Old files that are changed where they are, or whose name another one gets: a copy of them lies aside.
const OLD: [&str; 3] = [DATABASE, "journal.sqlite-wal", "durable"];

/// One exchange of databases.
///
/// Before the first step that cannot be undone a mark is written with the name of the folder. While it is there nobody opens the
/// journal, and [`finish`](Self::finish) ends what was begun.
pub(super) struct Swap {
    directory: PathBuf,
    aside: PathBuf,
}

impl Swap {
    pub(super) fn new(directory: &Path, aside: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            aside: aside.to_owned(),
        }
    }

    /// Returns the exchange that was begun in a directory and did not come to its end.
    pub(super) fn begun(directory: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(directory.join(REPAIRING)) {
            Ok(name) => Ok(Some(Self::new(directory, &directory.join(name)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Does all of it. After an error everything is as it was, or the mark says that it is not.
    pub(super) fn run(&self) -> io::Result<()> {
        for name in OLD {
            let path = self.directory.join(name);
            if path.is_file() {
                self.put_aside(&path, &self.aside.join(name))?;
            }
        }
        open::flush(&self.aside)?;
        let mark = self.directory.join(REPAIRING);
        let name = self.aside.file_name().unwrap_or_default();
        let mut file = File::create(&mark)?;
        file.write_all(name.as_encoded_bytes())?;
        file.sync_all()?;
        open::flush(&self.directory)?;
        self.finish().inspect_err(|_| {
            // The mark goes only when the old files are there again.
            let _ = self.restore().and_then(|()| fs::remove_file(&mark));
        })
    }

    /// Does what is left to do behind the mark.
    pub(super) fn finish(&self) -> io::Result<()> {
        let database = self.directory.join(DATABASE);
        let new = self.aside.join(NEW);
        // It is whole: the mark was written behind it. Where it is not there it has its place already.
        if new.is_file() {
            // SQLite would take the log of the old database for that of the new one: it goes first.
            for left in ["-wal", "-shm"] {
                match fs::remove_file(beside(&database, left)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            open::flush(&self.directory)?;
            fs::rename(&new, &database)?;
            open::flush(&self.directory)?;
        }
        fs::remove_file(self.directory.join(REPAIRING))?;
        open::flush(&self.directory)
    }

    /// Puts the log of the old database back, if that is what is there.
    fn restore(&self) -> io::Result<()> {
        let log = OLD[1];
        let (here, kept) = (self.directory.join(log), self.aside.join(log));
        if self.aside.join(NEW).is_file() && kept.is_file() && !here.is_file() {
            self.put_aside(&kept, &here)?;
        }
        open::flush(&self.directory)
    }

    /// Gives a file a second name, or copies it where that cannot be, and where the one that stays is written to in its place.
    fn put_aside(&self, from: &Path, to: &Path) -> io::Result<()> {
        let is_rewritten = from.file_name().is_some_and(|name| name == OLD[2]);
        if !is_rewritten && fs::hard_link(from, to).is_ok() {
            return Ok(());
        }
        fs::copy(from, to)?;
        File::open(to)?.sync_all()
    }
}
