//! Beginning and ending a subscription.

use std::sync::Arc;

use super::registry::NewSubscription;
use super::start::{Seek, StartPlan};
use super::{Receiver, StartFrom, Subscription};
use crate::hub::shared::Shared;
use crate::hub::{EndReason, SubscriptionError};
use crate::ring;

/// Makes a receiver of what a subscription wants, from where it starts.
pub(in crate::hub) fn open(
    shared: &Arc<Shared>,
    mut subscription: Subscription,
) -> Result<Receiver, SubscriptionError> {
    let filter = subscription.take_filter()?;
    // By an id it resumes after what the id names, or else after the newest of this moment: that one is told, so what
    // is published while it subscribes must come.
    let mut reset = None;
    if let Some(id) = subscription.resume.take() {
        let mut position = shared.position(shared.ring.visible());
        // One that is in flight is waited for: somebody may have published it and comes back to see it.
        match id.resolve_within(position, shared.ring.head()) {
            Ok(offset) => position.offset = offset,
            Err(unknown) => reset = Some(Box::new(unknown)),
        }
        subscription.start = StartFrom::After(position);
    }
    let plan = StartPlan::of(subscription.start, shared)?;
    // The cursor before the entry: who is listed as present misses nothing that is published from then on.
    let subscriber = shared
        .ring
        .subscribe(plan.ring)
        .map_err(|error| match error {
            ring::SubscribeError::InFuture { head } => SubscriptionError::InFuture {
                head,
                got: head + 1,
            },
            _ => SubscriptionError::TooManyReaders,
        })?;
    let (id, watches) = (subscription.id.take(), subscription.controls.presence);
    let class = shared.classes.get(&filter);
    let (entry, wakeups) = shared.registry.enter(NewSubscription {
        id,
        class: class.clone(),
        watches,
    })?;
    shared.wake(&wakeups);
    let mut receiver = Receiver::new(subscriber, shared.clone(), entry, class, subscription);
    receiver.stage.reset = reset;
    receiver.after = plan.after;
    match plan.seek {
        Seek::Stay => {}
        Seek::History => receiver.seek_beginning(),
        Seek::Time(nanos) => receiver.seek_time(nanos),
        Seek::Last(count) => receiver.seek_last(count),
        Seek::LastValues => receiver.seek_last_values(),
    }
    Ok(receiver)
}

/// Ends whatever has this id: a subscription, or members of presence sets. `false` where nothing has.
pub(in crate::hub) fn end(shared: &Shared, id: &str) -> bool {
    let registry = &shared.registry;
    if let Some((entry, wakeups)) = registry.remove_id(id) {
        shared.end(&entry, EndReason::Unsubscribed, &wakeups);
        return true;
    }
    let mut ended = false;
    // All that could have it: two sets may bear the same name, if their numbers differ.
    for set in registry.sets(|set| set.may_have(id)) {
        if let Some(wakeups) = registry.end_member(&set, id) {
            set.notify();
            shared.wake(&wakeups);
            ended = true;
        }
    }
    ended
}
