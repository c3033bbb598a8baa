//! Streams between the reactor and the fan-out: they begin, are sent what is for them, and end.

use crate::fanout::{self, CannotKeep, ClosedClass, Joined, Reader};
use crate::gateway::delivery::readers::member;
use crate::gateway::delivery::{OwnedStream, PlannedStream, PlannedSubscription, StreamEnd};
use crate::gateway::encode::{WireFormat, disconnect};
use crate::gateway::gateway::Gateway;
use crate::net::{
    Delivery, DisconnectReason, EndReason, Ended, Readers, Step, StreamId, StreamMut,
};

impl Delivery for Gateway {
    type Reader = Reader;
    type Stream = OwnedStream;
    type Plan = PlannedStream;
    /// The subscription of a WebSocket from now on; `None`: it has none.
    type Change = Option<PlannedSubscription>;

    fn open(&mut self, mut stream: StreamMut<'_, Self>, id: StreamId, plan: PlannedStream) {
        stream.stream.owner = plan.owner;
        let joined = self.fanout.start(member(&mut stream), plan.start);
        if let Some(start) = plan.journal {
            self.streaming.note_start(id, start);
        }
        note_start(self, &stream, id, joined);
    }

    fn change(
        &mut self,
        readers: &mut Readers<'_, Self>,
        id: StreamId,
        change: Option<PlannedSubscription>,
        ended: Option<Ended>,
    ) -> Result<bool, EndReason> {
        let number = id.slot();
        let Some(mut stream) = readers.get(number) else {
            return Err(EndReason::Reset);
        };
        // What comes next is of another log: here one can be left, between two frames.
        let backlog = self.fanout.set_aside(member(&mut stream));
        let backlog = backlog.map_err(|CannotKeep| EndReason::HalfSent)?;
        // What it receives from here on is another stream, with a name and figures of its own.
        if let Some(ended) = ended {
            // What it is owed goes along, and with it where that begins.
            let starts = self.streaming.take_starts(number);
            self.close(readers, ended);
            if change.is_some() {
                self.streaming.put_starts(number, starts);
            }
        }
        let Some(mut stream) = readers.get(number) else {
            return Err(EndReason::Reset);
        };
        let Some(PlannedSubscription {
            subscribed,
            journal,
        }) = change
        else {
            self.fanout.unsubscribe(&mut stream.stream.state);
            return Ok(false);
        };
        if let Some(start) = journal {
            self.streaming.note_start(id, start);
        }
        let joined = self
            .fanout
            .subscribe(member(&mut stream), subscribed, backlog);
        note_start(self, &stream, id, joined);
        Ok(true)
    }

    fn prepare(&mut self, mut stream: StreamMut<'_, Self>, budget: &mut u64) -> Step {
        let Self {
            fanout,
            streaming,
            encoder,
            telemetry,
            ..
        } = self;
        let step = fanout.prepare(member(&mut stream), budget, |part, out| {
            let done = streaming.catch_up(&part, encoder, out)?;
            telemetry.replayed(done.events);
            Some(done)
        });
        match step {
            fanout::Step::Send => Step::Send,
            fanout::Step::Again => Step::Again,
            // Who begins ahead of the logs is woken by them, who waits for history by who reads it.
            fanout::Step::Wait | fanout::Step::Soon | fanout::Step::Later => Step::Wait,
            fanout::Step::NextTurn => Step::NextTurn,
            fanout::Step::TooSlow => Step::End(DisconnectReason::TooSlow),
            fanout::Step::Cut => Step::Cut(EndReason::HalfSent),
        }
    }

    fn next(&self, reader: &Reader, budget: u64) -> &[u8] {
        self.fanout.next(reader, budget)
    }

    fn sent(&mut self, stream: StreamMut<'_, Self>, n: usize) {
        self.fanout.sent(stream.reader, &mut stream.stream.state, n);
    }

    fn make_way(&mut self, mut stream: StreamMut<'_, Self>) -> bool {
        self.fanout.make_way(member(&mut stream))
    }

    fn last_words(&mut self, mut stream: StreamMut<'_, Self>, why: DisconnectReason) -> bool {
        // Inside a frame there is no place for last words: its rest is kept and leaves before them.
        if !self.fanout.make_way(member(&mut stream)) {
            return false;
        }
        let described = self.fanout.describe(stream.reader, &stream.stream.state);
        let Some(form) = described.map(|described| WireFormat::of(described.form)) else {
            return true;
        };
        let (retry, mut words) = (self.shared.options.retry, Vec::new());
        match form.is_web_socket() {
            true => self.sockets.write_bye(why, retry, &mut words),
            false => disconnect::write_end(form, why, retry, &mut words),
        }
        self.fanout.write_last(member(&mut stream), &words);
        true
    }

    fn close(&mut self, readers: &mut Readers<'_, Self>, ended: Ended) {
        let number = ended.id.slot();
        // While it is still a member: the report names its filter and its lag.
        if let Some(stream) = readers.get(number) {
            note_end(self, &stream, ended);
        }
        if let Some(ClosedClass { id, key, form }) = self.fanout.leave(readers, number) {
            self.streaming.class_closed(id, &key);
            if WireFormat::of(form).is_web_socket() {
                self.sockets.class_closed(&key.wanted);
            }
        }
    }
}

/// Tells the rooms of a stream that has begun, after its class where it is the first one in it.
fn note_start(
    gateway: &mut Gateway,
    stream: &StreamMut<'_, Gateway>,
    id: StreamId,
    joined: Joined,
) {
    let OwnedStream { state, owner } = &*stream.stream;
    if joined.opened
        && let Some(described) = gateway.fanout.describe(stream.reader, state)
    {
        gateway.streaming.class_opened(joined.class, described.key);
        if WireFormat::of(described.form).is_web_socket() {
            gateway.sockets.class_opened(&described.key.wanted);
        }
    }
    gateway.streaming.started(id);
    let addr = gateway.addr(id);
    gateway.shared.endpoints.started(*owner, addr);
}

/// Tells the rooms of a stream that ends.
fn note_end(gateway: &mut Gateway, stream: &StreamMut<'_, Gateway>, ended: Ended) {
    let addr = gateway.addr(ended.id);
    let OwnedStream { state, owner } = &*stream.stream;
    let Some(described) = gateway.fanout.describe(stream.reader, state) else {
        return;
    };
    let end = StreamEnd {
        reason: ended.reason,
        id: ended.id,
        owner: *owner,
        peer: ended.peer,
        key: described.key,
        delivered: described.delivered,
        bytes: ended.bytes,
        open: ended.open,
        lag: described.lag,
    };
    gateway.streaming.ended(end.id, end.key);
    let endpoints = &gateway.shared.endpoints;
    endpoints.ended(end.owner, addr, end.reason, end.delivered, end.bytes);
    gateway.telemetry.stream_ended(&end);
}
