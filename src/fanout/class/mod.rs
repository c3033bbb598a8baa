//! Classes: streams that share a filter and a wire form, and so every frame.

#[allow(clippy::module_inception)]
mod class;
mod classes;
mod extents;

use std::time::Duration;

pub(in crate::fanout) use self::class::Class;
pub(in crate::fanout) use self::classes::Classes;
use crate::fanout::form::FormId;

/// Names a class while it has members. Ids are reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(u32);

/// The recipe of a class: its name in the table, and how it is fed.
#[derive(Debug)]
pub struct ClassSpec<K> {
    /// The filter. Streams with equal keys and the same wire form share one class.
    pub key: K,
    /// The wire form.
    pub form: FormId,
    /// `true`: the filter takes every event, so that no list of its frames is kept.
    pub everything: bool,
    /// The time for which it collects before its members are sent to; zero: it does not. Equal for equal keys.
    pub hold: Duration,
}

/// A class that has lost its last member.
#[derive(Debug)]
pub struct ClosedClass<K> {
    /// The name that it had.
    pub id: ClassId,
    /// Its filter.
    pub key: K,
    /// Its wire form.
    pub form: FormId,
}
