//! From the journal into the ring, whatever is published meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use eventring::event::{Event, EventBatch, Position};
use eventring::hub::{
    Controls, EndReason, Hub, Item, ReceiveTimeoutError, Receiver, StartFrom, Subscription,
    TryReceiveError,
};
use eventring::journal::{MemoryJournal, MemoryLog};

use super::{drain, offset, open, publish, until_caught_up};

/// Long enough for a machine that does other things.
const DEADLINE: Duration = Duration::from_secs(120);

fn start(hub: &Hub, topic: &str, start: StartFrom) -> Receiver {
    let subscription = Subscription::topic(topic).controls(Controls::none());
    hub.subscribe(subscription.start(start)).unwrap()
}

fn after(hub: &Hub, offset: u64) -> StartFrom {
    let epoch = hub.epoch();
    StartFrom::After(Position { epoch, offset })
}

#[test]
fn a_receiver_begins_where_it_wants_however_little_the_ring_keeps() {
    let hub = open(&MemoryLog::default());
    publish(&hub, "a.1", 700);
    publish(&hub, "b", 300);
    let all: Vec<u64> = (1..=1_000).collect();
    assert!(hub.earliest() > 900);
    assert_eq!(drain(&mut start(&hub, ">", StartFrom::Beginning)), all);
    assert_eq!(
        drain(&mut start(&hub, "a.*", StartFrom::Beginning)),
        all[..700]
    );
    assert_eq!(drain(&mut start(&hub, ">", after(&hub, 0))), all);
    assert_eq!(
        drain(&mut start(&hub, "a.1", after(&hub, 500))),
        all[500..700]
    );
    assert_eq!(drain(&mut start(&hub, "b", after(&hub, 990))), all[990..]);
    for count in [1, 30, 64, 65, 299, 300] {
        let mut last = start(&hub, "b", StartFrom::Last(count));
        assert!(last.is_complete());
        assert_eq!(drain(&mut last), all[1_000 - count..], "the last {count}");
    }
    let mut last = start(&hub, "a.*", StartFrom::Last(10));
    assert!(last.is_complete());
    assert_eq!(drain(&mut last), all[690..700]);
    let mut more = start(&hub, "b", StartFrom::Last(5_000));
    assert!(more.is_complete(), "there never were more");
    assert_eq!(drain(&mut more), all[700..]);
}

#[test]
fn conditions_on_content_are_judged_below_the_ring_too() {
    let hub = open(&MemoryLog::default());
    publish(&hub, "a", 3_000);
    let wanted = |receiver: &mut Receiver| -> Vec<u64> {
        let mut seen = Vec::new();
        while receiver.lag() > 0 {
            if let Ok(delivery) = receiver.try_recv() {
                seen.push(delivery.position.offset);
            }
        }
        seen
    };
    let ends_on_77 = Subscription::all().filter_fn(|event| event.data().ends_with(b"77"));
    let expected: Vec<u64> = (1..=3_000).filter(|n| n % 100 == 77).collect();
    let begin = ends_on_77.clone().start(StartFrom::Beginning);
    assert_eq!(wanted(&mut hub.subscribe(begin).unwrap()), expected);
    let last = ends_on_77.start(StartFrom::Last(3));
    assert_eq!(wanted(&mut hub.subscribe(last).unwrap()), expected[27..]);
    let mut none = hub.subscribe(Subscription::all().ty("other").start(StartFrom::Beginning));
    let none = none.as_mut().unwrap();
    let soon = none.recv_timeout(Duration::from_millis(1));
    assert_eq!(soon, Err(ReceiveTimeoutError::TimedOut));
}

#[test]
fn having_caught_up_is_told_behind_what_was_there_and_before_what_came_since() {
    let hub = open(&MemoryLog::default());
    publish(&hub, "a", 500);
    let mut receiver = start(&hub, "a", StartFrom::Beginning);
    publish(&hub, "a", 500);
    let items = until_caught_up(&mut receiver);
    assert_eq!(
        items.iter().map_while(offset).collect::<Vec<_>>(),
        (1..=500).collect::<Vec<_>>()
    );
    let Some(Item::CaughtUp(at)) = items.get(500) else {
        panic!("{:?}", items.get(500));
    };
    assert_eq!(at.offset, 500);
    assert_eq!(drain(&mut receiver), (501..=1_000).collect::<Vec<_>>());
    // Of a topic that has nothing it is told, too.
    let mut quiet = start(&hub, "quiet", StartFrom::Beginning);
    assert!(matches!(until_caught_up(&mut quiet)[..], [Item::CaughtUp(at)] if at.offset == 1_000));
}

#[test]
fn after_a_restart_an_id_of_before_goes_on_where_it_was() {
    let log = MemoryLog::default();
    let hub = open(&log);
    publish(&hub, "a", 300);
    let id = Position {
        offset: 120,
        ..hub.position()
    }
    .to_string();
    drop(hub);
    let hub = open(&log);
    assert_eq!(hub.position().offset, 300);
    publish(&hub, "a", 100);
    let mut receiver = hub
        .subscribe(Subscription::all().controls(Controls::none()).resume(&id))
        .unwrap();
    assert_eq!(receiver.reset(), None);
    let items = until_caught_up(&mut receiver);
    assert_eq!(
        items.iter().map_while(offset).collect::<Vec<_>>(),
        (121..=400).collect::<Vec<_>>()
    );
    assert_eq!(items.len(), 281);
}

