//! When a writer of checkpoints saves.

use std::time::Duration;

use super::CheckpointError;
use crate::settings::setters;

/// The rhythm of a [`CheckpointWriter`](crate::hub::CheckpointWriter): it saves after so many events or so long, whichever comes
/// first. What was passed since is passed again after a crash.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use eventring::hub::CheckpointPolicy;
///
/// let policy = CheckpointPolicy::default().every_events(100).every(Duration::from_millis(200));
/// assert!(policy.validate().is_ok());
/// assert!(policy.every_events(0).validate().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckpointPolicy {
    /// Events after which it saves. Each save is a change of state, which commits with whatever is published then. Default:
    /// 1,000.
    pub every_events: u64,
    /// The time after which it saves what was passed, however few. Default: 1 s.
    pub every: Duration,
}

impl Default for CheckpointPolicy {
    fn default() -> Self {
        Self {
            every_events: 1_000,
            every: Duration::from_secs(1),
        }
    }
}

setters! {
    CheckpointPolicy {
        every_events: u64,
        every: Duration,
    }
}

impl CheckpointPolicy {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Policy`] names the one that is 0.
    pub fn validate(&self) -> Result<(), CheckpointError> {
        let wrong = |field| Err(CheckpointError::Policy { field });
        match (self.every_events, self.every) {
            (0, _) => wrong("every_events"),
            (_, Duration::ZERO) => wrong("every"),
            _ => Ok(()),
        }
    }
}
