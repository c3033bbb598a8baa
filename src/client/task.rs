//! A client as a stream for tasks: a thread reads, and wakes the task. No runtime is named.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::item::{ClientError, SseItem};
use super::transport::Stopper;
use super::ws::WsItem;

/// Items that wait for the task; then the thread waits, and with it the server.
const ITEMS_MAX: usize = 256;

/// The items of a client, for a task. Ends after an error. Dropping it stops the client.
///
/// ```no_run
/// use eventring::client::{SseItem, SseClient};
/// use futures::StreamExt;
///
/// # async fn read() -> Result<(), Box<dyn std::error::Error>> {
/// let client = SseClient::open("http://127.0.0.1:8080/api/v1/events/stream")?;
/// let mut items = client.into_stream()?;
/// while let Some(item) = items.next().await {
///     if let SseItem::Event(event) = item? {
///         println!("{}", event.data);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ClientItems<T> {
    shared: Arc<Shared<T>>,
    stopper: Stopper,
}

/// The items of an [`SseClient`](super::SseClient), for a task.
pub type SseItems = ClientItems<SseItem>;
/// The items of a [`WsClient`](super::WsClient), for a task.
pub type WsItems = ClientItems<WsItem>;

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    room: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<Result<T, ClientError>>,
    waker: Option<Waker>,
    /// Nobody reads, or nothing more comes.
    over: bool,
}

impl<T> Shared<T> {
    fn new() -> Self {
        let state = State {
            items: VecDeque::new(),
            waker: None,
            over: false,
        };
        Self {
            state: Mutex::new(state),
            room: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Whole whenever the lock is free, whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an item over; false: nobody wants more.
    fn put(&self, item: Result<T, ClientError>) -> bool {
        let mut state = self.lock();
        // A stream that is dropped ends this wait, too, or the thread would stay for ever.
        while state.items.len() >= ITEMS_MAX && !state.over {
            state = self
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.push(state, item)
    }

    /// Hands the last item over, room or not.
    fn end(&self, error: ClientError) {
        self.push(self.lock(), Err(error));
    }

    fn push(&self, mut state: MutexGuard<'_, State<T>>, item: Result<T, ClientError>) -> bool {
        if state.over {
            return false;
        }
        state.over = item.is_err();
        let goes_on = !state.over;
        state.items.push_back(item);
        let waker = state.waker.take();
        // Somebody else's code, which may do anything: never under the lock.
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        goes_on
    }
}

/// Ends the stream with an error when the thread that reads it panics: a task must not wait for ever.
struct Reader<T>(Arc<Shared<T>>);

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end(ClientError::Panicked);
        }
    }
}

impl<T: Send + 'static> ClientItems<T> {
    /// Reads on a thread of its own until an error comes or nobody wants more.
    pub(super) fn spawn(
        stopper: Stopper,
        mut next: impl FnMut() -> Result<T, ClientError> + Send + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new());
        let reader = Reader(shared.clone());
        let thread = std::thread::Builder::new().name("eventring-client".into());
        thread.spawn(move || while reader.0.put(next()) {})?;
        Ok(Self { shared, stopper })
    }
}

impl<T> Stream for ClientItems<T> {
    type Item = Result<T, ClientError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut waker = None;
        loop {
            let mut state = self.shared.lock();
            if let Some(item) = state.items.pop_front() {
                // First, or the thread that is woken would only wait for the lock.
                drop(state);
                self.shared.room.notify_one();
                return Poll::Ready(Some(item));
            }
            if state.over {
                return Poll::Ready(None);
            }
            // A waker is somebody else's code: it is cloned and dropped outside the lock.
            let replaced = match waker.take() {
                Some(waker) => state.waker.replace(waker),
                None => {
                    drop(state);
                    waker = Some(cx.waker().clone());
                    continue;
                }
            };
            drop(state);
            drop(replaced);
            return Poll::Pending;
        }
    }
}

impl<T> Drop for ClientItems<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.over = true;
        let waker = state.waker.take();
        drop(state);
        // Somebody else's code, as above.
        drop(waker);
        // The thread waits for room, or for the server: one of the two ends it. Nobody joins it, since a drop must not
        // wait.
        self.shared.room.notify_all();
        self.stopper.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Once: the stream stayed pending for ever.
    #[test]
    fn a_reader_that_panics_ends_its_stream_with_an_error() {
        let mut left = ITEMS_MAX;
        let items = ClientItems::spawn(Stopper::default(), move || {
            left = left.checked_sub(1).expect("a panic on purpose");
            Ok(left)
        });
        let items = futures::executor::block_on_stream(items.unwrap());
        let items: Vec<_> = items.collect();
        let (last, before) = items.split_last().unwrap();
        assert!(matches!(last, Err(ClientError::Panicked)), "{last:?}");
        assert_eq!(before.len(), ITEMS_MAX);
    }

    struct Meddler(Arc<Shared<()>>);

    impl std::task::Wake for Meddler {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for Meddler {
        fn drop(&mut self) {
            drop(self.0.lock());
        }
    }

    /// Once: a waker that locks when it is dropped hung the task.
    #[test]
    fn a_waker_that_is_replaced_is_dropped_outside_the_lock() {
        let shared = Arc::new(Shared::new());
        let mut items = Box::pin(ClientItems {
            shared: shared.clone(),
            stopper: Stopper::default(),
        });
        for _ in 0..2 {
            let waker = Waker::from(Arc::new(Meddler(shared.clone())));
            let polled = items.as_mut().poll_next(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        drop(items);
    }
}
