//! The threads that read for those who must not block: each task does one step, then the next one has its turn.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use thiserror::Error;

/// Threads of a hub that read. On a machine of up to two cores it is one: reading must not take what publishers and
/// reactors need.
const THREADS_MAX: usize = 2;
/// Tasks that wait at most, about 2 MiB of them. Beyond it they are refused, and come again.
const TASKS_MAX: usize = 16_384;

/// Says that too many reads wait already: try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{TASKS_MAX} reads wait already")]
pub(crate) struct ReadPoolFull;

/// The outcome of one step of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) enum Step {
    /// The job goes on when all others had their turn.
    Again,
    /// There is nothing more to do.
    Done,
}

/// A task: called for one short step after the other. It is dropped unfinished when the hub goes.
pub(in crate::hub) type Task = Box<dyn FnMut() -> Step + Send>;

/// A few threads that take turns at tasks.
pub(in crate::hub) struct ReadPool {
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    /// Tasks whose time has not come, by it and by how many came before.
    later: BTreeMap<(Instant, u64), Task>,
    /// Counts the tasks that came for later.
    came: u64,
    /// Tasks that threads are at.
    running: usize,
    threads: usize,
    is_closed: bool,
}

impl ReadPool {
    /// Starts the threads.
    pub(in crate::hub) fn start() -> Self {
        let queue = Arc::new(Queue::default());
        let mut state = queue.state.lock();
        queue.start(&mut state);
        drop(state);
        Self { queue }
    }

    /// Adds a task, which has its first turn at that time if it is in the future.
    pub(in crate::hub) fn submit(
        &self,
        task: Task,
        not_before: Option<Instant>,
    ) -> Result<(), ReadPoolFull> {
        let mut state = self.queue.state.lock();
        if state.threads == 0 {
            // The system gave no thread; it may now.
            self.queue.start(&mut state);
        }
        // Without a thread a task would wait for ever.
        let waiting = state.tasks.len() + state.later.len() + state.running;
        if state.threads == 0 || waiting >= TASKS_MAX {
            return Err(ReadPoolFull);
        }
        match not_before {
            Some(at) => {
                state.came += 1;
                let key = (at, state.came);
                state.later.insert(key, task);
            }
            None => state.tasks.push_back(task),
        }
        drop(state);
        self.queue.changed.notify_one();
        Ok(())
    }
}

impl Drop for ReadPool {
    /// Lets go of what waits. The threads end with the step that they are at: the last handle of a hub may go on one of
    /// them, which cannot wait for itself.
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        state.is_closed = true;
        let tasks = std::mem::take(&mut state.tasks);
        let later = std::mem::take(&mut state.later);
        drop(state);
        self.queue.changed.notify_all();
        // Outside the lock: callbacks are foreign.
        drop((tasks, later));
    }
}

impl Queue {
    /// Starts the threads, as many as there may be. They wait for the lock that the caller has.
    fn start(self: &Arc<Self>, state: &mut State) {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let wanted = 0..if cores <= 2 { 1 } else { THREADS_MAX };
        let started = wanted.filter(|number| {
            let queue = self.clone();
            let builder = thread::Builder::new().name(format!("eventring-read-{number}"));
            builder.spawn(move || queue.run()).is_ok()
        });
        state.threads = started.count();
    }

    fn run(&self) {
        be_nice();
        while let Some(mut task) = self.next() {
            // A callback that panics ends its own task, and no other one's.
            let step = catch_unwind(AssertUnwindSafe(&mut task)).unwrap_or(Step::Done);
            let mut state = self.state.lock();
            state.running -= 1;
            if step == Step::Again && !state.is_closed {
                state.tasks.push_back(task);
            } else {
                drop(state);
                let _ = catch_unwind(AssertUnwindSafe(|| drop(task)));
            }
        }
    }

    fn next(&self) -> Option<Task> {
        let mut state = self.state.lock();
        loop {
            if state.is_closed {
                return None;
            }
            while let Some(first) = state.later.first_entry()
                && first.key().0 <= Instant::now()
            {
                let task = first.remove();
                state.tasks.push_back(task);
            }
            if let Some(task) = state.tasks.pop_front() {
                state.running += 1;
                return Some(task);
            }
            match state.later.first_key_value().map(|((at, _), _)| *at) {
                Some(at) => _ = self.changed.wait_until(&mut state, at),
                None => self.changed.wait(&mut state),
            }
        }
    }
}

/// Has this thread come after publishers and reactors. On Linux a thread has a niceness of its own. The crate for it
/// comes with the journals on disk; a journal in memory has its reads done before anybody could wait for them.
fn be_nice() {
    #[cfg(all(target_os = "linux", feature = "sqlite"))]
    {
        // Not allowed, it reads all the same.
        let _ = rustix::process::nice(10);
    }
}
