//! The state of the event streams of one reactor.

use std::ops::Range;
use std::sync::Arc;

use crate::fanout::{CatchUp, CaughtUp, ClassId};
use crate::gateway::delivery::StartNote;
use crate::gateway::delivery::{EventFrames, OpenStreams, PlannedStream, StreamFilter};
use crate::gateway::encode::Encoder;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::problem::Problem;
use crate::gateway::stream::catch_up::Starts;
use crate::gateway::stream::fan_out::FanOut;
use crate::gateway::stream::history::History;
use crate::gateway::stream::hub_closed::ClosedHub;
use crate::gateway::stream::open::NewStream;
use crate::gateway::stream::presence::streams::Presence;
use crate::gateway::telemetry::topic_rates::TopicRates;
use crate::hub::{self, Cursor, Hub};
use crate::net::{Handle, Outcome, Sockets, StreamId, StreamPlan};
use crate::ring::Notify;

/// The cursors of one reactor on the hub, both lossy.
pub(in crate::gateway) struct Cursors {
    /// Follows the newest event.
    pub(in crate::gateway) live: Cursor,
    /// Jumps to where connections are that catch up.
    pub(in crate::gateway) history: Cursor,
}

/// The event streams of one reactor: the fan-out of what is new, the history of what was, and who is present.
pub(in crate::gateway) struct Streaming {
    hub: Hub,
    fan_out: FanOut,
    history: History,
    presence: Presence,
    closed_hub: ClosedHub,
    /// Ends the reactor's next sleep.
    wake: Arc<dyn Notify>,
}

impl Streaming {
    pub(in crate::gateway) fn new(
        hub: &Hub,
        cursors: Cursors,
        handle: &Handle,
        presence: bool,
    ) -> Self {
        Self {
            hub: hub.clone(),
            fan_out: FanOut::new(hub, cursors.live, handle.notifier()),
            history: History::new(hub, cursors.history, handle.notifier()),
            presence: Presence::new(handle, presence),
            closed_hub: ClosedHub::default(),
            wake: handle.notifier(),
        }
    }

    /// Refuses what would wait for events of a hub that takes none any more.
    pub(in crate::gateway) fn check_open(&self) -> Result<(), Problem> {
        match self.hub.is_closed() {
            true => Err(Problem::new(503, "the hub is closed").retry_after_s(1)),
            false => Ok(()),
        }
    }

    /// Plans a stream.
    pub(in crate::gateway) fn open(
        &mut self,
        stream: NewStream,
        encoder: &mut Encoder,
    ) -> StreamPlan<PlannedStream> {
        stream.plan(&mut self.history, encoder)
    }

    pub(in crate::gateway) fn history(&self) -> &History {
        &self.history
    }

    pub(in crate::gateway) fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    pub(in crate::gateway) fn class_opened(&mut self, id: ClassId, key: &StreamFilter) {
        self.fan_out.class_opened(id, key);
    }

    pub(in crate::gateway) fn class_closed(&mut self, id: ClassId, key: &StreamFilter) {
        self.fan_out.class_closed(id, key);
    }

    pub(in crate::gateway) fn started(&mut self, id: StreamId) {
        self.presence.started(id);
    }

    /// Notes where a stream starts, for the reader of the journal.
    pub(in crate::gateway) fn note_start(&mut self, id: StreamId, start: StartNote) {
        self.history.note_start(id.slot(), start);
    }

    /// Takes out where the parts of a stream begin that are still looked up: its subscription changes.
    pub(in crate::gateway) fn take_starts(&mut self, slot: u32) -> Starts {
        self.history.take_starts(slot)
    }

    /// Puts them back.
    pub(in crate::gateway) fn put_starts(&mut self, slot: u32, starts: Starts) {
        self.history.put_starts(slot, starts);
    }

    pub(in crate::gateway) fn ended(&mut self, id: StreamId, key: &StreamFilter) {
        self.history.ended(id.slot());
        self.presence.ended(id, key);
    }

    /// Appends what is new to the frame logs, a bounded amount.
    pub(in crate::gateway) fn publish(
        &mut self,
        frames: &mut EventFrames<'_, '_>,
        encoder: &mut Encoder,
        topic_rates: &mut TopicRates,
    ) {
        self.fan_out.publish(frames, encoder, topic_rates);
    }

    /// Returns whether any stream wants events.
    pub(in crate::gateway) fn has_classes(&self) -> bool {
        self.fan_out.has_classes()
    }

    /// Returns whether requests have to wait: for the logs, or because they have had enough of this turn.
    pub(in crate::gateway) fn is_behind(&self, fed: u64) -> bool {
        self.fan_out.is_behind(fed) || self.history.has_looked_back_enough()
    }

    /// Returns the outcome of events that were published; `None`: it is not known yet.
    pub(in crate::gateway) fn outcome(&self, offsets: &Range<u64>) -> Option<Outcome> {
        if offsets.is_empty() {
            return Some(Outcome::Visible);
        }
        // The hub looks for ranges that were given up first: `visible` passes over them.
        Some(match self.hub.publisher().outcome(offsets)? {
            hub::Outcome::Visible => Outcome::Visible,
            hub::Outcome::Aborted => Outcome::Aborted,
            hub::Outcome::NoSpace => Outcome::NoSpace,
            hub::Outcome::Timeout => Outcome::Timeout,
            // Whatever else the hub may say one day, it is no success.
            _ => Outcome::Indeterminate,
        })
    }

    /// Encodes a part of history for one class; `None`: it is read elsewhere, and the stream is visited when it has come.
    pub(in crate::gateway) fn catch_up(
        &mut self,
        part: &CatchUp<'_, StreamFilter>,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Option<CaughtUp> {
        let last_values = self.fan_out.last_values();
        self.history.encode(part, last_values, encoder, out)
    }

    /// Begins a turn: requests may look back again, what was read of the journal goes to who waits for it, and presence is
    /// brought up to date.
    pub(in crate::gateway) fn begin_turn(&mut self, streams: &mut OpenStreams<'_, '_>) {
        self.history.begin_turn();
        self.history.take_pieces(|slot| streams.wake_at(slot));
        self.presence.update(&self.hub, streams);
    }

    /// Ends streams of a closed hub, and the `sockets` that may subscribe to it.
    pub(in crate::gateway) fn end_if_closed(
        &mut self,
        sockets: usize,
        may_subscribe: impl Fn(&<Gateway as Sockets>::Socket) -> bool,
        streams: &mut OpenStreams<'_, '_>,
    ) {
        // A socket that is subscribed to nothing is in no class, and has to end as well.
        let somebody = self.has_classes() || sockets > 0;
        if somebody && self.hub.is_closed() {
            let wake = &*self.wake;
            self.closed_hub.end_streams(streams, may_subscribe, wake);
        }
    }

    /// Asks to be woken when there is something from offset `fed` on; `false`: there is already.
    pub(in crate::gateway) fn arm(&mut self, fed: u64, is_idle: bool) -> bool {
        self.fan_out.arm(fed, is_idle)
    }

    pub(in crate::gateway) fn disarm(&mut self) {
        self.fan_out.disarm();
    }
}
