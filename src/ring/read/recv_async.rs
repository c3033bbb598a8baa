//! Waiting for a value as a task: a future and a stream on the list on which threads wait.
//!
//! No runtime is named: a future puts its waker on the list, and looks once more. All that a pending future has is its
//! place there, so that dropping one loses nothing.

use super::subscriber::{Ref, Subscriber};
use crate::ring::error::{Lagged, RecvError, TryRecvError};
use crate::ring::wait::Notify;
use crate::ring::wait::Waiter;
use crate::sync::Mutex;
use futures_core::Stream;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The waker of the task that waits, if one does.
pub(crate) struct TaskWaker(Mutex<Option<Waker>>);

impl TaskWaker {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(None)))
    }

    pub(crate) fn register(&self, waker: &Waker) {
        // A waker is foreign code: it is cloned before the lock is taken, and the old one dropped after.
        let is_there = |old: &Waker| old.will_wake(waker);
        if self.0.lock().as_ref().is_some_and(is_there) {
            return;
        }
        let waker = waker.clone();
        let old = self.0.lock().replace(waker);
        drop(old);
    }
}

impl Notify for TaskWaker {
    fn notify(&self) {
        // Each waker that is taken is woken, so a task that registers again meanwhile is woken once too often, not never.
        let waker = self.0.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A subscriber's place on the wait list, kept between its futures.
pub(in crate::ring) struct TaskWaiter {
    waker: Arc<TaskWaker>,
    waiter: Waiter,
}

/// Waits for a value; see [`Subscriber::recv_async`].
#[must_use = "a future does nothing unless it is polled"]
pub struct RecvAsync<'a, T> {
    /// None when it is done.
    subscriber: Option<&'a mut Subscriber<T>>,
}

impl<T: Send + Sync + 'static> Subscriber<T> {
    /// Takes the next value, and waits as a task until it is there.
    ///
    /// A future that is dropped while it is pending has taken nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::ring::{self, Start};
    ///
    /// let (mut publisher, ring) = ring::channel(16).unwrap();
    /// let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    /// let publishing = std::thread::spawn(move || publisher.publish("value").unwrap());
    /// futures::executor::block_on(async {
    ///     assert_eq!(*subscriber.recv_async().await.unwrap(), "value");
    /// });
    /// # publishing.join().unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_async(&mut self) -> RecvAsync<'_, T> {
        RecvAsync {
            subscriber: Some(self),
        }
    }

    /// Finds the next value, or leaves a waker.
    fn poll_locate(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RecvError>> {
        if let Poll::Ready(done) = self.located() {
            self.disarm();
            return Poll::Ready(done);
        }
        let cursor = self.position();
        if self.task.is_none() {
            let waker = TaskWaker::new();
            let waiter = self.waiter(waker.clone());
            self.task = Some(TaskWaiter { waker, waiter });
        }
        let task = self.task.as_ref().expect("made above");
        task.waker.register(cx.waker());
        if task.waiter.arm(cursor) {
            return Poll::Pending;
        }
        let done = self.located();
        if done.is_pending() {
            // A notification could not be promised: look again.
            cx.waker().wake_by_ref();
        }
        done
    }

    fn located(&mut self) -> Poll<Result<(), RecvError>> {
        Poll::Ready(match self.locate() {
            Ok(()) => Ok(()),
            Err(TryRecvError::Empty) => return Poll::Pending,
            Err(TryRecvError::Lagged(lagged)) => Err(RecvError::Lagged(lagged)),
            Err(TryRecvError::Closed) => Err(RecvError::Closed),
        })
    }
}

impl<T> Subscriber<T> {
    fn disarm(&self) {
        if let Some(task) = &self.task {
            task.waiter.disarm();
        }
    }
}

impl<'a, T: Send + Sync + 'static> Future for RecvAsync<'a, T> {
    type Output = Result<Ref<'a, T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let subscriber = self.subscriber.take().expect("polled after it was done");
        match subscriber.poll_locate(cx) {
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
            subscriber.disarm();
        }
    }
}

/// Copies of all values to come. Ends when the ring is closed and read.
impl<T: Clone + Send + Sync + 'static> Stream for Subscriber<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_locate(cx).map(|located| match located {
            Ok(()) => Some(Ok(T::clone(&self.take()))),
            Err(RecvError::Lagged(lagged)) => Some(Err(lagged)),
            Err(RecvError::Closed) => None,
        })
    }
}

impl<T> fmt::Debug for RecvAsync<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvAsync").finish_non_exhaustive()
    }
}
