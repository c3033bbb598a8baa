//! Counters of the program that embeds the server, shown with the server's own.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The counters of one server's program. Locked when one is added and when somebody asks for the metrics, and not while they are read:
/// that is the program's own code.
#[derive(Debug, Default)]
pub(in crate::gateway) struct UserCounters(Mutex<Vec<Arc<UserCounter>>>);

impl UserCounters {
    pub(in crate::gateway) fn add(&self, counter: UserCounter) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::new(counter));
    }

    /// Shows each counter with what it stands at, up to the first error.
    pub(in crate::gateway) fn read<E>(
        &self,
        mut show: impl FnMut(&UserCounter, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let counters = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        counters
            .iter()
            .try_for_each(|counter| show(counter, (counter.read)()))
    }
}

/// A figure that only grows, read when somebody asks.
pub(in crate::gateway) struct UserCounter {
    pub(in crate::gateway) name: &'static str,
    pub(in crate::gateway) help: &'static str,
    read: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl UserCounter {
    /// Makes a counter of a name that Prometheus takes. A help may be any text: it is escaped.
    ///
    /// # Errors
    ///
    /// The argument that is wrong, and what it must be.
    pub(in crate::gateway) fn new(
        name: &'static str,
        help: &'static str,
        read: Box<dyn Fn() -> u64 + Send + Sync>,
    ) -> Result<Self, (&'static str, &'static str)> {
        let may_start = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b':';
        let named = name.bytes().next().is_some_and(may_start)
            && name.bytes().all(|b| may_start(b) || b.is_ascii_digit());
        if !named {
            return Err(("counter name", "must be like shop_orders_total"));
        }
        Ok(Self { name, help, read })
    }
}

impl fmt::Debug for UserCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without its figure: reading that runs the program's code.
        f.debug_struct("UserCounter")
            .field("name", &self.name)
            .field("help", &self.help)
            .finish_non_exhaustive()
    }
}
