//! A network that cuts every connection: no event is lost, none comes twice.

use eventring::client::{WsClient, WsData, WsItem};
use eventring::hub::Hub;

use super::{quick, serve};
use crate::storm::{Judge, storm};

#[test]
fn a_thousand_cuts_lose_nothing_and_repeat_nothing() {
    let cuts: u64 = std::env::var("CUTS").map_or(1000, |cuts| cuts.parse().unwrap());
    for compressed in [true, false] {
        let hub = Hub::new();
        let server = serve(&hub, ([127, 0, 0, 1], 0).into());
        storm((&hub, server.addr()), cuts / 2, move |proxy, judge| {
            let url = format!("ws://{proxy}/api/v1/ws?topic=%3E&from=beginning");
            read_all(quick(&url).deflate(compressed).build(), judge);
        });
    }
}

/// Reads up to the last event.
fn read_all(mut client: WsClient, judge: &mut Judge) {
    loop {
        match client.next_item().expect("a cut is no reason to stop") {
            WsItem::Event(event) => {
                let WsData::Text { text, .. } = event.data else {
                    panic!("text is text: {:?}", event.data)
                };
                if judge.event(&event.id, &text) {
                    return;
                }
            }
            WsItem::Disconnected(_) => judge.lost(),
            WsItem::Connected => {}
            told => panic!("everything is kept: {told:?}"),
        }
    }
}
