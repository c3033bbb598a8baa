//! A read model kept by hand: how many users there are, folded from their events.
//!
//! `cargo run --example projection_by_hand`

use std::error::Error;

use eventring::event::EventRef;
use eventring::hub::{Controls, Item, StartFrom};
use eventring::{Event, Hub, Position, Subscription};

#[derive(Debug, Default, PartialEq)]
struct UserAnalytics {
    users: u64,
    active: u64,
    /// How far it has folded; what a checkpoint would hold beside the figures.
    position: Option<Position>,
}

impl UserAnalytics {
    fn handle(&mut self, event: EventRef<'_>) {
        match event.ty() {
            "UserRegistered" => {
                self.users += 1;
                self.active += 1;
            }
            "UserDeactivated" => self.active -= 1,
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let hub = Hub::new();
    for (id, ty) in [
        ("1", "UserRegistered"),
        ("2", "UserRegistered"),
        ("1", "UserDeactivated"),
    ] {
        hub.publish(
            Event::builder("users", ty)
                .stream("User", id, None)
                .build()?,
        )?;
    }
    hub.publish(Event::builder("orders", "OrderPlaced").build()?)?;

    // From the beginning into live, in one call; the mark says when the figures are up to date.
    let users = Subscription::all().stream_type("User").ty_pattern("User*");
    let users = users.start(StartFrom::Beginning).controls(Controls::none());
    let mut receiver = hub.subscribe(users)?;
    let mut analytics = UserAnalytics::default();
    loop {
        match receiver.next_item()? {
            Item::Event(delivery) => {
                analytics.handle(delivery.event.as_ref());
                analytics.position = Some(delivery.position);
            }
            // What is missing is told: a projection that must be exact starts over here.
            Item::Gap(gap) => return Err(gap.into()),
            Item::CaughtUp(_) => break,
            _ => {}
        }
    }
    assert_eq!((analytics.users, analytics.active), (2, 1));
    assert_eq!(analytics.position.map(|position| position.offset), Some(3));
    Ok(())
}
