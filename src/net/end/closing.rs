//! The driver that ends streams and connections.

use crate::net::conns::phase::{Flags, Phase};
use crate::net::conns::streams::Closed;
use crate::net::core::Core;
use crate::net::deliver::Deliver;
use crate::net::end::disconnect::DisconnectReason;
use crate::net::end::reason::EndReason;
use crate::net::http::driver::Http;
use crate::net::lifecycle::Lifecycle;
use crate::net::service::Service;
use crate::net::ws::WebSockets;
use crate::wire::http::chunk;

/// Ends what connections do, and the connections, for as long as it borrows their table and the service.
pub(in crate::net) struct Closing<'a, S: Service> {
    core: &'a mut Core<S>,
    service: &'a mut S,
}

impl<'a, S: Service> Closing<'a, S> {
    pub(in crate::net) fn new(core: &'a mut Core<S>, service: &'a mut S) -> Self {
        Self { core, service }
    }

    // -- Connections

    /// Ends connection `i` at once; what it had not sent is gone.
    pub(in crate::net) fn close(&mut self, i: u32, why: EndReason) {
        if why.is_cut() {
            self.core.counters.cut.add(1);
        }
        // Before anything is reset: the report of a stream's end reads what it was sent.
        self.leave(i, why);
        if self.core.conns.phase(i) == Phase::Free {
            return;
        }
        self.core.uncount_client(i);
        Http::new(self.core, self.service).forget_requests(i);
        if why.is_orderly() {
            self.core.conns.conn(i).announce_end();
        }
        self.core.conns.remove(i);
        self.core.counters.connections.sub(1);
        self.core.reactors.leave();
    }

    /// Lets connection `i` send what it has, then FIN, and reads what the peer still sends.
    pub(in crate::net) fn begin_closing(&mut self, i: u32, why: EndReason) {
        // No stream any more: nothing that is shared may follow what is private.
        self.leave(i, why);
        let timeout = self.core.limits.write_timeout;
        self.core.conns.hot_mut(i).set_phase(Phase::Closing);
        Http::new(self.core, self.service).forget_requests(i);
        self.core.set_deadline(i, timeout);
        Deliver::new(self.core, self.service).deliver(i);
    }

    /// The next step after the last private byte of a closing connection.
    pub(in crate::net) fn finish(&mut self, i: u32) {
        let mut conn = self.core.conns.conn(i);
        let eof = conn.hot().has(Flags::EOF);
        match conn.finish() {
            Some(true) if !eof => {}
            // FIN waits behind the alert that ends TLS until the socket has taken that.
            Some(false) => return conn.hot().set(Flags::BLOCKED),
            _ => return self.close(i, EndReason::Closed),
        }
        // Not closed yet: with unread bytes in it the kernel would send a reset, which can
        // overtake the last answer.
        conn.hot().set_phase(Phase::Drain);
        // Their edge has been, and none comes for bytes that are there already.
        let unread = conn.hot().has(Flags::UNREAD);
        let timeout = self.core.limits.drain_timeout;
        self.core.set_deadline(i, timeout);
        if unread {
            self.core.make_ready(i);
        }
    }

    /// Ends connection `i`, whose peer does not speak TLS as it should, behind the alert that says so, and reads
    /// what the peer still sends: closing at once could take the alert back.
    pub(in crate::net) fn end_secured(&mut self, i: u32) {
        self.leave(i, EndReason::Reset);
        // It is no stream and watches nothing any more, also if it cannot even be closed in order.
        self.core.conns.hot_mut(i).set_phase(Phase::Closing);
        Http::new(self.core, self.service).forget_requests(i);
        let cold = self.core.conns.cold_mut(i);
        // Its alert is out; rustls must not be asked again after a failure.
        *cold.session_mut() = None;
        cold.out_mut().clear();
        self.finish(i);
    }

    // -- Streams

    /// Ends the stream that connection `i` is, if it is one, with the words of its wire form, wherever it stands: inside
    /// a frame there is no place for them, and its rest leaves before them.
    pub(in crate::net) fn end_stream(&mut self, i: u32, why: DisconnectReason) {
        if self.core.conns.phase(i) != Phase::Stream {
            return;
        }
        if self.core.conns.is_socket(i) {
            return WebSockets::new(self.core, self.service).disconnect(i, why);
        }
        let stream = self.core.conns.stream(i);
        if self.service.last_words(stream, why) {
            self.begin_closing(i, why.into());
        } else {
            self.close(i, EndReason::HalfSent);
        }
    }

    /// Ends the ticks of watcher `i` in order, after the one that it is inside, if it is.
    pub(in crate::net) fn end_watch(&mut self, i: u32, why: EndReason) {
        if self.core.conns.phase(i) == (Phase::Watch { chunked: true }) {
            let out = self.core.conns.out_mut(i).bytes();
            out.extend_from_slice(chunk::LAST);
        }
        self.begin_closing(i, why);
    }

    /// Takes connection `i` out of what it receives, if it is a stream or watches.
    fn leave(&mut self, i: u32, why: EndReason) {
        self.leave_stream(i, why);
        WebSockets::new(self.core, self.service).end(i);
        if matches!(self.core.conns.phase(i), Phase::Watch { .. }) {
            self.core.counters.watchers.sub(1);
            let watchers = self.core.counters.watchers.get();
            self.service.lifecycle(Lifecycle::Watched { watchers });
        }
    }

    /// Has the service forget the stream that connection `i` is, if it is one. Its phase is to be set then.
    pub(in crate::net) fn leave_stream(&mut self, i: u32, why: EndReason) {
        if self.core.conns.phase(i) == Phase::Stream {
            let ended = self.core.ended(i, why);
            self.service.close(&mut self.core.readers(), ended);
        }
    }

    // -- What the service named

    /// Ends what the service named, as many as there is time for.
    pub(in crate::net) fn go_on_ending(&mut self) {
        while let Some((id, why)) = self.core.ending.pop() {
            if let Some(i) = self.core.conns.find_stream(id) {
                self.end_stream(i, why);
            } else if let Some(i) = self.core.conns.find_socket(id) {
                WebSockets::new(self.core, self.service).disconnect(i, why);
            }
            if self.core.timers.is_slice_over() {
                break;
            }
        }
    }

    /// Closes sockets that the service named.
    pub(in crate::net) fn close_sockets(&mut self, closed: Vec<Closed>) {
        for Closed { i, code, reason } in closed {
            if self.core.conns.phase(i) == Phase::Socket {
                let why = EndReason::Disconnected;
                WebSockets::new(self.core, self.service).close(i, code, &reason, why);
            }
        }
    }

    /// Cuts the streams of which the service said so.
    pub(in crate::net) fn cut(&mut self) {
        while let Some(id) = self.core.cut.pop() {
            if let Some(i) = self.core.conns.find_stream(id) {
                self.close(i, EndReason::HalfSent);
            }
        }
    }
}
