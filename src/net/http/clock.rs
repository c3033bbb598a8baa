//! The time that each part of a request may take.

use crate::net::end::reason::EndReason;
use crate::net::http::answer::Refusal;
use crate::net::http::driver::Http;
use crate::net::http::requests::Clock;
use crate::net::service::Service;

impl<S: Service> Http<'_, S> {
    /// Sets the deadline that fits what the connection now waits for.
    pub(super) fn start_clock(&mut self, i: u32) {
        let requests = self.core.conns.cold_mut(i).requests_mut().as_mut();
        let Some(clock) = requests.and_then(|requests| requests.next_clock()) else {
            return;
        };
        let limits = &self.core.limits;
        let timeout = match clock {
            Clock::Idle => limits.idle_timeout,
            Clock::Head => limits.head_timeout,
            Clock::Body => limits.body_timeout,
            Clock::Answer => limits.write_timeout,
            Clock::Authorization => limits.authorization_timeout,
            Clock::Room => limits.publish_timeout,
            // Nothing that is waited for.
            Clock::Over => return,
        };
        self.core.set_deadline(i, timeout);
    }

    /// The deadline of connection `i` has passed while it was in requests.
    pub(in crate::net) fn request_timed_out(&mut self, i: u32) {
        let Some(requests) = self.core.conns.cold(i).requests() else {
            // It has not said anything.
            return self.close(i, EndReason::Closed);
        };
        let why = match requests.clock() {
            // Not a byte of a request came, so there is nothing to answer.
            Clock::Head if !requests.has_begun_head() => {
                return self.close(i, EndReason::Closed);
            }
            Clock::Head => Refusal::HeadTimeout,
            Clock::Body => Refusal::BodyTimeout,
            Clock::Authorization => return self.refuse_parked(i),
            Clock::Room => return self.give_up_room(i),
            Clock::Answer => {
                // An outcome has a time of its own: who published is told then, whatever slow readers are allowed.
                if let Some(until) = requests.answers().await_outcome_until()
                    && until >= self.core.timers.settled_tick()
                {
                    return self.core.set_deadline_tick(i, until + 1);
                }
                return self.close(i, EndReason::Closed);
            }
            Clock::Idle | Clock::Over => return self.close(i, EndReason::Closed),
        };
        let bytes = self.service.refuse(why, requests.pending_body());
        self.core.conns.out_mut(i).bytes().extend_from_slice(&bytes);
        self.begin_closing(i, EndReason::Closed);
    }
}
