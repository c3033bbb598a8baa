//! The mark: how far the journal is, kept outside of the database.
//!
//! SQLite stops at the first damaged frame of its log and forgets all behind it without a word. A journal that ends
//! before its mark has lost something, and can say so.
//!
//! The file is four slots, each in a page of its own, so that a torn write of one leaves the others alone. Two hold the
//! mark and are written in turn, one `pwrite` a commit, with no flush. Two hold the reservation and are written in turn,
//! each flushed before the promise counts: a mark that is being written when the power fails can take no promise along.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::io::Errno;

use crate::event::Epoch;
use crate::journal::{CommitError, CommitFailure, JournalError};

/// Offsets that are given up where a reservation cannot be read: as many as one promises at a time.
pub(in crate::journal::sqlite) const RESERVE_UNKNOWN: u64 = 1 << 20;

const NAME: &str = "durable";
/// "emrk", and the format's number.
const MAGIC: [u8; 4] = *b"emrk";
const FORMAT: u32 = 1;
/// Bytes of a slot.
const SLOT: usize = 64;
/// From one slot to the next: what a disk or a file system may write as one.
const STRIDE: u64 = 4096;
/// The places of the slots of the mark, and of those of the reservation; each two.
const MARKS: u64 = 0;
const RESERVATIONS: u64 = 2;
const SLOTS: u64 = 4;

/// The progress of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal::sqlite) struct Mark {
    /// The log that the offsets belong to.
    pub(in crate::journal::sqlite) epoch: Epoch,
    /// The last committed offset.
    pub(in crate::journal::sqlite) last: u64,
    /// The last committed offset that was flushed; not above [`last`](Self::last). What lies between may be lost when the
    /// power fails, and is no damage then.
    pub(in crate::journal::sqlite) flushed: u64,
    /// No offset below it is given out again.
    pub(in crate::journal::sqlite) reserved: u64,
}

/// The file that holds the mark.
#[derive(Debug)]
pub(in crate::journal::sqlite) struct MarkFile {
    file: File,
    epoch: Epoch,
    mark: Turn,
    reservation: Turn,
    /// A flush failed: what the file says is not known any more, and a later flush that succeeds proves nothing.
    broken: Option<String>,
}

/// The newest of two slots.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// The first of the two.
    base: u64,
    /// The newest of them, 0 or 1.
    newest: u64,
    slot: Slot,
    /// The other one cannot be read, and may have been newer.
    in_doubt: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    epoch: Epoch,
    /// Rises with each write: the newest slot has the highest.
    generation: u64,
    /// Last and flushed of a mark; a reservation and 0.
    values: [u64; 2],
}

impl MarkFile {
    /// Makes a new file, or makes one anew. It is flushed, its directory is not.
    ///
    /// # Errors
    ///
    /// [`Directory`](JournalError::Directory).
    pub(in crate::journal::sqlite) fn create(
        directory: &Path,
        mark: Mark,
    ) -> Result<Self, JournalError> {
        let open = || {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(directory.join(NAME))?;
            // All of it is written, so that no later write needs space.
            file.write_all_at(&[0; (SLOTS * STRIDE) as usize], 0)?;
            Ok(file)
        };
        let slot = |values| Slot {
            epoch: mark.epoch,
            generation: 1,
            values,
        };
        let file = open().map_err(|error| failed(directory, &error))?;
        let mut new = Self {
            file,
            epoch: mark.epoch,
            mark: Turn::new(MARKS, slot([mark.last, mark.flushed])),
            reservation: Turn::new(RESERVATIONS, slot([mark.reserved, 0])),
            broken: None,
        };
        let written = new.mark.write(&new.file, [mark.last, mark.flushed]);
        written
            .and_then(|()| new.reservation.write(&new.file, [mark.reserved, 0]))
            .and_then(|()| new.file.sync_all())
            .map_err(|error| failed(directory, &error))?;
        Ok(new)
    }

    /// Opens the file. `None`: it is not there, or nothing in it can be read; [`create`](Self::create) makes it anew.
    ///
    /// # Errors
    ///
    /// [`Directory`](JournalError::Directory).
    pub(in crate::journal::sqlite) fn open(directory: &Path) -> Result<Option<Self>, JournalError> {
        Self::open_with(directory, OpenOptions::new().read(true).write(true))
    }

