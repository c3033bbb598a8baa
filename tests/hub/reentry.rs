//! The hub: wakers, notifications and closures that use the hub they come from.

use crate::hooks::{Hook, TOUCHES, Touch, within};
use eventring::event::{Event, EventBatch, Filter};
use eventring::hub::{
    Controls, Hub, PresenceConfig, Receiver, StartFrom, Subscription, TopicConfig,
};
use eventring::ring::Notify;
use futures::Stream;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

struct Nobody;

impl Notify for Nobody {
    fn notify(&self) {}
}

fn event(topic: &str) -> Event {
    Event::builder(topic, "t").build().unwrap()
}

fn open_presence(hub: &Hub, notify: Arc<dyn Notify>) -> eventring::hub::PresenceHandle {
    let filter = Filter::parse(["a.*"]).unwrap();
    hub.open_presence(PresenceConfig::new("member-", filter, notify))
        .unwrap()
}

fn watching(subscription: Subscription, presence: bool) -> Subscription {
    subscription.controls(Controls::none().presence(presence))
}

/// Does everything that a hub offers but closing it.
fn do_everything(hub: &Hub) {
    hub.publish(event("a.x")).ok();
    hub.publish_batch_iter([&event("a.y"), &event("b")]).ok();
    hub.unsubscribe("own");
    hub.unsubscribe("member-1");
    let presence = watching(Subscription::topic("a.*"), true);
    if let Ok(mut receiver) = hub.subscribe(presence.start(StartFrom::Beginning)) {
        while receiver.try_recv().is_ok() {}
        let _ = receiver.arm(Arc::new(Nobody));
    }
    if let Ok(mut reader) = hub.cursor() {
        let _ = reader.read_while(9, |_, _| true);
        let _ = reader.waiter(Arc::new(Nobody)).arm(reader.next_offset());
    }
    let members = open_presence(hub, Arc::new(Nobody));
    members.enter(1);
    members.leave(1);
    let _ = hub.watch_presence(Arc::new(Nobody)).take(9);
    let kept = TopicConfig::default().retain_events(3);
    hub.create_topic("made", kept).ok();
    hub.delete_topic("made").ok();
    let _ = (hub.presence("a.x"), hub.subscriptions(), hub.topics());
    let _ = (hub.stats(), hub.describe_topic("a.x"));
}

fn hook(hub: &Hub) -> Arc<Hook> {
    hook_at(hub, None)
}

fn hook_at(hub: &Hub, at: impl Into<Option<Touch>>) -> Arc<Hook> {
    let hub = hub.clone();
    Hook::at(at.into(), move || do_everything(&hub))
}

/// Each trigger with each kind of what is done to foreign code.
fn each(run: impl Fn(fn(&Hub), Touch) + Clone + Send + 'static) {
    for (name, trigger) in triggers() {
        let run = run.clone();
        within(name, move || {
            TOUCHES.into_iter().for_each(|touch| run(trigger, touch));
        });
    }
}

fn take_all(receiver: &mut Receiver) {
    while matches!(receiver.next_item_timeout(Duration::ZERO), Ok(Some(_))) {}
}

