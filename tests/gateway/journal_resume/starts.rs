//! Streams that begin in the journal: with the oldest, the last so many, or at a time.

use super::world::{World, notices, offsets, publish};

const OLD: u64 = 600;

#[test]
fn from_the_beginning_is_from_the_oldest_in_the_journal() {
    let world = World::new();
    world.publish("a", OLD);
    let mut client = world.open("from=beginning");
    client.read_to(OLD);
    assert_eq!(offsets(&client), (1..=OLD).collect::<Vec<_>>());
    assert_eq!(notices(&client), Vec::<String>::new());
}

#[test]
fn the_last_so_many_reach_into_the_journal() {
    let world = World::new();
    for n in 0..OLD {
        let topic = if n % 10 == 0 { "rare.a" } else { "busy" };
        publish(&world.hub, topic);
    }
    let rare = (0..OLD).filter(|n| n % 10 == 0).map(|n| n + 1);
    let rare: Vec<u64> = rare.collect();
    for (query, expected) in [
        ("last=500", (101..=OLD).collect::<Vec<_>>()),
        ("topic=rare.a&last=20", rare[40..].to_vec()),
        ("topic=rare.*&last=60", rare.clone()),
    ] {
        let mut client = world.open(query);
        let last = *expected.last().unwrap();
        client.read_until(|client| client.events().any(|seen| seen.offset() >= last));
        assert_eq!(offsets(&client), expected, "{query}");
        assert_eq!(notices(&client), Vec::<String>::new(), "{query}");
    }
    // More than there ever were.
    let mut client = world.open("topic=rare.*&last=1000");
    client.read_until(|client| client.events().count() == rare.len());
    assert_eq!(offsets(&client), rare);
}

#[test]
fn a_time_is_looked_up_in_the_journal() {
    let world = World::new();
    world.publish("a", 200);
    // The next millisecond begins: what comes from here on was taken at a time of its own.
    let before = std::time::SystemTime::now();
    let ms = |time: std::time::SystemTime| {
        let since = time.duration_since(std::time::UNIX_EPOCH).unwrap();
        since.as_millis() as i64
    };
    while ms(std::time::SystemTime::now()) <= ms(before) + 1 {
        std::thread::yield_now();
    }
    let since = jiff::Timestamp::from_millisecond(ms(before) + 1).unwrap();
    world.publish("a", OLD);
    let mut client = world.open(&format!("topic=a&since={since}"));
    client.read_to(200 + OLD);
    assert_eq!(offsets(&client), (201..=200 + OLD).collect::<Vec<_>>());
    assert_eq!(notices(&client), Vec::<String>::new());
    let mut socket = crate::sockets::client::Client::new(
        world.server.addr(),
        &format!("/api/v1/ws?topic=a&since={since}"),
    );
    socket.expect("welcome");
    let first = socket.expect("event");
    let id = first["id"].as_str().unwrap();
    assert_eq!(crate::streams::client::offset(id), 201);
}

#[test]
fn an_id_beyond_everything_or_of_another_log_resets() {
    let world = World::new();
    world.publish("a", OLD);
    let client = world.resume("topic=a", OLD + 1_000);
    assert_reset(client, "reset future");
    let client = world.open("topic=a&last-event-id=00000000004hm-7");
    assert_reset(client, "reset epoch");
}

fn assert_reset(mut client: crate::streams::client::Client, notice: &str) {
    client.read_until(|client| !client.seen.is_empty());
    assert_eq!(notices(&client), [notice]);
    let head = client.seen[0].json()["head"].as_str().unwrap().to_owned();
    assert_eq!(crate::streams::client::offset(&head), OLD);
}
