//! The stream of everything there is to tell: events, gaps, resets, the moment of having caught up, controls, the end.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_core::stream::FusedStream;

use super::Receiver;
use crate::hub::EndReason;
use crate::hub::subscribe::Item;

/// Everything there is to tell of a subscription, as a stream; see [`Receiver::into_items`].
#[must_use = "a stream does nothing unless it is polled"]
pub struct ItemStream {
    receiver: Receiver,
    /// The reason of the end was told.
    ended: bool,
}

impl Receiver {
    /// Makes a [`Stream`] of everything there is to tell: what [`next_item`](Self::next_item) tells, then the reason of
    /// the end, once. [`into_stream`](Self::into_stream) is the one of events and gaps alone.
    ///
    /// Unless [`Controls`](crate::hub::Controls) say otherwise, the first item is `Connected` and the last one before the
    /// reason is `Disconnected`, which has it too.
    ///
    /// Nothing is taken before it is handed out: a `next` that is dropped while it is pending loses nothing. There is no
    /// clock in it, so there are no heartbeats; any runtime drives it.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::hub::{Controls, EndReason, Item};
    /// use eventring::{Event, Hub, Subscription};
    /// use futures::StreamExt;
    ///
    /// let hub = Hub::new();
    /// let all = Subscription::all().controls(Controls::none());
    /// let mut items = hub.subscribe(all)?.into_items();
    /// hub.publish(Event::builder("t", "one").build()?)?;
    /// hub.close();
    /// futures::executor::block_on(async { // or tokio, or smol
    ///     assert!(matches!(items.next().await, Some(Ok(Item::CaughtUp(_)))));
    ///     assert!(matches!(items.next().await, Some(Ok(Item::Event(_)))));
    ///     assert_eq!(items.next().await, Some(Err(EndReason::Closed)));
    ///     assert_eq!(items.next().await, None);
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_items(self) -> ItemStream {
        ItemStream {
            receiver: self,
            ended: false,
        }
    }
}

impl ItemStream {
    /// Returns the receiver, for its figures.
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Goes back to the receiver; nothing is lost.
    pub fn into_receiver(mut self) -> Receiver {
        self.receiver.end_wait();
        self.receiver
    }
}

impl Stream for ItemStream {
    type Item = Result<Item, EndReason>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = ready!(self.receiver.poll_item(cx));
        self.ended = item.is_err();
        Poll::Ready(Some(item))
    }
}

impl FusedStream for ItemStream {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl fmt::Debug for ItemStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ItemStream").field(&self.receiver).finish()
    }
}
