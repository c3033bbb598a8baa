//! Waiting for room as a task: what a full ring is to those who publish.

use super::publisher::Publisher;
use crate::ring::builder::Overflow;
use crate::ring::core::Core;
use crate::ring::error::PublishError;
use crate::ring::multi::ClaimError;
use crate::ring::multi::SharedPublisher;
use crate::ring::read::TaskWaker;
use crate::ring::wait::WaitEntry;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Waits for room; see [`Publisher::publish_async`] and [`SharedPublisher::publish_async`].
#[must_use = "a future does nothing unless it is polled"]
pub struct PublishAsync<'a, T> {
    publisher: AnyPublisher<'a, T>,
    /// None when it is done.
    value: Option<T>,
    /// Made when there is no room.
    place: Option<(Arc<TaskWaker>, Arc<WaitEntry>)>,
}

enum AnyPublisher<'a, T> {
    Exclusive(&'a mut Publisher<T>),
    Shared(&'a SharedPublisher<T>),
}

impl<T> Publisher<T> {
    /// Publishes a value, and waits as a task while a gated reader holds a ring full that
    /// [blocks](Overflow::Block). Its timeout does not count here: a runtime has its own.
    ///
    /// A future that is dropped while it is pending has published nothing; the value goes with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::ring::{Builder, Overflow, Start};
    ///
    /// let waiting = Overflow::Block { timeout: None };
    /// let (mut publisher, ring) = Builder::new(1).overflow(waiting).build().unwrap();
    /// let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    /// futures::executor::block_on(async {
    ///     publisher.publish_async("a").await.unwrap();
    ///     // There is no room for the next one before the first is read.
    ///     let next = publisher.publish_async("b");
    ///     let read = async { *gated.recv_async().await.unwrap() };
    ///     assert_eq!(futures::future::join(next, read).await, (Ok(1), "a"));
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_publish`](Self::try_publish); `Full` on a ring that rejects only.
    pub fn publish_async(&mut self, value: T) -> PublishAsync<'_, T> {
        PublishAsync::new(AnyPublisher::Exclusive(self), value)
    }
}

impl<T> SharedPublisher<T> {
    /// Publishes a value, and waits as a task while a gated reader holds a ring full that
    /// [blocks](Overflow::Block). Its timeout does not count here: a runtime has its own.
    ///
    /// Its sequence is claimed when there is room for it, not before: a future that is dropped while it is pending has
    /// published nothing, and leaves no hole. Tasks that wait have no order among each other.
    ///
    /// # Examples
    ///
    /// ```
    /// let (publisher, ring) = eventring::ring::Builder::new(8).build_shared().unwrap();
    /// futures::executor::block_on(async {
    ///     let two = (publisher.publish_async("a"), publisher.publish_async("b"));
    ///     assert_eq!(futures::future::join(two.0, two.1).await, (Ok(0), Ok(1)));
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// Hands the value back: [`Closed`](PublishError::Closed), also while it waits;
    /// [`Full`](PublishError::Full) on a ring that rejects only. Elsewhere it waits, as [`publish`](Self::publish) does,
    /// for a publisher that was interrupted a lap ago: then the task asks to be polled again at once.
    pub fn publish_async(&self, value: T) -> PublishAsync<'_, T> {
        PublishAsync::new(AnyPublisher::Shared(self), value)
    }
}

impl<'a, T> PublishAsync<'a, T> {
    fn new(publisher: AnyPublisher<'a, T>, value: T) -> Self {
        Self {
            publisher,
            value: Some(value),
            place: None,
        }
    }

    fn core(&self) -> &Core<T> {
        match &self.publisher {
            AnyPublisher::Exclusive(publisher) => publisher.core(),
            AnyPublisher::Shared(publisher) => publisher.core(),
        }
    }

    /// Publishes, or says what to wait for.
    fn attempt(&mut self) -> Result<Result<u64, PublishError<T>>, ClaimError> {
        let value = self.value.take().expect("polled after it was done");
        let tried = match &mut self.publisher {
            AnyPublisher::Exclusive(publisher) => {
                publisher.try_publish(value).map_err(|error| match error {
                    PublishError::Full(value) => (ClaimError::Full, value),
                    error => (ClaimError::Closed, error.into_inner()),
                })
            }
            AnyPublisher::Shared(publisher) => publisher.attempt(value),
        };
        let (error, value) = match tried {
            Ok(sequence) => return Ok(Ok(sequence)),
            Err(refused) => refused,
        };
        if error == ClaimError::Closed {
            return Ok(Err(PublishError::Closed(value)));
        }
        if self.core().config.overflow == Overflow::Reject {
            return Ok(Err(PublishError::Full(value)));
        }
        self.value = Some(value);
        Err(error)
    }

    /// Leaves a waker with those who wait for room; false if it may not be called.
    fn arm(&mut self, cx: &Context<'_>) -> bool {
        let (waker, entry) = self.place.get_or_insert_with(|| {
            let waker = TaskWaker::new();
            (waker.clone(), Arc::new(WaitEntry::foreign(waker)))
        });
        waker.register(cx.waker());
        let entry = entry.clone();
        self.core().room.arm(&entry, 0)
    }

    fn disarm(&self) {
        if let Some((_, entry)) = &self.place {
            self.core().room.disarm(entry);
        }
    }
}

/// Nothing in it is pinned.
impl<T> Unpin for PublishAsync<'_, T> {}

impl<T> Future for PublishAsync<'_, T> {
    type Output = Result<u64, PublishError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut tried = self.attempt();
        if tried.is_err() {
            let sure = self.arm(cx);
            tried = self.attempt();
            // Whoever is about to stamp tells nobody when that is done. And a sleeper whose fence failed may not be
            // told either.
            let again = !sure || matches!(tried, Err(ClaimError::Unfinished));
            if again && tried.is_err() {
                cx.waker().wake_by_ref();
            }
        }
        match tried {
            Ok(done) => {
                self.disarm();
                Poll::Ready(done)
            }
            Err(_) => Poll::Pending,
        }
    }
}

impl<T> Drop for PublishAsync<'_, T> {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl<T> fmt::Debug for PublishAsync<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishAsync").finish_non_exhaustive()
    }
}
