//! A reader that stands still in the middle of a frame: what it is answered comes between frames.

use eventring::event::Event;
use eventring::hub::Hub;
use tungstenite::Message;

use super::client::Client;
use super::config;
use eventring::gateway::Server;

#[test]
fn answers_never_land_inside_a_frame() {
    let hub = Hub::builder().capacity(4096).build().unwrap();
    let config = config().frame_log_bytes(1 << 20).send_buffer(Some(8 << 10));
    let server = Server::bind(&hub, config).unwrap().spawn().unwrap();
    let mut client = Client::new(server.addr(), "/api/v1/ws?topic=a");
    client.expect("welcome");
    let text = "x".repeat(5000);
    let mut published = 0;
    for round in 0..20 {
        // Far more than sockets and log hold: the connection stands inside a frame, then falls behind.
        for _ in 0..100 {
            hub.publish(Event::builder("a", "n").text(&text).build().unwrap())
                .unwrap();
            published += 1;
        }
        client.send(&format!(r#"{{"type":"ping","request":{round}}}"#));
        client.0.send(Message::Ping(vec![round].into())).unwrap();
    }
    let (mut events, mut pongs, mut missing) = (0, 0, 0);
    while events + missing < published || pongs < 40 {
        match client.0.read().unwrap() {
            Message::Pong(_) => pongs += 1,
            Message::Text(message) => {
                let value: serde_json::Value = serde_json::from_str(&message).unwrap();
                match value["type"].as_str() {
                    Some("event") => events += 1,
                    Some("pong") => pongs += 1,
                    Some("gap") => missing += value["missing"].as_u64().unwrap(),
                    _ => {}
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((events + missing, pongs), (published, 40));
}
