//! The handle on a shim, and what it records.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_int};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
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
pub(crate) struct State {
    settings: Mutex<Settings>,
    /// A call has begun to hang, or hangs no more.
    hung: Condvar,
    /// Milliseconds that the clock is ahead.
    ahead: AtomicI64,
}

#[derive(Debug, Default)]
struct Settings {
    record: Option<Vec<Entry>>,
    faults: Vec<Fault>,
    sync_delay: Duration,
    delays: Vec<(Part, Call, Duration)>,
    hang: Option<(Part, Call)>,
    hanging: u64,
    calls: BTreeMap<(Part, Call), u64>,
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

    /// Returns what was done since recording began, which goes on.
    pub fn record_so_far(&self) -> Vec<Entry> {
        self.state.lock().record.clone().unwrap_or_default()
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
        let mut settings = self.state.lock();
        settings.faults.clear();
        settings.delays.clear();
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

    /// Makes each such call take so much longer, until [`clear_faults`](Self::clear_faults).
    pub fn delay(&self, part: Part, call: Call, delay: Duration) {
        self.state.lock().delays.push((part, call, delay));
    }

    /// Lets such calls hang, as those of a disk that is gone do, until [`release`](Self::release).
    pub fn hang(&self, part: Part, call: Call) {
        self.state.lock().hang = Some((part, call));
    }

    /// Waits until a call hangs, for so long at most. Returns whether one does.
    pub fn wait_hanging(&self, wait: Duration) -> bool {
        let none = |settings: &mut Settings| settings.hanging == 0;
        let waited = self
            .state
            .hung
            .wait_timeout_while(self.state.lock(), wait, none);
        waited.unwrap_or_else(PoisonError::into_inner).0.hanging > 0
    }

    /// Lets what hangs go on, and nothing hang any more.
    pub fn release(&self) {
        self.state.lock().hang = None;
        self.state.hung.notify_all();
    }

    /// Moves the clock that SQLite goes by ahead of the machine's, by milliseconds; or back.
    pub fn move_clock(&self, ahead: i64) {
        // Relaxed: a number that stands for itself.
        self.state.ahead.store(ahead, Ordering::Relaxed);
    }

    /// Returns how many calls of a kind there were so far for a file.
    pub fn calls(&self, part: Part, call: Call) -> u64 {
        let settings = self.state.lock();
        settings.calls.get(&(part, call)).copied().unwrap_or(0)
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
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

    pub(crate) fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Lets a call wait as long as it is made to; returns the code and errno with which it is to fail.
    pub(crate) fn enter(&self, part: Part, call: Call) -> Option<(c_int, c_int)> {
        let mut settings = self.lock();
        *settings.calls.entry((part, call)).or_default() += 1;
        if settings.hang == Some((part, call)) {
            settings.hanging += 1;
            self.hung.notify_all();
            let hangs = |settings: &mut Settings| settings.hang == Some((part, call));
            let waited = self.hung.wait_while(settings, hangs);
            settings = waited.unwrap_or_else(PoisonError::into_inner);
            settings.hanging -= 1;
        }
        let mut failed = None;
        // Each counts the call, also when another one fails it.
        for fault in &mut settings.faults {
            if fault.hits(part, call) {
                failed = Some((fault.code, fault.errno));
            }
        }
        let delays = settings.delays.iter();
        let delays = delays.filter(|(of, delayed, _)| (*of, *delayed) == (part, call));
        let delay: Duration = delays.map(|(.., delay)| *delay).sum();
        drop(settings);
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        failed
    }
}
