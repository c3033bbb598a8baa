//! A worker that remembers how far it came, stops in the middle, and goes on without a gap or a repeat.
//!
//! `cargo run --example resume_from_checkpoint`

use std::error::Error;

use eventring::hub::StartFrom;
use eventring::{Event, Hub, Position, Subscription};

/// What a file or a table would hold: a position is text of at most 34 characters.
#[derive(Default)]
struct Checkpoint(Option<String>);

fn work(hub: &Hub, checkpoint: &mut Checkpoint, count: usize) -> Result<Vec<u64>, Box<dyn Error>> {
    let start = match &checkpoint.0 {
        Some(text) => StartFrom::After(text.parse::<Position>()?),
        None => StartFrom::Beginning,
    };
    // A position of another epoch, as after a restart of a memory hub, is refused here rather than misread.
    let mut receiver = hub.subscribe(Subscription::topic("jobs.*").start(start))?;
    let mut done = Vec::new();
    for _ in 0..count {
        let delivery = receiver.recv()?;
        done.push(delivery.position.offset);
        checkpoint.0 = Some(delivery.position.to_string());
    }
    Ok(done)
}

fn main() -> Result<(), Box<dyn Error>> {
    let hub = Hub::new();
    for n in 0..10 {
        hub.publish(Event::builder(if n % 2 == 0 { "jobs.a" } else { "other" }, "job").build()?)?;
    }
    let mut checkpoint = Checkpoint::default();
    let first = work(&hub, &mut checkpoint, 2)?;
    let second = work(&hub, &mut checkpoint, 3)?;
    assert_eq!((first, second), (vec![1, 3], vec![5, 7, 9]));
    let restarted = Hub::new();
    assert!(work(&restarted, &mut checkpoint, 1).is_err());
    Ok(())
}
