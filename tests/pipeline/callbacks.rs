//! Callback streams and fan-out. Named after what the systems that this replaces got wrong.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use eventring::event::{Event, EventRef};
use eventring::hub::Hub;
use eventring::pipeline::{
    ConnectionOptions, EventSink, EventStreamer, Failure, HandlerError, HandlerStats,
    InMemoryStream, StreamerConnection, StreamerConnectionStatus, TopicStream, broadcast,
};

fn event(topic: &str, ty: &str) -> Event {
    Event::builder(topic, ty).build().unwrap()
}

type Log = Arc<Mutex<Vec<String>>>;
type Handler = Box<dyn Fn(EventRef<'_>) -> Result<(), HandlerError> + Send + Sync>;

fn logging(log: &Log) -> Handler {
    let log = log.clone();
    Box::new(move |event| {
        log.lock().unwrap().push(event.ty().to_owned());
        Ok(())
    })
}

fn seen(log: &Log) -> Vec<String> {
    log.lock().unwrap().clone()
}

/// Weakness 2: a `KeyError` in one handler reached the publisher and the remaining subscribers missed the event; an
/// error in the filter function was not caught at all.
#[test]
fn weakness_2_a_handler_that_fails_hides_nothing_from_the_others() {
    let failures = Arc::new(Mutex::new(Vec::new()));
    let told = failures.clone();
    let stream = InMemoryStream::new().on_failure(move |id, failure| {
        told.lock().unwrap().push((id.to_owned(), failure.clone()));
        panic!("a test panics here on purpose");
    });
    let log = Log::default();
    let fails = stream.subscribe("*", |_| Err("no".into())).unwrap();
    let panics = stream
        .subscribe("*", |_| panic!("a test panics here on purpose"))
        .unwrap();
    let filter = stream
        .subscribe_where("*", |_| panic!("a test panics here on purpose"), |_| Ok(()))
        .unwrap();
    stream.subscribe("*", logging(&log)).unwrap();
    assert!(stream.publish(event("t", "1")).is_ok() && stream.publish(event("t", "2")).is_ok());
    assert_eq!(seen(&log), ["1", "2"]);
    let stats: Vec<_> = stream
        .handlers()
        .iter()
        .map(|s: &HandlerStats| (s.delivered, s.failed))
        .collect();
    assert_eq!(stats, [(0, 2), (0, 2), (0, 2), (2, 0)]);
    let panic = Failure::Panic("a test panics here on purpose".into());
    let expected = [
        (fails, Failure::Error("no".into())),
        (panics, panic.clone()),
        (filter, panic),
    ];
    assert_eq!(failures.lock().unwrap()[..3], expected);
}

/// Weakness 8: handlers ran under the stream's mutex; cancelled subscriptions stayed in the map for ever.
#[test]
fn weakness_8_a_handler_may_publish_subscribe_and_unsubscribe() {
    let stream: Arc<OnceLock<Weak<InMemoryStream>>> = Arc::default();
    let own = Arc::new(InMemoryStream::new());
    stream.set(Arc::downgrade(&own)).unwrap();
    let log = Log::default();
    let (inner, inner_log) = (stream.clone(), log.clone());
    let once = AtomicUsize::new(0);
    own.subscribe("*", move |_| {
        if once.fetch_add(1, Ordering::Relaxed) == 0 {
            let stream = inner.get().unwrap().upgrade().unwrap();
            stream.publish(event("t", "nested")).unwrap();
            stream.subscribe("*", logging(&inner_log)).unwrap();
            stream.publish(event("t", "later")).unwrap();
            assert!(stream.unsubscribe("h-1"));
            assert_eq!(stream.recent(10).len(), 3);
        }
        Ok(())
    })
    .unwrap();
    own.publish(event("t", "first")).unwrap();
    assert_eq!(
        seen(&log),
        ["later"],
        "a subscription gets what is published after it"
    );
    assert_eq!(own.handlers().len(), 1);
}

#[test]
fn handlers_see_one_order_whoever_publishes() {
    let stream = Arc::new(InMemoryStream::with_capacity(100_000).unwrap());
    let logs: Vec<Log> = (0..2).map(|_| Log::default()).collect();
    logs.iter()
        .for_each(|log| _ = stream.subscribe("*", logging(log)).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let stream = &stream;
            scope.spawn(move || {
                (0..2_000).for_each(|n| {
                    _ = stream
                        .publish(event("t", &format!("{thread}-{n}")))
                        .unwrap()
                })
            });
        }
    });
    let published: Vec<String> = stream
        .recent(10_000)
        .iter()
        .map(|e| e.ty().to_owned())
        .collect();
    assert_eq!((published.len(), stream.missed()), (6_000, 0));
    assert!(logs.iter().all(|log| seen(log) == published));
}

