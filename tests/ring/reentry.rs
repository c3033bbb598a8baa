//! The ring: wakers, notifications, values and closures that use the ring they come from.

use crate::hooks::{Foreign, Hook, TOUCHES, Touch, within};
use eventring::ring::{
    Builder, Notify, Overflow, PublishError, Ring, SharedPublisher, Start, Subscriber, TryIter,
    Waiter, WeakPublisher,
};
use futures::Stream;
use futures::future::poll_fn;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Waker};

const WAITING: Overflow = Overflow::Block { timeout: None };

struct Nobody;

impl Notify for Nobody {
    fn notify(&self) {}
}

/// A ring, and all that can be done with it.
struct Site<T> {
    publisher: OnceLock<WeakPublisher<T>>,
    ring: OnceLock<Ring<T>>,
    /// Gated readers to be dropped by foreign code.
    gated: Mutex<Vec<Subscriber<T>>>,
    make: fn() -> T,
}

impl<T: Send + Sync + 'static> Site<T> {
    fn new(make: fn() -> T) -> Arc<Self> {
        Arc::new(Self {
            publisher: OnceLock::new(),
            ring: OnceLock::new(),
            gated: Mutex::default(),
            make,
        })
    }

    /// Makes a hook that does everything with the ring, once there is one.
    fn hook(self: &Arc<Self>) -> Arc<Hook> {
        self.hook_at(None)
    }

    fn hook_at(self: &Arc<Self>, at: impl Into<Option<Touch>>) -> Arc<Hook> {
        let site = self.clone();
        Hook::at(at.into(), move || site.do_everything())
    }

    fn build(&self, builder: &Builder) -> (SharedPublisher<T>, Ring<T>) {
        let (publisher, ring) = builder.build_shared().unwrap();
        let _ = self.publisher.set(publisher.downgrade());
        let _ = self.ring.set(ring.clone());
        (publisher, ring)
    }

    fn do_everything(&self) {
        if let Some(publisher) = self.publisher.get().and_then(WeakPublisher::upgrade) {
            let _ = publisher.try_publish((self.make)());
            drop(publisher.clone());
        }
        let Some(ring) = self.ring.get() else { return };
        if let Ok(mut lossy) = ring.subscribe(Start::Oldest) {
            let waiter = lossy.waiter(Arc::new(Nobody));
            let _ = waiter.arm(ring.head());
            let _ = lossy.drain(usize::MAX, |_, _| ());
            drop(lossy.try_clone());
        }
        if let Ok(mut group) = ring.group() {
            let _ = group.add(Start::Oldest);
            group.drain(usize::MAX, |_, _, _| ());
        }
        if let Ok(mut gated) = ring.subscribe_gated(Start::Newest) {
            let _ = gated.try_recv();
        }
        let gated = self.gated.lock().unwrap().pop();
        drop(gated);
        assert!(ring.len() <= ring.capacity() && ring.oldest() <= ring.head());
        let _ = (ring.subscriber_count(), ring.is_closed());
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> bool {
    let polled = Pin::new(future).poll(&mut Context::from_waker(waker));
    polled.is_ready()
}

/// Polls with two wakers that do everything when `touch` is done to them, one after the other, has something happen, and
/// polls once more.
fn walk<F: Future + Unpin>(
    (site, touch): (&Arc<Site<u64>>, Touch),
    mut future: F,
    happen: impl FnOnce(),
) {
    let hooks = [site.hook_at(touch), site.hook_at(touch)];
    let wakers = [hooks[0].waker(), hooks[1].waker()];
    if !poll(&mut future, &wakers[0]) && !poll(&mut future, &wakers[1]) {
        happen();
        let _ = poll(&mut future, &wakers[0]);
    }
    drop(future);
    // The first one was left, replaced by the second, and that was woken: unless what it did ended the wait.
    hooks[0].assert_touched(&[Touch::Cloned]);
    if touch == Touch::Dropped {
        hooks[0].assert_touched(&[touch]);
    }
    drop(wakers);
    hooks.iter().for_each(|hook| hook.rest());
}

/// Each kind of what is done to a waker, alone: what it does may keep it from coming to the next. And both that something
/// is there, and that the ring ends.
fn each(run: impl Fn(Touch, bool)) {
    for touch in TOUCHES {
        run(touch, false);
        run(touch, true);
    }
}

/// Once: a stream polled with waker A and then with B dropped A under the lock that publishing takes.
#[test]
fn the_waker_of_a_stream_may_use_the_ring_wherever_it_is_touched() {
    let run = |touch, ends| {
        let site = Site::new(|| 7_u64);
        let (publisher, ring) = site.build(&Builder::new(8).overflow(WAITING));
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let next = poll_fn(move |cx| Pin::new(&mut subscriber).poll_next(cx));
        walk((&site, touch), next, || match ends {
            true => publisher.close(),
            false => drop(publisher.try_publish(1)),
        });
    };
    within("a stream's wakers", move || each(run));
}

/// The same of `recv_async`.
#[test]
fn the_waker_of_a_receive_may_use_the_ring_wherever_it_is_touched() {
    let run = |touch, ends| {
        let site = Site::new(|| 7_u64);
        let (publisher, ring) = site.build(&Builder::new(8).overflow(WAITING));
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let receive = async move { subscriber.recv_async().await.is_ok() };
        walk((&site, touch), Box::pin(receive), || match ends {
            true => publisher.close(),
            false => drop(publisher.try_publish(1)),
        });
    };
    within("the wakers of recv_async", move || each(run));
}

/// The same of `publish_async`, by one of several publishers.
#[test]
fn the_waker_of_a_publish_may_use_the_ring_wherever_it_is_touched() {
    let run = |touch, ends| {
        let site = Site::new(|| 7_u64);
        let (publisher, ring) = site.build(&Builder::new(2).overflow(WAITING));
        let gated = ring.subscribe_gated(Start::Newest).unwrap();
        while publisher.try_publish(1) != Err(PublishError::Full(1)) {}
        site.gated.lock().unwrap().push(gated);
        walk((&site, touch), publisher.publish_async(1), || match ends {
            true => publisher.close(),
            false => {
                let gated = site.gated.lock().unwrap().pop();
                drop(gated);
            }
        });
    };
    within("the wakers of publish_async", move || each(run));
}

/// The same of `publish_async`, by the only publisher: the waker that is replaced drops the gated reader that
/// holds the ring full, which wakes whoever waits for room.
#[test]
fn the_waker_of_a_publish_may_drop_the_reader_that_holds_it_up() {
    within("a waker that drops the gated reader", || {
        let (mut publisher, ring) = Builder::new(1).overflow(WAITING).build().unwrap();
        let gated = Mutex::new(Some(ring.subscribe_gated(Start::Newest).unwrap()));
        publisher.publish(1).unwrap();
        let mut publish = publisher.publish_async(2);
        let drops = Arc::new(Mutex::new(false));
        let armed = drops.clone();
        let hook = Hook::new(move || {
            if *armed.lock().unwrap() {
                let gated = gated.lock().unwrap().take();
                drop(gated);
            }
        });
        let (waker, next) = (hook.waker(), Hook::new(|| ()));
        assert!(!poll(&mut publish, &waker));
        *drops.lock().unwrap() = true;
        let next_waker = next.waker();
        let done = poll(&mut publish, &next_waker) || {
            next.assert_touched(&[Touch::Called]);
            poll(&mut publish, &next_waker)
        };
        assert!(done, "there is room");
        hook.rest();
    });
}

/// A notification may use the ring, called or dropped, wherever it was left.
#[test]
fn a_notification_may_use_the_ring_wherever_it_is_touched() {
    within("notifications", || {
        let site = Site::new(|| 7_u64);
        let (publisher, ring) = site.build(&Builder::new(8).overflow(WAITING));
        let subscriber = ring.subscribe(Start::Newest).unwrap();
        let group = ring.group().unwrap();
        for _ in 0..3 {
            let hooks = [site.hook(), site.hook(), site.hook()];
            let waiters = [
                ring.waiter(hooks[0].notify()),
                subscriber.waiter(hooks[1].notify()),
                group.waiter(hooks[2].notify()),
            ];
            for waiter in &waiters {
                assert!(waiter.arm(ring.head()));
                waiter.disarm();
                let _ = waiter.arm(ring.head());
            }
            publisher.publish(7).unwrap();
            let _ = waiters[0].arm(ring.head());
            drop(waiters);
            for hook in &hooks {
                hook.assert_touched(&[Touch::Called, Touch::Dropped]);
                hook.rest();
            }
        }
        let hook = site.hook();
        let waiter = ring.waiter(hook.notify());
        assert!(waiter.arm(ring.head()));
        publisher.close();
        hook.assert_touched(&[Touch::Called]);
        drop(waiter);
        hook.rest();
    });
}

static VALUES: OnceLock<Arc<Hook>> = OnceLock::new();

fn value() -> Foreign {
    VALUES.get().unwrap().guard()
}

/// Values that use the ring when they are cloned or dropped: written over, refused, trimmed, passed, left.
#[test]
fn a_value_may_use_the_ring_wherever_it_is_dropped() {
    within("values", || {
        let site = Site::new(value);
        let hook = VALUES.get_or_init(|| site.hook()).clone();
        let (publisher, ring) = site.build(&Builder::new(8).overflow(Overflow::Reject));
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        for _ in 0..40 {
            assert!(publisher.try_publish(value()).is_ok());
            let mut batch = (0..3).map(|_| value()).collect();
            publisher.publish_batch(&mut batch).unwrap();
            // Each clone publishes more.
            let values: TryIter<'_, _> = subscriber.try_iter();
            let _ = values.take(5).count();
        }
        let gated = ring.subscribe_gated(Start::Newest).unwrap();
        while publisher.try_publish(value()).is_ok() {}
        drop(gated);
        drop((publisher, subscriber));
        hook.assert_touched(&[Touch::Cloned, Touch::Dropped]);
        // Of the only publisher, and of a ring that does not retain; what they do is done to the other ring.
        for retain in [false, true] {
            let builder = Builder::new(100).overflow(Overflow::Reject).retain(retain);
            let (mut publisher, ring) = builder.build().unwrap();
            let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
            for _ in 0..5 {
                publisher.publish_batch((0..70).map(|_| value())).unwrap();
                gated.drain(usize::MAX, |_, _| ()).unwrap();
                publisher.publish_with(|slot| slot.set(value())).unwrap();
                drop(gated.try_recv());
                publisher.trim(u64::MAX, drop);
            }
        }
        hook.rest();
    });
}

/// What the ring calls while it hands out values and slots.
#[test]
fn a_closure_may_use_the_ring_wherever_it_is_called() {
    within("closures", || {
        let site = Site::new(|| 7_u64);
        let (publisher, ring) = site.build(&Builder::new(8).overflow(Overflow::Reject));
        let (mut lossy, mut group) = (
            ring.subscribe(Start::Newest).unwrap(),
            ring.group().unwrap(),
        );
        group.add(Start::Newest).unwrap();
        for _ in 0..3 {
            publisher.publish_batch(&mut vec![1, 2, 3]).unwrap();
            let _ = lossy.drain(2, |_, _| site.do_everything());
            let _ = lossy.read_while(2, |_, _| {
                site.do_everything();
                true
            });
            let look = |_, _, _: &[u64]| site.do_everything();
            group.drain_with(9, look, |_, _| site.do_everything());
        }
        // The only publisher is in its own call meanwhile; all others may use the ring.
        let (mut publisher, ring) = Builder::new(100).build().unwrap();
        let look_around = || {
            let mut reader = ring.subscribe(Start::Oldest).unwrap();
            let _ = reader.drain(usize::MAX, |_, _| ());
            let _ = ring.waiter(Arc::new(Nobody)).arm(0);
            ring.len() + ring.subscriber_count()
        };
        for _ in 0..4 {
            publisher
                .publish_with(|slot| slot.set(look_around()))
                .unwrap();
            publisher
                .publish_batch((0..70).map(|_| look_around()))
                .unwrap();
            publisher
                .publish_batch_with(70, |_, slot| slot.set(look_around()))
                .unwrap();
            publisher.trim(u64::MAX, |_| _ = look_around());
        }
    });
}

/// What a notification holds may panic when it goes: that stops neither the publisher nor those who are told after it.
#[test]
fn a_notification_that_panics_when_it_is_dropped_stops_nobody() {
    struct Bomb;
    impl Notify for Bomb {
        fn notify(&self) {}
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("bomb"));
        }
    }
    let (mut publisher, ring) = eventring::ring::channel::<u64>(8).unwrap();
    let bomb = Arc::new(Mutex::new(None::<Waiter>));
    let theirs = bomb.clone();
    // Told first: it leaves the bomb to whoever tells, who has it in hand already.
    let first = Hook::new(move || drop(theirs.lock().unwrap().take()));
    let last = Hook::new(|| ());
    let first = ring.waiter(first.notify());
    let waiter = ring.waiter(Arc::new(Bomb));
    let after = ring.waiter(last.notify());
    assert!(first.arm(0) && waiter.arm(0) && after.arm(0));
    *bomb.lock().unwrap() = Some(waiter);
    assert_eq!(publisher.publish(1), Ok(0));
    last.assert_touched(&[Touch::Called]);
}
