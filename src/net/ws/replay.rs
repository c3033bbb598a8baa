//! Subscriptions that change: history for one socket first, then the class of them all.

use super::replies::Change;
use super::{Replay, Subscribed};
use crate::net::class::ClassSpec;
use crate::net::conns::conn::Phase;
use crate::net::core::Core;
use crate::net::end::EndReason;
use crate::net::form::FormId;
use crate::net::lifecycle::Lifecycle;
use crate::net::service::Service;
use crate::net::stream_plan::{CatchUp, HistoryMode};

impl<S: Service> Core<S> {
    /// Lets socket `i` receive what `change` says from here on. What its last subscription has
    /// brought up to here goes out first, then the history asked for, then what is live.
    pub(in crate::net) fn change_subscription(
        &mut self,
        service: &mut S,
        i: u32,
        change: Change<S>,
    ) {
        // What comes next is of another log: here one can be left, between two frames.
        if !self.detach(i) {
            return self.close(service, i, EndReason::HalfSent);
        }
        let receives = self.phase(i) == Phase::CatchUp;
        let backlog = receives.then(|| self.hot(i).cursor);
        let class = self.hot(i).class;
        let last = self.classes.get(class).filter(|_| receives);
        let last = last.map(|class| class.key.clone());
        // What it receives from here on is another stream, with a name and figures of its own.
        self.leave_stream(service, i, EndReason::Closed);
        self.reset_counts(i);
        self.name_stream(i);
        let Some(ws) = self.cold[i as usize].ws.as_mut() else {
            return;
        };
        let Some(subscribed) = change else {
            if let Some(busy) = ws.busy.as_mut() {
                busy.replays.clear();
            }
            ws.shrink();
            self.hot(i).phase = Phase::Socket;
            return;
        };
        let Subscribed {
            key,
            everything,
            form,
            hold,
            from: live,
            shrinks,
            history,
        } = subscribed;
        if let (Some(from), Some(last)) = (backlog, last)
            && from < live
        {
            ws.busy().replays.push_back(Replay {
                // What was owed of a topic that the client has just left is not sent after all.
                key: if shrinks { key.clone() } else { last },
                from,
                to: live,
                after: Vec::new(),
            });
        }
        if let Some(history) = history {
            ws.busy().replays.push_back(Replay {
                key: history.key,
                from: history.from,
                to: live.max(history.from),
                after: history.after,
            });
        }
        let spec = ClassSpec {
            key,
            form,
            everything,
            hold,
        };
        self.join_class(service, i, spec);
        let hot = self.hot(i);
        hot.phase = Phase::CatchUp;
        hot.cursor = live;
        let owner = self.cold[i as usize].owner;
        let id = self.stream_id(i);
        service.lifecycle(Lifecycle::StreamStarted { id, owner });
    }

    /// Returns whether history comes first for connection `i`, which is a socket then.
    pub(in crate::net) fn has_replay(&self, i: u32) -> bool {
        let ws = self.cold[i as usize].ws.as_ref();
        let busy = ws.and_then(|ws| ws.busy.as_ref());
        busy.is_some_and(|busy| !busy.replays.is_empty())
    }

    /// Encodes a part of the first replay of socket `i`, if it has one; `false`: it has none.
    pub(in crate::net) fn send_replay(
        &mut self,
        service: &mut S,
        i: u32,
        form: FormId,
        budget: &mut u64,
    ) -> bool {
        let max = self.limits.private_bytes.min(*budget as usize);
        let cold = &mut self.cold[i as usize];
        let busy = cold.ws.as_mut().and_then(|ws| ws.busy.as_mut());
        let Some(replay) = busy.and_then(|busy| busy.replays.front_mut()) else {
            return false;
        };
        let (key, from, to) = (replay.key.clone(), replay.from, replay.to);
        let mut out = std::mem::take(&mut cold.out.get_or_insert_default().bytes);
        let before = out.len();
        let mut next = from;
        if from < to {
            let mut plain = 0;
            let done = self.write_history(i, form, &mut out, |out| {
                let before = out.len();
                let part = CatchUp {
                    key: &key,
                    form,
                    mode: HistoryMode::All,
                    from,
                    to,
                    max: before + max,
                };
                let done = service.history(part, out);
                plain = out.len() - before;
                done
            });
            debug_assert!(done.next >= from);
            next = done.next;
            self.spend_history(form, plain, &done);
            let cold = &mut self.cold[i as usize];
            cold.missed = cold.missed.saturating_add(done.missed);
            let second = self.second();
            self.count_events(i, done.events, second);
        }
        self.end_replay(i, next, &mut out);
        let made = out.len() - before;
        self.out(i).bytes = out;
        // A quarter at least: parts in which the filter takes nothing would cost no budget.
        *budget = budget.saturating_sub(made.max(max / 4) as u64);
        true
    }

    /// Moves the first replay of socket `i` to offset `next`, and ends it there if that is its end.
    fn end_replay(&mut self, i: u32, next: u64, out: &mut Vec<u8>) {
        let Some(ws) = self.cold[i as usize].ws.as_mut() else {
            return;
        };
        let Some(busy) = ws.busy.as_mut() else {
            return;
        };
        if let Some(replay) = busy.replays.front_mut() {
            replay.from = next;
            if replay.from < replay.to {
                return;
            }
            out.append(&mut replay.after);
            busy.replays.pop_front();
        }
        ws.shrink();
    }
}
