//! The same ring under several runtimes: nothing here names one but the functions that run a future.

use eventring::ring::{
    self, Builder, Fencing, Lagged, Overflow, PublishAsync, PublishError, RecvAsync, RecvError,
    SharedPublisher, Start,
};
use futures::StreamExt;
use futures::future::{join, poll_fn};
use futures::task::noop_waker_ref;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};
use std::thread;

const WAITING: Overflow = Overflow::Block { timeout: None };

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs two tasks to the end, each on a runtime of its kind.
fn everywhere(tasks: impl Fn() -> (Task, Task)) {
    let (left, right) = tasks();
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    tokio.block_on(async {
        let (left, right) = (tokio.spawn(left), tokio.spawn(right));
        left.await.unwrap();
        right.await.unwrap();
    });
    let (left, right) = tasks();
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    tokio.block_on(join(left, right));
    let (left, right) = tasks();
    smol::block_on(async {
        let (left, right) = (smol::spawn(left), smol::spawn(right));
        left.await;
        right.await;
    });
    let (left, right) = tasks();
    futures::executor::block_on(join(left, right));
    // And with a thread for each.
    let (left, right) = tasks();
    let left = thread::spawn(move || futures::executor::block_on(left));
    smol::block_on(right);
    left.join().unwrap();
}

#[test]
fn values_arrive_under_every_runtime() {
    for fencing in [Fencing::Auto, Fencing::Fence] {
        everywhere(|| {
            let builder = Builder::new(4).overflow(WAITING).fencing(fencing);
            let (mut publisher, ring) = builder.build::<u64>().unwrap();
            let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
            let publishing = async move {
                for value in 0..2_000 {
                    assert_eq!(publisher.publish_async(value).await, Ok(value));
                }
            };
            let reading = async move {
                for want in 0..2_000 {
                    assert_eq!(*gated.recv_async().await.unwrap(), want);
                }
                assert_eq!(
                    gated.recv_async().await.unwrap_err(),
                    RecvError::Closed { abandoned: false }
                );
            };
            (Box::pin(publishing), Box::pin(reading))
        });
    }
}

#[test]
fn a_stream_tells_lag_and_ends() {
    let (mut publisher, ring) = ring::channel(2).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    let mut context = Context::from_waker(noop_waker_ref());
    assert!(subscriber.poll_next_unpin(&mut context).is_pending());
    for value in 0..5 {
        publisher.publish(value.to_string()).unwrap();
    }
    publisher.close();
    let all: Vec<_> = futures::executor::block_on(subscriber.collect());
    let lagged = Lagged {
        missed: 3,
        resume_at: 3,
    };
    assert_eq!(all, [Err(lagged), Ok("3".to_owned()), Ok("4".to_owned())]);
}

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_pending_future_that_is_dropped_loses_nothing() {
    let (mut publisher, ring) = ring::channel::<u64>(8).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    let count = Arc::new(Count::default());
    let waker = count.clone().into();
    let mut context = Context::from_waker(&waker);
    {
        let future: RecvAsync<'_, _> = subscriber.recv_async();
        let mut future = pin!(future);
        assert!(future.as_mut().poll(&mut context).is_pending());
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    publisher.publish(0).unwrap();
    assert_eq!(count.0.load(Ordering::Relaxed), 0, "off the list");
    {
        // Woken, and dropped before it looks.
        assert_eq!(*subscriber.try_recv().unwrap(), 0);
        let mut future = pin!(subscriber.recv_async());
        assert!(future.as_mut().poll(&mut context).is_pending());
        publisher.publish(1).unwrap();
        publisher.publish(2).unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), 1, "told once");
    }
    let mut future = pin!(subscriber.recv_async());
    let Poll::Ready(Ok(value)) = future.as_mut().poll(&mut context) else {
        panic!("it is there");
    };
    assert_eq!(*value, 1);
}

#[test]
fn the_last_waker_counts() {
    let (mut publisher, ring) = ring::channel::<u64>(8).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    let [first, second] = [Arc::new(Count::default()), Arc::new(Count::default())];
    let mut future = pin!(subscriber.recv_async());
    for count in [&first, &second] {
        let waker = count.clone().into();
        let pending = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(pending.is_pending());
    }
    publisher.publish(0).unwrap();
    let woken = [first, second].map(|count| count.0.load(Ordering::Relaxed));
    assert_eq!(woken, [0, 1]);
}

