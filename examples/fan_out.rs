//! One publisher, several subscribers with filters of their own, each on its thread.
//!
//! `cargo run --example fan_out`

use std::error::Error;
use std::thread;

use eventring::{Event, Hub, Subscription};

fn main() -> Result<(), Box<dyn Error>> {
    let hub = Hub::new();
    let subscriptions = [
        Subscription::all().id("analytics").stream_type("Order"),
        Subscription::all().id("notifications").ty("OrderPlaced"),
        Subscription::all()
            .id("large")
            .matching("/data/amount > 100"),
        Subscription::all().id("audit"),
    ];
    let mut readers = Vec::new();
    for subscription in subscriptions {
        let receiver = hub.subscribe(subscription)?;
        readers.push(thread::spawn(move || {
            let name = receiver.id().to_owned();
            (name, receiver.filter_map(Result::ok).count())
        }));
    }
    for amount in [50, 150, 250] {
        hub.publish(
            Event::builder("orders.eu", "OrderPlaced")
                .stream("Order", &amount.to_string(), 1)
                .json(&format!(r#"{{"amount": {amount}}}"#))
                .build()?,
        )?;
    }
    hub.publish(
        Event::builder("orders.eu", "OrderShipped")
            .stream("Order", "50", 2)
            .build()?,
    )?;
    hub.publish(Event::builder("users", "UserCreated").build()?)?;
    hub.close();

    let mut counts = Vec::new();
    for reader in readers {
        counts.push(reader.join().map_err(|_| "a reader panicked")?);
    }
    let expected = [
        ("analytics", 4),
        ("notifications", 3),
        ("large", 2),
        ("audit", 5),
    ];
    assert!(
        counts
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .eq(expected)
    );
    Ok(())
}
