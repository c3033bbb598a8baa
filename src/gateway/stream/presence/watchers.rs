//! Notices of joins and leaves to the streams that asked for them: in rounds, each of which tells all of them what has changed since
//! the last one.
//!
//! Joins of one turn are told together, and a round is done a part a turn: however many come and go, a turn tells so
//! many streams, and a stream is told so much. Where more has changed than one round tells, or a stream takes nothing,
//! it is told `reset` instead: a list that is true up to there has it all. That is also what a stream is told first.

use std::collections::{HashMap, VecDeque};

use crate::fanout::FormId;
use crate::gateway::delivery::{OpenStreams, SendOutcome, StreamFilter};
use crate::gateway::encode::{WireFormat, encode, ws};
use crate::hub::{PresenceChange, PresenceUpdate, PresenceWatch};
use crate::json::write_string;
use crate::net::StreamId;
use crate::wire::sse::Frame;

/// Changes that one round tells.
const CHANGES_MAX: usize = 64;
/// Streams that are told something in a turn.
const TOLD_MAX: usize = 256;
/// Streams that took nothing which are tried again in a turn.
const TRIED_MAX: usize = 64;
/// Filters whose part of a round is kept for further streams.
const FILTERS_MAX: usize = 64;

/// The streams of one reactor that want to know.
#[derive(Default)]
pub(in crate::gateway) struct Watchers {
    /// There while somebody wants to know.
    watch: Option<PresenceWatch>,
    /// Those who have all up to the last round, and perhaps some that have ended.
    told: Vec<StreamId>,
    /// Those who are new, and are told `reset` first.
    fresh: VecDeque<StreamId>,
    /// Those who took nothing when they were to be told something, and are told `reset` instead.
    missed: VecDeque<StreamId>,
    round: Option<Round>,
}

/// A round: the changes that all are being told.
struct Round {
    /// `None`: too much for one round.
    changes: Option<Vec<PresenceChange>>,
    /// The next stream in `told`.
    at: usize,
    /// The notices of this round, by filter and form.
    written: HashMap<(StreamFilter, FormId), Vec<u8>>,
}

impl Watchers {
    pub(in crate::gateway) fn add(&mut self, stream: StreamId) {
        self.fresh.push_back(stream);
    }

    /// Returns whether nobody wants to know.
    pub(in crate::gateway) fn is_empty(&self) -> bool {
        self.told.is_empty() && self.fresh.is_empty() && self.missed.is_empty()
    }

    /// Tells what there is to tell, a turn's worth of it; `true`: there is more.
    pub(in crate::gateway) fn tell(
        &mut self,
        watch: impl FnOnce() -> PresenceWatch,
        streams: &mut OpenStreams<'_, '_>,
    ) -> bool {
        if self.is_empty() {
            // The hub writes down changes only for those who watch: a server whose streams do not ask pays nothing.
            self.watch = None;
            self.round = None;
            return false;
        }
        let watch = self.watch.get_or_insert_with(watch);
        let mut left = TOLD_MAX;
        if self.round.is_none()
            && let Some(news) = watch.take(CHANGES_MAX)
        {
            self.round = Some(Round {
                changes: match news {
                    PresenceUpdate::Changes(changes) => Some(changes),
                    PresenceUpdate::Missed => None,
                },
                at: 0,
                written: HashMap::new(),
            });
        }
        let at = watch.at();
        if let Some(mut round) = self.round.take()
            && round.go_on(at, &mut self.told, &mut self.missed, &mut left, streams)
        {
            self.round = Some(round);
            return true;
        }
        // Between two rounds: what they are told next comes after this.
        for _ in 0..self.fresh.len().min(left) {
            left -= 1;
            if let Some(stream) = self.fresh.pop_front() {
                self.reset(stream, at, streams);
            }
        }
        let mut taken = false;
        for _ in 0..self.missed.len().min(left).min(TRIED_MAX) {
            if let Some(stream) = self.missed.pop_front() {
                taken |= self.reset(stream, at, streams);
            }
        }
        // Who takes nothing is tried again when something else happens.
        !self.fresh.is_empty() || (taken && !self.missed.is_empty())
    }