/// Something that wakes, and its name.
type Trigger = (&'static str, fn(&Hub));

/// What wakes who waits for an event of `a.*`.
fn triggers() -> Vec<Trigger> {
    vec![
        ("publish", |hub| _ = hub.publish(event("a.x")).unwrap()),
        ("publish_at", |hub| {
            let mut next = hub.position();
            next.offset += 1;
            hub.publish_at(next, event("a.x")).unwrap();
        }),
        ("publish_batch", |hub| {
            let mut batch = EventBatch::new();
            batch.push(Event::builder("a.x", "t").build().unwrap());
            hub.publish_batch(&batch).unwrap();
        }),
        ("unsubscribe", |hub| _ = hub.unsubscribe("own")),
        ("delete_topic", |hub| {
            hub.publish(event("a.x")).unwrap();
            hub.delete_topic("a.x").unwrap();
        }),
        ("subscribe", |hub| {
            drop(hub.subscribe(Subscription::topic("a.*")));
        }),
        ("close", Hub::close),
    ]
}

/// Once: a notification that `arm` was given was dropped under the lock that ending the subscription takes.
#[test]
fn a_notification_of_a_receiver_may_use_the_hub_wherever_it_is_touched() {
    each(|trigger, touch| {
        let hub = Hub::new();
        let hook = hook_at(&hub, touch);
        let own = watching(Subscription::topic("a.*").id("own"), true);
        let mut receiver = hub.subscribe(own).unwrap();
        for _ in 0..2 {
            let _ = receiver.arm(hook.notify());
            let _ = receiver.try_recv();
        }
        while receiver
            .next_item_timeout(Duration::ZERO)
            .is_ok_and(|item| item.is_some())
        {}
        let _ = receiver.arm(hook.notify());
        trigger(&hub);
        let _ = receiver.try_recv();
        drop(receiver);
        hook.assert_touched(&[Touch::Dropped]);
        hook.rest();
    });
}

/// The same of the wakers of a hub's tasks.
#[test]
fn the_waker_of_a_receiver_may_use_the_hub_wherever_it_is_touched() {
    each(|trigger, touch| {
        let hub = Hub::new();
        let subscribe = || {
            let own = Subscription::topic("a.*").id("own");
            hub.subscribe(own).unwrap()
        };
        let walk = |polled: &mut dyn FnMut(&mut Context<'_>) -> bool| {
            let hooks = [hook_at(&hub, touch), hook_at(&hub, touch)];
            let wakers = [hooks[0].waker(), hooks[1].waker()];
            let mut polled = |waker| polled(&mut Context::from_waker(waker));
            if !polled(&wakers[0]) && !polled(&wakers[1]) {
                trigger(&hub);
                let _ = polled(&wakers[0]);
            }
            hooks[0].assert_touched(&[Touch::Cloned]);
            drop(wakers);
            hooks
        };
        let mut hooks = Vec::new();
        let mut receiver = subscribe();
        hooks.extend(walk(&mut |cx| {
            let mut receive = receiver.recv_async();
            let ready = Pin::new(&mut receive).poll(cx).is_ready();
            // Kept waiting, so that the next waker replaces this one.
            std::mem::forget(receive);
            ready
        }));
        drop(receiver);
        if !hub.is_closed() {
            let mut receiver = subscribe();
            take_all(&mut receiver);
            hooks.extend(walk(&mut |cx| {
                let mut item = receiver.next_item_async();
                let ready = Pin::new(&mut item).poll(cx).is_ready();
                std::mem::forget(item);
                ready
            }));
            drop(receiver);
        }
        if !hub.is_closed() {
            let mut stream = subscribe().into_stream();
            hooks.extend(walk(&mut |cx| {
                Pin::new(&mut stream).poll_next(cx).is_ready()
            }));
            drop(stream.into_receiver());
        }
        hooks.iter().for_each(|hook| hook.rest());
    });
}

/// A notification of a raw reader ran inside the lock of the publish: it must not have published itself.
#[test]
fn a_notification_of_a_reader_may_publish_on_its_hub() {
    for (name, trigger) in triggers() {
        if matches!(name, "unsubscribe" | "subscribe") {
            continue;
        }
        within(name, move || {
            let hub = Hub::new();
            let hook = hook(&hub);
            let reader = hub.cursor().unwrap();
            let waiter = reader.waiter(hook.notify());
            assert!(waiter.arm(reader.next_offset()));
            trigger(&hub);
            hook.assert_touched(&[Touch::Called]);
            drop(waiter);
            hook.assert_touched(&[Touch::Dropped]);
            hook.rest();
        });
    }
}

/// A notification of a presence set may use the hub, and a panic in it stops nobody.
#[test]
fn a_notification_of_a_presence_set_may_use_the_hub_wherever_it_is_touched() {
    within("presence sets", || {
        let hub = Hub::new();
        let hook = hook(&hub);
        for _ in 0..2 {
            let members = open_presence(&hub, hook.notify());
            let mut watch = hub.watch_presence(hook.notify());
            members.enter(1);
            hub.unsubscribe("member-1");
            members.enter(2);
            let receiver = hub.subscribe(Subscription::topic("a.*")).unwrap();
            while members.take().is_some() {}
            while watch.take(9).is_some() {}
            drop(receiver);
        }
        hook.assert_touched(&[Touch::Called, Touch::Dropped]);
        hook.rest();
    });
}

#[test]
fn a_notification_of_a_presence_set_that_panics_harms_nobody() {
    let hub = Hub::new();
    let members = open_presence(
        &hub,
        Hook::new(|| std::panic::resume_unwind(Box::new("bomb"))).notify(),
    );
    members.enter(1);
    let receiver = hub.subscribe(Subscription::topic("a.*"));
    assert!(receiver.is_ok());
    assert!(hub.unsubscribe("member-1"));
    std::mem::forget(members);
}

/// A receiver's own condition ran under the lock of the kept topics, which publishing takes.
#[test]
fn a_condition_may_use_the_hub_wherever_it_is_called() {
    let starts = [
        StartFrom::Now,
        StartFrom::Beginning,
        StartFrom::Last(5),
        StartFrom::LastValues,
        StartFrom::Timestamp(0),
    ];
    for start in starts {
        within("a condition", move || {
            let hub = Hub::builder().capacity(64).build().unwrap();
            let kept = TopicConfig::default().retain_events(1000);
            hub.create_topic("a.x", kept).unwrap();
            for _ in 0..200 {
                hub.publish(event("a.x")).unwrap();
            }
            let hook = hook(&hub);
            let guard = hook.guard();
            let subscription = Subscription::topic("a.x").start(start).filter_fn(move |_| {
                guard.0.touch(Touch::Called);
                true
            });
            let mut receiver = hub.subscribe(subscription).unwrap();
            hub.publish(event("a.x")).unwrap();
            for _ in 0..100 {
                let _ = receiver.try_with_next(|_, _| do_everything(&hub));
            }
            drop(receiver);
            hook.assert_touched(&[Touch::Called, Touch::Dropped]);
            hook.rest();
        });
    }
}
