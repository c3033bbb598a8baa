//! Resuming by an id that was kept as text: known, too old, strange, or none at all.

use std::time::Duration;

use eventring::event::{Epoch, Event, Position};
use eventring::hub::{
    Control, Controls, Gap, GapReason, Hub, Item, ReceiveError, Receiver, ResetReason, StartFrom,
    Subscription, TryReceiveError,
};

fn publish(hub: &Hub, topic: &str) -> Position {
    hub.publish(Event::builder(topic, "t").build().unwrap())
        .unwrap()
}

fn resumed(hub: &Hub, id: &str) -> Receiver {
    let all = Subscription::all().controls(Controls::none());
    hub.subscribe(all.resume(id)).unwrap()
}

fn items(receiver: &mut Receiver) -> Vec<Item> {
    let mut items = Vec::new();
    while let Some(item) = receiver.next_item_timeout(Duration::ZERO).unwrap() {
        items.push(item);
    }
    items
}

/// The offset of an event; what else there is to tell has none.
fn offset(item: &Item) -> Option<u64> {
    match item {
        Item::Event(delivery) => Some(delivery.position.offset),
        _ => None,
    }
}

#[test]
fn a_known_id_goes_on_after_it() {
    let hub = Hub::new();
    let kept: Vec<String> = (0..3).map(|_| publish(&hub, "a").to_string()).collect();
    let mut receiver = resumed(&hub, &kept[0]);
    assert_eq!(receiver.recv().unwrap().position.to_string(), kept[1]);
    assert_eq!(receiver.recv().unwrap().position.to_string(), kept[2]);
    assert_eq!(receiver.reset(), None);
    let mut receiver = resumed(&hub, &format!(" {} ", kept[2]));
    assert_eq!(receiver.try_recv(), Err(TryReceiveError::Empty));
}

#[test]
fn an_id_that_is_no_longer_kept_goes_on_after_a_gap() {
    let hub = Hub::builder().capacity(2).build().unwrap();
    let first = publish(&hub, "a");
    (0..5).for_each(|_| _ = publish(&hub, "a"));
    let gap = Gap {
        missed: 3,
        resume_at: 5,
        exact: true,
        reason: GapReason::Overrun,
    };
    let told = items(&mut resumed(&hub, &first.to_string()));
    assert_eq!(told[0], Item::Gap(gap));
    assert_eq!(
        told[1..3].iter().map(offset).collect::<Vec<_>>(),
        [Some(5), Some(6)]
    );
    let mut receiver = resumed(&hub, &first.to_string());
    assert_eq!(receiver.recv(), Err(ReceiveError::Gap(gap)));
}

/// After a restart a program that had kept an id got an error, and a browser a stream.
#[test]
fn an_id_that_means_nothing_is_told_first_and_then_it_is_live() {
    let hub = Hub::new();
    (0..3).for_each(|_| _ = publish(&hub, "a"));
    let head = hub.position();
    let foreign = Position {
        epoch: Epoch(7),
        offset: 2,
    };
    let future = Position {
        offset: 1_000,
        ..head
    };
    let long = "x".repeat(100);
    for (id, reason, asked) in [
        (foreign.to_string(), ResetReason::Epoch, foreign.to_string()),
        (future.to_string(), ResetReason::Future, future.to_string()),
        ("hello".into(), ResetReason::Junk, "hello".into()),
        (long.clone(), ResetReason::Junk, long[..64].to_owned()),
        ("17".into(), ResetReason::Junk, "17".into()),
    ] {
        let hub = hub.clone();
        let mut receiver = resumed(&hub, &id);
        let head = hub.position();
        let next = publish(&hub, "a");
        let reset = receiver.reset().expect("it is told at once").clone();
        assert_eq!((&reset.reason, &reset.asked), (&reason, &asked));
        assert_eq!(reset.head, head);
        let told = items(&mut receiver);
        assert_eq!(told[0], Item::Reset(reset.clone()));
        assert_eq!(told[1], Item::CaughtUp(head));
        assert_eq!(
            told[2..].iter().map(offset).collect::<Vec<_>>(),
            [Some(next.offset)]
        );
        assert_eq!(receiver.reset(), Some(&reset), "it goes on saying it");
    }
}

#[test]
fn who_receives_events_alone_gets_what_is_published_after_a_reset() {
    let hub = Hub::new();
    publish(&hub, "a");
    let mut receiver = resumed(&hub, "junk");
    assert_eq!(receiver.try_recv(), Err(TryReceiveError::Empty));
    let next = publish(&hub, "a");
    assert_eq!(receiver.recv().unwrap().position, next);
    let reset = receiver.reset().unwrap();
    assert_eq!(
        reset.to_string(),
        format!(
            "the id \"junk\" means nothing here (junk), resuming after {}",
            reset.head
        )
    );
}

#[test]
fn what_is_no_id_starts_as_if_none_were_given_and_an_id_beats_the_start() {
    let hub = Hub::new();
    let first = publish(&hub, "a");
    publish(&hub, "a");
    let from_beginning = |id: &str| {
        let all = Subscription::all().start(StartFrom::Beginning).resume(id);
        hub.subscribe(all).unwrap()
    };
    for none in ["", "  ", "null", "undefined", "None", "nil"] {
        let mut receiver = from_beginning(none);
        assert_eq!(receiver.recv().unwrap().position, first, "{none:?}");
        assert_eq!(receiver.reset(), None);
    }
    let second = from_beginning(&first.to_string()).recv().unwrap();
    assert_eq!(second.position.offset, 2);
    let later = Subscription::all().resume(&first.to_string());
    let mut receiver = hub.subscribe(later.start(StartFrom::Now)).unwrap();
    assert_eq!(receiver.recv().unwrap().position.offset, 2);
    assert_eq!(
        from_beginning("junk").try_recv(),
        Err(TryReceiveError::Empty)
    );
}

#[test]
fn the_reset_comes_after_connected_and_before_everything_else() {
    let hub = Hub::new();
    publish(&hub, "a");
    let mut receiver = hub
        .subscribe(Subscription::topic("a").id("me").resume("junk"))
        .unwrap();
    publish(&hub, "a");
    let connected = Control::Connected { id: "me".into() };
    assert_eq!(receiver.next_item(), Ok(Item::Control(connected)));
    assert!(matches!(receiver.next_item(), Ok(Item::Reset(_))));
    assert!(matches!(receiver.next_item(), Ok(Item::CaughtUp(at)) if at.offset == 1));
    assert!(matches!(receiver.next_item(), Ok(Item::Event(_))));
}
