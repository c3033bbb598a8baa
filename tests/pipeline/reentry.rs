//! The ready-made streams: handlers that use, or own, the stream that calls them.

use crate::hooks::{DEADLOCK, Hook, Touch, within};
use eventring::event::Event;
use eventring::hub::{Hub, Subscription};
use eventring::pipeline::{
    AddError, BatchStats, BatchingConfig, BatchingStream, HandlerError, InMemoryStream, Running,
    SseStream, StreamProcessor,
};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

fn event() -> Event {
    Event::builder("a", "t").build().unwrap()
}

/// A handler, its condition and what they hold may use the stream, called or dropped.
#[test]
fn a_handler_may_use_its_stream_wherever_it_is_touched() {
    within("handlers", || {
        let slot: Arc<OnceLock<InMemoryStream>> = Arc::default();
        let (theirs, failures) = (slot.clone(), slot.clone());
        let do_everything = |stream: &InMemoryStream| {
            stream.publish(event()).unwrap();
            let id = stream.subscribe("*", |_| Ok(())).unwrap();
            assert!(stream.unsubscribe(&id));
            let _ = (stream.handlers(), stream.recent(3), stream.missed());
        };
        let hook = Hook::new(move || {
            if let Some(stream) = theirs.get() {
                do_everything(stream);
            }
        });
        let stream = InMemoryStream::new().on_failure(move |_, _| {
            if let Some(stream) = failures.get() {
                stream.handlers();
            }
        });
        let stream = slot.get_or_init(|| stream);
        let subscribe = |fails: bool| {
            let (accepts, handles) = (hook.guard(), hook.guard());
            let accept = move |_: eventring::event::EventRef<'_>| {
                accepts.0.touch(Touch::Called);
                true
            };
            let handle = move |_: eventring::event::EventRef<'_>| {
                handles.0.touch(Touch::Called);
                if fails { Err("no".into()) } else { Ok(()) }
            };
            stream.subscribe_where("a", accept, handle).unwrap()
        };
        for fails in [false, true] {
            // Never shown anything, shown something, and shown nothing since another one came.
            let id = subscribe(fails);
            assert!(stream.unsubscribe(&id));
            let id = subscribe(fails);
            stream.publish(event()).unwrap();
            assert!(stream.unsubscribe(&id));
            let id = subscribe(fails);
            stream.publish(event()).unwrap();
            let other = subscribe(fails);
            assert!(stream.unsubscribe(&id) && stream.unsubscribe(&other));
        }
        hook.assert_touched(&[Touch::Called, Touch::Dropped]);
        hook.rest();
    });
}

/// A subscription that had ended was dropped under the stream's lock when another one took its id.
#[test]
fn what_an_ended_subscription_holds_may_use_the_sse_stream() {
    within("an id that is taken again", || {
        let hub = Hub::new();
        let stream = Arc::new(SseStream::new(hub.clone()));
        let theirs = Arc::downgrade(&stream);
        let hook = Hook::new(move || {
            if let Some(stream) = theirs.upgrade() {
                stream.unsubscribe("nobody");
                let id = stream.subscribe(Subscription::all()).unwrap();
                drop(stream.events(&id));
            }
        });
        let subscribe = || {
            let guard = hook.guard();
            let own = Subscription::all().id("own").filter_fn(move |_| {
                guard.0.touch(Touch::Called);
                true
            });
            stream.subscribe(own).unwrap()
        };
        subscribe();
        assert!(hub.unsubscribe("own"));
        subscribe();
        hook.assert_touched(&[Touch::Dropped]);
        assert!(stream.unsubscribe("own"));
        hook.rest();
    });
}

/// Where a handler finds a handle of its own stream.
type Place = Arc<Mutex<Option<Arc<BatchingStream>>>>;

/// A batching stream with a batch for each event, where its handler finds its handle, and how often it was called.
fn batching(
    retries: u32,
    handle: impl Fn(&Place) -> Result<(), HandlerError> + Send + Sync + 'static,
) -> (Arc<BatchingStream>, Place, Arc<AtomicUsize>) {
    let (place, calls) = (Arc::<Mutex<_>>::default(), Arc::new(AtomicUsize::new(0)));
    let (theirs, count) = (place.clone(), calls.clone());
    let config = BatchingConfig::default()
        .size(1)
        .waiting(2)
        .retries(retries)
        .retry_delay(Duration::ZERO)
        .add_timeout(Duration::MAX);
    let stream = BatchingStream::start(config, move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        handle(&theirs)
    });
    (Arc::new(stream), place, calls)
}

fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLOCK / 2;
    while !what() {
        assert!(Instant::now() < deadline, "it does not come about");
        thread::yield_now();
    }
}

fn counts(stats: &BatchStats) -> (u64, u64, u64) {
    (stats.batches, stats.events, stats.failed)
}

