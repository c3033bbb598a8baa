//! Subscriptions that change: history for one stream first, then the class of them all.

use std::hash::Hash;

use super::class::ClassSpec;
use super::members::Joined;
use super::reader::{Member, Replay, StreamState};
use super::slow::SlowOptions;
use super::{Fanout, Format};

/// A subscription of a WebSocket: all that it receives from now on.
#[derive(Debug)]
pub struct Subscribed<K> {
    /// The class of everything it receives.
    pub class: ClassSpec<K>,
    /// The first offset that it gets by this filter; what is older it gets by the one before.
    pub from: u64,
    /// `true`: the filter takes less than the one before, so that the socket gets what is older than `from` by this one
    /// too.
    pub shrinks: bool,
    /// History that is sent before `from`, for what is new in the filter.
    pub history: Option<History<K>>,
}

/// History for one WebSocket.
#[derive(Debug)]
pub struct History<K> {
    /// The filter.
    pub key: K,
    /// The first offset wanted.
    pub from: u64,
    /// Frames that follow the last one, before live events.
    pub after: Vec<u8>,
}

/// The events that a stream is owed of a subscription that is about to change.
#[derive(Debug)]
pub struct Backlog<K> {
    key: K,
    /// The first offset that it has not got.
    from: u64,
}

/// The rest of the frame that a stream stands in would take more memory than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotKeep;

impl<K: Clone + Eq + Hash, F: Format> Fanout<K, F> {
    /// Takes a stream, whose subscription is about to change, out of its log: what comes next is of another one, and here
    /// one can be left, between two frames. Returns what it is owed; `None`: it has no subscription.
    ///
    /// # Errors
    ///
    /// [`CannotKeep`]: the stream must go.
    pub fn set_aside(&mut self, member: Member<'_, K>) -> Result<Option<Backlog<K>>, CannotKeep> {
        let Member {
            number,
            reader,
            state,
            out,
        } = member;
        if !self.detach(Member {
            number,
            reader: &mut *reader,
            state,
            out,
        }) {
            return Err(CannotKeep);
        }
        let class = self.logs.classes.get(reader.class());
        let class = class.filter(|_| reader.is_member());
        Ok(class.map(|class| Backlog {
            key: class.key().clone(),
            from: reader.cursor(),
        }))
    }

    /// Lets a stream, which is in no class, receive what `subscribed` says from here on. What its last subscription has
    /// brought up to here goes out first, then the history asked for, then what is live.
    pub fn subscribe(
        &mut self,
        member: Member<'_, K>,
        subscribed: Subscribed<K>,
        backlog: Option<Backlog<K>>,
    ) -> Joined {
        let Member {
            number,
            reader,
            state,
            ..
        } = member;
        let Subscribed {
            class,
            from: live,
            shrinks,
            history,
        } = subscribed;
        state.begin(SlowOptions::default());
        if let Some(Backlog { key, from }) = backlog.filter(|backlog| backlog.from < live) {
            state.push_replay(Replay {
                // What was owed of a topic that the client has just left is not sent after all.
                key: if shrinks { class.key.clone() } else { key },
                from,
                to: live,
                after: Vec::new(),
            });
        }
        if let Some(history) = history {
            state.push_replay(Replay {
                key: history.key,
                from: history.from,
                to: live.max(history.from),
                after: history.after,
            });
        }
        self.join(number, reader, class, live)
    }

    /// Forgets what a stream without a subscription was owed.
    pub fn unsubscribe(&mut self, state: &mut StreamState<K>) {
        state.begin(SlowOptions::default());
        state.forget_replays();
    }
}