/// The receivers are slow and fast, of everything and of some of it, from the beginning and from now on: each gets all
/// that it wants, once, in order, with a ring of 64 events and publishers who wait for nobody.
#[test]
fn nothing_is_missed_or_repeated_while_publishers_run_at_full_rate() {
    const BATCHES: u64 = 2_000;
    let hub = Hub::builder().capacity(256);
    let hub = hub.journal(MemoryJournal::new()).build().unwrap();
    publish(&hub, "a", 1_000);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let read = |topic: &'static str, from: StartFrom, pause: u64| {
            let (hub, done) = (&hub, &done);
            scope.spawn(move || {
                let mut receiver = start(hub, topic, from);
                let (mut last, mut count) = (0, 0);
                let deadline = Instant::now() + DEADLINE;
                loop {
                    assert!(Instant::now() < deadline, "at {:?}", receiver.position());
                    let is_done = done.load(Ordering::Acquire);
                    match receiver.recv_timeout(Duration::from_millis(10)) {
                        Ok(delivery) => {
                            let offset = delivery.position.offset;
                            assert!(offset > last, "{offset} behind {last}");
                            (last, count) = (offset, count + 1);
                            if pause > 0 && count % pause == 0 {
                                thread::yield_now();
                            }
                        }
                        Err(ReceiveTimeoutError::TimedOut) if is_done && receiver.lag() == 0 => {
                            return count;
                        }
                        Err(ReceiveTimeoutError::TimedOut) => {}
                        Err(other) => panic!("{other:?} behind {last}"),
                    }
                }
            })
        };
        let all = read(">", StartFrom::Beginning, 0);
        let slow = read(">", StartFrom::Beginning, 3);
        let some = read("b", StartFrom::Beginning, 0);
        let last = read("a", StartFrom::Last(700), 0);
        let publishers: Vec<_> = ["a", "b"]
            .map(|topic| {
                let hub = &hub;
                scope.spawn(move || {
                    let mut batch = EventBatch::new();
                    for n in 0..BATCHES {
                        batch.clear();
                        (0..n % 16 + 1)
                            .for_each(|_| batch.push(Event::builder(topic, "t").build().unwrap()));
                        hub.publish_batch(&batch).unwrap();
                    }
                })
            })
            .into_iter()
            .collect();
        let joined: Vec<_> = publishers.into_iter().map(|one| one.join()).collect();
        assert!(joined.iter().all(Result::is_ok));
        done.store(true, Ordering::Release);
        let each: u64 = (0..BATCHES).map(|n| n % 16 + 1).sum();
        assert_eq!(hub.head(), 1_000 + 2 * each);
        assert_eq!(all.join().unwrap(), hub.head());
        assert_eq!(slow.join().unwrap(), hub.head());
        assert_eq!(some.join().unwrap(), each);
        assert!(last.join().unwrap() >= 700);
    });
}

#[test]
fn what_ends_a_subscription_ends_it_below_the_ring_too() {
    let hub = open(&MemoryLog::default());
    publish(&hub, "a", 1_000);
    let named = Subscription::all().id("me").start(StartFrom::Beginning);
    let mut receiver = hub.subscribe(named).unwrap();
    assert_eq!(receiver.recv().unwrap().position.offset, 1);
    hub.unsubscribe("me");
    assert_eq!(receiver.try_recv(), Err(TryReceiveError::Unsubscribed));
    let mut receiver = start(&hub, ">", StartFrom::Beginning);
    hub.close();
    let mut count = 0;
    while receiver.recv().is_ok() {
        count += 1;
    }
    assert_eq!((count, receiver.ended()), (1_000, Some(EndReason::Closed)));
}

/// A look that panics has not received the event, below the ring as well.
#[test]
fn an_event_on_which_the_look_panics_comes_again() {
    let hub = open(&MemoryLog::default());
    publish(&hub, "a", 1_000);
    let mut receiver = start(&hub, ">", StartFrom::Beginning);
    assert_eq!(receiver.recv().unwrap().position.offset, 1);
    let panics = std::panic::catch_unwind(|| {
        let mut receiver = receiver;
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            receiver.with_next(|_, _| panic!("a look of somebody's own"))
        }));
        assert!(looked.is_err());
        receiver
    });
    let mut receiver = panics.unwrap();
    assert_eq!(drain(&mut receiver), (2..=1_000).collect::<Vec<_>>());
}

#[cfg(feature = "async")]
#[test]
fn a_task_catches_up_as_a_thread_does() {
    use futures::StreamExt;

    let hub = open(&MemoryLog::default());
    publish(&hub, "a", 5_000);
    let wanted = Subscription::all().filter_fn(|event| event.data().ends_with(b"999"));
    let wanted = wanted
        .controls(Controls::none())
        .start(StartFrom::Beginning);
    let items = hub.subscribe(wanted).unwrap().into_items();
    hub.close();
    let told: Vec<_> = futures::executor::block_on(items.collect());
    let offsets: Vec<_> = told.iter().flatten().map_while(offset).collect();
    assert_eq!(offsets, [999, 1_999, 2_999, 3_999, 4_999], "{told:?}");
    assert!(matches!(told[5], Ok(Item::CaughtUp(at)) if at.offset == 5_000));
    assert_eq!(told[6], Err(EndReason::Closed));
}
