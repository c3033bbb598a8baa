//! The interface of an event streamer: subscribe, publish, close, four figures; a hub has it.

use crate::event::{Event, EventBuilder, EventFilter, EventRef, Position};
use crate::hub::{
    Hub, HubPublishError, Receiver, Subscription, SubscriptionError, SubscriptionStats,
};
use crate::settings::setters;

/// Options of a connection.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConnectionOptions {
    /// The subscription: its filter and its start.
    pub subscription: Subscription,
}

setters! {
    ConnectionOptions {
        subscription: Subscription,
    }
}

/// State of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamerConnectionStatus {
    /// The connection has missed nothing.
    Connected,
    /// The connection has missed events at least once.
    Lagging,
}

/// A connection and what it has done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamerConnection {
    /// Its id.
    pub id: String,
    /// Its state.
    pub status: StreamerConnectionStatus,
    /// The time of the last event delivered, nanoseconds since 1970.
    pub last_event_time: Option<i64>,
    /// Events delivered.
    pub events_delivered: u64,
}

/// Subscribes and publishes: the interface of an event streamer.
///
/// The methods stand in the order in which they are called: [`create_connection`](Self::create_connection), or one of the two
/// subscriptions that need no options, before the first publish that it is to see; then any publishing; last,
/// [`close_connection`](Self::close_connection), which ends a subscription from the other side than its receiver. The figures
/// are those of [`StreamerStats`].
pub trait EventStreamer: StreamerStats {
    /// Subscribes to what a filter takes.
    ///
    /// # Errors
    ///
    /// [`SubscriptionError`].
    fn subscribe_to(&self, filter: EventFilter) -> Result<Receiver, SubscriptionError>;

    /// Subscribes to a topic or pattern.
    ///
    /// # Errors
    ///
    /// [`SubscriptionError`].
    fn subscribe_to_topic(&self, topic: &str) -> Result<Receiver, SubscriptionError>;

    /// Makes a connection: a subscription with an id.
    ///
    /// # Errors
    ///
    /// [`SubscriptionError`].
    fn create_connection(&self, options: ConnectionOptions) -> Result<Receiver, SubscriptionError>;

    /// Publishes an event, under another topic than its own if one is given.
    ///
    /// # Errors
    ///
    /// [`HubPublishError`].
    fn publish_event(
        &self,
        event: EventRef<'_>,
        topic: Option<&str>,
    ) -> Result<Position, HubPublishError>;

    /// Publishes an event at a position that must be exactly the next.
    ///
    /// # Errors
    ///
    /// [`HubPublishError::Position`] says which one is next.
    fn publish_event_at(
        &self,
        event: EventRef<'_>,
        position: Position,
    ) -> Result<Position, HubPublishError>;

    /// Publishes all events at once, with contiguous positions, or none; none at all is fine.
    ///
    /// # Errors
    ///
    /// [`HubPublishError`]; a bad event is named by its index.
    fn publish_events(
        &self,
        events: &[Event],
        topic: Option<&str>,
    ) -> Result<Vec<Position>, HubPublishError>;

    /// Closes a connection; `false` where there is none of that id.
    fn close_connection(&self, id: &str) -> bool;
}

/// Figures of an event streamer: its connections, and where the events stand.
///
/// All of them may be asked for at any time; each is a picture of one moment.
pub trait StreamerStats {
    /// Returns the connections that live, sorted by id.
    fn active_connections(&self) -> Vec<StreamerConnection>;

    /// Returns what every subscription has done so far, sorted by id.
    fn subscription_stats(&self) -> Vec<SubscriptionStats>;

    /// Returns the position of the newest event.
    fn global_position(&self) -> Position;

    /// Returns the position of a stream; `None` for one that is not known.
    fn position_of_stream(&self, ty: &str, id: &str) -> Option<u64>;
}

impl EventStreamer for Hub {
    fn subscribe_to(&self, filter: EventFilter) -> Result<Receiver, SubscriptionError> {
        self.subscribe(Subscription::events(filter))
    }

    fn subscribe_to_topic(&self, topic: &str) -> Result<Receiver, SubscriptionError> {
        self.subscribe(topic)
    }

    fn create_connection(&self, options: ConnectionOptions) -> Result<Receiver, SubscriptionError> {
        self.subscribe(options.subscription)
    }

    fn publish_event(
        &self,
        event: EventRef<'_>,
        topic: Option<&str>,
    ) -> Result<Position, HubPublishError> {
        match topic {
            // An event that is in that topic already needs no copy.
            Some(topic) if topic != event.topic() => self.publish(&moved(event, topic)?),
            _ => self.publish(event),
        }
    }

    fn publish_event_at(
        &self,
        event: EventRef<'_>,
        position: Position,
    ) -> Result<Position, HubPublishError> {
        self.publish_at(position, event)
    }

    fn publish_events(
        &self,
        events: &[Event],
        topic: Option<&str>,
    ) -> Result<Vec<Position>, HubPublishError> {
        let offsets = match topic {
            None => self.publish_batch_iter(events)?,
            Some(topic) => {
                // All of them first: one that cannot be moved refuses the batch before anything is published.
                let mut all = Vec::with_capacity(events.len());
                for (index, event) in events.iter().enumerate() {
                    let event = moved(event.as_ref(), topic);
                    all.push(event.map_err(|error| error.with_index(index))?);
                }
                self.publish_batch_iter(&all)?
            }
        };
        let epoch = self.epoch();
        Ok(offsets.map(|offset| Position { epoch, offset }).collect())
    }

    fn close_connection(&self, id: &str) -> bool {
        self.unsubscribe(id)
    }
}

impl StreamerStats for Hub {
    fn active_connections(&self) -> Vec<StreamerConnection> {
        let connection = |stats: SubscriptionStats| StreamerConnection {
            status: match stats.gaps {
                0 => StreamerConnectionStatus::Connected,
                _ => StreamerConnectionStatus::Lagging,
            },
            id: stats.id,
            last_event_time: stats.last_event_time,
            events_delivered: stats.delivered,
        };
        self.subscriptions().into_iter().map(connection).collect()
    }

    fn subscription_stats(&self) -> Vec<SubscriptionStats> {
        self.subscriptions()
    }

    fn global_position(&self) -> Position {
        self.position()
    }

    fn position_of_stream(&self, ty: &str, id: &str) -> Option<u64> {
        self.stream_position(ty, id)
    }
}

fn moved(event: EventRef<'_>, topic: &str) -> Result<Event, crate::event::EventError> {
    EventBuilder::new().copy_from(event).topic(topic).build()
}
