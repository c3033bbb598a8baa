//! Receiving as a task: futures and a stream on the wait lists on which threads sleep.
//!
//! No runtime is named, and no thread is started: a future leaves its waker, and whoever publishes what it wants wakes
//! it. All that a pending future has is the receiver's place on a wait list, so that dropping one loses nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::past::ReadOn;
use super::{Delivery, Receiver};
use crate::hub::subscribe::Item;
use crate::hub::{EndReason, Gap, ReceiveError, TryReceiveError};
use crate::ring::TaskWaker;

/// Waits for an event; see [`Receiver::recv_async`].
#[must_use = "a future does nothing unless it is polled"]
struct ReceiveFuture<'a> {
    receiver: &'a mut Receiver,
}

/// Waits for the next thing there is to tell; see [`Receiver::next_item_async`].
#[must_use = "a future does nothing unless it is polled"]
struct NextItemFuture<'a> {
    receiver: &'a mut Receiver,
}

/// The events of a subscription as a stream; see [`Receiver::into_stream`].
#[must_use = "a stream does nothing unless it is polled"]
pub struct ReceiverStream {
    receiver: Receiver,
}

impl Receiver {
    /// Receives the next event, and waits for it as a task.
    ///
    /// A future that is dropped while it is pending has taken nothing: the next receive goes on where this one was.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::{Event, Hub};
    ///
    /// let hub = Hub::new();
    /// let mut orders = hub.subscribe("orders.*").unwrap();
    /// let publishing = std::thread::spawn(move || {
    ///     hub.publish(Event::builder("orders.eu", "OrderPlaced").build().unwrap()).unwrap()
    /// });
    /// futures::executor::block_on(async { // or tokio, or smol
    ///     assert_eq!(orders.recv_async().await.unwrap().event.ty(), "OrderPlaced");
    /// });
    /// # publishing.join().unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_async(
        &mut self,
    ) -> impl Future<Output = Result<Delivery, ReceiveError>> + fmt::Debug {
        ReceiveFuture { receiver: self }
    }

    /// As [`next_item`](Self::next_item), waiting as a task. It has no clock, so there are no heartbeats.
    ///
    /// # Errors
    ///
    /// As [`next_item`](Self::next_item).
    pub fn next_item_async(
        &mut self,
    ) -> impl Future<Output = Result<Item, EndReason>> + fmt::Debug {
        NextItemFuture { receiver: self }
    }

    /// Makes a [`Stream`] of the events and gaps, which ends when the subscription does. What else there is to tell is in
    /// that of [`into_items`](Self::into_items). (The receiver itself is an
    /// [`Iterator`]: were it both, `next` and `map` would mean two things.)
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::{Event, Hub, Subscription};
    /// use futures::StreamExt;
    ///
    /// let hub = Hub::new();
    /// let mut all = hub.subscribe(Subscription::all()).unwrap().into_stream();
    /// hub.publish(Event::builder("t", "one").build().unwrap()).unwrap();
    /// hub.close();
    /// futures::executor::block_on(async {
    ///     assert_eq!(all.next().await.unwrap().unwrap().position.offset, 1);
    ///     assert!(all.next().await.is_none());
    /// });
    /// ```
    pub fn into_stream(self) -> ReceiverStream {
        ReceiverStream { receiver: self }
    }

    /// Finds the next event, or leaves a waker. With `controls`, one that waits is `None`.
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        controls: bool,
    ) -> Poll<Result<Option<Delivery>, ReceiveError>> {
        let found = match self.next_below(u64::MAX, ReadOn::ReadSide) {
            Err(TryReceiveError::Empty) if controls && self.entry.has_controls() => {
                return Poll::Ready(Ok(None));
            }
            Err(TryReceiveError::Empty) if self.past.is_some() => {
                self.wait_for_past(cx);
                return Poll::Pending;
            }
            Err(TryReceiveError::Empty) => {
                let waker = self.waker.get_or_insert_with(TaskWaker::new).clone();
                waker.register(cx.waker());
                // Before it lies down: whoever wakes it between the two must find the waker.
                self.entry.waiter.set_notify(Some(waker));
                let asleep = self.begin_wait(false);
                // What was published before it lay down; for the rest others watch.
                let found = self.scan_next(u64::MAX, ReadOn::ReadSide);
                if found == Err(TryReceiveError::Empty) {
                    // It fell off the ring meanwhile.
                    if self.past.is_some() {
                        self.end_wait();
                        self.wait_for_past(cx);
                        return Poll::Pending;
                    }
                    if controls && self.entry.has_controls() {
                        self.end_wait();
                        return Poll::Ready(Ok(None));
                    }
                    // Closed or ended since it looked: no publisher will wake it, so it polls again.
                    if !asleep {
                        cx.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
                self.end_wait();
                found
            }
            found => found,
        };
        Poll::Ready(match found {
            Ok(delivery) => Ok(Some(delivery)),
            Err(TryReceiveError::Gap(gap)) => Err(ReceiveError::Gap(gap)),
            Err(TryReceiveError::Unsubscribed) => Err(ReceiveError::Unsubscribed),
            Err(TryReceiveError::TopicDeleted) => Err(ReceiveError::TopicDeleted),
            // Nothing is left empty above: it is pending there.
            Err(TryReceiveError::Closed | TryReceiveError::Empty) => Err(ReceiveError::Closed),
        })
    }

    /// Has the task polled again when more of the journal was read, or when other tasks had their turn.
    fn wait_for_past(&mut self, cx: &mut Context<'_>) {
        let waker = self.waker.get_or_insert_with(TaskWaker::new).clone();
        waker.register(cx.waker());
        if !self.arm_past(waker) {
            cx.waker().wake_by_ref();
        }
    }

    pub(super) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Result<Item, EndReason>> {
        loop {
            if let Some(item) = self.item_before_events() {
                return Poll::Ready(Ok(item));
            }
            if let Some(item) = self.item_until_caught_up(ReadOn::ReadSide)? {
                return Poll::Ready(Ok(item));
            }
            if self.is_catching_up() {
                self.wait_for_past(cx);
                return Poll::Pending;
            }
            let reason = match self.poll_next(cx, true) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Some(delivery))) => return Poll::Ready(Ok(Item::Event(delivery))),
                Poll::Ready(Ok(None)) => continue,
                Poll::Ready(Err(ReceiveError::Gap(gap))) => {
                    return Poll::Ready(Ok(Item::Gap(gap)));
                }
                Poll::Ready(Err(ReceiveError::Closed)) => EndReason::Closed,
                Poll::Ready(Err(ReceiveError::Unsubscribed)) => EndReason::Unsubscribed,
                Poll::Ready(Err(ReceiveError::TopicDeleted)) => EndReason::TopicDeleted,
            };
            return Poll::Ready(self.end(reason));
        }
    }
}

