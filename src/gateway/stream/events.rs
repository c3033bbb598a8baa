//! Events to streams: the reactor's classes are fed and caught up, and what happens to them is noted.

use crate::gateway::encode::format::WireFormat;
use crate::gateway::gateway::Gateway;
use crate::gateway::stream::request::StreamFilter;
use crate::gateway::telemetry::log;
use crate::gateway::telemetry::metrics::Refused;
use crate::reactor::{
    CatchUp, CaughtUp, ClassId, Events, FormId, Frames, HistoryMode, Lifecycle, StreamEnd, Streams,
};

/// Requests wait while more than this part of the ring is not yet in the logs. A batch takes half of
/// it at most, so a publisher over HTTP never overruns the streams.
const BEHIND_SHARE: u64 = 4;

impl Events for Gateway {
    type Key = StreamFilter;

    fn lifecycle(&mut self, event: Lifecycle<'_, StreamFilter>) {
        match event {
            Lifecycle::ClassOpened { id, key, form } => self.class_opened(id, key, form),
            Lifecycle::ClassClosed { id, key, form } => self.class_closed(id, key, form),
            Lifecycle::StreamStarted { id, owner } => {
                self.presence.started(id);
                self.shared.endpoints.started(owner, (self.number(), id));
            }
            Lifecycle::StreamEnded(end) => self.stream_ended(&end),
            Lifecycle::Watched { watchers } => self.topics.watch(watchers > 0),
            Lifecycle::Violated(violation) => {
                self.note_refusal(Refused::Malformed, None, &violation.to_string());
            }
            Lifecycle::Stopping => {
                self.publisher.stop();
                self.shared.mailboxes.stop(self.number());
            }
        }
    }

    fn feed(&mut self, frames: &mut Frames<'_, Self>) {
        self.feed_new(frames);
        self.fed = frames.fed();
        if self.shared.aggregate.are_shared() {
            self.shared
                .aggregate
                .put(self.handle.reactor(), self.counts());
        }
    }

    fn is_behind(&self, fed: u64) -> bool {
        let behind = (self.hub.visible() + 1).saturating_sub(fed)
            > self.hub.capacity() as u64 / BEHIND_SHARE;
        behind || self.has_looked_back_enough()
    }

    fn visible(&self) -> u64 {
        self.hub.visible()
    }

    fn history(&mut self, part: CatchUp<'_, StreamFilter>, out: &mut Vec<u8>) -> CaughtUp {
        match part.mode {
            HistoryMode::All => self.encode_history(part, out),
            HistoryMode::Latest => self.encode_latest(part, out),
            HistoryMode::Skip => self.encode_skip(part, out),
        }
    }

    fn poll_commands(&mut self, streams: &mut Streams<'_, Self>) {
        self.looked_back = 0;
        self.presence.attend(&self.hub, streams);
        if self.shared.commands.has_commands(self.number()) {
            let commands = self.shared.commands.clone();
            commands.execute_queued(self.number(), self, streams);
        }
        self.shared.mailboxes.work(self.number(), streams);
        self.end_streams(streams);
    }

    fn arm(&mut self, fed: u64) -> bool {
        if self.is_idle() || (self.hub.is_closed() && fed > self.hub.visible()) {
            return true;
        }
        self.waiter.arm(fed)
    }

    fn disarm(&mut self) {
        self.waiter.disarm();
    }
}

impl Gateway {
    fn class_opened(&mut self, id: ClassId, key: &StreamFilter, form: FormId) {
        self.classes += 1;
        if WireFormat::of(form).is_web_socket() {
            self.interner.opened(&key.wanted);
        }
        self.router.insert(&key.wanted, id);
        if key.latest {
            self.last_values.join();
        }
        if key.is_limited() {
            self.restricted.insert(id, key.clone());
        }
    }

    fn class_closed(&mut self, id: ClassId, key: &StreamFilter, form: FormId) {
        self.classes -= 1;
        if WireFormat::of(form).is_web_socket() {
            self.interner.closed(&key.wanted);
        }
        if key.latest {
            self.last_values.leave();
        }
        self.router.remove(&key.wanted, id);
        self.restricted.remove(&id);
    }

    fn stream_ended(&mut self, end: &StreamEnd<'_, StreamFilter>) {
        self.presence.ended(end.id, end.key);
        self.metrics.ended(end.reason);
        let addr = (self.number(), end.id);
        let figures = (end.delivered, end.bytes);
        self.shared
            .endpoints
            .ended(end.owner, addr, end.reason, figures);
        log::stream_ended(end);
    }
}