#[test]
fn publishing_waits_where_the_ring_blocks() {
    let mut context = Context::from_waker(noop_waker_ref());
    let (mut publisher, ring) = Builder::new(1).overflow(WAITING).build().unwrap();
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    publisher.publish(0).unwrap();
    {
        let future: PublishAsync<'_, _> = publisher.publish_async(1);
        let mut future = pin!(future);
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(ring.head(), 1, "dropped, not published");
    {
        let mut future = pin!(publisher.publish_async(1));
        assert!(future.as_mut().poll(&mut context).is_pending());
        assert_eq!(*gated.try_recv().unwrap(), 0);
        assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(Ok(1)));
    }
    let rejecting = Builder::new(1).overflow(Overflow::Reject);
    let (mut publisher, ring) = rejecting.build().unwrap();
    let _gated = ring.subscribe_gated(Start::Newest).unwrap();
    futures::executor::block_on(async {
        assert_eq!(publisher.publish_async(0).await, Ok(0));
        let full = publisher.publish_async(1).await;
        assert_eq!(full, Err(PublishError::Full(1)));
        publisher.close();
        let closed = publisher.publish_async(1).await;
        assert_eq!(closed, Err(PublishError::Closed(1)));
    });
}

/// Tasks that share a ring wait for room, and every value comes once, in each publisher's order.
#[test]
fn several_tasks_publish_under_every_runtime() {
    const EACH: u64 = 1_000;
    for fencing in [Fencing::Auto, Fencing::Fence] {
        everywhere(|| {
            let builder = Builder::new(4).overflow(WAITING).fencing(fencing);
            let (publisher, ring) = builder.build_shared::<(usize, u64)>().unwrap();
            let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
            let one = async |publisher: &SharedPublisher<_>, name| {
                for n in 0..EACH {
                    publisher.publish_async((name, n)).await.unwrap();
                }
            };
            let publishing = async move {
                let other = publisher.clone();
                join(one(&publisher, 0), one(&other, 1)).await;
            };
            let reading = async move {
                let mut next = [0; 2];
                while let Ok(value) = gated.recv_async().await {
                    let (name, n) = *value;
                    assert_eq!(n, next[name], "in its publisher's order");
                    next[name] += 1;
                }
                assert_eq!(next, [EACH; 2]);
            };
            (Box::pin(publishing), Box::pin(reading))
        });
    }
}

/// A claim is made when there is room, so a future that is dropped leaves no hole; one that waits is told of the end.
#[test]
fn a_shared_publisher_waits_without_a_claim() {
    let count = Arc::new(Count::default());
    let waker = count.clone().into();
    let mut context = Context::from_waker(&waker);
    let builder = Builder::new(1).overflow(WAITING);
    let (publisher, ring) = builder.build_shared().unwrap();
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    publisher.publish(0).unwrap();
    {
        let mut future = pin!(publisher.publish_async(1));
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(*gated.try_recv().unwrap(), 0);
    assert_eq!(count.0.load(Ordering::Relaxed), 0, "off the list");
    assert_eq!(publisher.publish(2), Ok(1), "no hole");
    let mut waiting = pin!(publisher.publish_async(3));
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    assert_eq!(*gated.try_recv().unwrap(), 2);
    assert_eq!(count.0.load(Ordering::Relaxed), 1, "there is room");
    assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(Ok(2)));
    let mut late = pin!(publisher.publish_async(4));
    assert!(late.as_mut().poll(&mut context).is_pending());
    publisher.close();
    assert_eq!(count.0.load(Ordering::Relaxed), 2, "it is over");
    let closed = Poll::Ready(Err(PublishError::Closed(4)));
    assert_eq!(late.as_mut().poll(&mut context), closed);
    let (rejecting, ring) = Builder::new(1)
        .overflow(Overflow::Reject)
        .build_shared()
        .unwrap();
    let _gated = ring.subscribe_gated(Start::Newest).unwrap();
    rejecting.publish(0).unwrap();
    let full = futures::executor::block_on(rejecting.publish_async(1));
    assert_eq!(full, Err(PublishError::Full(1)));
}

/// Several publishers, and tasks on other threads that read what they publish.
#[test]
fn tasks_on_a_shared_ring() {
    const EACH: u64 = 3_000;
    let builder = Builder::new(64).overflow(WAITING);
    let (publisher, ring) = builder.build_shared::<u64>().unwrap();
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    let publishing: Vec<_> = (0..2)
        .map(|_| {
            let publisher = publisher.clone();
            thread::spawn(move || {
                for n in 1..=EACH {
                    publisher.publish(n).unwrap();
                }
            })
        })
        .collect();
    drop(publisher);
    let sum: u64 = smol::block_on(async {
        let mut sum = 0;
        while let Some(value) = poll_fn(|cx| gated.poll_next_unpin(cx)).await {
            sum += value.unwrap();
        }
        sum
    });
    assert_eq!(sum, EACH * (EACH + 1));
    for publishing in publishing {
        publishing.join().unwrap();
    }
}
