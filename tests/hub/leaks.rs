//! What a million subscriptions leave behind: nothing.

use std::sync::Arc;

use eventring::event::Event;
use eventring::hub::{Hub, Subscription};
use eventring::ring::Notify;

use crate::counting;

struct Ignore;

impl Notify for Ignore {
    fn notify(&self) {}
}

/// Weakness 12: dropped receivers stayed in the map; weakness 8: cancelled subscriptions too.
#[test]
fn weakness_12_a_million_subscriptions_leave_nothing_behind() {
    let hub = Hub::builder().capacity(64).build().unwrap();
    let ignore: Arc<Ignore> = Arc::new(Ignore);
    let event = Event::builder("a.1", "t").build().unwrap();
    let mut round = |n: usize| {
        let subscription = match n % 4 {
            0 => Subscription::all(),
            1 => Subscription::topic("a.*").id("fixed"),
            2 => Subscription::topics([format!("a.{}", n % 97)]).ty("t"),
            _ => Subscription::all().ty("t").filter_fn(|_| true),
        };
        let mut receiver = hub.subscribe(subscription).unwrap();
        if n % 8 < 4 {
            assert!(receiver.arm(ignore.clone()));
        }
        if n.is_multiple_of(16) {
            hub.publish(&event).unwrap();
        }
        if n.is_multiple_of(3) {
            hub.unsubscribe(receiver.id());
        }
    };
    (0..10_000).for_each(&mut round);
    let before = counting::live();
    (0..1_000_000).for_each(&mut round);
    let grown = counting::live() - before;
    assert!(
        grown < 64 << 10,
        "{grown} bytes more after a million subscriptions"
    );
    assert_eq!(
        (
            hub.subscriptions().len(),
            hub.stats().readers,
            hub.stats().classes
        ),
        (0, 0, 0)
    );
}
