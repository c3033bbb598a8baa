//! From what a client asked for to the plan of its stream.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use crate::deadline;
use crate::event::Filter;
use crate::fanout::{SlowPolicy, StreamStart};
use crate::gateway::access::Access;
use crate::gateway::delivery::{PlannedStream, StartNote, StreamFilter, StreamOwner};
use crate::gateway::encode::Encoder;
use crate::gateway::stream::history::History;
use crate::gateway::stream::request::{self, StreamRequest};
use crate::gateway::stream::start::Start;
use crate::net::StreamPlan;
use crate::wire::sse;

/// A stream to be opened: what its client asked for, and what it may have of that.
pub(in crate::gateway) struct NewStream {
    pub(in crate::gateway) request: StreamRequest,
    pub(in crate::gateway) access: Access,
    /// The topics of its endpoint; `None`: it is on none.
    pub(in crate::gateway) offered: Option<Filter>,
    /// Comes back with its start and its end.
    pub(in crate::gateway) owner: StreamOwner,
}

impl NewStream {
    /// Plans the stream: its class, its head, and where in the history it starts.
    pub(super) fn plan(
        self,
        history: &mut History,
        encoder: &mut Encoder,
    ) -> StreamPlan<PlannedStream> {
        let Self {
            request,
            access,
            offered,
            owner,
        } = self;
        let StreamRequest {
            filter,
            form,
            start,
            options,
            presence,
        } = request;
        // Who asks for nothing gets what there is: then no event is looked at twice.
        let (wanted, offered) = match (filter, offered) {
            // An endpoint that has all of it is none to the class: who wants the same elsewhere shares it.
            (Some(filter), Some(offered)) if offered.covers(&filter) => (filter, None),
            (Some(filter), offered) => (filter, offered),
            (None, offered) => (offered.unwrap_or_else(Filter::all), None),
        };
        let key = StreamFilter {
            wanted,
            allowed: access.allow,
            offered,
            latest: options.slow == SlowPolicy::Latest,
            presence,
            hold_ms: options.hold_ms(),
        };
        let mut bytes = Vec::with_capacity(512);
        request::write_head(form, &options, &mut bytes);
        let mut first = Vec::with_capacity(128);
        let retry_ms = options.retry.as_millis().min(u128::from(u32::MAX)) as u32;
        form.wrap(&mut first, |out| sse::retry(out, retry_ms));
        // What is told is what readers may see, whatever is published beyond it.
        let (head, newest, oldest) = (history.visible(), history.newest(), history.oldest());
        let resolved = start.resolve(newest, oldest, |start| history.replay_start(start, &key));
        let mut journal = None;
        let from = match resolved {
            Start::Live => {
                // The id of where it starts: who is cut before the first event resumes from here.
                encoder.heartbeat(form, head, &mut first);
                head.offset + 1
            }
            Start::From(offset) => offset,
            Start::Oldest(offset) => {
                journal = history.oldest_start(offset, &key);
                offset
            }
            Start::Replay(replay) => {
                replay.write(head.epoch, form, encoder, &mut first);
                replay.from
            }
            Start::InJournal(start) => {
                journal = Some(StartNote::LookedUp(start));
                // Before every event: the way to the first one leads through history, whatever the log has.
                0
            }
            Start::Reset { reason, asked } => {
                encoder.reset(form, reason, &asked, head, &mut first);
                head.offset + 1
            }
        };
        let oldest = (!options.max_age.is_zero())
            .then(|| deadline::after(Instant::now(), spread(options.max_age)));
        // The earlier of the two ends it, and decides what its client is told then.
        let ages = match (oldest, access.expires_at) {
            (Some(oldest), Some(expires)) => oldest < expires,
            (oldest, _) => oldest.is_some(),
        };
        let start = StreamStart {
            class: key.class(form),
            first,
            from,
            slow_options: options.slow_options(),
        };
        StreamPlan {
            head: bytes,
            heartbeat: options.heartbeat,
            expires_at: if ages { oldest } else { access.expires_at },
            ages,
            stream: PlannedStream {
                start,
                owner,
                journal,
            },
        }
    }
}

/// The same, up to a tenth more or less: connections that began together do not end together.
fn spread(age: Duration) -> Duration {
    // The hasher's random keys are the randomness.
    let random = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
    age.min(deadline::FAR).mul_f64(0.9 + random / 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_spread_by_a_tenth() {
        let age = Duration::from_secs(100);
        let ages: Vec<u64> = (0..200).map(|_| spread(age).as_secs()).collect();
        assert!(ages.iter().all(|age| (90..=110).contains(age)), "{ages:?}");
        assert!(ages.iter().min() != ages.iter().max());
    }
}
