//! A staged ring: two stages side by side, a journal and a replica, and readers that get what both are done with.
//!
//! `cargo run --example staged`

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::thread;

use eventring::ring::{Builder, Overflow, Start, TryRecvError, Upstream};

/// What a stage keeps; a file or a socket in a real one.
type Store = Arc<Mutex<Vec<String>>>;

fn main() -> Result<(), Box<dyn Error>> {
    // A stage that is slow makes publishers wait, so a staged ring never overwrites.
    let waiting = Overflow::Block { timeout: None };
    let builder = Builder::new(1_024).overflow(waiting).staged();
    let (mut publisher, ring) = builder.build()?;

    let (journal, replica) = (Store::default(), Store::default());
    let stages = [
        stage(ring.upstream()?, journal.clone()),
        stage(ring.upstream()?, replica.clone()),
    ];

    // Downstream: an ordinary subscriber, that finds in both stores whatever it reads.
    let mut reader = ring.subscribe_gated(Start::Oldest)?;
    let (written, copied) = (journal.clone(), replica.clone());
    let delivery = thread::spawn(move || {
        let mut delivered = 0;
        while let Ok(value) = reader.recv() {
            let at = value.sequence() as usize;
            assert_eq!(written.lock().unwrap()[at], *value);
            assert_eq!(copied.lock().unwrap()[at], *value);
            delivered += 1;
        }
        delivered
    });

    for n in 0..10_000 {
        publisher.publish(format!("order {n}"))?;
    }
    // The end reaches the stages first, and the reader when both have released the last value.
    publisher.close();
    for stage in stages {
        stage.join().expect("a stage that fails abandons the ring");
    }
    assert_eq!(delivery.join().expect("delivered"), 10_000);
    assert_eq!(journal.lock().unwrap().len(), 10_000);
    assert!(!ring.is_abandoned());
    Ok(())
}

/// Runs a stage: it stores what is there, as one batch, and only then lets readers see it.
fn stage(mut upstream: Upstream<String>, store: Store) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        loop {
            match upstream.drain(256, |_first, values| {
                store.lock().unwrap().extend_from_slice(values);
            }) {
                Ok(_) => upstream
                    .release(upstream.position())
                    .expect("the other one is there"),
                Err(TryRecvError::Empty) => drop(upstream.wait(None)),
                Err(_) => return upstream.finish(),
            }
        }
    })
}
