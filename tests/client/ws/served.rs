//! Against the server itself: restarts, gaps, requests, and the items for a task.

use std::time::Instant;

use eventring::client::{Cause, ClientError, ClientItems, WsData, WsItem, WsItems};
use eventring::event::Event;
use eventring::hub::Hub;

use super::{PATIENCE, connected, disconnected, publish, quick, serve};

#[test]
fn after_a_restart_it_is_told_that_it_begins_anew() {
    let hub = Hub::new();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into());
    let address = server.addr();
    let url = format!("ws://{address}/api/v1/ws?topic=a&from=beginning");
    publish(&hub, 1..=1);
    let mut client = quick(&url).build();
    connected(&mut client);
    assert!(matches!(client.next_item(), Ok(WsItem::Event(_))));
    let reading = std::thread::spawn(move || {
        let parted = disconnected(&mut client);
        (client, parted)
    });
    assert!(server.stop().unwrap().clean, "the client answers the close");
    let (mut client, parted) = reading.join().unwrap();
    assert!(matches!(parted.cause, Cause::Bye { reason } if reason == "stopping"));

    let hub = Hub::new();
    let _server = serve(&hub, address);
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "the server is back");
        match client.next_item().unwrap() {
            WsItem::Disconnected(_) => {}
            WsItem::Connected => break,
            other => panic!("nothing yet: {other:?}"),
        }
    }
    let Ok(WsItem::Reset(reset)) = client.next_item() else {
        panic!("its id means nothing there")
    };
    let told: serde_json::Value = serde_json::from_str(&reset.data).unwrap();
    assert_eq!(told["reason"], "epoch");
    publish(&hub, 1..=1);
    let Ok(WsItem::Event(event)) = client.next_item() else {
        panic!("it goes on")
    };
    assert_eq!(event.id, format!("{}-1", hub.epoch()));
}

#[test]
fn what_is_gone_comes_as_a_gap() {
    let hub = Hub::builder().capacity(64).build().unwrap();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into());
    publish(&hub, 1..=500);
    let url = format!("ws://{}/api/v1/ws?topic=%3E", server.addr());
    let mut client = quick(&url)
        .last_event_id(&format!("{}-5", hub.epoch()))
        .build();
    connected(&mut client);
    let Ok(WsItem::Gap(gap)) = client.next_item() else {
        panic!("what comes after 5 is gone")
    };
    let told: serde_json::Value = serde_json::from_str(&gap.data).unwrap();
    let earliest = hub.earliest();
    assert_eq!(told["missing"], earliest - 6);
    assert_eq!(gap.id, format!("{}-{}", hub.epoch(), earliest - 1));
    let Ok(WsItem::Event(event)) = client.next_item() else {
        panic!("what is left")
    };
    assert_eq!(event.id, format!("{}-{earliest}", hub.epoch()));
}

#[test]
fn one_connection_publishes_and_reads() {
    let hub = Hub::new();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into());
    let url = format!("http://{}/api/v1/ws?topic=a", server.addr());
    let mut client = quick(&url).build();
    connected(&mut client);
    let publish = r#"{"type":"publish","request":"r 1","topic":"a","event":"n","data":[1 , 2]}"#;
    client.request(publish).unwrap();
    client
        .request(r#"{"type":"nonsense","request":2}"#)
        .unwrap();
    let (mut answers, mut events) = (Vec::new(), Vec::new());
    while answers.len() + events.len() < 3 {
        match client.next_item().unwrap() {
            WsItem::Answer(json) => {
                answers.push(serde_json::from_str::<serde_json::Value>(&json).unwrap());
            }
            WsItem::Event(event) => events.push(event),
            other => panic!("nothing else: {other:?}"),
        }
    }
    let answer = |ty: &str| answers.iter().find(|answer| answer["type"] == ty).unwrap();
    assert_eq!(answer("published")["request"], "r 1");
    assert_eq!(answer("error")["code"], "unknown");
    assert_eq!(events[0].data, WsData::Json("[1 , 2]".into()));
    assert_eq!(answer("published")["id"], events[0].id.as_str());
    // Bytes go through as bytes.
    hub.publish(
        Event::builder("a", "picture")
            .data("image/png", b"\x89PNG\xff")
            .build()
            .unwrap(),
    )
    .unwrap();
    let Ok(WsItem::Event(event)) = client.next_item() else {
        panic!("the picture")
    };
    let data = WsData::Binary {
        content_type: "image/png".into(),
        bytes: b"\x89PNG\xff".to_vec(),
    };
    assert_eq!((event.topic.as_str(), event.data), ("a", data));
}

#[test]
fn who_subscribes_by_a_request_comes_back_without() {
    let hub = Hub::new();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into());
    let url = format!("ws://{}/api/v1/ws", server.addr());
    let mut client = quick(&url).last_event_id("x-1").build();
    connected(&mut client);
    let subscribe = r#"{"type":"subscribe","request":1,"topic":"a"}"#;
    client.request(subscribe).unwrap();
    assert!(matches!(client.next_item(), Ok(WsItem::Answer(_))));
    publish(&hub, 1..=1);
    assert!(matches!(client.next_item(), Ok(WsItem::Event(_))));
}

#[test]
fn a_wrong_pattern_is_a_refusal() {
    let hub = Hub::new();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into());
    let url = format!("ws://{}/api/v1/ws?topic=a..b", server.addr());
    let refused = quick(&url).build().next_item();
    assert!(matches!(
        refused,
        Err(ClientError::Refused { status: 400, .. })
    ));
}

#[test]
fn the_iterator_goes_on() {
    let hub = Hub::new();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into());
    publish(&hub, 1..=10);
    let url = format!("ws://{}/api/v1/ws?topic=a&from=beginning", server.addr());
    let items = quick(&url).build().map(Result::unwrap);
    let events = items.filter(|item| matches!(item, WsItem::Event(_)));
    assert_eq!(events.take(10).count(), 10);
}

#[cfg(feature = "async")]
#[test]
fn a_task_gets_the_same_items() {
    use futures::StreamExt as _;
    let hub = Hub::new();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into());
    publish(&hub, 1..=1000);
    let url = format!("ws://{}/api/v1/ws?topic=a&from=beginning", server.addr());
    let items: WsItems = quick(&url).build().into_stream().unwrap();
    // The one type, whatever the protocol.
    let mut items: ClientItems<WsItem> = items;
    let seen = futures::executor::block_on(async {
        let mut seen = 0;
        while seen < 1000 {
            if let Some(WsItem::Event(event)) = items.next().await.transpose().unwrap() {
                seen += 1;
                assert!(event.id.ends_with(&format!("-{seen}")), "{}", event.id);
            }
        }
        seen
    });
    assert_eq!(seen, 1000);
    drop(items);
    assert_eq!(server.stop().unwrap().connections_left, 0);
}
