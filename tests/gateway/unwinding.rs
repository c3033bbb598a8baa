//! What may be used across `catch_unwind`, and goes on after it: no assertion is needed to pass it in.

use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig, ServerHandle};
use eventring::hub::{self, Hub, Receiver, Subscription};
use eventring::ring::{
    self, Lanes, Publisher, ReaderGroup, Ring, SharedPublisher, Start, Subscriber, Waiter,
    WeakPublisher,
};
use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind};

const fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

/// Once: none of these could be passed into `catch_unwind`.
const _: () = {
    is_unwind_safe::<Hub>();
    is_unwind_safe::<Receiver>();
    is_unwind_safe::<hub::Cursor>();
    is_unwind_safe::<hub::HubWaiter>();
    is_unwind_safe::<hub::PresenceHandle>();
    is_unwind_safe::<Ring<String>>();
    is_unwind_safe::<Publisher<String>>();
    is_unwind_safe::<SharedPublisher<String>>();
    is_unwind_safe::<WeakPublisher<String>>();
    is_unwind_safe::<Subscriber<String>>();
    is_unwind_safe::<ReaderGroup<String>>();
    is_unwind_safe::<Lanes<String>>();
    is_unwind_safe::<Waiter>();
    is_unwind_safe::<ServerHandle>();
};

#[test]
fn a_ring_goes_on_after_a_panic_in_its_hands() {
    let (publisher, ring) = ring::Builder::new(4).build_shared::<Vec<u8>>().unwrap();
    let mut lost = ring.subscribe(Start::Newest).unwrap();
    publisher.publish(vec![1]).unwrap();
    let panicked = catch_unwind(move || {
        let _ = lost.drain(1, |_, _| resume_unwind(Box::new("bomb")));
    });
    assert!(panicked.is_err());
    assert!(catch_unwind(|| publisher.publish(vec![2]).unwrap()).is_ok());
    let mut subscriber = ring.subscribe(Start::Oldest).unwrap();
    assert_eq!(
        subscriber
            .try_iter()
            .map(Result::unwrap)
            .collect::<Vec<_>>(),
        [[1], [2]]
    );
    let (mut publisher, ring) = ring::channel::<String>(100).unwrap();
    let panicked = catch_unwind(move || {
        let _ = publisher.publish_with(|_| resume_unwind(Box::new("bomb")));
    });
    assert!(panicked.is_err() && ring.is_closed());
}

#[test]
fn a_hub_and_its_receiver_go_on_after_a_panic_in_their_hands() {
    let hub = Hub::new();
    let event = Event::builder("a", "t").build().unwrap();
    let receiver = hub.subscribe(Subscription::all()).unwrap();
    let (theirs, published) = (hub.clone(), event.clone());
    let panicked = catch_unwind(move || {
        let mut receiver = receiver;
        theirs.publish(&published).unwrap();
        let _ = receiver.with_next(|_, _| resume_unwind(Box::new("bomb")));
    });
    assert!(panicked.is_err());
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    assert!(catch_unwind(|| hub.publish(&event).unwrap()).is_ok());
    assert!(receiver.try_recv().is_ok());
}

#[test]
fn the_handle_of_a_server_goes_through_catch_unwind() {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::bind(&Hub::new(), config).unwrap().spawn().unwrap();
    let handle = server.handle().clone();
    assert!(catch_unwind(move || handle.stop()).is_ok());
    assert!(server.join().unwrap().clean);
}
