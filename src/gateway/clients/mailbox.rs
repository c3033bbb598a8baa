//! Mailboxes: any thread leaves a command for a socket to the reactor that has the socket.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use crate::gateway::admin::connections::ConnectionAddr;
use crate::gateway::delivery::OpenStreams;
use crate::mailbox::{Mailbox, Pushed};
use crate::net::StreamId;
use crate::ring::Notify;
use crate::wire::ws::CloseCode;

/// The mailboxes of all reactors of a server.
pub(in crate::gateway) struct Mailboxes(Box<[SocketMailbox]>);

/// One reactor's mailbox.
struct SocketMailbox {
    /// Its reactor sends what waits and takes nothing more.
    stopping: AtomicBool,
    /// There from when the reactor is made.
    waker: OnceLock<Arc<dyn Notify>>,
    /// A send queue leaves one command of each kind here at most, so the bounds on clients bound it.
    commands: Mailbox<(StreamId, SocketCommand)>,
}

/// The reactors to be woken once no lock is held, each once.
#[derive(Default)]
pub(in crate::gateway) struct Wakers(SmallVec<[Arc<dyn Notify>; 4]>);

/// A command of any thread for a socket.
pub(in crate::gateway) enum SocketCommand {
    /// Send what waits for it.
    Send,
    /// Close it.
    Close(CloseReason),
}

/// The code and reason of a close frame to be sent.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct CloseReason {
    pub(in crate::gateway) code: CloseCode,
    pub(in crate::gateway) reason: String,
}

impl Mailboxes {
    pub(in crate::gateway) fn new(reactors: usize) -> Self {
        let mailbox = |_| SocketMailbox {
            stopping: AtomicBool::new(false),
            waker: OnceLock::new(),
            commands: Mailbox::new(usize::MAX),
        };
        Self((0..reactors).map(mailbox).collect())
    }

    /// Opens the mailbox of reactor `n`, which `waker` wakes.
    pub(in crate::gateway) fn open(&self, n: usize, waker: Arc<dyn Notify>) {
        // A reactor is made once.
        _ = self.0[n].waker.set(waker);
    }

    /// Notes that reactor `n` takes nothing more, so that what waits comes to an end.
    pub(in crate::gateway) fn stop(&self, n: usize) {
        // Relaxed: what is put down a moment later is sent as well.
        self.0[n].stopping.store(true, Ordering::Relaxed);
    }

    pub(in crate::gateway) fn is_stopping(&self, addr: ConnectionAddr) -> bool {
        self.0[addr.reactor].stopping.load(Ordering::Relaxed)
    }

    /// Closes the mailbox of reactor `n`: what is there is never done.
    pub(in crate::gateway) fn close(&self, n: usize) {
        drop(self.0[n].commands.close());
    }

    /// Leaves a command for the socket at `addr`. Its reactor is among `wakers` then, if it has to be woken.
    pub(in crate::gateway) fn put(
        &self,
        addr: ConnectionAddr,
        command: SocketCommand,
        wakers: &mut Wakers,
    ) {
        let mailbox = &self.0[addr.reactor];
        let Some(waker) = mailbox.waker.get() else {
            return;
        };
        // Who left the first one wakes the reactor for all: they are taken together. Where it is gone, so is the socket.
        if let Ok(Pushed::First) = mailbox.commands.push((addr.stream, command)) {
            wakers.add(waker);
        }
    }

    /// Executes the commands in the mailbox of reactor `n`. Called once a turn.
    pub(in crate::gateway) fn work(&self, n: usize, streams: &mut OpenStreams<'_, '_>) {
        let mut commands = VecDeque::new();
        self.0[n].commands.take_into(&mut commands);
        for (socket, command) in commands {
            // Who is gone by now needs nothing.
            match command {
                SocketCommand::Send => _ = streams.nudge(socket),
                SocketCommand::Close(CloseReason { code, reason }) => {
                    _ = streams.close_socket(socket, code, reason);
                }
            }
        }
    }
}

impl Wakers {
    fn add(&mut self, waker: &Arc<dyn Notify>) {
        // One that took what lay there in a turn of its own, while others still left more, is here already. By address,
        // since reactors of several servers have the same numbers.
        if !self.0.iter().any(|known| Arc::ptr_eq(known, waker)) {
            self.0.push(waker.clone());
        }
    }

    /// Wakes them: a system call each, so not under the lock of a queue or of the registry.
    pub(in crate::gateway) fn wake(self) {
        for waker in self.0 {
            waker.notify();
        }
    }
}
