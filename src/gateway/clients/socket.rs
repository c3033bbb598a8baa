//! A client's socket at its reactor: it comes, is heard, and leaves exactly once.

use std::sync::Arc;

use crate::gateway::admin::connections::Place;
use crate::gateway::clients::WebSocketStream;
use crate::gateway::clients::handler::StreamClient;
use crate::gateway::clients::mailbox::Goodbye;
use crate::gateway::clients::queue::Seat;
use crate::gateway::server::callbacks::Callbacks;
use crate::gateway::ws::SocketReplies;
use crate::wire::ws::{CloseCode, MessageKind};

/// A client that has its seat. Dropping it frees the seat, whatever became of the connection.
pub(in crate::gateway) struct Seated {
    stream: WebSocketStream,
    seat: Arc<Seat>,
    /// The handler knows of it.
    told: bool,
}

impl Seated {
    pub(in crate::gateway) fn new(stream: WebSocketStream, seat: Arc<Seat>) -> Self {
        Self {
            stream,
            seat,
            told: false,
        }
    }

    pub(in crate::gateway) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Its socket is open.
    pub(in crate::gateway) fn opened(&mut self, place: Place, callbacks: &Callbacks) {
        self.seat.open(place, &self.stream.0.trays);
        self.told = true;
        let tell = || self.stream.0.handler.connected(&self.client());
        if callbacks.call("client handler", tell).is_none() {
            let goodbye = Goodbye {
                code: CloseCode::INTERNAL,
                reason: "the handler failed".to_owned(),
            };
            self.seat.close(goodbye, &self.stream.0.trays);
        }
    }

    /// It has sent a message.
    pub(in crate::gateway) fn heard(
        &self,
        kind: MessageKind,
        data: &[u8],
        replies: &mut SocketReplies<'_, '_>,
    ) {
        let handler = &self.stream.0.handler;
        handler.message(&self.client(), kind, data, replies);
    }

    /// Its socket is about to be closed: gives what still waits for it.
    pub(in crate::gateway) fn parting(&mut self, out: &mut Vec<u8>, callbacks: &Callbacks) {
        // Nothing comes to wait any more, so nothing is lost that was taken.
        self.stream.forget(&self.seat);
        self.seat.part(out);
        self.gone(callbacks);
    }

    /// Its socket is closing or gone.
    pub(in crate::gateway) fn gone(&mut self, callbacks: &Callbacks) {
        self.stream.leave(&self.seat);
        if std::mem::take(&mut self.told) {
            let tell = || self.stream.0.handler.disconnected(&self.client());
            callbacks.call("client handler", tell);
        }
    }

    fn client(&self) -> StreamClient<'_> {
        StreamClient {
            stream: &self.stream,
            seat: &self.seat,
        }
    }
}

impl Drop for Seated {
    /// For who never became a socket, and for a server that nobody turns any more. No handler runs here.
    fn drop(&mut self) {
        self.stream.leave(&self.seat);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::gateway::clients::{Trays, Unheard, WebSocketStreamOptions};
    use crate::reactor::StreamId;
    use crate::ring::Notify;

    /// A reactor's waker that counts how often it was called, and finds fault with locks.
    #[derive(Default)]
    struct Bell {
        stream: OnceLock<WebSocketStream>,
        seats: OnceLock<Vec<Arc<Seat>>>,
        rung: AtomicUsize,
    }

    impl Notify for Bell {
        fn notify(&self) {
            let stream = self.stream.get().expect("it is known");
            assert!(stream.0.registry.try_lock().is_some(), "the registry");
            let mut seats = self.seats.get().expect("they are known").iter();
            assert!(seats.all(|seat| !seat.is_locked()), "a seat");
            self.rung.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_broadcast_wakes_a_reactor_once_and_without_a_lock() {
        let (trays, bell) = (Arc::new(Trays::new(1)), Arc::new(Bell::default()));
        trays.open(0, bell.clone());
        let options = WebSocketStreamOptions::default();
        let stream = WebSocketStream::new(options, Box::new(Unheard), trays);
        let mut here: Vec<_> = ["a", "b", "c"]
            .map(|id| stream.clone().seat(id).unwrap())
            .into();
        let seats = here.iter().map(|seated| seated.seat.clone()).collect();
        _ = (bell.stream.set(stream.clone()), bell.seats.set(seats));
        for (seated, bits) in here.iter_mut().zip(1..) {
            seated.opened((0, StreamId::from_bits(bits)), &Callbacks::default());
            // What the socket asks for when it opens.
            seated.seat.take(1, &mut Vec::new());
        }
        assert_eq!(stream.broadcast("to all").sent, 3);
        assert_eq!(bell.rung.load(Ordering::Relaxed), 1);
        assert!(stream.send_to("a", "taken with it"));
        assert_eq!(bell.rung.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn whoever_is_closed_is_closed_without_a_lock() {
        let (trays, bell) = (Arc::new(Trays::new(1)), Arc::new(Bell::default()));
        trays.open(0, bell.clone());
        let options = WebSocketStreamOptions::default();
        let stream = WebSocketStream::new(options, Box::new(Unheard), trays);
        let mut seated = stream.clone().seat("a").unwrap();
        let seats = vec![seated.seat.clone()];
        _ = (bell.stream.set(stream.clone()), bell.seats.set(seats));
        seated.opened((0, StreamId::from_bits(1)), &Callbacks::default());
        assert!(stream.disconnect("a"));
        assert_eq!(bell.rung.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn who_never_becomes_a_socket_leaves_its_seat() {
        let options = WebSocketStreamOptions::default();
        let trays = Arc::new(Trays::new(1));
        let stream = WebSocketStream::new(options, Box::new(Unheard), trays);
        let seated = stream.clone().seat("a").unwrap();
        assert!(stream.send_to("a", "on its way"));
        drop(seated);
        assert!(stream.is_empty() && !stream.send_to("a", "x"));
    }
}
