//! Waits for sockets, exactly as long as asked, and for the signals that end a run.

use super::timer::Timer;
use crate::bench::error::BenchError;
use mio::{Events, Poll, Registry, Token};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const TIMER: Token = Token(usize::MAX - 2);
/// Sockets that are named at a time: few, so that what is due in between is published on time.
const EVENTS: usize = 128;

/// The poller of a run.
pub(crate) struct Poller {
    poll: Poll,
    events: Events,
    timer: Timer,
    stop: Arc<AtomicBool>,
}

impl Poller {
    pub(crate) fn new() -> Result<Poller, BenchError> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // A second one ends at once, as a shell would say.
            // In this order, or the first signal would find the flag that it has set itself.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&stop))?;
        }
        let poll = Poll::new()?;
        let timer = Timer::new(poll.registry(), TIMER)?;
        Ok(Poller {
            poll,
            events: Events::with_capacity(EVENTS),
            timer,
            stop,
        })
    }

    pub(crate) fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Waits at most so long, and names those that are ready.
    pub(crate) fn wait(&mut self, wait: Duration) -> Result<Vec<Token>, BenchError> {
        self.timer.set(wait)?;
        match self.poll.poll(&mut self.events, None) {
            // A signal interrupts the wait; the flag below says whether it was one to end by.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => other?,
        }
        // Relaxed: nothing else is read because of it.
        if self.stop.load(Ordering::Relaxed) {
            return Err(BenchError::Interrupted);
        }
        let tokens = self.events.iter().map(mio::event::Event::token);
        Ok(tokens.filter(|token| *token != TIMER).collect())
    }
}
