//! What the manuals of other event streams show first, done here; each part runs and is checked.
//!
//! `cargo run --example documents`

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use eventring::event::{EventBuilder, EventQuery};
use eventring::gateway::WebSocketStream;
use eventring::hub::{Gap, ReceiveError, StartFrom};
use eventring::pipeline::{
    BackpressureStream, BatchingConfig, BatchingStream, ConnectionOptions, EventStreamer,
    InMemoryStream, StreamProcessor, StreamerStats, TopicStream, broadcast,
};
use eventring::{Event, Hub, Position, Server, ServerConfig, Subscription};

type Done = Result<(), Box<dyn Error>>;

/// 000: `InMemoryStream.publish`, `subscribe`, `get_recent_events`, `unsubscribe`.
fn in_memory_stream() -> Done {
    let stream = InMemoryStream::new();
    let id = stream.subscribe("*", |_event| Ok(()))?;
    stream.publish(
        Event::builder("news", "message")
            .json(r#"{"text":"hello"}"#)
            .build()?,
    )?;
    assert_eq!(stream.recent(10).len(), 1);
    assert!(stream.unsubscribe(&id));
    Ok(())
}

/// 000: `TopicStream`, and `broadcast` to several streams.
fn topics_and_broadcast() -> Done {
    let (one, two) = (TopicStream::new(), InMemoryStream::new());
    let event = Event::builder("orders", "message").build()?;
    one.publish("orders.eu", &event)?;
    assert_eq!(one.topics(), ["orders.eu"]);
    assert!(
        broadcast(&[one.stream(), &two], &event)
            .iter()
            .all(Result::is_ok)
    );
    Ok(())
}

/// 000: `AsyncStream(buffer_size=1000)`: `start`, `publish -> bool`, `subscribe`, `consume`, `stop`.
fn backpressure() -> Done {
    let stream = BackpressureStream::new(Default::default())?;
    stream.start()?;
    let consumer = stream.subscribe("*")?;
    assert!(stream.publish(Event::builder("t", "message").build()?));
    let reading = std::thread::spawn(move || consumer.count());
    assert_eq!(stream.stop(Duration::from_secs(60)).left, 0);
    assert_eq!(reading.join().map_err(|_| "the reader panicked")?, 1);
    Ok(())
}

/// 000: `BatchingStream(batch_size, flush_interval).on_batch(handler)`.
fn batching() -> Done {
    let config = BatchingConfig::default()
        .size(100)
        .interval(Duration::from_secs(1));
    let stream = BatchingStream::start(config, |batch| {
        assert!(batch.len() <= 100);
        Ok(())
    });
    for _ in 0..250 {
        stream.add(Event::builder("t", "message").build()?)?;
    }
    assert_eq!(stream.stop().batches, 3);
    Ok(())
}

/// 000: `StreamProcessor(source).map(..).filter(..).sink(target).start()`.
fn processor() -> Done {
    let (source, target) = (Hub::new(), Arc::new(InMemoryStream::new()));
    let running = StreamProcessor::new()
        .map(|event| {
            let built = EventBuilder::new()
                .copy_from(event)
                .topic("processed")
                .build();
            built.map_err(|_| "no event".into())
        })
        .filter(|event| event.ty() != "heartbeat")
        .sink(target.clone())
        .start(&source, Subscription::all())?;
    source.publish(Event::builder("raw", "message").build()?)?;
    source.publish(Event::builder("raw", "heartbeat").build()?)?;
    assert_eq!(running.stop(Duration::from_secs(60)).sent, 1);
    assert_eq!(target.recent(1)[0].topic(), "processed");
    Ok(())
}

/// 000: `WebSocketStream.connect(client_id)`, `broadcast`, `send_to -> bool`, `disconnect`.
fn web_socket_stream() -> Done {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let stream = WebSocketStream::new(Default::default());
    let server = Server::builder(&Hub::new()).clients("/notifications", &stream);
    let server = server.bind(config)?.spawn()?;
    let subscription = stream.connect("alice")?;
    assert!(!stream.send_to("alice", "she has not come yet"));
    let mut socket = TcpStream::connect(server.addr())?;
    socket.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(
        socket,
        "GET /notifications?client=alice HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert_ne!(reader.read_line(&mut line)?, 0);
    }
    assert_eq!(stream.subscription_of("alice"), Some(subscription));
    assert_eq!(stream.broadcast("to all").sent, 1);
    assert!(stream.send_to("alice", "to one"));
    assert!(stream.disconnect("alice"));
    assert!(!stream.send_to("alice", "too late"));
    let mut frames = [0; 8 + 8 + 16];
    reader.read_exact(&mut frames)?;
    assert_eq!(
        &frames,
        b"\x81\x06to all\x81\x06to one\x88\x0e\x03\xe8disconnected"
    );
    drop(reader);
    server.stop()?;
    Ok(())
}

/// 001: `IEventStreamer`: publish to a topic, a batch, a filter in JSON, connections, figures.
fn event_streamer() -> Done {
    let hub = Hub::new();
    let filter = EventQuery::from_json(br#"{"typePattern": "ISSUE.*", "tags": {"repo": "core"}}"#)?;
    let mut filtered = hub.subscribe_to(filter.filter)?;
    let subscription = Subscription::topic("workflow").id("browser-1");
    let mut connection =
        hub.create_connection(ConnectionOptions::default().subscription(subscription))?;
    let event = Event::builder("issues", "ISSUE.CREATED")
        .actor("user", "u-1")
        .tag("repo", "core")
        .build()?;
    hub.publish_event(event.as_ref(), Some("workflow"))?;
    hub.publish_events(&[event.clone(), event], None)?;
    assert_eq!(filtered.drain(10, |_, _| {})?, 3);
    assert_eq!(connection.drain(10, |_, _| {})?, 1);
    assert_eq!(hub.active_connections()[0].events_delivered, 1);
    assert!(hub.close_connection("browser-1"));
    Ok(())
}

/// 002: the subscription builder, positions, and `unsubscribe`.
fn subscriptions_and_positions() -> Done {
    let hub = Hub::builder().capacity(5_000).streams_max(10_000).build()?;
    let orders = Subscription::all()
        .id("order-processing")
        .stream_type("Order")
        .ty("OrderPlaced");
    let mut receiver = hub.subscribe(orders)?;
    hub.publish(
        Event::builder("orders", "OrderPlaced")
            .stream("Order", "o-1", None)
            .build()?,
    )?;
    hub.publish(
        Event::builder("users", "UserRegistered")
            .stream("User", "u-1", None)
            .build()?,
    )?;
    assert_eq!(hub.stream_position("Order", "o-1"), Some(1));
    assert_eq!(
        (
            hub.stream_position("Order", "o-2"),
            hub.global_position().offset
        ),
        (None, 2)
    );
    assert_eq!(receiver.recv()?.event.ty(), "OrderPlaced");
    assert!(hub.unsubscribe("order-processing"));
    assert_eq!(receiver.recv(), Err(ReceiveError::Unsubscribed));
    Ok(())
}

/// 002: `ResilientEventProcessor`: errors of one event do not end the loop, and lag is no end either.
fn resilient_processor() -> Done {
    let hub = Hub::builder().capacity(4).build()?;
    let receiver = hub.subscribe("orders")?;
    for n in 0..6 {
        hub.publish(
            Event::builder("orders", "OrderPlaced")
                .text(&n.to_string())
                .build()?,
        )?;
    }
    hub.close();
    let (mut processed, mut dead, mut missed) = (0, Vec::new(), 0);
    for item in receiver {
        match item {
            Ok(delivery) if delivery.event.data() == b"4" => dead.push(delivery),
            Ok(_) => processed += 1,
            Err(Gap { missed: count, .. }) => missed += count,
        }
    }
    assert_eq!((processed, dead.len(), missed), (3, 1, 2));
    Ok(())
}

/// 002: checkpoints each so many events, and a batch at a time.
fn batches_with_checkpoints() -> Done {
    let hub = Hub::new();
    for _ in 0..250 {
        hub.publish(Event::builder("t", "t").build()?)?;
    }
    let mut receiver = hub.subscribe(Subscription::all().start(StartFrom::Beginning))?;
    let mut checkpoints: Vec<Position> = Vec::new();
    while receiver.drain(100, |_position, _event| {}).is_ok() {
        checkpoints.push(receiver.position());
    }
    assert!(
        checkpoints
            .iter()
            .map(|position| position.offset)
            .eq([100, 200, 250])
    );
    Ok(())
}

fn main() -> Done {
    in_memory_stream()?;
    topics_and_broadcast()?;
    backpressure()?;
    batching()?;
    processor()?;
    web_socket_stream()?;
    event_streamer()?;
    subscriptions_and_positions()?;
    resilient_processor()?;
    batches_with_checkpoints()
}
