//! The handle on a shim, and what it records.

use std::ffi::{CStr, CString, c_int};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::fault::{Call, Fault, Part};
use crate::vfs;

/// Something that was done to a file, in order. Files go by their last name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Bytes were written.
    Write {
        /// The file.
        file: String,
        /// Where.
        at: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// It was cut off.
    Truncate {
        /// The file.
        file: String,
        /// How long it is then.
        length: u64,
    },
    /// It was flushed: what was done to it before is on the disk.
    Sync {
        /// The file.
        file: String,
    },
    /// It was deleted.
    Delete {
        /// The file.
        file: String,
    },
    /// What the test wanted to find there.
    Note(u64),
}

/// A VFS that stands in front of `unix`; its name is what a connection is opened with. It stays for the process.
#[derive(Clone, Copy, Debug)]
pub struct Shim {
    name: &'static CStr,
    state: &'static State,
}

/// What the VFS looks at.
#[derive(Debug, Default)]
pub(crate) struct State(Mutex<Settings>);

#[derive(Debug, Default)]
struct Settings {
    record: Option<Vec<Entry>>,
    faults: Vec<Fault>,
    sync_delay: Duration,
}

impl Shim {
    /// Registers a VFS with a name of its own.
    ///
    /// # Panics
    ///
    /// The name holds a zero, or SQLite refuses.
    pub fn register(name: &str) -> Self {
        let name = CString::new(name).expect("a name without zeros");
        let name: &'static CStr = Box::leak(name.into_boxed_c_str());
        let state: &'static State = Box::leak(Box::default());
        vfs::register(name, state);
        Self { name, state }
    }

    /// Returns the name that connections are opened with.
    pub fn name(&self) -> &'static str {
        self.name.to_str().expect("made of a `str`")
    }

    /// Begins to record.
    pub fn record(&self) {
        self.state.lock().record = Some(Vec::new());
    }

    /// Leaves a note in the record.
    pub fn note(&self, note: u64) {
        self.state.push(Entry::Note(note));
    }

    /// Ends to record, and returns what was done.
    pub fn recorded(&self) -> Vec<Entry> {
        self.state.lock().record.take().unwrap_or_default()
    }

    /// Makes calls fail.
    pub fn fail(&self, fault: Fault) {
        self.state.lock().faults.push(fault);
    }

    /// Lets everything succeed again.
    pub fn clear_faults(&self) {
        self.state.lock().faults.clear();
    }

    /// Returns whether all faults came to pass.
    pub fn all_failed(&self) -> bool {
        self.state
            .lock()
            .faults
            .iter()
            .all(|fault| fault.times == 0)
    }

    /// Makes each flush take so much longer.
    pub fn delay_syncs(&self, delay: Duration) {
        self.state.lock().sync_delay = delay;
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, entry: Entry) {
        if let Some(record) = &mut self.lock().record {
            record.push(entry);
        }
    }

    pub(crate) fn is_recording(&self) -> bool {
        self.lock().record.is_some()
    }

    pub(crate) fn sync_delay(&self) -> Duration {
        self.lock().sync_delay
    }

    /// The code and errno with which a call is to fail.
    pub(crate) fn fault(&self, part: Part, call: Call) -> Option<(c_int, c_int)> {
        let mut settings = self.lock();
        let mut failed = None;
        // Each counts the call, also when another one fails it.
        for fault in &mut settings.faults {
            if fault.hits(part, call) {
                failed = Some((fault.code, fault.errno));
            }
        }
        failed
    }
}
