//! WebSockets from the reactor: messages to those who answer them, and what waits for a socket back to it.

use crate::gateway::gateway::Gateway;
use crate::gateway::ws::{Socket, SocketReplies};
use crate::reactor::{DisconnectReason, Replies, Sockets, StreamId};
use crate::wire::ws::{CloseCode, MessageKind};

impl Sockets for Gateway {
    type Socket = Socket;

    fn opened(&mut self, socket: &mut Socket, id: StreamId) {
        match socket {
            Socket::Hub(_) => self.sessions += 1,
            Socket::Client(client) => {
                client.opened((self.number(), id), &self.shared.callbacks);
            }
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
        let callbacks = &self.shared.callbacks;
        let done = match socket {
            Socket::Handler(handler) => callbacks.call("socket handler", || {
                handler.message(kind, data, &mut SocketReplies(replies));
            }),
            Socket::Client(client) => callbacks.call("client handler", || {
                client.message(kind, data, &mut SocketReplies(replies));
            }),
            Socket::Hub(session) => return self.handle_message(session, kind, data, replies),
        };
        if done.is_none() {
            replies.close(CloseCode::INTERNAL, "the handler failed");
        }
    }

    fn queued(&mut self, socket: &mut Socket, max: usize, out: &mut Vec<u8>) {
        if let Socket::Client(client) = socket {
            client.queue().take(max, out);
        }
    }

    fn has_queued(&self, socket: &Socket) -> bool {
        matches!(socket, Socket::Client(client) if client.queue().has_waiting())
    }

    fn closing(&mut self, socket: &mut Socket, why: Option<DisconnectReason>, out: &mut Vec<u8>) {
        match socket {
            Socket::Client(client) => client.closing(out, &self.shared.callbacks),
            Socket::Hub(_) => {
                if let Some(why) = why {
                    self.write_disconnect(why, out);
                }
            }
            // The protocols of others have words of their own.
            Socket::Handler(_) => {}
        }
    }

    fn closed(&mut self, socket: Socket) {
        if matches!(socket, Socket::Hub(_)) {
            self.sessions -= 1;
        }
        socket.closed(&self.shared.callbacks);
    }
}
