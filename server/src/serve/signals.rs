//! SIGINT and SIGTERM: the first stops the server in good order, the second ends it at once. SIGHUP reads
//! the certificate again, where there is one.

use super::stderr::Stderr;
use crate::exit;
use eventring::gateway::Handle;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Signals as Incoming, SignalsInfo};
use std::time::Duration;

/// Reads again what can be, and says what came of it.
pub(super) type Reload = Box<dyn Fn() -> String + Send>;

/// The signals, caught from the moment of `install`.
pub(super) struct Signals(SignalsInfo);

impl Signals {
    pub(super) fn install() -> std::io::Result<Signals> {
        Ok(Signals(Incoming::new([SIGINT, SIGTERM])?))
    }

    /// Hands the signals to a thread of their own, which ends with the process.
    pub(super) fn obey(
        mut self,
        server: Handle,
        timeout: Duration,
        reload: Option<Reload>,
        stderr: Stderr,
    ) {
        if reload.is_some()
            && let Err(error) = self.0.add_signal(SIGHUP)
        {
            stderr.say(format_args!("warning: SIGHUP cannot be handled: {error}"));
        }
        std::thread::spawn(move || {
            let mut stopping = false;
            for signal in self.0.forever() {
                if let (SIGHUP, Some(reload)) = (signal, &reload) {
                    stderr.say(reload());
                    continue;
                }
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
