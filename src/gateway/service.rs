//! The gateway as the service of its reactor: what the reactor asks goes to the room that it concerns.

use std::net::SocketAddr;
use std::ops::Range;

use crate::gateway::encode::{WireFormat, disconnect};
use crate::gateway::gateway::Gateway;
use crate::gateway::socket::Socket;
use crate::gateway::stream::request::StreamFilter;
use crate::net::{
    CatchUp, CaughtUp, ClientIdentity, Codec, DisconnectReason, Events, FormId, Format, Frames,
    Identity, Lifecycle, Outcome, Replies, Sockets, StreamId, Streams,
};
use crate::wire::http::Head;
use crate::wire::ws::MessageKind;

impl Identity for Gateway {
    fn client_identity(&self, peer: SocketAddr) -> ClientIdentity {
        self.shared.proxies.client_identity(peer)
    }

    fn client(&self, head: &Head, peer: SocketAddr) -> SocketAddr {
        self.shared.proxies.client(head, peer)
    }
}

impl Sockets for Gateway {
    type Socket = Socket;

    fn opened(&mut self, socket: &mut Socket, id: StreamId) {
        match socket {
            Socket::Hub(_) => self.sockets.session_opened(),
            Socket::Client(client) => client.opened(
                self.addr(id),
                &self.shared.mailboxes,
                &self.shared.callbacks,
            ),
            Socket::Handler(_) => {}
        }
    }

    fn message(
        &mut self,
        socket: &mut Socket,
        kind: MessageKind,
        data: &[u8],
        replies: &mut Replies<'_, Self>,
    ) {
        if let Some(session) = socket.message(kind, data, replies, &self.shared.callbacks) {
            self.protocol().handle_message(session, kind, data, replies);
        }
    }

    fn queued(&mut self, socket: &mut Socket, max: usize, out: &mut Vec<u8>) {
        socket.queued(max, out);
    }

    fn has_queued(&self, socket: &Socket) -> bool {
        socket.has_queued()
    }

    fn closing(&mut self, socket: &mut Socket, why: Option<DisconnectReason>, out: &mut Vec<u8>) {
        match (socket, why) {
            (Socket::Client(client), _) => client.closing(out, &self.shared.callbacks),
            (Socket::Hub(_), Some(why)) => {
                let retry = self.shared.options.retry;
                self.sockets.write_bye(why, retry, out);
            }
            // The protocols of others have words of their own.
            (Socket::Hub(_), None) | (Socket::Handler(_), _) => {}
        }
    }

    fn closed(&mut self, socket: Socket) {
        if socket.may_subscribe() {
            self.sockets.session_closed();
        }
        socket.closed(&self.shared.callbacks);
    }
}

impl Events for Gateway {
    type Key = StreamFilter;

    fn lifecycle(&mut self, event: Lifecycle<'_, StreamFilter>) {
        self.note(event);
    }

    fn feed(&mut self, frames: &mut Frames<'_, Self>) {
        let topic_rates = self.telemetry.topic_rates_mut();
        self.streaming.feed(frames, &mut self.encoder, topic_rates);
        self.telemetry.share(self.progress());
    }

    fn is_behind(&self, fed: u64) -> bool {
        self.streaming.is_behind(fed)
    }

    fn outcome(&self, offsets: &Range<u64>) -> Option<Outcome> {
        self.streaming.outcome(offsets)
    }

    fn history(&mut self, part: CatchUp<'_, StreamFilter>, out: &mut Vec<u8>) -> CaughtUp {
        let done = self.streaming.catch_up(&part, &mut self.encoder, out);
        self.telemetry.replayed(done.events);
        done
    }

    fn poll_commands(&mut self, streams: &mut Streams<'_, Self>) {
        self.take_turn(streams);
        for (id, grant) in self.authorization.tickets().take() {
            streams.resume(id, grant);
        }
    }

    fn arm(&mut self, fed: u64) -> bool {
        let is_idle = self.telemetry.is_idle(self.streaming.has_classes());
        self.streaming.arm(fed, is_idle)
    }

    fn disarm(&mut self) {
        self.streaming.disarm();
    }
}

impl Format for Gateway {
    const FORMS: usize = WireFormat::COUNT;

    fn codec(form: FormId) -> Codec {
        WireFormat::of(form).codec()
    }

    fn frame_block(form: FormId, block: &[u8], last: bool, out: &mut Vec<u8>) {
        WireFormat::of(form).frame_block(block, last, out);
    }

    fn heartbeat(&mut self, form: FormId, fed: u64, out: &mut Vec<u8>) {
        let head = self.at(fed - 1);
        self.encoder.heartbeat(WireFormat::of(form), head, out);
    }

    fn tick(&mut self, out: &mut Vec<u8>) {
        self.write_tick(out);
        self.telemetry.topic_rates_mut().tick();
    }

    fn disconnect(&mut self, form: FormId, why: DisconnectReason, out: &mut Vec<u8>) {
        let (form, retry) = (WireFormat::of(form), self.shared.options.retry);
        match form.is_web_socket() {
            true => self.sockets.write_bye(why, retry, out),
            false => disconnect::write_end(form, why, retry, out),
        }
    }
}
