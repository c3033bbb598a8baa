//! The streams in the table of connections, as the fan-out has them lent.

use crate::fanout::{self, Member};
use crate::gateway::delivery::StreamFilter;
use crate::gateway::gateway::Gateway;
use crate::net::{Readers, StreamMut};

/// The stream of a connection, as the fan-out knows it: without whose it is.
pub(super) fn member<'a>(stream: &'a mut StreamMut<'_, Gateway>) -> Member<'a, StreamFilter> {
    Member {
        number: stream.number,
        reader: stream.reader,
        state: &mut stream.stream.state,
        out: stream.out,
    }
}

impl fanout::Readers<StreamFilter> for Readers<'_, Gateway> {
    fn count(&self) -> u32 {
        Readers::count(self)
    }

    fn get(&mut self, number: u32) -> Option<Member<'_, StreamFilter>> {
        let stream = Readers::get(self, number)?;
        Some(Member {
            number: stream.number,
            reader: stream.reader,
            state: &mut stream.stream.state,
            out: stream.out,
        })
    }

    fn wake(&mut self, number: u32) {
        Readers::wake(self, number);
    }

    fn cut(&mut self, number: u32) {
        Readers::cut(self, number);
    }
}
