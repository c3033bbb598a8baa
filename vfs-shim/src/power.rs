//! What a disk holds when the power fails.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::random::Random;
use crate::state::Entry;

/// Files as a record has left them: what is flushed, and what may be lost.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: BTreeMap<String, Contents>,
}

/// What becomes of that which was not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of it is there: what `kill -9` leaves behind.
    Nothing,
    /// None of it is there.
    Everything,
    /// Each piece of each write is there or not, whatever was written after it: so the order of writes between two flushes
    /// means nothing. Pieces are aligned on the disk: its sectors, or the pages that the system keeps of a file.
    Pieces {
        /// Bytes of a piece.
        bytes: usize,
        /// So many chances in a hundred to be there.
        percent: u64,
    },
    /// Each write is there as a whole or not at all, with so many chances in a hundred.
    Writes(u64),
}

#[derive(Clone, Debug, Default)]
struct Contents {
    synced: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

impl Disk {
    /// Does what a record says next.
    pub fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Write { file, at, bytes } => {
                let change = Change::Write(*at, bytes.clone());
                self.contents(file).pending.push(change);
            }
            Entry::Truncate { file, length } => {
                self.contents(file).pending.push(Change::Truncate(*length));
            }
            Entry::Sync { file } => {
                let contents = self.contents(file);
                for change in std::mem::take(&mut contents.pending) {
                    change.apply(&mut contents.synced);
                }
            }
            Entry::Delete { file } => {
                self.files.remove(file);
            }
            Entry::Note(_) => {}
        }
    }

    /// Makes the files in a directory as they are found after the power failed.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn restore(&self, directory: &Path, loss: Loss, random: &mut Random) -> io::Result<()> {
        for (name, contents) in &self.files {
            let mut bytes = contents.synced.clone();
            for change in &contents.pending {
                change.apply_with(&mut bytes, loss, random);
            }
            fs::write(directory.join(name), bytes)?;
        }
        Ok(())
    }

    fn contents(&mut self, file: &str) -> &mut Contents {
        self.files.entry(file.to_owned()).or_default()
    }
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => put(to, *at, bytes),
            Self::Truncate(length) => to.resize(index(*length), 0),
        }
    }

    fn apply_with(&self, to: &mut Vec<u8>, loss: Loss, random: &mut Random) {
        let percent = match loss {
            Loss::Nothing => return self.apply(to),
            Loss::Everything => return,
            Loss::Pieces { percent, .. } | Loss::Writes(percent) => percent,
        };
        match (self, loss) {
            (Self::Write(at, bytes), Loss::Pieces { bytes: piece, .. }) => {
                let mut done = 0;
                while done < bytes.len() {
                    // To the end of the piece on the disk, wherever the write begins.
                    let place = index(*at) + done;
                    let end = (done + piece - place % piece).min(bytes.len());
                    match random.below(100) < percent {
                        true => put(to, place as u64, &bytes[done..end]),
                        // A file may have got its length, and zeros where nothing has arrived.
                        false if random.below(2) == 0 => {
                            let length = to.len().max(index(*at) + end);
                            to.resize(length, 0);
                        }
                        false => {}
                    }
                    done = end;
                }
            }
            _ if random.below(100) < percent => self.apply(to),
            _ => {}
        }
    }
}

fn put(to: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    let (start, end) = (index(at), index(at) + bytes.len());
    if to.len() < end {
        to.resize(end, 0);
    }
    to[start..end].copy_from_slice(bytes);
}

fn index(at: u64) -> usize {
    usize::try_from(at).expect("a file of a test fits into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(at: u64, byte: u8, length: usize) -> Entry {
        Entry::Write {
            file: "a".to_owned(),
            at,
            bytes: vec![byte; length],
        }
    }

    fn found(disk: &Disk, loss: Loss, seed: u64) -> Vec<u8> {
        let name = format!("vfs-shim-power-{}-{seed}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let mut random = Random::new(seed);
        disk.restore(&directory, loss, &mut random).unwrap();
        let bytes = fs::read(directory.join("a")).unwrap();
        fs::remove_dir_all(&directory).unwrap();
        bytes
    }

    #[test]
    fn what_was_flushed_is_there_and_of_the_rest_any_sector() {
        let mut disk = Disk::default();
        disk.apply(&write(0, 1, 2048));
        disk.apply(&Entry::Sync {
            file: "a".to_owned(),
        });
        disk.apply(&write(100, 2, 1024));
        let mut all = vec![1; 2048];
        all[100..1124].fill(2);
        assert_eq!(found(&disk, Loss::Nothing, 0), all);
        assert_eq!(found(&disk, Loss::Everything, 0), vec![1; 2048]);
        let mut seen = std::collections::BTreeSet::new();
        for seed in 1..100 {
            let half = Loss::Pieces {
                bytes: 512,
                percent: 50,
            };
            let bytes = found(&disk, half, seed);
            assert!(
                bytes[..100]
                    .iter()
                    .chain(&bytes[1124..])
                    .all(|byte| *byte == 1)
            );
            // Three sectors are touched, each of them whole or not at all.
            let sectors = [100..512, 512..1024, 1024..1124];
            let kept = sectors.map(|sector| {
                let first = bytes[sector.start];
                assert!(bytes[sector].iter().all(|byte| *byte == first));
                first == 2
            });
            seen.insert(kept);
        }
        assert_eq!(seen.len(), 8, "every subset was met");
    }

    #[test]
    fn a_file_that_was_cut_or_deleted_is() {
        let mut disk = Disk::default();
        disk.apply(&write(0, 1, 10));
        disk.apply(&Entry::Truncate {
            file: "a".to_owned(),
            length: 4,
        });
        assert_eq!(found(&disk, Loss::Nothing, 1000), [1; 4]);
        disk.apply(&Entry::Delete {
            file: "a".to_owned(),
        });
        assert!(disk.files.is_empty());
    }
}
