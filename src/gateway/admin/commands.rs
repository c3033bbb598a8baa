//! Commands from other threads and from the gateways of other reactors: each goes to all reactors or to one, and comes
//! back as one result (scatter and gather).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::gateway::admin::connections::{Command, CommandResult, Executor, Progress};
use crate::gateway::gateway::Gateway;
use crate::reactor::Streams;
use crate::ring::Notify;

/// Most commands that wait for one reactor; a further one is refused.
const COMMANDS_MAX: usize = 1024;
/// Most work on commands in a turn, in looks at a connection of 10 ns or so: what is left is for later turns, so that
/// no command keeps streams waiting.
pub(super) const TURN_STEPS: usize = 4096;

/// The command queues of all reactors of a server.
pub(in crate::gateway) struct CommandQueues(Box<[CommandQueue]>);

/// The commands that wait for one reactor.
#[derive(Default)]
struct CommandQueue {
    /// A command waits: looked at once a turn, without the lock.
    has_commands: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    waker: Option<Arc<dyn Notify>>,
    commands: VecDeque<QueuedCommand>,
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
    /// Whether all reactors have done their part.
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
        let last = gathered.left == 0;
        drop(gathered);
        if last {
            (self.done)();
        }
    }
}

impl CommandQueues {
    pub(in crate::gateway) fn new(reactors: usize) -> Self {
        Self((0..reactors).map(|_| CommandQueue::default()).collect())
    }

    /// How many there are.
    pub(in crate::gateway) fn len(&self) -> usize {
        self.0.len()
    }

    /// Opens the queue of reactor `n`, which `waker` wakes.
    pub(in crate::gateway) fn open(&self, n: usize, waker: Arc<dyn Notify>) {
        lock(&self.0[n].inner).waker = Some(waker);
    }

    /// Whether all queues are open.
    pub(in crate::gateway) fn are_open(&self) -> bool {
        self.0
            .iter()
            .all(|queue| lock(&queue.inner).waker.is_some())
    }

    /// Closes the queue of reactor `n`: what waits there is never done.
    pub(in crate::gateway) fn close(&self, n: usize) {
        let waiting = std::mem::take(&mut *lock(&self.0[n].inner));
        drop(waiting);
    }

    /// Gives a command to the reactors meant whose queues are open; `done` is called when the last one has done
    /// its part.
    pub(in crate::gateway) fn send(
        &self,
        (to, command): (Reactors, Command),
        done: impl Fn() + Send + Sync + 'static,
    ) -> Result<PendingCommand, CommandError> {
        let meant = match to {
            Reactors::All => &self.0[..],
            Reactors::One(n) => self.0.get(n..=n).ok_or(CommandError::Closed)?,
        };
        let mut inners: Vec<_> = meant.iter().map(|queue| lock(&queue.inner)).collect();
        let open = inners.iter().filter(|inner| inner.waker.is_some());
        if open
            .clone()
            .any(|inner| inner.commands.len() >= COMMANDS_MAX)
        {
            return Err(CommandError::Busy);
        }
        let left = open.count();
        if left == 0 {
            return Err(CommandError::Closed);
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
        for (queue, inner) in meant.iter().zip(&mut inners) {
            if let Some(waker) = inner.waker.clone() {
                inner.commands.push_back(QueuedCommand {
                    running: running.clone(),
                    progress: Progress::default(),
                });
                // Release: pairs with the Acquire of the look once a turn.
                queue.has_commands.store(true, Ordering::Release);
                wakers.push(waker);
            }
        }
        drop(inners);
        wakers.iter().for_each(|waker| waker.notify());
        Ok(PendingCommand(running))
    }

    /// Returns whether commands wait for reactor `n`: one load, cheap enough for every turn.
    pub(in crate::gateway) fn has_commands(&self, n: usize) -> bool {
        // Acquire: pairs with the Release of whoever left a command.
        self.0[n].has_commands.load(Ordering::Acquire)
    }

    /// Executes what waits for reactor `n`, a turn's worth of it.
    pub(in crate::gateway) fn execute_queued(
        &self,
        executor: &mut Executor<'_>,
        streams: &mut Streams<'_, Gateway>,
    ) {
        let queue = &self.0[executor.reactor];
        // Acquire: as in `has_commands`. Before a command is taken: one that is left meanwhile sets it again.
        queue.has_commands.swap(false, Ordering::AcqRel);
        let mut steps = TURN_STEPS;
        loop {
            let mut inner = lock(&queue.inner);
            if steps == 0 && !inner.commands.is_empty() {
                queue.has_commands.store(true, Ordering::Release);
                // The poll is not to sleep over it.
                if let Some(waker) = inner.waker.clone() {
                    drop(inner);
                    waker.notify();
                }
                return;
            }
            let Some(mut queued) = inner.commands.pop_front() else {
                return;
            };
            drop(inner);
            let running = queued.running.clone();
            let wanted = running.is_wanted();
            if wanted
                && !executor.execute(&running.command, &mut queued.progress, &mut steps, streams)
            {
                steps = 0;
                lock(&queue.inner).commands.push_front(queued);
                continue;
            }
            running.add(queued.progress.found);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
