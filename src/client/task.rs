//! The client as a stream for tasks: a thread reads, and wakes the task. No runtime is named.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::item::{ClientError, Item};
use super::sse::SseClient;
use super::stop::Stopper;

/// Items that wait for the task; then the thread waits, and with it the server.
const ITEMS_MAX: usize = 256;

/// The items of a client, for a task. Ends after an error. Dropping it stops the client.
///
/// ```no_run
/// use eventring::client::{Item, SseClient};
/// use futures::StreamExt;
///
/// # async fn read() -> Result<(), Box<dyn std::error::Error>> {
/// let client = SseClient::open("http://127.0.0.1:8080/api/v1/events/stream")?;
/// let mut items = client.into_stream()?;
/// while let Some(item) = items.next().await {
///     if let Item::Event(event) = item? {
///         println!("{}", event.data);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SseItems {
    shared: Arc<Shared>,
    stopper: Stopper,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    room: Condvar,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Result<Item, ClientError>>,
    waker: Option<Waker>,
    /// Nobody reads, or nothing more comes.
    over: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an item over; false: nobody wants more.
    fn put(&self, item: Result<Item, ClientError>) -> bool {
        let mut state = self.lock();
        while state.items.len() >= ITEMS_MAX && !state.over {
            state = self
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.over {
            return false;
        }
        state.over = item.is_err();
        let goes_on = !state.over;
        state.items.push_back(item);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        goes_on
    }
}

impl SseClient {
    /// Reads on a thread of its own, for a task.
    ///
    /// # Errors
    ///
    /// What the system returned when it refused a thread.
    pub fn into_stream(mut self) -> std::io::Result<SseItems> {
        let stopper = self.stopper();
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let thread = std::thread::Builder::new().name("eventring-client".into());
        thread.spawn(move || while theirs.put(self.next_item()) {})?;
        Ok(SseItems { shared, stopper })
    }
}

impl Stream for SseItems {
    type Item = Result<Item, ClientError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.shared.lock();
        if let Some(item) = state.items.pop_front() {
            drop(state);
            self.shared.room.notify_one();
            return Poll::Ready(Some(item));
        }
        if state.over {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for SseItems {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.room.notify_all();
        self.stopper.stop();
    }
}