    /// Tells a stream that a list which is true up to `at`, or later, is what it has to know; `false`: it takes nothing.
    fn reset(&mut self, stream: StreamId, at: u64, streams: &mut OpenStreams<'_, '_>) -> bool {
        let Some(form) = streams.get(stream).map(|info| info.form) else {
            return true;
        };
        let mut bytes = Vec::new();
        write_reset(WireFormat::of(form), at, &mut bytes);
        let sent = streams.send(stream, &bytes);
        match sent {
            SendOutcome::Queued => self.told.push(stream),
            SendOutcome::Full => self.missed.push_back(stream),
            SendOutcome::Unknown => {}
        }
        sent != SendOutcome::Full
    }
}

impl Round {
    /// Tells some of those who are left; `true`: there are more.
    fn go_on(
        &mut self,
        at: u64,
        told: &mut Vec<StreamId>,
        missed: &mut VecDeque<StreamId>,
        left: &mut usize,
        streams: &mut OpenStreams<'_, '_>,
    ) -> bool {
        while let Some(stream) = told.get(self.at).copied() {
            if *left == 0 {
                return true;
            }
            *left -= 1;
            let Some(info) = streams.get(stream) else {
                // It has ended. The last one takes its place, and is next.
                told.swap_remove(self.at);
                continue;
            };
            let what = (info.key.clone(), info.form);
            let bytes = match self.written.get(&what) {
                Some(bytes) => bytes,
                None => {
                    // With a filter for each stream they would all be kept, and none used twice.
                    if self.written.len() >= FILTERS_MAX {
                        self.written.clear();
                    }
                    let bytes = written(self.changes.as_deref(), at, &what);
                    self.written.entry(what).or_insert(bytes)
                }
            };
            if bytes.is_empty() || streams.send(stream, bytes) == SendOutcome::Queued {
                self.at += 1;
            } else {
                told.swap_remove(self.at);
                missed.push_back(stream);
            }
        }
        false
    }
}

/// Encodes the changes for the streams of a filter and a form.
fn written(
    changes: Option<&[PresenceChange]>,
    at: u64,
    (key, form): &(StreamFilter, FormId),
) -> Vec<u8> {
    let form = WireFormat::of(*form);
    let mut out = Vec::new();
    let Some(changes) = changes else {
        write_reset(form, at, &mut out);
        return out;
    };
    for change in changes {
        let mut within = [&key.wanted].into_iter().chain(key.limits());
        if within.all(|filter| change.concerns(filter)) {
            write_change(form, change, &mut out);
        }
    }
    out
}

/// Appends a notice without an id: it stands nowhere in the order of events.
fn write_change(form: WireFormat, change: &PresenceChange, out: &mut Vec<u8>) {
    let event = if change.joined { "join" } else { "leave" };
    if form.is_web_socket() {
        return ws::write_presence(event, Some(&change.id), change.at, out);
    }
    let mut data = br#"{"id":"#.to_vec();
    write_string(&mut data, &change.id);
    data.extend_from_slice(format!(r#","at":{}}}"#, change.at).as_bytes());
    write(form, event, &data, out);
}

fn write_reset(form: WireFormat, at: u64, out: &mut Vec<u8>) {
    if form.is_web_socket() {
        return ws::write_presence("reset", None, at, out);
    }
    let data = format!(r#"{{"event":"reset","at":{at}}}"#);
    write(form, "presence", data.as_bytes(), out);
}

fn write(form: WireFormat, event: &str, data: &[u8], out: &mut Vec<u8>) {
    let frame = Frame {
        id: b"",
        event,
        data,
        retry: None,
    };
    encode(form, frame, out);
}
