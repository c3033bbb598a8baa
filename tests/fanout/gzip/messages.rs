//! WebSocket messages, compressed once for all who take them.

use eventring::gateway::Compression;
use eventring::hub::Hub;

use super::client::Client;
use super::stage::Stage;

/// Data of an event whose message has 202 bytes, of words that come back.
fn words(n: usize) -> String {
    const WORDS: [&str; 6] = ["price", "order", "update", "symbol", "volume", "trade"];
    let mut text = format!("{n:07}");
    while text.len() < 120 {
        text.push('-');
        text.push_str(WORDS[(n * 7 + text.len()) % WORDS.len()]);
    }
    text.truncate(120);
    text
}

#[test]
fn an_event_is_compressed_once_for_all_sockets_that_are_aligned() {
    let mut stage = Stage::new(Hub::new(), |_| {});
    let mut clients: Vec<_> = (0..100)
        .map(|_| stage.join_socket("topic=a", false))
        .collect();
    let mut clients: Vec<_> = clients.iter_mut().collect();
    stage.publish("a", &words(0));
    stage.until(&mut clients, |c| c.iter().all(|c| c.seen.len() == 1));
    let stats = stage.stats();
    assert_eq!((stats.compressed_events, stats.compressions), (1, 2));
    let before = clients[0].messages.as_ref().unwrap().wire_bytes;
    for n in 1..=192 {
        stage.publish("a", &words(n));
    }
    stage.until(&mut clients, |c| c.iter().all(|c| c.seen.len() == 193));
    let stats = stage.stats();
    assert_eq!((stats.compressed_events, stats.compressions), (193, 194));
    for client in &clients {
        let messages = client.messages.as_ref().unwrap();
        assert_eq!(messages.compressed, 193);
        for (n, seen) in client.seen.iter().enumerate() {
            assert_eq!(seen.data, words(n));
        }
        let each = (messages.wire_bytes - before) / 192;
        assert!(each <= 45, "{each} bytes a message");
    }
}

#[test]
fn what_is_sent_to_one_alone_leaves_it_aligned() {
    let mut stage = Stage::new(Hub::new(), |_| {});
    let mut clients: Vec<_> = (0..8)
        .map(|_| stage.join_socket("topic=a", false))
        .collect();
    let mut clients: Vec<_> = clients.iter_mut().collect();
    for n in 0..2 {
        stage.publish("a", &words(n));
    }
    stage.until(&mut clients, |c| c.iter().all(|c| c.seen.len() == 2));
    let before = stage.stats().compressions;
    for client in clients.iter_mut() {
        client.ping();
    }
    stage.until(&mut clients, |c| {
        c.iter().all(|c| c.messages.as_ref().unwrap().pongs == 1)
    });
    // Heartbeats, too: other topics move the newest id.
    let newest = stage.publish("b", "not for them");
    stage.pass(16_000);
    stage.until(&mut clients, |c| {
        c.iter()
            .all(|c| c.last_id().ends_with(&format!("-{newest}")))
    });
    stage.publish("a", &words(2));
    stage.until(&mut clients, |c| c.iter().all(|c| c.seen.len() == 3));
    assert_eq!(stage.stats().compressions, before + 1);
}

#[test]
fn who_wants_no_looking_back_gets_each_message_by_itself() {
    let mut stage = Stage::new(Hub::new(), |_| {});
    let mut clients: Vec<_> = (0..10)
        .map(|_| stage.join_socket("topic=a", true))
        .collect();
    let mut clients: Vec<_> = clients.iter_mut().collect();
    for n in 0..20 {
        stage.publish("a", &words(n));
    }
    stage.until(&mut clients, |c| c.iter().all(|c| c.seen.len() == 20));
    let stats = stage.stats();
    assert_eq!((stats.compressions, stats.chains), (20, 0));
    let answer = clients[0].field("sec-websocket-extensions").unwrap();
    assert!(answer.contains("server_no_context_takeover"), "{answer}");
}

#[test]
fn history_is_compressed_for_each_and_live_events_follow() {
    for apart in [false, true] {
        let mut stage = Stage::new(Hub::new(), |_| {});
        for n in 0..1000 {
            stage.publish("a", &words(n));
        }
        let mut client = stage.join_socket("topic=a&from=beginning", apart);
        let mut clients = [&mut client];
        stage.until(&mut clients, |c| c[0].seen.len() == 1000);
        stage.publish("a", &words(1000));
        stage.until(&mut clients, |c| c[0].seen.len() == 1001);
        for (n, seen) in client.seen.iter().enumerate() {
            assert_eq!(seen.data, words(n));
        }
        let messages = client.messages.as_ref().unwrap();
        assert!(messages.compressed >= 1000);
        let saved = messages.plain_bytes / messages.wire_bytes;
        assert!(saved >= if apart { 1 } else { 3 }, "{saved}x");
    }
}

#[test]
fn a_window_that_is_too_small_is_declined_unless_nothing_is_compressed() {
    for (compression, agreed) in [(Compression::Gzip, false), (Compression::Off, true)] {
        let mut stage = Stage::new(Hub::new(), |config| config.compression = compression);
        let headers = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n";
        let mut client = Client::ask(stage.address(), "/api/v1/ws", headers, 1 << 16);
        stage.until(&mut [&mut client], |c| c[0].field(":status").is_some());
        assert_eq!(client.field(":status"), Some("101"));
        let extensions = client.field("sec-websocket-extensions");
        assert_eq!(extensions.is_some(), agreed, "{extensions:?}");
    }
}

#[test]
fn a_server_that_compresses_nothing_sends_messages_as_they_are() {
    let mut stage = Stage::new(Hub::new(), |config| config.compression = Compression::Off);
    let mut client: Client = stage.join_socket("topic=a", false);
    stage.publish("a", &words(1));
    stage.until(&mut [&mut client], |c| c[0].seen.len() == 1);
    assert_eq!(client.messages.as_ref().unwrap().compressed, 0);
}
