//! One reactor's gateway: the state of each room, and what concerns several of them.

use std::sync::Arc;

use crate::event::Position;
use crate::gateway::access::Authorization;
use crate::gateway::admin::connections::{ConnectionAddr, Executor};
use crate::gateway::admin::deferred::DeferredAnswers;
use crate::gateway::delivery::{EventFanout, OpenStreams};
use crate::gateway::encode::Encoder;
use crate::gateway::publish::Publisher;
use crate::gateway::server::shared::Shared;
use crate::gateway::socket::Socket;
use crate::gateway::stream::request::StreamRoom;
use crate::gateway::stream::{Cursors, Streaming};
use crate::gateway::telemetry::metrics::Refused;
use crate::gateway::telemetry::snapshot::Snapshot;
use crate::gateway::telemetry::{Progress, Telemetry};
use crate::gateway::ws::{Protocol, WebSockets};
use crate::hub::Hub;
use crate::net::{Handle, Lifecycle, StreamId, Streams};

/// HTTP, Server-Sent Events and WebSocket on a hub, for the connections of one reactor.
pub(in crate::gateway) struct Gateway {
    pub(in crate::gateway) hub: Hub,
    /// For those who hold it weakly: as long as a reactor is there, so is the hub.
    _kept: Arc<Hub>,
    pub(in crate::gateway) handle: Handle,
    /// The state shared with the gateways of all other reactors.
    pub(in crate::gateway) shared: Shared,
    pub(in crate::gateway) encoder: Encoder,
    /// Decides which bytes each stream gets next.
    pub(in crate::gateway) fanout: EventFanout,
    pub(in crate::gateway) streaming: Streaming,
    pub(in crate::gateway) publisher: Publisher,
    pub(in crate::gateway) sockets: WebSockets,
    pub(in crate::gateway) deferred: DeferredAnswers,
    /// The rights behind the request in hand.
    pub(in crate::gateway) authorization: Authorization,
    pub(in crate::gateway) telemetry: Telemetry,
}

impl Gateway {
    pub(in crate::gateway) fn new(
        hub: &Arc<Hub>,
        cursors: Cursors,
        fanout: EventFanout,
        shared: Shared,
        handle: &Handle,
    ) -> Self {
        shared.commands.open(handle.reactor(), handle.notifier());
        shared.mailboxes.open(handle.reactor(), handle.notifier());
        Self {
            hub: Hub::clone(hub),
            _kept: hub.clone(),
            handle: handle.clone(),
            encoder: Encoder::default(),
            fanout,
            streaming: Streaming::new(hub, cursors, handle, shared.presence),
            publisher: Publisher::new(
                Hub::clone(hub),
                shared.bounds,
                handle.unfinished().clone(),
                handle.notifier(),
            ),
            sockets: WebSockets::default(),
            authorization: Authorization::new(
                handle,
                shared.authorizer.clone(),
                shared.callbacks.clone(),
                shared.max_pending_authorizations,
            ),
            deferred: DeferredAnswers::new(
                shared.commands.clone(),
                shared.endpoints.clone(),
                handle.clone(),
                shared.fanouts.clone(),
            ),
            telemetry: Telemetry::new(
                hub,
                handle,
                shared.fanouts.clone(),
                shared.aggregate.clone(),
                shared.tls.clone(),
            ),
            shared,
        }
    }

    /// The number of this gateway's reactor.
    pub(in crate::gateway) fn number(&self) -> usize {
        self.handle.reactor()
    }

    /// The position of an offset of the hub.
    pub(in crate::gateway) fn at(&self, offset: u64) -> Position {
        self.streaming.history().at(offset)
    }

    /// The bounds of requests for streams.
    pub(in crate::gateway) fn room(&self) -> StreamRoom {
        StreamRoom {
            frame_log: self.shared.frame_log,
            brotli: self.shared.fanouts.own_compressors() < self.shared.brotli_streams,
        }
    }

    /// The parts that answer the messages of subscribers.
    pub(in crate::gateway) fn protocol(&mut self) -> Protocol<'_> {
        Protocol {
            interner: self.sockets.interner(),
            history: self.streaming.history_mut(),
            encoder: &mut self.encoder,
            publisher: &mut self.publisher,
        }
    }

    /// The counts of other rooms, for telemetry.
    pub(in crate::gateway) fn progress(&self) -> Progress<'_> {
        Progress {
            notices: self.encoder.notices(),
            fed: self.fanout.fed(),
            has_classes: self.streaming.has_classes(),
        }
    }

    /// All figures of this moment.
    pub(in crate::gateway) fn snapshot(&self) -> Snapshot {
        self.telemetry.snapshot(self.progress())
    }

    /// Appends the figures as an event of the stream of statistics.
    pub(in crate::gateway) fn write_tick(&self, out: &mut Vec<u8>) {
        self.telemetry.write_tick(self.progress(), out);
    }

    /// Notes what has happened to a watcher, a socket or the reactor.
    pub(super) fn note(&mut self, event: Lifecycle) {
        match event {
            Lifecycle::Watched { watchers } => {
                self.telemetry.topic_rates_mut().watch(watchers > 0);
            }
            Lifecycle::Violated(violation) => {
                let detail = violation.to_string();
                self.telemetry.refused(Refused::Malformed, None, &detail);
            }
            Lifecycle::Stopping => {
                self.publisher.stop();
                self.shared.mailboxes.stop(self.number());
            }
        }
    }

    /// Returns the address of one of its streams, for other threads.
    pub(super) fn addr(&self, stream: StreamId) -> ConnectionAddr {
        ConnectionAddr {
            reactor: self.number(),
            stream,
        }
    }

    /// Does what other threads asked for since the last turn.
    pub(super) fn take_turn(&mut self, streams: &mut Streams<'_, Self>) {
        let number = self.number();
        let streams = &mut OpenStreams::new(streams, &mut self.fanout, self.shared.private_bytes);
        self.streaming.begin_turn(streams);
        if self.shared.commands.has_commands(number) {
            let mut executor = Executor {
                reactor: number,
                endpoints: &self.shared.endpoints,
                encoder: &mut self.encoder,
            };
            self.shared.commands.execute_queued(&mut executor, streams);
        }
        self.shared.mailboxes.work(number, streams);
        // Last, so that who was just sent something by a command gets it before the end.
        let sessions = self.sockets.sessions();
        let may_subscribe = Socket::may_subscribe;
        self.streaming
            .end_if_closed(sessions, may_subscribe, streams);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Whoever waits for a command of this reactor learns at once that nobody executes it, not when its time is over.
        self.shared.commands.close(self.number());
        self.shared.mailboxes.close(self.number());
    }
}
