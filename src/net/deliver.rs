//! Delivery: private bytes, then those that the service has for it, until the socket is full.

use crate::net::conns::phase::{Flags, Phase};
use crate::net::core::Core;
use crate::net::delivery::Step;
use crate::net::end::closing::Closing;
use crate::net::http::driver::Http;
use crate::net::io::send::{Broken, Meter};
use crate::net::service::Service;
use crate::net::ws::WebSockets;

/// Bytes that one connection gets per visit before it has to queue again.
const VISIT_BYTES: u64 = 256 << 10;

/// Sends to connections, for as long as it borrows their table and the service.
pub(in crate::net) struct Deliver<'a, S: Service> {
    core: &'a mut Core<S>,
    service: &'a mut S,
}

impl<'a, S: Service> Deliver<'a, S> {
    pub(in crate::net) fn new(core: &'a mut Core<S>, service: &'a mut S) -> Self {
        Self { core, service }
    }

    /// Sends what waits for connection `i`, as much as its socket and its share of the turn allow.
    pub(in crate::net) fn deliver(&mut self, i: u32) {
        if let Err(Broken(why)) = self.try_deliver(i) {
            Closing::new(self.core, self.service).close(i, why);
        }
    }

    fn try_deliver(&mut self, i: u32) -> Result<(), Broken> {
        let mut budget = VISIT_BYTES;
        loop {
            let Some((phase, held)) = self.send_private(i)? else {
                return Ok(());
            };
            if held {
                WebSockets::new(self.core, self.service).resume(i);
            }
            let more = match phase {
                Phase::Stream => self.send_next(i, &mut budget)?,
                Phase::Socket => {
                    WebSockets::new(self.core, self.service).send_queued(i, &mut budget)?
                }
                Phase::Free | Phase::Drain | Phase::Watch { .. } | Phase::CloseSent => false,
                Phase::Request => {
                    Http::new(self.core, self.service).resume_reading(i);
                    false
                }
                Phase::Closing => {
                    Closing::new(self.core, self.service).finish(i);
                    false
                }
            };
            if !more {
                return Ok(());
            }
            // Whoever has much to catch up on queues again behind everybody else who is ready.
            if budget == 0 {
                self.core.make_ready(i);
                return Ok(());
            }
        }
    }

    /// Sends the private bytes of connection `i`. Returns its phase and whether it has input that waits for that; `None`:
    /// its socket takes nothing more.
    fn send_private(&mut self, i: u32) -> Result<Option<(Phase, bool)>, Broken> {
        let Core {
            conns,
            timers,
            counters,
            ..
        } = &mut *self.core;
        let meter = Meter {
            second: timers.second(),
            counters,
        };
        let mut conn = conns.conn(i);
        // Until its edge comes the socket takes nothing, and trying would be a system call.
        if conn.hot().has(Flags::BLOCKED) || !conn.flush()? || !conn.send_private(meter)? {
            return Ok(None);
        }
        let hot = conn.hot();
        Ok(Some((hot.phase(), hot.has(Flags::HELD))))
    }

    /// Sends the next bytes of the stream that connection `i` is; `false`: nothing more can be done now.
    fn send_next(&mut self, i: u32, budget: &mut u64) -> Result<bool, Broken> {
        let Core {
            conns,
            timers,
            counters,
            queue,
            ..
        } = &mut *self.core;
        let mut conn = conns.conn(i);
        match self.service.prepare(conn.stream(), budget) {
            Step::Send => {
                let meter = Meter {
                    second: timers.second(),
                    counters,
                };
                let bytes = self.service.next(conn.hot().reader(), *budget);
                let sent = conn.send(bytes, meter)?;
                self.service.sent(conn.stream(), sent);
                *budget = budget.saturating_sub(sent as u64);
                return Ok(true);
            }
            Step::Again => return Ok(true),
            Step::Wait => {}
            Step::NextTurn => queue.push_next_turn(conn.hot(), i),
            Step::End(why) => Closing::new(self.core, self.service).end_stream(i, why),
            Step::Cut(why) => return Err(Broken(why)),
        }
        Ok(false)
    }
}
