//! Receiving as a task, under several runtimes: nothing in the hub names one.

mod items;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};
use std::thread;

use eventring::event::Event;
use eventring::hub::{
    Control, Controls, EndReason, Gap, GapReason, Hub, Item, ReceiveError, ReceiverStream,
    StartFrom, Subscription,
};
use futures::StreamExt;
use futures::future::join;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

fn publish(hub: &Hub, topic: &str) -> u64 {
    let event = Event::builder(topic, "t").build().unwrap();
    hub.publish(&event).unwrap().offset
}

/// A task that receives everything of a topic while a thread publishes on several.
fn receives_all(topic: &'static str) -> Task {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::topic(topic)).unwrap();
    let publishing = thread::spawn(move || {
        let mut wanted = Vec::new();
        for n in 0..2_000 {
            let to = ["a", "b", "c"][n % 3];
            let offset = publish(&hub, to);
            if to == topic || topic == ">" {
                wanted.push(offset);
            }
            if n % 50 == 0 {
                thread::yield_now();
            }
        }
        hub.close();
        wanted
    });
    Box::pin(async move {
        let mut seen = Vec::new();
        loop {
            match receiver.recv_async().await {
                Ok(delivery) => seen.push(delivery.position.offset),
                Err(ReceiveError::Closed) => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(
            receiver.recv_async().await,
            Err(ReceiveError::Closed),
            "still"
        );
        assert_eq!(seen, publishing.join().unwrap());
    })
}

#[test]
fn events_arrive_under_tokio() {
    let many = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    many.block_on(async {
        let tasks = [">", "a", "b"].map(|topic| tokio::spawn(receives_all(topic)));
        for task in tasks {
            task.await.unwrap();
        }
    });
    let one = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    one.block_on(join(receives_all("a"), receives_all(">")));
}

#[test]
fn events_arrive_under_smol() {
    smol::block_on(async {
        let tasks = [">", "a", "b"].map(|topic| smol::spawn(receives_all(topic)));
        for task in tasks {
            task.await;
        }
    });
}

#[test]
fn events_arrive_under_the_plain_executor() {
    futures::executor::block_on(join(receives_all("a"), receives_all(">")));
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Weakness 16: a cancelled `recv` lost an event (30 and 31 published, the next receive gave 31).
#[test]
fn weakness_16_a_pending_future_that_is_dropped_loses_nothing() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::topic("a")).unwrap();
    let count = Arc::new(Count::default());
    let waker = count.clone().into();
    let mut context = Context::from_waker(&waker);
    {
        let mut future = pin!(receiver.recv_async());
        assert!(future.as_mut().poll(&mut context).is_pending());
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    publish(&hub, "a");
    assert_eq!(count.get(), 0, "it was dropped: nobody is woken");
    assert_eq!(receiver.try_recv().unwrap().position.offset, 1);
    {
        // Woken, and dropped before it looks.
        let mut future = pin!(receiver.recv_async());
        assert!(future.as_mut().poll(&mut context).is_pending());
        (0..100).for_each(|_| _ = publish(&hub, "b"));
        assert_eq!(count.get(), 0, "not what it wants");
        publish(&hub, "a");
        publish(&hub, "a");
        assert_eq!(count.get(), 1, "once");
    }
    for expected in [102, 103] {
        let mut future = pin!(receiver.recv_async());
        let Poll::Ready(Ok(delivery)) = future.as_mut().poll(&mut context) else {
            panic!("it is there");
        };
        assert_eq!(delivery.position.offset, expected);
    }
}

#[test]
fn the_last_waker_counts() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    let wakers = [Arc::new(Count::default()), Arc::new(Count::default())];
    let mut future = pin!(receiver.recv_async());
    for count in &wakers {
        let waker = count.clone().into();
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    publish(&hub, "a");
    assert_eq!(wakers.map(|count| count.get()), [0, 1]);
}

#[test]
fn whatever_ends_a_subscription_ends_the_task_that_waits() {
    type End = fn(&Hub);
    let ends: [(End, ReceiveError); 3] = [
        (
            |hub| assert!(hub.unsubscribe("x")),
            ReceiveError::Unsubscribed,
        ),
        (
            |hub| hub.delete_topic("a").unwrap(),
            ReceiveError::TopicDeleted,
        ),
        (Hub::close, ReceiveError::Closed),
    ];
    for (end, expected) in ends {
        let hub = Hub::new();
        publish(&hub, "a");
        let mut receiver = hub.subscribe(Subscription::topic("a").id("x")).unwrap();
        let count = Arc::new(Count::default());
        let waker = count.clone().into();
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(receiver.recv_async());
        assert!(future.as_mut().poll(&mut context).is_pending());
        end(&hub);
        assert_eq!(count.get(), 1);
        let polled = future.as_mut().poll(&mut context);
        assert_eq!(polled, Poll::Ready(Err(expected)));
    }
}

#[test]
fn lag_is_an_item_of_the_stream_and_closing_its_end() {
    let hub = Hub::builder().capacity(2).build().unwrap();
    let mut stream: ReceiverStream = hub.subscribe(Subscription::all()).unwrap().into_stream();
    (0..5).for_each(|_| _ = publish(&hub, "a"));
    hub.close();
    let seen: Vec<Result<u64, Gap>> = futures::executor::block_on(async {
        let offset = stream
            .by_ref()
            .map(|item| item.map(|delivery| delivery.position.offset));
        offset.collect().await
    });
    let missed = Gap {
        missed: 3,
        resume_at: 4,
        exact: true,
        reason: GapReason::Overrun,
    };
    assert_eq!(seen, [Err(missed), Ok(4), Ok(5)]);
    assert_eq!(stream.receiver().stats().delivered, 2);
    assert_eq!(stream.into_receiver().ended(), Some(EndReason::Closed));
}

#[test]
fn catching_up_going_live_and_presence_are_one_stream_of_items() {
    let hub = Hub::new();
    publish(&hub, "a");
    let controls = Controls::default().presence(true);
    let all = Subscription::topic("a").id("me").controls(controls);
    let mut receiver = hub.subscribe(all.start(StartFrom::Beginning)).unwrap();
    futures::executor::block_on(async {
        let item = receiver.next_item_async().await;
        assert_eq!(
            item,
            Ok(Item::Control(Control::Connected { id: "me".into() }))
        );
        let item = receiver.next_item_async().await;
        assert!(matches!(item, Ok(Item::Event(delivery)) if delivery.position.offset == 1));
        let item = receiver.next_item_async().await;
        assert!(matches!(item, Ok(Item::CaughtUp(at)) if at.offset == 1));
        let count = Arc::new(Count::default());
        let waker = count.clone().into();
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(receiver.next_item_async());
        assert!(future.as_mut().poll(&mut context).is_pending());
        let other = hub.subscribe(Subscription::topic("a").id("other")).unwrap();
        assert_eq!(count.get(), 1, "somebody joined");
        let polled = future.as_mut().poll(&mut context);
        let joined = Control::Joined {
            id: "other".into(),
            at: 2,
        };
        assert_eq!(polled, Poll::Ready(Ok(Item::Control(joined))));
        drop(other);
        hub.unsubscribe("me");
    });
    let items = futures::executor::block_on(async {
        let mut items = Vec::new();
        while let Ok(item) = receiver.next_item_async().await {
            items.push(item);
        }
        items
    });
    let reason = EndReason::Unsubscribed;
    assert_eq!(
        items,
        [
            Item::Control(Control::Left {
                id: "other".into(),
                at: 3
            }),
            Item::Control(Control::Disconnected { reason })
        ]
    );
}
