//! The mailbox: whoever leaves something in it is heard.
#![cfg(loom)]

use eventring::mailbox::{Mailbox, Pushed};
use loom::sync::Notify;
use loom::thread;
use loom_tests::{apart, model};
use std::collections::VecDeque;
use std::sync::Arc;

fn leave(mailbox: &Mailbox<u32>, owner: &Notify, item: u32) {
    if mailbox.push(item) == Ok(Pushed::First) {
        owner.notify();
    }
}

/// An owner that sleeps when it sees nothing gets all that two others left, each in its order.
#[test]
fn no_lost_wake_up_of_a_mailbox() {
    model(|swap| {
        let (mailbox, owner) = (Arc::new(Mailbox::new(8)), Arc::new(Notify::new()));
        let other = {
            let (mailbox, owner) = (mailbox.clone(), owner.clone());
            thread::spawn(move || leave(&mailbox, &owner, 10))
        };
        let pushing = {
            let (mailbox, owner) = (mailbox.clone(), owner.clone());
            move || {
                leave(&mailbox, &owner, 1);
                leave(&mailbox, &owner, 2);
            }
        };
        let taking = move || {
            let mut taken = VecDeque::new();
            while taken.len() < 3 {
                if mailbox.has_items() {
                    mailbox.take_into(&mut taken);
                } else {
                    owner.wait();
                }
            }
            let of_one: Vec<u32> = taken.iter().copied().filter(|n| *n < 10).collect();
            assert_eq!(of_one, [1, 2]);
        };
        apart(swap, pushing, taking);
        other.join().unwrap();
    });
}

/// What is left while the owner closes is either given back to who left it or to the owner.
#[test]
fn a_mailbox_that_closes_loses_nothing() {
    model(|swap| {
        let mailbox = Arc::new(Mailbox::new(8));
        let pushing = {
            let mailbox = mailbox.clone();
            move || u32::from(mailbox.push(1).is_ok()) + u32::from(mailbox.push(2).is_ok())
        };
        let closing = move || {
            let popped = u32::from(mailbox.pop().is_some());
            popped + mailbox.close().len() as u32
        };
        let (left, taken) = apart(swap, pushing, closing);
        assert_eq!(left, taken);
    });
}
