//! A client as a stream for tasks: a thread reads, and wakes the task. No runtime is named.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::item::{ClientError, Item};
use super::sse::SseClient;
use super::stop::Stopper;
use super::ws::{WsClient, WsItem};

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
pub struct ClientItems<T> {
    shared: Arc<Shared<T>>,
    stopper: Stopper,
}

/// The items of an [`SseClient`], for a task.
pub type SseItems = ClientItems<Item>;
/// The items of a [`WsClient`], for a task.
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
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an item over; false: nobody wants more.
    fn put(&self, item: Result<T, ClientError>) -> bool {
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

impl<T: Send + 'static> ClientItems<T> {
    /// Reads on a thread of its own until an error comes or nobody wants more.
    fn spawn(
        stopper: Stopper,
        mut next: impl FnMut() -> Result<T, ClientError> + Send + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new());
        let theirs = shared.clone();
        let thread = std::thread::Builder::new().name("eventring-client".into());
        thread.spawn(move || while theirs.put(next()) {})?;
        Ok(Self { shared, stopper })
    }
}

impl SseClient {
    /// Reads on a thread of its own, for a task.
    ///
    /// # Errors
    ///
    /// What the system returned when it refused a thread.
    pub fn into_stream(mut self) -> std::io::Result<SseItems> {
        ClientItems::spawn(self.stopper(), move || self.next_item())
    }
}

impl WsClient {
    /// Reads on a thread of its own, for a task.
    ///
    /// # Errors
    ///
    /// What the system returned when it refused a thread.
    pub fn into_stream(mut self) -> std::io::Result<WsItems> {
        ClientItems::spawn(self.stopper(), move || self.next_item())
    }
}

impl<T> Stream for ClientItems<T> {
    type Item = Result<T, ClientError>;

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

impl<T> Drop for ClientItems<T> {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.room.notify_all();
        self.stopper.stop();
    }
}
