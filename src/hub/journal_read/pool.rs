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
/// Tasks that wait at most, about 2 MiB of them, beside those of receivers. Beyond it they are refused, and come again.
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
    /// Threads that there are to be.
    wanted: usize,
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
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::with_threads(if cores <= 2 { 1 } else { THREADS_MAX })
    }

    fn with_threads(wanted: usize) -> Self {
        let queue = Arc::new(Queue {
            wanted,
            ..Queue::default()
        });
        let mut state = queue.state.lock();
        queue.start(&mut state);
        drop(state);
        Self { queue }
    }

    /// Adds a task.
    pub(in crate::hub) fn submit(&self, task: Task) -> Result<(), ReadPoolFull> {
        self.add(task, None, TASKS_MAX)
    }

    /// Adds a task of a receiver, which has its first turn at that time if it is in the future. It is refused only where
    /// there is no thread: a receiver has one at most, and nobody would wake it when there is room.
    pub(in crate::hub) fn submit_piece(
        &self,
        task: Task,
        not_before: Option<Instant>,
    ) -> Result<(), ReadPoolFull> {
        self.add(task, not_before, usize::MAX)
    }

    fn add(
        &self,
        task: Task,
        not_before: Option<Instant>,
        tasks_max: usize,
    ) -> Result<(), ReadPoolFull> {
        let mut state = self.queue.state.lock();
        if state.threads == 0 {
            // The system gave no thread; it may now.
            self.queue.start(&mut state);
        }
        // Without a thread a task would wait for ever.
        let waiting = state.tasks.len() + state.later.len() + state.running;
        if state.threads == 0 || waiting >= tasks_max {
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
        let started = (0..self.wanted).filter(|number| {
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
                // Whoever came for this one may be the one that was to wake for another: this step may hang.
                if !state.tasks.is_empty() || !state.later.is_empty() {
                    self.changed.notify_one();
                }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(60);

    /// The thread that slept until then took another task, which hung; the second one slept without a limit.
    #[test]
    fn a_task_for_later_has_its_turn_while_another_one_hangs() {
        let pool = ReadPool::with_threads(2);
        for _ in 0..4 {
            let (told, heard) = mpsc::channel();
            let (release, held) = mpsc::channel::<()>();
            let tell = |what: &'static str| {
                let told = told.clone();
                Box::new(move || {
                    let _ = told.send(what);
                    Step::Done
                })
            };
            let at = Instant::now().checked_add(Duration::from_millis(50));
            pool.submit_piece(tell("later"), at).unwrap();
            // One thread or the other; the next one to be woken is the one that waits for the time, or not.
            pool.submit(tell("now")).unwrap();
            assert_eq!(heard.recv_timeout(DEADLINE), Ok("now"));
            let hangs = move || {
                let _ = held.recv();
                Step::Done
            };
            pool.submit(Box::new(hangs)).unwrap();
            assert_eq!(heard.recv_timeout(DEADLINE), Ok("later"));
            drop(release);
        }
    }
}