    /// Reads the mark of a directory, and changes nothing.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(in crate::journal::sqlite) fn look(directory: &Path) -> Result<Option<Mark>, JournalError> {
        let file = Self::open_with(directory, OpenOptions::new().read(true))?;
        Ok(file.map(|file| file.mark()))
    }

    fn open_with(directory: &Path, options: &OpenOptions) -> Result<Option<Self>, JournalError> {
        let path = directory.join(NAME);
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(directory, &error)),
        };
        let mark = Turn::read(&file, MARKS).map_err(|error| failed(directory, &error))?;
        let reservation =
            Turn::read(&file, RESERVATIONS).map_err(|error| failed(directory, &error))?;
        Ok(match (mark, reservation) {
            (Some(mark), Some(reservation)) if mark.slot.epoch == reservation.slot.epoch => {
                Some(Self {
                    file,
                    epoch: mark.slot.epoch,
                    mark,
                    reservation,
                    broken: None,
                })
            }
            _ => None,
        })
    }

    /// Returns the newest mark.
    pub(in crate::journal::sqlite) fn mark(&self) -> Mark {
        let [last, flushed] = self.mark.slot.values;
        let reserved = self.reservation.slot.values[0];
        // The promise that cannot be read may have been the higher one.
        let reserved = match self.reservation.in_doubt {
            true => reserved.max(last + 1).saturating_add(RESERVE_UNKNOWN),
            false => reserved,
        };
        Mark {
            epoch: self.epoch,
            last,
            flushed,
            reserved,
        }
    }

    /// Notes what was committed, by one write that is not flushed.
    ///
    /// # Errors
    ///
    /// The mark stays where it was: damage above it would not be told. No commit depends on it.
    pub(in crate::journal::sqlite) fn write(&mut self, last: u64, flushed: u64) -> io::Result<()> {
        debug_assert!(flushed <= last);
        self.mark.write(&self.file, [last, flushed])
    }

    /// Promises that no offset below `below` is given out again, or takes such a promise back. It is flushed.
    ///
    /// # Errors
    ///
    /// The promise before it stands, and this one may; [`Poisoned`](CommitFailure::Poisoned) once a flush has failed,
    /// for good.
    pub(in crate::journal::sqlite) fn reserve(&mut self, below: u64) -> Result<(), CommitError> {
        if let Some(reason) = &self.broken {
            return Err(refused(CommitFailure::Poisoned, reason.clone()));
        }
        let written = self.reservation.write(&self.file, [below, 0]);
        if let Err(error) = written {
            let failure = match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => CommitFailure::NoSpace,
                _ => CommitFailure::Poisoned,
            };
            let reason = format!("{NAME}: {error}");
            if failure == CommitFailure::Poisoned {
                self.broken = Some(reason.clone());
            }
            return Err(refused(failure, reason));
        }
        self.file.sync_data().map_err(|error| {
            let reason = format!("{NAME}: {error}");
            self.broken = Some(reason.clone());
            refused(CommitFailure::Poisoned, reason)
        })
    }
}

impl Turn {
    fn new(base: u64, slot: Slot) -> Self {
        Self {
            base,
            newest: 0,
            slot,
            in_doubt: false,
        }
    }

    fn read(file: &File, base: u64) -> io::Result<Option<Self>> {
        let mut newest: Option<Self> = None;
        let (mut in_doubt, mut read) = (false, 0);
        for index in 0..2 {
            let mut bytes = [0; SLOT];
            match file.read_exact_at(&mut bytes, (base + index) * STRIDE) {
                Ok(()) => {}
                // Cut off: as if it were not valid.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    in_doubt = true;
                    continue;
                }
                Err(error) => return Err(error),
            }
            let Some(slot) = Slot::decode(&bytes) else {
                // Of a file that was just made one slot is empty.
                in_doubt |= bytes != [0; SLOT];
                continue;
            };
            read += 1;
            if newest.is_none_or(|newest| newest.slot.generation < slot.generation) {
                newest = Some(Self {
                    base,
                    newest: index,
                    slot,
                    in_doubt: false,
                });
            }
        }
        Ok(newest.map(|newest| Self {
            // The first one written has the generation 2; behind any other one there was one in the slot beside it.
            in_doubt: in_doubt || read == 1 && newest.slot.generation > 2,
            ..newest
        }))
    }

    /// Writes over the older slot. After a failure the newer one is still the newest, and the next write goes to the same
    /// place.
    fn write(&mut self, file: &File, values: [u64; 2]) -> io::Result<()> {
        let index = 1 - self.newest;
        let slot = Slot {
            generation: self.slot.generation + 1,
            values,
            ..self.slot
        };
        file.write_all_at(&slot.encode(), (self.base + index) * STRIDE)?;
        self.newest = index;
        self.slot = slot;
        self.in_doubt = false;
        Ok(())
    }
}