impl ReceiverStream {
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

impl Future for ReceiveFuture<'_> {
    type Output = Result<Delivery, ReceiveError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Without controls there always is an event where there is no error.
        let polled = self.receiver.poll_next(cx, false)?;
        polled.map(|delivery| delivery.ok_or(ReceiveError::Closed))
    }
}

impl Future for NextItemFuture<'_> {
    type Output = Result<Item, EndReason>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.receiver.poll_item(cx)
    }
}

impl Stream for ReceiverStream {
    type Item = Result<Delivery, Gap>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.receiver.poll_next(cx, false);
        polled.map(|received| match received {
            Ok(delivery) => delivery.map(Ok),
            Err(ReceiveError::Gap(gap)) => Some(Err(gap)),
            Err(_) => None,
        })
    }
}

impl Drop for ReceiveFuture<'_> {
    fn drop(&mut self) {
        self.receiver.end_wait();
    }
}

impl Drop for NextItemFuture<'_> {
    fn drop(&mut self) {
        self.receiver.end_wait();
    }
}

impl fmt::Debug for ReceiveFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReceiveFuture")
            .field(&self.receiver)
            .finish()
    }
}

impl fmt::Debug for NextItemFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NextItemFuture")
            .field(&self.receiver)
            .finish()
    }
}

impl fmt::Debug for ReceiverStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReceiverStream")
            .field(&self.receiver)
            .finish()
    }
}
