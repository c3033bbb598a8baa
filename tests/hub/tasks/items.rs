//! The stream of everything there is to tell, under several runtimes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use eventring::event::Event;
use eventring::hub::{
    Control, Controls, EndReason, Hub, Item, ItemStream, ResetReason, StartFrom, Subscription,
};
use futures::stream::FusedStream;
use futures::{Stream, StreamExt};

use super::{Count, publish};
use crate::counting;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
type Told = Option<Result<Item, EndReason>>;

fn silent(subscription: impl Into<Subscription>) -> Subscription {
    subscription.into().controls(Controls::none())
}

fn poll(items: &mut ItemStream, count: &Arc<Count>) -> Poll<Told> {
    let waker = count.clone().into();
    items.poll_next_unpin(&mut Context::from_waker(&waker))
}

fn is_event(polled: &Poll<Told>, offset: u64) -> bool {
    matches!(polled, Poll::Ready(Some(Ok(Item::Event(delivery)))) if delivery.position.offset == offset)
}

/// A task that takes all items while a thread publishes: old events, the mark, then live ones, then the end.
fn takes_all_items() -> Task {
    let hub = Hub::new();
    (0..100).for_each(|_| _ = publish(&hub, "a"));
    let all = silent("a").start(StartFrom::Beginning);
    let mut items = hub.subscribe(all).unwrap().into_items();
    let publishing = thread::spawn(move || {
        for n in 0..2_000 {
            publish(&hub, ["a", "b"][n % 2]);
            if n % 50 == 0 {
                thread::yield_now();
            }
        }
        hub.close();
    });
    Box::pin(async move {
        let (mut offsets, mut mark, mut ends) = (Vec::new(), None, Vec::new());
        while let Some(item) = items.next().await {
            match item {
                Ok(Item::Event(delivery)) => offsets.push(delivery.position.offset),
                Ok(Item::CaughtUp(_)) => mark = Some(offsets.len()),
                Ok(other) => panic!("{other:?}"),
                Err(reason) => ends.push(reason),
            }
        }
        publishing.join().unwrap();
        let wanted: Vec<u64> = (1..=100).chain((101..=2_100).step_by(2)).collect();
        assert_eq!(offsets, wanted);
        assert_eq!((mark, ends), (Some(100), vec![EndReason::Closed]));
    })
}

#[test]
fn all_items_arrive_under_tokio_and_smol() {
    let many = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    many.block_on(async {
        for task in [takes_all_items(), takes_all_items()].map(tokio::spawn) {
            task.await.unwrap();
        }
    });
    smol::block_on(async {
        for task in [takes_all_items(), takes_all_items()].map(smol::spawn) {
            task.await;
        }
    });
}

#[test]
fn controls_are_items_and_the_end_is_told_once() {
    let hub = Hub::new();
    publish(&hub, "a");
    let controls = Controls::default().presence(true);
    let mine = Subscription::topic("a").id("me").controls(controls);
    let mut items = hub.subscribe(mine).unwrap().into_items();
    let other = hub.subscribe(Subscription::topic("a").id("other")).unwrap();
    drop(other);
    hub.unsubscribe("me");
    let mut told: Vec<Result<Item, EndReason>> =
        futures::executor::block_on(items.by_ref().collect());
    let control = |control| Ok(Item::Control(control));
    let id = || "other".to_owned();
    assert_eq!(
        told.remove(0),
        control(Control::Connected { id: "me".into() })
    );
    assert_eq!(told.remove(0), control(Control::Joined { id: id(), at: 2 }));
    assert_eq!(told.remove(0), control(Control::Left { id: id(), at: 3 }));
    let reason = EndReason::Unsubscribed;
    let disconnected = control(Control::Disconnected { reason });
    assert!(told.contains(&disconnected), "{told:?}");
    assert_eq!(told.last(), Some(&Err(reason)));
    let ends = told.iter().filter(|item| item.is_err()).count();
    assert_eq!(ends, 1);
    assert!(items.is_terminated());
    assert_eq!(
        poll(&mut items, &Arc::default()),
        Poll::Ready(None),
        "still"
    );
}

#[test]
fn the_last_waker_counts() {
    let hub = Hub::new();
    let mut items = hub.subscribe(silent("a")).unwrap().into_items();
    let [first, second] = [(); 2].map(|()| Arc::new(Count::default()));
    assert!(matches!(
        poll(&mut items, &first),
        Poll::Ready(Some(Ok(Item::CaughtUp(_))))
    ));
    assert!(poll(&mut items, &first).is_pending());
    assert!(poll(&mut items, &second).is_pending());
    publish(&hub, "b");
    assert_eq!((first.get(), second.get()), (0, 0), "not what it wants");
    publish(&hub, "a");
    assert_eq!((first.get(), second.get()), (0, 1));
    assert!(is_event(&poll(&mut items, &first), 2));
}

