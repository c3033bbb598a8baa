//! Commands from other threads and from the gateways of other reactors: each goes to all reactors or to one, and comes
//! back as one result (scatter and gather).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::gateway::admin::connections::{Command, CommandResult, Executor, Progress};
use crate::gateway::delivery::OpenStreams;
use crate::mailbox::{Mailbox, Pushed};
use crate::ring::Notify;

/// Most commands that wait for one reactor; a further one is refused.
const COMMANDS_MAX: usize = 1024;
/// Most work on commands in a turn, in looks at a connection of 10 ns or so: what is left is for later turns, so that
/// no command keeps streams waiting.
pub(super) const TURN_STEPS: usize = 4096;

/// The command queues of all reactors of a server.
pub(in crate::gateway) struct CommandQueues {
    queues: Box<[CommandQueue]>,
    /// Held by whoever sends: all reactors that are meant have room, or none is given the command.
    sending: Mutex<()>,
}

/// The commands that wait for one reactor.
struct CommandQueue {
    /// There from when the reactor is made.
    waker: OnceLock<Arc<dyn Notify>>,
    commands: Mailbox<QueuedCommand>,
}

impl CommandQueue {
    fn is_open(&self) -> bool {
        self.waker.get().is_some() && !self.commands.is_closed()
    }
}

/// A command in the queue of one reactor, and how far that reactor is with it.
struct QueuedCommand {
    running: Arc<RunningCommand>,
    progress: Progress,
}

/// The reason for which a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum CommandError {
    /// Too many wait.
    Busy,
    /// No reactor that is meant runs.
    Closed,
}

/// The reactors that a command is for.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) enum Reactors {
    All,
    One(usize),
}

/// A command on its way to reactors, and the results that they have given so far.
struct RunningCommand {
    command: Command,
    gathered: Mutex<Gathered>,
    /// Whoever gave it has gone.
    abandoned: AtomicBool,
    /// Called by the last reactor.
    done: Box<dyn Fn() + Send + Sync>,
}

struct Gathered {
    left: usize,
    found: CommandResult,
}

/// The result of a command, to come. A command that only reads ends when this is dropped.
pub(in crate::gateway) struct PendingCommand(Arc<RunningCommand>);

impl PendingCommand {
    /// Returns whether all reactors have done their part.
    pub(in crate::gateway) fn is_done(&self) -> bool {
        lock(&self.0.gathered).left == 0
    }

    /// Takes the result.
    pub(in crate::gateway) fn take(&self) -> CommandResult {
        std::mem::take(&mut lock(&self.0.gathered).found)
    }
}

impl Drop for PendingCommand {
    fn drop(&mut self) {
        // Relaxed: it saves work, nothing depends on it.
        self.0.abandoned.store(true, Ordering::Relaxed);
    }
}

impl RunningCommand {
    fn is_wanted(&self) -> bool {
        // Relaxed: as in `drop`.
        !self.command.only_reads() || !self.abandoned.load(Ordering::Relaxed)
    }

    fn add(&self, found: CommandResult) {
        let mut gathered = lock(&self.gathered);
        gathered.found.add(found);
        gathered.left = gathered.left.saturating_sub(1);
        // Called without the lock: it may wake somebody who asks at once whether all is done.
        let last = gathered.left == 0;
        drop(gathered);
        if last {
            (self.done)();
        }
    }
}

impl CommandQueues {
    pub(in crate::gateway) fn new(reactors: usize) -> Self {
        let queue = |_| CommandQueue {
            waker: OnceLock::new(),
            commands: Mailbox::new(COMMANDS_MAX),
        };
        Self {
            queues: (0..reactors).map(queue).collect(),
            sending: Mutex::new(()),
        }
    }

    /// The number of reactors.
    pub(in crate::gateway) fn len(&self) -> usize {
        self.queues.len()
    }

    /// Opens the queue of reactor `n`, which `waker` wakes.
    pub(in crate::gateway) fn open(&self, n: usize, waker: Arc<dyn Notify>) {
        // A reactor is made once.
        _ = self.queues[n].waker.set(waker);
    }

    /// Returns whether all queues are open.
    pub(in crate::gateway) fn are_open(&self) -> bool {
        self.queues.iter().all(CommandQueue::is_open)
    }

    /// Closes the queue of reactor `n`: what waits there is never done.
    pub(in crate::gateway) fn close(&self, n: usize) {
        drop(self.queues[n].commands.close());
    }

    /// Returns whether every reactor would take one more command now.
    pub(super) fn has_room(&self) -> bool {
        let mut open = self.queues.iter().filter(|queue| queue.is_open());
        open.all(|queue| queue.commands.has_room())
    }

    /// Gives a command to the reactors meant whose queues are open; `done` is called when the last one has done
    /// its part.
    pub(in crate::gateway) fn send(
        &self,
        to: Reactors,
        command: Command,
        done: impl Fn() + Send + Sync + 'static,
    ) -> Result<PendingCommand, CommandError> {
        let meant = match to {
            Reactors::All => &self.queues[..],
            Reactors::One(n) => self.queues.get(n..=n).ok_or(CommandError::Closed)?,
        };
        let sending = lock(&self.sending);
        let open: Vec<_> = meant.iter().filter(|queue| queue.is_open()).collect();
        let left = open.len();
        if left == 0 {
            return Err(CommandError::Closed);
        }
        // Only their owners make them shorter, so what has room here has it below.
        if open.iter().any(|queue| !queue.commands.has_room()) {
            return Err(CommandError::Busy);
        }
        let running = Arc::new(RunningCommand {
            command,
            gathered: Mutex::new(Gathered {
                left,
                found: CommandResult::default(),
            }),
            abandoned: AtomicBool::new(false),
            done: Box::new(done),
        });
        let mut wakers = Vec::with_capacity(left);
        for queue in open {
            let queued = QueuedCommand {
                running: running.clone(),
                progress: Progress::default(),
            };
            match queue.commands.push(queued) {
                Ok(Pushed::Behind) => {}
                Ok(Pushed::First) => wakers.extend(queue.waker.get()),
                // Its reactor has just ended: nothing of it is found.
                Err(_) => running.add(CommandResult::default()),
            }
        }
        drop(sending);
        // A system call each, so without the lock.
        wakers.iter().for_each(|waker| waker.notify());
        Ok(PendingCommand(running))
    }

    /// Returns whether commands wait for reactor `n`: one load, cheap enough for every turn.
    pub(in crate::gateway) fn has_commands(&self, n: usize) -> bool {
        self.queues[n].commands.has_items()
    }

    /// Executes what waits for reactor `n`, a turn's worth of it.
    pub(in crate::gateway) fn execute_queued(
        &self,
        executor: &mut Executor<'_>,
        streams: &mut OpenStreams<'_, '_>,
    ) {
        let queue = &self.queues[executor.reactor];
        let mut steps = TURN_STEPS;
        loop {
            if steps == 0 && queue.commands.has_items() {
                // The poll is not to sleep over it.
                if let Some(waker) = queue.waker.get() {
                    waker.notify();
                }
                return;
            }
            let Some(mut queued) = queue.commands.pop() else {
                return;
            };
            let running = queued.running.clone();
            // Clients that ask for a list and hang up, again and again, must not keep the reactor at work.
            let wanted = running.is_wanted();
            if wanted
                && !executor.execute(&running.command, &mut queued.progress, &mut steps, streams)
            {
                steps = 0;
                // It is the next one again: what a client asked for later must not overtake it.
                queue.commands.put_back(queued);
                continue;
            }
            running.add(queued.progress.found);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
