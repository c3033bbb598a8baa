//! How safe an event is before its publish counts.

use std::fmt;

/// The safety that an event has before readers see it and its publish returns.
///
/// Ordered: a publish may raise what its topic asks for, never lower it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// In memory: lost when the process ends. All that a hub without a journal has.
    #[default]
    None,
    /// Written by a commit that is not flushed to the disk: survives the end of the process, `kill -9` included; what was
    /// written in the last 20 ms is lost when the power fails.
    Buffered,
    /// Flushed to the disk: survives a loss of power.
    Durable,
}

impl Durability {
    /// Every one, from the least.
    pub const ALL: [Self; 3] = [Self::None, Self::Buffered, Self::Durable];

    /// Returns the name that settings, addresses and messages have for it: `none`, `buffered`, `durable`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Buffered => "buffered",
            Self::Durable => "durable",
        }
    }

    /// Returns the one of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|durability| durability.name() == name)
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
