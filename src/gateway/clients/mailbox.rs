//! The trays: sockets that a reactor is to see to, laid there by whatever thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::gateway::admin::connections::Place;
use crate::gateway::gateway::Gateway;
use crate::reactor::{StreamId, Streams};
use crate::ring::Notify;
use crate::wire::ws::CloseCode;

/// The trays of all reactors of a server.
pub(in crate::gateway) struct Trays(Box<[Tray]>);

/// One reactor's tray.
#[derive(Default)]
struct Tray {
    /// Something lies there: looked at once a turn, without the lock.
    rung: AtomicBool,
    /// Its reactor sends what waits and takes nothing more.
    stopping: AtomicBool,
    inside: Mutex<Inside>,
}

/// A seat lays one errand of each kind here at most, so the bounds on clients bound it.
#[derive(Default)]
struct Inside {
    bell: Option<Arc<dyn Notify>>,
    errands: Vec<(StreamId, Errand)>,
}

/// The reactors to be woken once no lock is held, each once.
#[derive(Default)]
pub(in crate::gateway) struct Woken(SmallVec<[(usize, Arc<dyn Notify>); 4]>);

/// What is to be done for a socket.
pub(in crate::gateway) enum Errand {
    /// It is to be sent what waits for it.
    Send,
    /// It is to be closed.
    Close(Goodbye),
}

/// What a close frame says.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct Goodbye {
    pub(in crate::gateway) code: CloseCode,
    pub(in crate::gateway) reason: String,
}

impl Trays {
    pub(in crate::gateway) fn new(reactors: usize) -> Self {
        Self((0..reactors).map(|_| Tray::default()).collect())
    }

    /// Opens the tray of reactor `n`, which `bell` wakes.
    pub(in crate::gateway) fn open(&self, n: usize, bell: Arc<dyn Notify>) {
        self.0[n].inside.lock().bell = Some(bell);
    }

    /// Notes that reactor `n` takes nothing more, so that what waits comes to an end.
    pub(in crate::gateway) fn stop(&self, n: usize) {
        // Relaxed: what is put down a moment later is sent as well.
        self.0[n].stopping.store(true, Ordering::Relaxed);
    }

    pub(in crate::gateway) fn is_stopping(&self, (n, _): Place) -> bool {
        self.0[n].stopping.load(Ordering::Relaxed)
    }

    /// Closes the tray of reactor `n`: what lies there is never done.
    pub(in crate::gateway) fn close(&self, n: usize) {
        let left = std::mem::take(&mut *self.0[n].inside.lock());
        drop(left);
    }

    /// Lays down an errand for the socket at `place`. Its reactor is among `woken` then, if it has to be woken.
    pub(in crate::gateway) fn put(&self, (n, socket): Place, errand: Errand, woken: &mut Woken) {
        let tray = &self.0[n];
        let mut inside = tray.inside.lock();
        if inside.bell.is_none() {
            return;
        }
        // Who laid the first one rings for all: they are taken together.
        let is_first = inside.errands.is_empty();
        inside.errands.push((socket, errand));
        let bell = if is_first { inside.bell.clone() } else { None };
        drop(inside);
        if let Some(bell) = bell {
            // Release: pairs with the Acquire in `work`.
            tray.rung.store(true, Ordering::Release);
            woken.add(n, bell);
        }
    }

    /// Does what lies in the tray of reactor `n`. Once a turn.
    pub(in crate::gateway) fn work(&self, n: usize, streams: &mut Streams<'_, Gateway>) {
        let tray = &self.0[n];
        if !tray.rung.load(Ordering::Relaxed) {
            return;
        }
        // Acquire: pairs with the Release in `put`. Before the errands are taken: one that is laid there
        // meanwhile rings again.
        tray.rung.swap(false, Ordering::AcqRel);
        let errands = std::mem::take(&mut tray.inside.lock().errands);
        for (socket, errand) in errands {
            // Who is gone by now needs nothing.
            match errand {
                Errand::Send => _ = streams.nudge(socket),
                Errand::Close(Goodbye { code, reason }) => {
                    _ = streams.close_socket(socket, code, reason);
                }
            }
        }
    }
}

impl Woken {
    fn add(&mut self, n: usize, bell: Arc<dyn Notify>) {
        // One that took what lay there in a turn of its own, while others still laid more, is here already.
        if self.0.iter().all(|(known, _)| *known != n) {
            self.0.push((n, bell));
        }
    }

    /// Wakes them: a system call each, so not under the lock of a seat or of all.
    pub(in crate::gateway) fn wake(self) {
        for (_, bell) in self.0 {
            bell.notify();
        }
    }
}
