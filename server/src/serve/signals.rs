//! SIGINT and SIGTERM: the first stops the server in good order, after the drain delay if there is one, which
//! the next cuts short; one more ends it at once. SIGHUP reads the certificate again, where there is one.

use super::log_writer::LogWriter;
use crate::exit;
use eventring::gateway::ServerHandle;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals as Incoming;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time that a server which is starting has to begin, once it was told to stop: one that can ends in order.
const START_GRACE: Duration = Duration::from_millis(500);

/// Reads again what can be, and says what came of it.
pub(super) type Reload = Arc<dyn Fn() -> String + Send + Sync>;

/// The server that signals act upon, and how.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) server: ServerHandle,
    pub(super) drain_delay: Duration,
    pub(super) stop_timeout: Duration,
    pub(super) reload: Option<Reload>,
}

/// The signals, obeyed from `obey` on by a thread of their own, which ends with the process.
pub(super) struct Signals(Arc<SharedServing>);

/// `None` while the server starts.
#[derive(Default)]
struct SharedServing {
    serving: Mutex<Option<Serving>>,
    changed: Condvar,
    /// The time by which the stop that was asked for has to be over.
    deadline: Mutex<Option<Instant>>,
}

/// The step of the end that signals have brought about so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ShutdownPhase {
    Running,
    Draining,
    Stopping,
}

impl Signals {
    pub(super) fn obey(log: LogWriter) -> io::Result<Signals> {
        // Registered before the thread is there: a signal in between waits for it and kills nobody.
        let mut incoming = Incoming::new([SIGHUP, SIGINT, SIGTERM])?;
        let shared = Arc::<SharedServing>::default();
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new().name("signals".into());
        thread.spawn(move || {
            let mut phase = ShutdownPhase::Running;
            for signal in incoming.forever() {
                match signal {
                    SIGHUP => of_thread.read_again(&log),
                    signal => phase = of_thread.stop(phase, signal, &log),
                }
            }
        })?;
        Ok(Signals(shared))
    }

    /// Says that the server has begun.
    pub(super) fn serve(&self, serving: Serving) {
        *self.0.lock() = Some(serving);
        self.0.changed.notify_all();
    }

    /// Returns when the stop that was asked for has to be over; `None`: nobody asked for one.
    pub(super) fn deadline(&self) -> Option<Instant> {
        *self
            .0
            .deadline
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedServing {
    fn lock(&self) -> MutexGuard<'_, Option<Serving>> {
        // It is set in one go, whoever panicked.
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stops_within(&self, time: Duration) {
        let mut deadline = self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        *deadline = Some(Instant::now() + time);
    }

    fn read_again(&self, log: &LogWriter) {
        let serving = self.lock().clone();
        let Some(reload) = serving.and_then(|serving| serving.reload) else {
            return log.print(
                "SIGHUP: nothing is read again, there is no certificate; \
                 settings are read at the start only",
            );
        };
        // Files may keep their reader waiting; signals to stop must not wait with it.
        let lines = log.clone();
        let thread = std::thread::Builder::new().name("reload".into());
        if let Err(error) = thread.spawn(move || lines.print(reload())) {
            log.print(format_args!(
                "the certificate stays as it is: cannot start a thread: {error}"
            ));
        }
    }

    fn stop(&self, phase: ShutdownPhase, signal: i32, log: &LogWriter) -> ShutdownPhase {
        let waiting = |serving: &mut Option<Serving>| serving.is_none();
        let begun = self
            .changed
            .wait_timeout_while(self.lock(), START_GRACE, waiting);
        let serving = begun.unwrap_or_else(PoisonError::into_inner).0.clone();
        let Some(serving) = serving else {
            log.print("stopped before it served anybody");
            // The thread behind the log ends with the process, and what is queued with it.
            log.drain();
            // Whoever asked for the end got it: to a supervisor this is no failure.
            std::process::exit(0);
        };
        match phase {
            ShutdownPhase::Running if !serving.drain_delay.is_zero() => {
                log.print(format_args!(
                    "draining: /readyz says 503, and the server stops in {} s; \
                     a second signal stops it now",
                    serving.drain_delay.as_secs_f64()
                ));
                self.stops_within(serving.drain_delay + serving.stop_timeout);
                serving.server.stop_after(serving.drain_delay);
                ShutdownPhase::Draining
            }
            ShutdownPhase::Running | ShutdownPhase::Draining => {
                log.print(format_args!(
                    "stopping: letting out what is published, for at most {} s; \
                     a {} signal ends at once",
                    serving.stop_timeout.as_secs_f64(),
                    if phase == ShutdownPhase::Draining {
                        "further"
                    } else {
                        "second"
                    }
                ));
                self.stops_within(serving.stop_timeout);
                serving.server.stop_within(serving.stop_timeout);
                ShutdownPhase::Stopping
            }
            ShutdownPhase::Stopping => {
                log.print("ended at once by a further signal");
                log.drain();
                // What a shell says of a process that a signal has ended.
                std::process::exit(exit::SIGNAL_BASE + signal);
            }
        }
    }
}