impl Slot {
    fn encode(&self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&FORMAT.to_le_bytes());
        let numbers = [
            self.generation,
            self.epoch.0,
            self.values[0],
            self.values[1],
        ];
        for (place, number) in bytes[8..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let crc = crc32c::crc32c(&bytes[..SLOT - 4]);
        bytes[SLOT - 4..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; SLOT]) -> Option<Self> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        if content[..4] != MAGIC
            || content[4..8] != FORMAT.to_le_bytes()
            || crc32c::crc32c(content) != u32::from_le_bytes(*crc)
        {
            return None;
        }
        let number = |index: usize| {
            let bytes = content[8 + index * 8..].first_chunk::<8>();
            bytes.map(|bytes| u64::from_le_bytes(*bytes))
        };
        Some(Self {
            generation: number(0)?,
            epoch: Epoch(number(1)?),
            values: [number(2)?, number(3)?],
        })
    }
}

fn failed(directory: &Path, error: &io::Error) -> JournalError {
    JournalError::Directory {
        path: directory.join(NAME),
        reason: error.to_string(),
    }
}

fn refused(failure: CommitFailure, reason: String) -> CommitError {
    CommitError { failure, reason }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::journal::sqlite::files::tests::Directory;

    const EPOCH: Epoch = Epoch(0x5eed);

    fn mark(last: u64, flushed: u64, reserved: u64) -> Mark {
        Mark {
            epoch: EPOCH,
            last,
            flushed,
            reserved,
        }
    }

    fn read(directory: &Directory) -> Option<Mark> {
        let file = MarkFile::open(directory.path()).unwrap();
        file.map(|file| file.mark())
    }

    #[test]
    fn a_reservation_that_cannot_be_read_may_have_been_the_higher_one() {
        for (reservations, damaged) in [(1, 2), (1, 3), (2, 2), (2, 3)] {
            let directory = Directory::new("mark-doubt");
            let mut file = MarkFile::create(directory.path(), mark(10, 10, 0)).unwrap();
            let mut highest = 0;
            for number in 1..=reservations {
                highest = 11 + number * RESERVE_UNKNOWN / 2;
                file.reserve(highest).unwrap();
            }
            file.file
                .write_all_at(&[0x55; SLOT], damaged * STRIDE)
                .unwrap();
            drop(file);
            let mut file = MarkFile::open(directory.path()).unwrap().unwrap();
            assert!(file.mark().reserved >= highest, "{:?}", file.mark());
            assert_eq!(read(&directory), Some(file.mark()), "until it is written");
            file.reserve(highest + 1).unwrap();
            assert_eq!(read(&directory), Some(mark(10, 10, highest + 1)));
        }
    }

    #[test]
    fn the_newest_mark_and_reservation_are_read() {
        let directory = Directory::new("mark-newest");
        assert_eq!(read(&directory), None);
        let mut file = MarkFile::create(directory.path(), mark(0, 0, 1)).unwrap();
        assert_eq!(read(&directory), Some(mark(0, 0, 1)));
        for last in 1..=5 {
            file.write(last, last - 1).unwrap();
            assert_eq!(file.mark(), mark(last, last - 1, 1));
            assert_eq!(read(&directory), Some(file.mark()));
        }
        file.reserve(1 << 20).unwrap();
        file.write(6, 6).unwrap();
        assert_eq!(read(&directory), Some(mark(6, 6, 1 << 20)));
        file.reserve(7).unwrap();
        assert_eq!(read(&directory), Some(mark(6, 6, 7)));
        // One that is open goes on where it was.
        let mut file = MarkFile::open(directory.path()).unwrap().unwrap();
        file.write(7, 6).unwrap();
        assert_eq!(read(&directory), Some(mark(7, 6, 7)));
    }

    #[test]
    fn a_write_that_is_torn_at_any_byte_leaves_the_one_before() {
        let directory = Directory::new("mark-torn");
        let path = directory.path().join(NAME);
        let mut file = MarkFile::create(directory.path(), mark(0, 0, 1)).unwrap();
        file.write(41, 40).unwrap();
        file.reserve(100).unwrap();
        let before = fs::read(&path).unwrap();
        let old = read(&directory).unwrap();
        file.write(42, 42).unwrap();
        let marked = fs::read(&path).unwrap();
        file.reserve(200).unwrap();
        let reserved = fs::read(&path).unwrap();
        for (from, to, new) in [
            (&before, &marked, mark(42, 42, 100)),
            (&marked, &reserved, mark(42, 42, 200)),
        ] {
            let changed = (0..from.len()).filter(|at| from[*at] != to[*at]);
            let (first, last) = (changed.clone().min().unwrap(), changed.max().unwrap());
            let slot = first / STRIDE as usize * STRIDE as usize;
            assert!(last < slot + SLOT, "one slot is written");
            let previous = if from == &before {
                old
            } else {
                mark(42, 42, 100)
            };
            for cut in 0..=SLOT {
                // The first bytes are new, the rest is old; and the other way round.
                for (head, tail) in [(to, from), (from, to)] {
                    let mut torn = from.clone();
                    torn[slot..slot + cut].copy_from_slice(&head[slot..slot + cut]);
                    torn[slot + cut..slot + SLOT].copy_from_slice(&tail[slot + cut..slot + SLOT]);
                    fs::write(&path, &torn).unwrap();
                    let found = read(&directory).unwrap();
                    let is = |other: &[u8]| torn[slot..slot + SLOT] == other[slot..slot + SLOT];
                    let expected = match (is(to), is(from), slot as u64 / STRIDE) {
                        (true, ..) => new,
                        (false, false, RESERVATIONS..) => mark(42, 42, 100 + RESERVE_UNKNOWN),
                        _ => previous,
                    };
                    assert_eq!(found, expected, "cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn a_flipped_bit_of_any_byte_leaves_the_other_slot() {
        let directory = Directory::new("mark-flip");
        let path = directory.path().join(NAME);
        let mut file = MarkFile::create(directory.path(), mark(0, 0, 1)).unwrap();
        file.write(41, 41).unwrap();
        file.reserve(100).unwrap();
        file.write(42, 42).unwrap();
        file.reserve(200).unwrap();
        let good = fs::read(&path).unwrap();
        for slot in 0..SLOTS as usize {
            for at in 0..SLOT {
                let mut spoilt = good.clone();
                spoilt[slot * STRIDE as usize + at] ^= 1 << (at % 8);
                fs::write(&path, &spoilt).unwrap();
                let found = read(&directory).unwrap();
                let slot = slot as u64;
                let is_newest = [file.mark.newest, 2 + file.reservation.newest].contains(&slot);
                let expected = match (slot < RESERVATIONS, is_newest) {
                    (true, true) => mark(41, 41, 200),
                    (true, false) => mark(42, 42, 200),
                    // What was promised there may have been more.
                    (false, true) => mark(42, 42, 100 + RESERVE_UNKNOWN),
                    (false, false) => mark(42, 42, 200 + RESERVE_UNKNOWN),
                };
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn a_file_that_is_cut_is_read_as_far_as_it_goes() {
        let directory = Directory::new("mark-cut");
        let path = directory.path().join(NAME);
        let mut file = MarkFile::create(directory.path(), mark(7, 7, 9)).unwrap();
        file.write(8, 8).unwrap();
        let good = fs::read(&path).unwrap();
        for length in (0..good.len()).step_by(61) {
            fs::write(&path, &good[..length]).unwrap();
            // Never a number that was not written.
            if let Some(found) = read(&directory) {
                assert!([7, 8].contains(&found.last) && found.reserved == 9);
            }
        }
        fs::write(&path, b"not a mark").unwrap();
        assert_eq!(read(&directory), None);
    }
}
