//! The gateway as the service of its reactor: what the reactor asks goes to the room that it concerns. What it asks of
//! streams goes to `delivery`, and requests are in `requests.rs`.

use std::net::SocketAddr;
use std::ops::Range;

use crate::gateway::delivery::OwnedStream;
use crate::gateway::gateway::Gateway;
use crate::gateway::socket::Socket;
use crate::net::{
    ClientIdentity, DisconnectReason, Events, Identity, Lifecycle, Outcome, Replies, Sockets,
    StreamId, Streams,
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

    fn is_busy(&self, stream: &OwnedStream) -> bool {
        stream.is_busy()
    }

    fn queued(&mut self, socket: &mut Socket, max: usize, out: &mut Vec<u8>) {
        socket.queued(max, out);
    }

    fn has_queued(&self, socket: &Socket) -> bool {
        socket.has_queued()
    }

    fn closing(&mut self, socket: &mut Socket, why: Option<DisconnectReason>, out: &mut Vec<u8>) {
        if let Socket::Hub(session) = socket {
            session.room.leave();
        }
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
    fn lifecycle(&mut self, event: Lifecycle) {
        self.note(event);
    }

    fn outcome(&self, offsets: &Range<u64>) -> Option<Outcome> {
        self.streaming.outcome(offsets)
    }

    fn poll_commands(&mut self, streams: &mut Streams<'_, Self>) {
        self.take_turn(streams);
        for (id, grant) in self.authorization.tickets().take() {
            streams.resume(id, grant);
        }
    }

    fn arm(&mut self, answers: bool) -> bool {
        let is_idle = !answers && self.telemetry.is_idle(self.streaming.has_classes());
        self.streaming.arm(self.fanout.fed(), is_idle)
    }

    fn disarm(&mut self) {
        self.streaming.disarm();
    }
}