#[test]
fn a_pending_next_that_is_dropped_loses_nothing() {
    let hub = Hub::new();
    let mut items = hub.subscribe(silent("a")).unwrap().into_items();
    let count = Arc::new(Count::default());
    let waker = count.clone().into();
    let mut context = Context::from_waker(&waker);
    assert!(poll(&mut items, &count).is_ready());
    {
        let mut next = items.next();
        assert!(Pin::new(&mut next).poll(&mut context).is_pending());
        publish(&hub, "a");
        publish(&hub, "a");
    }
    assert_eq!(count.get(), 1, "woken once, and dropped before it looked");
    assert!(is_event(&poll(&mut items, &count), 1));
    assert!(is_event(&poll(&mut items, &count), 2));
    assert!(poll(&mut items, &count).is_pending());
    // A receiver that it goes back to stands where the stream stood.
    publish(&hub, "a");
    let mut receiver = items.into_receiver();
    assert_eq!(receiver.try_recv().unwrap().position.offset, 3);
}

#[test]
fn a_pending_stream_that_is_dropped_unsubscribes_and_wakes_nobody() {
    let hub = Hub::new();
    let mut items = hub.subscribe(silent("a").id("me")).unwrap().into_items();
    let count = Arc::new(Count::default());
    assert!(poll(&mut items, &count).is_ready());
    assert!(poll(&mut items, &count).is_pending());
    drop(items);
    publish(&hub, "a");
    assert_eq!(count.get(), 0);
    assert_eq!(hub.subscription("me"), None);
}

#[test]
fn whatever_ends_the_subscription_wakes_the_stream_and_is_its_last_item() {
    type End = fn(&Hub);
    let ends: [(End, EndReason); 3] = [
        (|hub| assert!(hub.unsubscribe("x")), EndReason::Unsubscribed),
        (
            |hub| hub.delete_topic("a").unwrap(),
            EndReason::TopicDeleted,
        ),
        (Hub::close, EndReason::Closed),
    ];
    for (end, reason) in ends {
        let hub = Hub::new();
        publish(&hub, "a");
        let mut items = hub.subscribe(silent("a").id("x")).unwrap().into_items();
        let count = Arc::new(Count::default());
        assert!(poll(&mut items, &count).is_ready());
        assert!(poll(&mut items, &count).is_pending());
        end(&hub);
        assert_eq!(count.get(), 1);
        assert_eq!(poll(&mut items, &count), Poll::Ready(Some(Err(reason))));
        assert_eq!(poll(&mut items, &count), Poll::Ready(None));
    }
}

#[test]
fn a_stream_that_lags_is_told_the_gap_and_goes_on() {
    let hub = Hub::builder().capacity(2).build().unwrap();
    let mut items = hub.subscribe(silent(">")).unwrap().into_items();
    let count = Arc::new(Count::default());
    assert!(poll(&mut items, &count).is_ready());
    (0..5).for_each(|_| _ = publish(&hub, "a"));
    let Poll::Ready(Some(Ok(Item::Gap(gap)))) = poll(&mut items, &count) else {
        panic!("two of five are kept")
    };
    assert_eq!((gap.missed, gap.resume_at, gap.exact), (3, 4, true));
    assert!(is_event(&poll(&mut items, &count), 4));
    assert!(is_event(&poll(&mut items, &count), 5));
    assert_eq!(items.receiver().stats().missed, 3);
}

#[test]
fn a_stream_that_resumes_at_a_strange_id_begins_with_the_reset() {
    let hub = Hub::new();
    publish(&hub, "a");
    let mut items = hub
        .subscribe(silent("a").resume("junk"))
        .unwrap()
        .into_items();
    publish(&hub, "a");
    let count = Arc::new(Count::default());
    let Poll::Ready(Some(Ok(Item::Reset(reset)))) = poll(&mut items, &count) else {
        panic!("no id of this hub")
    };
    assert_eq!((reset.reason, reset.head.offset), (ResetReason::Junk, 1));
    assert!(matches!(
        poll(&mut items, &count),
        Poll::Ready(Some(Ok(Item::CaughtUp(_))))
    ));
    assert!(is_event(&poll(&mut items, &count), 2));
}

/// What so many events cost a stream that waits for each.
fn allocations<S: Stream + Unpin>(hub: &Hub, stream: &mut S, events: u64) -> u64 {
    let event = Event::builder("a", "t").json("1").build().unwrap();
    let waker = Arc::new(Count::default()).into();
    let mut context = Context::from_waker(&waker);
    let before = counting::allocations();
    for _ in 0..events {
        assert!(stream.poll_next_unpin(&mut context).is_pending());
        hub.publish(&event).unwrap();
        assert!(stream.poll_next_unpin(&mut context).is_ready());
    }
    counting::allocations() - before
}

#[test]
fn an_item_allocates_the_copy_of_its_event_and_nothing_else() {
    let hub = Hub::builder().capacity(256).build().unwrap();
    let mut events = hub.subscribe("a").unwrap().into_stream();
    // Once round the ring: its blocks are made when they are first needed.
    allocations(&hub, &mut events, 1_000);
    let plain = allocations(&hub, &mut events, 100);
    drop(events);
    let mut items = hub.subscribe(silent("a")).unwrap().into_items();
    let mark = poll(&mut items, &Arc::default());
    assert!(matches!(mark, Poll::Ready(Some(Ok(Item::CaughtUp(_))))));
    allocations(&hub, &mut items, 10);
    assert_eq!(allocations(&hub, &mut items, 100), plain);
    assert_eq!(plain, 100, "one copy an event");
}
