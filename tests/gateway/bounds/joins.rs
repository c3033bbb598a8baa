//! Many who come at once and want to know of each other, and lists of them.

use super::stage::{STALL_US, Stage, calmest};
use crate::counting;

/// Once: each of 4,000 who joined was told of each other one by one: 8 million notices.
#[test]
fn those_who_join_together_are_told_of_together() {
    const JOINS: usize = 400;
    let us = calmest("joins with presence=true", || {
        let mut stage = Stage::new(|_| {});
        let request = "GET /api/v1/events/stream?topic=room&presence=true HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let mut clients: Vec<_> = (0..JOINS).map(|_| stage.ask(request.as_bytes())).collect();
        stage.until("all are there", |stage| {
            stage.hub.presence("room").len() == JOINS
        });
        (0..20).for_each(|_| stage.turn());
        let mut notices = 0;
        for client in &mut clients {
            client.read();
            let text = client.take();
            notices +=
                text.matches("event: join").count() + text.matches("event: presence").count();
        }
        println!("{notices} notices for {JOINS} joins");
        stage.stall_us()
    });
    assert!(us < STALL_US, "streams waited {us} us");
}

/// Once: 256 pipelined lists of all who are there were made of all of them.
#[test]
fn a_list_of_who_is_there_is_cut_before_it_is_written() {
    let us = calmest("pipelined lists of presence", || {
        let mut stage = Stage::new(|_| {});
        let bell = std::sync::Arc::new(Deaf);
        let all = eventring::event::Filter::all();
        let config = eventring::hub::PresenceConfig::new("somebody-", all, bell);
        let members = stage.hub.open_presence(config).unwrap();
        (0..20_000).for_each(|n| assert!(members.enter(n)));
        stage.turn();
        let list = "GET /api/v1/topics/room/presence HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let before = counting::allocated();
        let mut client = stage.ask(list.repeat(50).as_bytes());
        let mut seen = 0;
        stage.until("all lists", |_| {
            client.read();
            seen += client.take().matches('{').count();
            seen == 50
        });
        let bytes = (counting::allocated() - before) / 50;
        println!("{bytes} bytes allocated for a list of 20,000");
        // A thousand ids, and twice their text.
        assert!(bytes < 512 << 10, "{bytes} bytes allocated for a list");
        stage.stall_us()
    });
    assert!(us < STALL_US, "streams waited {us} us");
}

struct Deaf;

impl eventring::ring::Notify for Deaf {
    fn notify(&self) {}
}
