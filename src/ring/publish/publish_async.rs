//! The future of a value that waits for room in a full ring.

use super::publisher::Publisher;
use crate::ring::builder::Overflow;
use crate::ring::core::Core;
use crate::ring::error::PublishError;
use crate::ring::multi::{ClaimError, SharedPublisher};
use crate::ring::wait::{TaskWaker, WaitEntry};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A future that publishes when there is room; see [`Publisher::publish_async`] and [`SharedPublisher::publish_async`].
#[must_use = "a future does nothing unless it is polled"]
pub struct PublishAsync<'a, T> {
    publisher: AnyPublisher<'a, T>,
    /// The value to be published; none when that is done.
    value: Option<T>,
    /// The place on the wait list, made when there is no room for the first time.
    place: Option<(Arc<TaskWaker>, Arc<WaitEntry>)>,
}

/// Either kind of publisher.
enum AnyPublisher<'a, T> {
    Exclusive(&'a mut Publisher<T>),
    Shared(&'a SharedPublisher<T>),
}

impl<'a, T> PublishAsync<'a, T> {
    /// Makes the future of a ring's only publisher.
    pub(super) fn exclusive(publisher: &'a mut Publisher<T>, value: T) -> Self {
        Self::new(AnyPublisher::Exclusive(publisher), value)
    }

    /// Makes the future of a publisher among several.
    pub(in crate::ring) fn shared(publisher: &'a SharedPublisher<T>, value: T) -> Self {
        Self::new(AnyPublisher::Shared(publisher), value)
    }

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
            // Once more behind the fence in `arm` (I6): room that came before it would wake nobody.
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
