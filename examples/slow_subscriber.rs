//! A subscriber that is too slow: it is told exactly what it missed, nobody waits for it, and a topic that keeps
//! events spares it the gap.
//!
//! `cargo run --example slow_subscriber`

use std::error::Error;

use eventring::hub::TopicConfig;
use eventring::{Event, Hub, Subscription};

fn main() -> Result<(), Box<dyn Error>> {
    let hub = Hub::builder().capacity(100).build()?;
    let keep = TopicConfig::default().retain_events(10);
    hub.create_topic("alarms", keep)?;
    let mut slow = hub.subscribe(Subscription::all().id("slow"))?;
    let mut alarms = hub.subscribe("alarms")?;

    hub.publish(Event::builder("alarms", "smoke").build()?)?;
    for _ in 0..1_000 {
        hub.publish(Event::builder("ticks", "tick").build()?)?;
    }

    // Lag is an item and not the end. The one alarm is older than the ring, but its topic kept it.
    let gap = slow
        .next()
        .ok_or("ended")?
        .expect_err("901 events are gone");
    assert_eq!((gap.missed, gap.exact), (900, true));
    let kept = slow.recv()?;
    assert_eq!((kept.position.offset, kept.event.ty()), (1, "smoke"));
    assert_eq!(slow.drain(usize::MAX, |_, _| {})?, 100);
    let stats = hub.subscription("slow").ok_or("gone")?;
    assert_eq!((stats.delivered, stats.gaps, stats.lag), (101, 1, 0));

    // Who wants alarms only was spared the gap altogether.
    assert_eq!(alarms.recv()?.position.offset, 1);
    assert_eq!(alarms.stats().gaps, 0);
    Ok(())
}
