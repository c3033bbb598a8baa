//! Requests that wait for room: what they publish is kept, nothing more is read, and the service is asked again.
//!
//! Whoever makes room wakes the reactor; each request that waits is then asked for once a turn, which must be cheap where
//! its turn has not come. That is bounded in time ([`Limits::publish_timeout`](crate::net::Limits::publish_timeout)), and in
//! number by the connections, each of which has one.

use crate::net::conns::phase::Phase;
use crate::net::http::driver::Http;
use crate::net::http::requests::RequestState;
use crate::net::service::Service;

/// The part of a body that waits for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net::http) enum Stalled {
    /// A piece, of which the service keeps what it has not taken.
    Piece,
    /// The end: all of it has come.
    End,
}

impl<S: Service> Http<'_, S> {
    /// Has the request of connection `i` wait for room.
    pub(in crate::net::http) fn stall(
        &mut self,
        i: u32,
        requests: &mut RequestState<S>,
        part: Stalled,
    ) {
        requests.stall(part);
        self.core.park(i);
    }

    /// Asks the service again for the request of connection `i` that waits for room, if one does.
    pub(in crate::net) fn go_on_stalled(&mut self, i: u32) {
        self.ask_again(i, false);
    }

    /// Has the request of connection `i` answered, which has waited for room for as long as it may.
    pub(in crate::net::http) fn give_up_room(&mut self, i: u32) {
        self.ask_again(i, true);
        self.flush_answers(i);
    }

    fn ask_again(&mut self, i: u32, last_try: bool) {
        // Whoever waited may be a socket by now, or gone.
        if self.core.conns.phase(i) != Phase::Request {
            return;
        }
        let Some(mut requests) = self.core.conns.cold_mut(i).requests_mut().take() else {
            return;
        };
        if let Some(part) = requests.take_stalled() {
            let mut out = std::mem::take(self.core.conns.out_mut(i));
            match part {
                Stalled::Piece => self.take_body(i, &mut requests, &[], last_try, out.bytes()),
                Stalled::End => self.end_body(i, &mut requests, last_try, out.bytes()),
            }
            *self.core.conns.out_mut(i) = out;
            self.core.look_behind(self.service);
        }
        *self.core.conns.cold_mut(i).requests_mut() = Some(requests);
    }
}
