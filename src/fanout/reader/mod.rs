//! A reader: the state of one stream, in a part that each event touches and one that it does not.

#[allow(clippy::module_inception)]
mod reader;
mod state;

pub use self::reader::Reader;
pub use self::state::StreamState;
pub(in crate::fanout) use self::state::{Extra, Replay};
use crate::outbox::Outbox;

/// A stream, as whoever has its state lends it.
pub struct Member<'a, K> {
    /// The number that names it among the streams of a fan-out; its owner picks it, and uses it again once the stream
    /// has left.
    pub number: u32,
    /// The part of its state that each event touches.
    pub reader: &'a mut Reader,
    /// The part that is touched now and then.
    pub state: &'a mut StreamState<K>,
    /// Bytes for it alone, sent before anything of a log.
    pub out: &'a mut Outbox,
}

/// All streams of a fan-out, as whoever has their state lends them.
pub trait Readers<K> {
    /// The numbers of streams are below this one.
    fn count(&self) -> u32;

    /// Lends the stream of a number, if it is one.
    fn get(&mut self, number: u32) -> Option<Member<'_, K>>;

    /// Notes that a stream can go on: it has left its log, and comes back by way of history; or the logs have come to the
    /// event that it begins with. There may be no stream of this number any more.
    fn wake(&mut self, number: u32);

    /// Notes that a stream has to be cut: the rest of the frame that it stands in cannot be kept.
    fn cut(&mut self, number: u32);
}
