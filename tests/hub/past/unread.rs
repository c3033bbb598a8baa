//! What cannot be read now, or not at once: nobody waits for it who must not.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use eventring::event::{EventBuilder, EventLimits, Filter};
use eventring::hub::{
    Controls, HistoryError, HistoryOrder, HistoryQuery, Hub, HubPublishError, PublishOptions,
    ReceiveTimeoutError, Receiver, StartFrom, Subscription, TryReceiveError,
};
use futures::StreamExt;

use super::hard_reads::{Outcome, Reads, open};
use super::publish;
use crate::common::Count;
use crate::journal::eventually;

const DEADLINE: Duration = Duration::from_secs(60);

fn from_the_start(hub: &Hub, topic: &str) -> Receiver {
    let wanted = Subscription::topic(topic).controls(Controls::none());
    hub.subscribe(wanted.start(StartFrom::Beginning)).unwrap()
}

/// It once read the disk inside `poll`, on the runtime's own thread.
#[test]
fn a_task_waits_for_no_disk() {
    let reads = Reads::default();
    let hub = open(&reads);
    publish(&hub, "a", 5_000);
    publish(&hub, "rare", 1);
    publish(&hub, "a", 1_000);
    reads.set(Outcome::Waits);
    let mut receiver = from_the_start(&hub, ">");
    {
        let mut future = pin!(receiver.recv_async());
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..100 {
            assert!(future.as_mut().poll(&mut context).is_pending());
        }
        eventually("it is read", || reads.threads().len() == 1);
    }
    reads.set(Outcome::Succeeds);
    let (all, mut rare) = (
        receiver.into_stream(),
        from_the_start(&hub, "rare").into_items(),
    );
    hub.close();
    let all = futures::executor::block_on(all.collect::<Vec<_>>());
    let offsets = all.into_iter().map(|one| one.unwrap().position.offset);
    assert!(offsets.eq(1..=6_001));
    futures::executor::block_on(async {
        let item = rare.next().await.unwrap().unwrap();
        assert_eq!(super::offset(&item), Some(5_001));
    });
    let own = thread::current().id();
    assert!(!reads.threads().contains(&own), "on this thread");
}

struct Unparker(thread::Thread);

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Who asked slept for 10 ms inside `try_recv` and `poll`, and asked again at once.
#[test]
fn a_journal_that_cannot_be_read_is_tried_again_and_nobody_sleeps_who_does_not_wait() {
    let reads = Reads::default();
    let hub = open(&reads);
    publish(&hub, "a", 1_000);
    reads.set(Outcome::Fails);
    let mut sync = from_the_start(&hub, "a");
    let mut armed = from_the_start(&hub, "a");
    let mut timed = from_the_start(&hub, "a");
    let mut polled = from_the_start(&hub, "a");
    let before = Instant::now();
    // It is not read more often than it may be tried, however often somebody looks.
    (0..1_000).for_each(|_| assert_eq!(sync.try_recv(), Err(TryReceiveError::Empty)));
    assert_eq!(armed.try_recv(), Err(TryReceiveError::Empty));
    let woken = Arc::new(Count::default());
    assert!(armed.arm(woken.clone()), "it is read elsewhere");
    let timeout = Duration::from_millis(1);
    assert_eq!(
        timed.recv_timeout(timeout),
        Err(ReceiveTimeoutError::TimedOut)
    );
    {
        let mut future = pin!(polled.recv_async());
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    eventually("it is told that it was tried", || woken.get() > 0);
    let tried = before.elapsed().as_millis() as usize / 10 + 1;
    // Each attempt is three reads, of another reader each, by four receivers.
    assert!(reads.threads().len() <= (tried + 1) * 3 * 4, "{tried}");
    reads.set(Outcome::Succeeds);
    let offset =
        |received: Result<eventring::hub::Delivery, _>| received.map(|one| one.position.offset);
    assert_eq!(timed.recv_timeout(DEADLINE).unwrap().position.offset, 1);
    assert_eq!(
        offset(futures::executor::block_on(polled.recv_async())),
        Ok(1)
    );
    eventually("who is asked is told", || armed.try_recv().is_ok());
    eventually("who looks finds it", || sync.try_recv().is_ok());
    // A task is woken when it is well again, without anybody's doing.
    reads.set(Outcome::Fails);
    let mut late = from_the_start(&hub, "a");
    let waker = Waker::from(Arc::new(Unparker(thread::current())));
    let mut future = pin!(late.recv_async());
    let deadline = Instant::now() + DEADLINE;
    let mut polls = 0;
    while future
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        assert!(Instant::now() < deadline);
        polls += 1;
        if polls == 3 {
            reads.set(Outcome::Succeeds);
        }
        thread::park_timeout(DEADLINE);
    }
}

