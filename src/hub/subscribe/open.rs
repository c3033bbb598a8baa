//! Subscribing, ending it, and who is there.

use std::sync::Arc;

use crate::event::Filter;
use crate::ring;

use super::Cursor;
use super::Receiver;
use super::registry::{NewSubscription, SubscriptionStats};
use super::{Start, Subscription};
use crate::hub::Hub;
use crate::hub::class::Class;
use crate::hub::{EndReason, SubscribeError};

impl Hub {
    /// Subscribes: makes a receiver of what the subscription wants, from where it starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::event::Event;
    /// use eventring::hub::{Hub, Subscription, TryRecvError};
    ///
    /// let hub = Hub::new();
    /// let mut orders = hub.subscribe(Subscription::topic("orders.>"))?;
    /// hub.publish(Event::new("users.created", "user").build().unwrap()).unwrap();
    /// assert_eq!(orders.try_recv(), Err(TryRecvError::Empty));
    /// # Ok::<(), eventring::hub::SubscribeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SubscribeError`]: a bad filter (with everything that is wrong with it), an id that lives, a position of
    /// another epoch or beyond the newest, too many readers.
    pub fn subscribe(&self, mut subscription: Subscription) -> Result<Receiver, SubscribeError> {
        let filter = subscription.take_filter()?;
        let (start, seek) = self.ring_start(subscription.start)?;
        let subscriber = self
            .shared
            .ring
            .subscribe(start)
            .map_err(|error| match error {
                ring::SubscribeError::InFuture { head } => SubscribeError::InFuture {
                    head,
                    got: head + 1,
                },
                _ => SubscribeError::TooManyReaders,
            })?;
        let (id, watches) = (subscription.id.take(), subscription.controls.presence);
        let class = self.shared.classes.get(&filter);
        let (entry, wakeups) = self.shared.registry.enter(NewSubscription {
            id,
            class: class.clone(),
            watches,
        })?;
        self.shared.wake(&wakeups);
        let mut receiver =
            Receiver::new(subscriber, self.shared.clone(), entry, class, subscription);
        match seek {
            Seek::Stay => {}
            Seek::History => receiver.seek_beginning(),
            Seek::Time(nanos) => receiver.seek_time(nanos),
            Seek::Last(count) => receiver.seek_last(count),
            Seek::LastValues => receiver.seek_last_values(),
        }
        Ok(receiver)
    }

    /// Ends the subscription of that id: its receiver gets nothing more, and a receive that waits ends at once, with
    /// `Unsubscribed`. `false` where no such subscription lives.
    pub fn unsubscribe(&self, id: &str) -> bool {
        let registry = &self.shared.registry;
        if let Some((entry, wakeups)) = registry.take(id) {
            self.shared.end(&entry, EndReason::Unsubscribed, &wakeups);
            return true;
        }
        let mut ended = false;
        for set in registry.sets(|set| set.may_have(id)) {
            if let Some(wakeups) = registry.end_member(&set, id) {
                set.notify();
                self.shared.wake(&wakeups);
                ended = true;
            }
        }
        ended
    }

    /// Returns the ids of the subscriptions that would get an event of this topic, were it not for its type and the
    /// rest of it, sorted: who listens there.
    pub fn presence(&self, topic: &str) -> Vec<String> {
        self.present(topic, usize::MAX).ids
    }

    /// Returns what every subscription has done so far, sorted by id.
    pub fn subscriptions(&self) -> Vec<SubscriptionStats> {
        let head = self.head();
        let all = self.shared.registry.all(|_| true);
        all.iter().map(|entry| entry.stats(head)).collect()
    }

    /// Returns what one subscription has done so far; `None` where no such one lives.
    pub fn subscription(&self, id: &str) -> Option<SubscriptionStats> {
        let entry = self.shared.registry.find(id)?;
        Some(entry.stats(self.head()))
    }

    /// Creates a cursor over everything, which stands after the newest event.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::TooManyReaders`].
    pub fn cursor(&self) -> Result<Cursor, SubscribeError> {
        match self.shared.ring.subscribe(ring::Start::Newest) {
            Ok(subscriber) => Ok(Cursor::new(subscriber, self.shared.ring.clone())),
            Err(_) => Err(SubscribeError::TooManyReaders),
        }
    }

    /// Returns the class of a filter: one for all equal filters, as long as somebody holds it.
    pub fn class(&self, filter: &Filter) -> Arc<Class> {
        self.shared.classes.get(&filter.clone().into())
    }

    fn ring_start(&self, start: Start) -> Result<(ring::Start, Seek), SubscribeError> {
        let position = match start {
            Start::Now | Start::Last(0) => return Ok((ring::Start::Newest, Seek::Stay)),
            Start::Beginning => return Ok((ring::Start::Oldest, Seek::History)),
            Start::LastValues => return Ok((ring::Start::Oldest, Seek::LastValues)),
            Start::Timestamp(nanos) => return Ok((ring::Start::Oldest, Seek::Time(nanos))),
            Start::Last(count) => return Ok((ring::Start::Oldest, Seek::Last(count))),
            Start::After(position) => position,
        };
        let (expected, head) = (self.shared.epoch, self.head());
        if position.epoch != expected {
            return Err(SubscribeError::Epoch {
                expected,
                got: position.epoch,
            });
        }
        if position.offset > head {
            return Err(SubscribeError::InFuture {
                head,
                got: position.offset,
            });
        }
        // The event after offset n has sequence n.
        Ok((ring::Start::At(position.offset), Seek::Stay))
    }
}

/// What a start needs to look for before it is one.
enum Seek {
    Stay,
    History,
    LastValues,
    Time(i64),
    Last(usize),
}
