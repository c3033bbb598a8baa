//! The trait of what can be published: an event, owned or viewed.

use std::sync::Arc;

use super::event::Event;
use super::event_ref::EventRef;

/// Implemented by what is an event or holds one, so that it can be published: by value, by reference or as a view.
///
/// # Examples
///
/// ```
/// use eventring::event::{AsEvent, Event};
///
/// fn topic_of(event: impl AsEvent) -> String {
///     event.as_event().topic().to_owned()
/// }
///
/// let event = Event::builder("orders.created", "order").build()?;
/// assert_eq!(topic_of(&event), "orders.created");
/// assert_eq!(topic_of(event.as_ref()), "orders.created");
/// assert_eq!(topic_of(event), "orders.created");
/// # Ok::<(), eventring::event::EventError>(())
/// ```
pub trait AsEvent {
    /// Views the event.
    fn as_event(&self) -> EventRef<'_>;

    /// Makes an owned event of it: without a copy where it is one, else a copy.
    fn into_event(self) -> Event
    where
        Self: Sized,
    {
        self.as_event().to_event()
    }
}

impl AsEvent for Event {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        self.as_ref()
    }

    fn into_event(self) -> Event {
        self
    }
}

impl AsEvent for EventRef<'_> {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        *self
    }
}

impl<T: AsEvent + ?Sized> AsEvent for &T {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        (**self).as_event()
    }
}

impl<T: AsEvent + ?Sized> AsEvent for Arc<T> {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        (**self).as_event()
    }
}