/// The version of a stream that nothing was published on in this run is in the journal, if anywhere.
#[test]
fn a_task_that_publishes_on_a_stream_waits_for_no_disk() {
    let reads = Reads::default();
    let hub = open(&reads);
    let event = || {
        let mut builder = EventBuilder::new();
        builder.topic("a").ty("t").stream("order", "7", None);
        builder.build().unwrap()
    };
    reads.set(Outcome::Waits);
    let options = PublishOptions::default();
    let mut future = pin!(hub.publisher().publish_async(event(), &options));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100 {
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    eventually("it is read", || reads.threads().len() == 1);
    reads.set(Outcome::Succeeds);
    assert_eq!(futures::executor::block_on(future).unwrap().offset, 1);
    let second = hub.publisher().publish_async(event(), &options);
    assert_eq!(futures::executor::block_on(second).unwrap().offset, 2);
    assert_eq!(hub.stream_position("order", "7"), Some(2));
    assert!(!reads.threads().contains(&thread::current().id()));
    // What cannot be read is told, and changes nothing.
    reads.set(Outcome::Fails);
    let mut other = EventBuilder::new();
    other.topic("a").ty("t").stream("order", "8", None);
    let failed = hub
        .publisher()
        .publish_async(other.build().unwrap(), &options);
    let failed = futures::executor::block_on(failed).unwrap_err();
    assert!(
        matches!(failed, HubPublishError::Unavailable { .. }),
        "{failed}"
    );
    assert_eq!(hub.head(), 2);
}

/// A panic inside a step dropped the task, and with it whoever waited for the page.
#[test]
fn a_page_that_panics_is_an_error_and_the_next_one_is_made() {
    let reads = Reads::default();
    let hub = open(&reads);
    publish(&hub, "a", 500);
    reads.set(Outcome::Panics);
    let (sender, pages) = mpsc::channel();
    let ask = || {
        let sender = sender.clone();
        hub.submit_history(&HistoryQuery::default(), move |page| {
            sender.send(page).unwrap()
        })
        .unwrap();
        pages.recv_timeout(DEADLINE).unwrap()
    };
    assert_eq!(ask(), Err(HistoryError::Panicked));
    reads.set(Outcome::Succeeds);
    assert_eq!(ask().unwrap().events.len(), 100);
}

/// A page of 1,000 events of a MiB each was a GiB.
#[test]
fn a_page_is_bounded_in_bytes_and_the_next_one_goes_on() {
    let limits = EventLimits::default().payload_bytes(8 << 20);
    let hub = Hub::builder().limits(limits).build().unwrap();
    let sizes = [1 << 20, 1 << 20, 3 << 20, 5 << 20, 10, 10, 1 << 20];
    for size in sizes {
        let data = vec![b'x'; size];
        let mut event = EventBuilder::with_limits(limits);
        event.topic("a").ty("t").data("text/plain", &data);
        hub.publish(event.build().unwrap()).unwrap();
    }
    for (order, expected) in [
        (
            HistoryOrder::Ascending,
            vec![vec![1, 2], vec![3], vec![4], vec![5, 6, 7]],
        ),
        (
            HistoryOrder::Descending,
            vec![vec![7, 6, 5], vec![4], vec![3], vec![2, 1]],
        ),
    ] {
        let mut query = HistoryQuery::topics(Filter::all()).order(order);
        let mut pages = Vec::new();
        loop {
            let page = hub.history(&query).unwrap();
            pages.push(
                page.events
                    .iter()
                    .map(|one| one.position.offset)
                    .collect::<Vec<_>>(),
            );
            assert_eq!(page.has_more, page.next.is_some());
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(pages, expected);
    }
}

/// Where too many reads waited already, a task woke itself again and again until there was room.
#[test]
fn a_task_sleeps_however_many_reads_wait() {
    let reads = Reads::default();
    let hub = open(&reads);
    publish(&hub, "a", 200);
    reads.set(Outcome::Waits);
    let page = HistoryQuery::topics(Filter::all()).limit(1);
    while hub.submit_history(&page, |_| {}).is_ok() {}
    assert_eq!(hub.submit_history(&page, |_| {}), Err(HistoryError::Busy));
    let mut receiver = from_the_start(&hub, "a");
    {
        let mut future = pin!(receiver.recv_async());
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut context = Context::from_waker(&waker);
        for _ in 0..100 {
            assert!(future.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
    }
    reads.set(Outcome::Succeeds);
    let received = futures::executor::block_on(receiver.recv_async());
    assert_eq!(received.unwrap().position.offset, 1);
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
