//! The reactors beside the first one, each on a thread of its own once the first one turns.

use std::io;
use std::thread::{Builder, JoinHandle};

use crate::gateway::gateway::Gateway;
use crate::gateway::server::builder::Clocks;
use crate::net::{Handle, Reactor, StopReport};

/// Reactors 1 and up.
pub(in crate::gateway) struct ReactorThreads {
    waiting: Vec<Reactor<Gateway>>,
    threads: Vec<JoinHandle<io::Result<StopReport>>>,
    /// Speaks to all of them; there once a thread runs.
    handle: Option<Handle>,
}

impl ReactorThreads {
    pub(in crate::gateway) fn new(waiting: Vec<Reactor<Gateway>>) -> Self {
        Self {
            waiting,
            threads: Vec::new(),
            handle: None,
        }
    }

    /// Gives each a clock of its own.
    pub(super) fn set_clock(&mut self, clocks: &Clocks) {
        for reactor in &mut self.waiting {
            reactor.set_clock(clocks());
        }
    }

    /// Starts the threads that do not run yet.
    pub(in crate::gateway) fn start(&mut self) -> io::Result<()> {
        while let Some(reactor) = self.waiting.pop() {
            let handle = reactor.handle();
            let thread = Builder::new().name(format!("eventring-{}", handle.reactor()));
            self.handle = Some(handle);
            self.threads.push(thread.spawn(move || drive(reactor))?);
        }
        Ok(())
    }

    /// Waits for all threads, which have been told to end, and adds up how they ended.
    ///
    /// A panic of one of them goes on here.
    pub(in crate::gateway) fn join(&mut self, mut report: StopReport) -> io::Result<StopReport> {
        let mut failed = None;
        // All of them before an error goes on: it must not leave threads behind that still serve.
        for thread in self.threads.drain(..) {
            let ended = thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match ended {
                Ok(other) => {
                    report.clean &= other.clean;
                    report.connections_left += other.connections_left;
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(report), Err)
    }
}

impl Drop for ReactorThreads {
    /// Ends the threads when nobody turns the first reactor any more.
    fn drop(&mut self) {
        if let Some(handle) = self.handle.as_ref().filter(|_| !self.threads.is_empty()) {
            handle.abandon_others();
        }
        for thread in self.threads.drain(..) {
            // Its error or panic has nobody left to go to.
            let _ = thread.join();
        }
    }
}

fn drive(mut reactor: Reactor<Gateway>) -> io::Result<StopReport> {
    struct Ends(Handle);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.thread_ends();
        }
    }
    // On whatever way out, a panic included: the others do not wait for this one, and do not go on without it.
    let _told = Ends(reactor.handle());
    loop {
        if let Some(report) = reactor.turn(None)? {
            return Ok(report);
        }
    }
}
