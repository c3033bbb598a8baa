//! The ready-made streams: handlers that use, or own, the stream that calls them.

use super::hooks::{Hook, Touch, within};
use eventring::event::Event;
use eventring::hub::{Hub, Subscription};
use eventring::stream::{InMemoryStream, SseStream};
use std::sync::{Arc, OnceLock};

fn event() -> Event {
    Event::new("a", "t").to_event().unwrap()
}

/// A handler, its condition and what they hold may use the stream, called or dropped.
#[test]
fn a_handler_may_use_its_stream_wherever_it_is_touched() {
    within("handlers", || {
        let slot: Arc<OnceLock<InMemoryStream>> = Arc::default();
        let (theirs, failures) = (slot.clone(), slot.clone());
        let do_everything = |stream: &InMemoryStream| {
            stream.publish(&event()).unwrap();
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
            stream.publish(&event()).unwrap();
            assert!(stream.unsubscribe(&id));
            let id = subscribe(fails);
            stream.publish(&event()).unwrap();
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
            let own = Subscription::all().id("own").accept(move |_| {
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
