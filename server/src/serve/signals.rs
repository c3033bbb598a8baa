//! SIGINT and SIGTERM: the first stops the server in good order, the second ends it at once.

use super::stderr::Stderr;
use crate::exit;
use eventring::gateway::Handle;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Signals as Incoming, SignalsInfo};
use std::time::Duration;

/// The signals, caught from the moment of `install`.
pub(super) struct Signals(SignalsInfo);

impl Signals {
    pub(super) fn install() -> std::io::Result<Signals> {
        Ok(Signals(Incoming::new([SIGINT, SIGTERM])?))
    }

    /// Hands the signals to a thread of their own, which ends with the process.
    pub(super) fn stop_on_signal(mut self, server: Handle, timeout: Duration, stderr: Stderr) {
        std::thread::spawn(move || {
            let mut stopping = false;
            for signal in self.0.forever() {
                if stopping {
                    stderr.say("ended at once by a second signal");
                    stderr.flush_last_words();
                    std::process::exit(exit::SIGNAL_BASE + signal);
                }
                stopping = true;
                stderr.say(format_args!(
                    "stopping: letting out what is published, for at most {} s; \
                     a second signal ends at once",
                    timeout.as_secs_f64()
                ));
                server.stop_within(timeout);
            }
        });
    }
}