/// Once: it joined its own thread, which counted as a failure of the handler.
#[test]
fn a_batching_stream_may_be_stopped_in_its_own_handler() {
    within("stop() in a handler", || {
        let (stream, place, calls) = batching(3, |place| {
            place.lock().unwrap().as_ref().unwrap().stop();
            Ok(())
        });
        *place.lock().unwrap() = Some(stream.clone());
        stream.add(event()).unwrap();
        until(|| stream.add(event()) == Err(AddError::Stopped));
        let stats = stream.stop();
        assert_eq!(stats.failed, 0);
        assert_eq!(stats.events as usize, calls.load(Ordering::SeqCst));
        assert_eq!(stats.left, 0);
        place.lock().unwrap().take();
    });
}

/// Once: the batch was handled once more for the panic of the join.
#[test]
fn a_handler_may_drop_the_last_handle_of_its_batching_stream() {
    within("the last handle", || {
        let (stream, place, calls) = batching(3, |place| {
            drop(place.lock().unwrap().take());
            Ok(())
        });
        let done: Weak<BatchingStream> = Arc::downgrade(&stream);
        stream.add(event()).unwrap();
        // The handler may be at it already: it finds the handle next time.
        *place.lock().unwrap() = Some(stream.clone());
        let _ = stream.add(event());
        drop(stream);
        until(|| done.strong_count() == 0 && place.lock().unwrap().is_none());
        until(|| Arc::strong_count(&calls) == 1);
        assert_eq!(calls.load(Ordering::SeqCst), 2, "once for each");
    });
}

/// Once: the handle that went while the handler's panic unwound aborted the process.
#[test]
fn a_handler_that_panics_with_the_last_handle_is_a_counted_failure() {
    within("a panic with the last handle", || {
        let failed = Arc::new(AtomicUsize::new(0));
        let count = failed.clone();
        let place = Arc::<Mutex<Option<Arc<BatchingStream>>>>::default();
        let theirs = place.clone();
        let policy = eventring::pipeline::ErrorPolicy::dead_letter(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let config = BatchingConfig::default().size(1).retries(0).policy(policy);
        let stream = BatchingStream::start(config, move |_| {
            let _last = loop {
                if let Some(last) = theirs.lock().unwrap().take() {
                    break last;
                }
                thread::yield_now();
            };
            resume_unwind(Box::new("bomb"))
        });
        stream.add(event()).unwrap();
        *place.lock().unwrap() = Some(Arc::new(stream));
        until(|| failed.load(Ordering::SeqCst) == 1);
        until(|| Arc::strong_count(&failed) == 1);
    });
}

/// Only the first of several that stopped it waited.
#[test]
fn whoever_stops_a_batching_stream_waits_until_it_is_done() {
    within("several stops", || {
        let go_on = Arc::new(OnceLock::new());
        let waits = go_on.clone();
        let (stream, _, calls) = batching(0, move |_| {
            until(|| waits.get().is_some());
            Ok(())
        });
        for _ in 0..2 {
            stream.add(event()).unwrap();
        }
        let stops: Vec<_> = (0..3)
            .map(|_| {
                let stream = stream.clone();
                thread::spawn(move || counts(&stream.stop()))
            })
            .collect();
        until(|| Arc::strong_count(&stream) == 4);
        go_on.set(()).unwrap();
        for stop in stops {
            let (batches, events, failed) = stop.join().unwrap();
            let calls = calls.load(Ordering::SeqCst) as u64;
            assert_eq!((batches, events, failed), (calls, calls, 0));
        }
    });
}

/// A handler that adds to a stream that is full waited for room that only it could make.
#[test]
fn a_handler_that_adds_to_its_full_batching_stream_is_refused_at_once() {
    within("add() in a handler", || {
        let refused = Arc::new(AtomicUsize::new(0));
        let count = refused.clone();
        let (stream, place, _) = batching(0, move |place| {
            let stream = place.lock().unwrap().clone();
            let added = stream.iter().cycle().map(|stream| stream.add(event()));
            if added.into_iter().find_map(Result::err) == Some(AddError::Full) {
                count.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        });
        *place.lock().unwrap() = Some(stream.clone());
        stream.add(event()).unwrap();
        until(|| refused.load(Ordering::SeqCst) > 0);
        place.lock().unwrap().take();
        assert_eq!(stream.stop().left, 0);
    });
}

/// A pipeline that was stopped by one of its own steps waited for itself, as long as it was told to.
#[test]
fn a_pipeline_may_be_stopped_in_its_own_step() {
    within("stop() in a step", || {
        let hub = Hub::new();
        let place = Arc::<Mutex<Option<Running>>>::default();
        let (theirs, sent) = (place.clone(), Arc::new(AtomicUsize::new(0)));
        let (count, steps) = (sent.clone(), sent.clone());
        let sink = InMemoryStream::new();
        sink.subscribe("*", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .unwrap();
        let pipeline = StreamProcessor::new()
            .filter(move |_| {
                let running = theirs.lock().unwrap().take();
                if let Some(running) = running {
                    let _keeps = &steps;
                    running.stop(Duration::MAX);
                }
                true
            })
            .sink(sink);
        let mut held = place.lock().unwrap();
        *held = Some(pipeline.start(&hub, Subscription::all()).unwrap());
        for _ in 0..3 {
            hub.publish(event()).unwrap();
        }
        drop(held);
        until(|| sent.load(Ordering::SeqCst) == 3);
        until(|| Arc::strong_count(&sent) == 1);
    });
}
