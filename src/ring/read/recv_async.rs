//! The future and the stream of values for a task that waits, on the list on which threads wait.
//!
//! No runtime is named: a future puts its waker on the list, and looks once more. All that a pending future has is its
//! place there, so that dropping one loses nothing.

use super::subscriber::Subscriber;
use super::value_ref::Ref;
use crate::ring::error::{Lagged, RecvError, TryRecvError};
use crate::ring::wait::{TaskWaker, Waiter};
use futures_core::Stream;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The place of a subscriber on the wait list, kept between its futures: a task that reads on allocates nothing.
pub(in crate::ring) struct TaskWaiter {
    waker: Arc<TaskWaker>,
    waiter: Waiter,
}

/// A future that takes the next value; see [`Subscriber::recv_async`].
#[must_use = "a future does nothing unless it is polled"]
pub struct RecvAsync<'a, T> {
    /// The subscriber; none when the value was taken.
    subscriber: Option<&'a mut Subscriber<T>>,
}

impl<'a, T> RecvAsync<'a, T> {
    pub(super) fn new(subscriber: &'a mut Subscriber<T>) -> Self {
        Self {
            subscriber: Some(subscriber),
        }
    }
}

/// Finds the next value, or leaves a waker.
fn poll_locate<T: Send + Sync + 'static>(
    subscriber: &mut Subscriber<T>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), RecvError>> {
    if let Poll::Ready(done) = located(subscriber) {
        disarm(subscriber);
        return Poll::Ready(done);
    }
    let cursor = subscriber.position();
    if subscriber.task.is_none() {
        let waker = TaskWaker::new();
        let waiter = subscriber.waiter(waker.clone());
        subscriber.task = Some(TaskWaiter { waker, waiter });
    }
    let task = subscriber.task.as_ref().expect("made above");
    // Before arming: who is woken from the list finds a waker there.
    task.waker.register(cx.waker());
    if task.waiter.arm(cursor) {
        return Poll::Pending;
    }
    // Something came between our first look and arming.
    let done = located(subscriber);
    if done.is_pending() {
        // A notification could not be promised: look again.
        cx.waker().wake_by_ref();
    }
    done
}

/// Finds the next value, if it is there.
fn located<T>(subscriber: &mut Subscriber<T>) -> Poll<Result<(), RecvError>> {
    Poll::Ready(match subscriber.locate() {
        Ok(()) => Ok(()),
        Err(TryRecvError::Empty) => return Poll::Pending,
        Err(TryRecvError::Lagged(lagged)) => Err(RecvError::Lagged(lagged)),
        Err(TryRecvError::Closed { abandoned }) => Err(RecvError::Closed { abandoned }),
    })
}

/// Takes a subscriber off the wait list.
fn disarm<T>(subscriber: &Subscriber<T>) {
    if let Some(task) = &subscriber.task {
        task.waiter.disarm();
    }
}

impl<'a, T: Send + Sync + 'static> Future for RecvAsync<'a, T> {
    type Output = Result<Ref<'a, T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let subscriber = self.subscriber.take().expect("polled after it was done");
        match poll_locate(subscriber, cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(subscriber.take())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.subscriber = Some(subscriber);
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for RecvAsync<'_, T> {
    fn drop(&mut self) {
        if let Some(subscriber) = &self.subscriber {
            disarm(subscriber);
        }
    }
}

/// Copies of all values to come. Ends when the ring is closed and read.
impl<T: Clone + Send + Sync + 'static> Stream for Subscriber<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        poll_locate(&mut self, cx).map(|located| match located {
            Ok(()) => Some(Ok(T::clone(&self.take()))),
            Err(RecvError::Lagged(lagged)) => Some(Err(lagged)),
            Err(RecvError::Closed { .. }) => None,
        })
    }
}

impl<T> fmt::Debug for RecvAsync<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvAsync").finish_non_exhaustive()
    }
}
