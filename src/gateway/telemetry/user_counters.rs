//! Counters of the program that embeds the server, shown with the server's own.

use std::fmt;

/// The counters of one server's program, as they were given.
#[derive(Debug)]
pub(in crate::gateway) struct UserCounters(Vec<UserCounter>);

impl UserCounters {
    pub(in crate::gateway) fn new(counters: Vec<UserCounter>) -> Self {
        Self(counters)
    }

    /// Shows each counter with what it stands at, up to the first error.
    pub(in crate::gateway) fn read<E>(
        &self,
        mut show: impl FnMut(&UserCounter, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut counters = self.0.iter();
        counters.try_for_each(|counter| show(counter, (counter.read)()))
    }
}

/// A figure that only grows, read when somebody asks.
pub(in crate::gateway) struct UserCounter {
    pub(in crate::gateway) name: &'static str,
    pub(in crate::gateway) help: &'static str,
    read: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl UserCounter {
    /// A help may be any text: it is escaped.
    pub(in crate::gateway) fn new(
        name: &'static str,
        help: &'static str,
        read: Box<dyn Fn() -> u64 + Send + Sync>,
    ) -> Self {
        Self { name, help, read }
    }

    /// Says why Prometheus takes no counter of this name; `None`: it does.
    pub(in crate::gateway) fn fault(&self) -> Option<&'static str> {
        let may_start = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b':';
        let named = self.name.bytes().next().is_some_and(may_start)
            && self
                .name
                .bytes()
                .all(|b| may_start(b) || b.is_ascii_digit());
        (!named).then_some("must have a name like shop_orders_total")
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