/// Weakness 8, too: `get_recent_events(0)` returned everything.
#[test]
fn weakness_8_recent_gives_as_many_as_asked_for() {
    let stream = InMemoryStream::with_capacity(5).unwrap();
    (0..9).for_each(|n| _ = stream.publish(event("t", &n.to_string())).unwrap());
    let recent = |count| -> Vec<String> {
        stream
            .recent(count)
            .iter()
            .map(|event| event.ty().to_owned())
            .collect()
    };
    assert_eq!(recent(0), [""; 0]);
    assert_eq!(recent(2), ["7", "8"]);
    assert_eq!(
        recent(100),
        ["4", "5", "6", "7", "8"],
        "the oldest were evicted"
    );
    assert!(InMemoryStream::with_capacity(0).is_err());
    assert_eq!(InMemoryStream::new().hub().capacity(), 1_000);
}

/// Weakness 4: `subscribe("*")` made a topic named `*` and received nothing; `publish` changed the caller's event.
#[test]
fn weakness_4_a_star_is_every_topic_also_one_made_later() {
    let stream = TopicStream::new();
    let (all, some) = (Log::default(), Log::default());
    stream.subscribe("*", logging(&all)).unwrap();
    let id = stream.subscribe("orders.*", logging(&some)).unwrap();
    let given = event("mine", "t");
    stream.publish("orders.eu", &given).unwrap();
    stream.publish("made.later", &given).unwrap();
    assert_eq!((seen(&all).len(), seen(&some).len()), (2, 1));
    assert_eq!(given.topic(), "mine");
    assert_eq!(stream.topics(), ["made.later", "orders.eu"]);
    assert_eq!(stream.recent("orders.*", 9)[0].topic(), "orders.eu");
    assert_eq!(stream.recent("orders.*", 9)[0].id(), given.id());
    assert!(stream.unsubscribe(&id));
    stream.publish("orders.eu", &given).unwrap();
    assert_eq!(seen(&some).len(), 1);
    assert!(stream.publish("bad..name", &given).is_err());
    assert!(stream.subscribe("bad..name", logging(&all)).is_err());
    assert!(stream.recent("bad..name", 1).is_empty());
}

struct Panics;

impl EventSink for Panics {
    fn accept(&self, _: EventRef<'_>) -> Result<(), HandlerError> {
        panic!("a test panics here on purpose")
    }
}

#[test]
fn a_broadcast_has_a_result_for_each() {
    let (hub, closed) = (Hub::new(), Hub::new());
    closed.close();
    let done = broadcast(&[&closed, &Panics, &hub], event("t", "t"));
    assert_eq!(done[0], Err(Failure::Error("the hub is closed".into())));
    assert_eq!(
        done[1],
        Err(Failure::Panic("a test panics here on purpose".into()))
    );
    assert_eq!((&done[2], hub.head()), (&Ok(()), 1));
}

/// Weakness 13: the documented path could not publish at all; weakness 17: half of the interface did not exist.
#[test]
fn weakness_13_and_17_the_documented_interface_works() {
    let hub = Hub::builder().streams_max(10).build().unwrap();
    let streamer: &dyn EventStreamer = &hub;
    let mut all = streamer.subscribe_to_topic(">").unwrap();
    let event = Event::builder("users", "UserCreated")
        .stream("User", "u-1", 1)
        .build()
        .unwrap();
    let first = streamer
        .publish_event(event.as_ref(), Some("people"))
        .unwrap();
    assert_eq!(first, streamer.global_position());
    let next = eventring::event::Position { offset: 2, ..first };
    assert!(streamer.publish_event_at(event.as_ref(), first).is_err());
    let other = Event::builder("users", "x").build().unwrap();
    assert_eq!(streamer.publish_event_at(other.as_ref(), next), Ok(next));
    let batch = [other.clone(), other.clone()];
    assert_eq!(
        streamer
            .publish_events(&batch, Some("people"))
            .unwrap()
            .last()
            .unwrap()
            .offset,
        4
    );
    assert_eq!(streamer.publish_events(&[], None), Ok(vec![]));
    let bad = streamer.publish_events(&batch, Some("a..b")).unwrap_err();
    assert!(bad.to_string().starts_with("event 0: topic"), "{bad}");
    assert_eq!(streamer.position_of_stream("User", "u-1"), Some(1));
    assert_eq!(streamer.position_of_stream("User", "u-2"), None);
    let mut topics = Vec::new();
    all.drain(9, |_, event| topics.push(event.topic().to_owned()))
        .unwrap();
    assert_eq!(topics, ["people", "users", "people", "people"]);
    let connection = streamer
        .create_connection(
            ConnectionOptions::default().subscription(eventring::hub::Subscription::all().id("c")),
        )
        .unwrap();
    let ids: Vec<String> = streamer
        .active_connections()
        .into_iter()
        .map(|c: StreamerConnection| {
            assert_eq!(c.status, StreamerConnectionStatus::Connected);
            c.id
        })
        .collect();
    assert_eq!(ids, ["c", all.id()]);
    assert_eq!(streamer.subscription_stats()[1].delivered, 4);
    assert!(streamer.close_connection(connection.id()) && !streamer.close_connection("c"));
}
