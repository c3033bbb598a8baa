//! Batches and pipelines. Named after what the systems that this replaces got wrong.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventring::event::{Event, EventBuilder, EventRef};
use eventring::hub::{Hub, StartFrom, Subscription};
use eventring::pipeline::{
    AddError, BatchingConfig, BatchingStream, ErrorPolicy, EventSink, Failure, HandlerError,
    InMemoryStream, ProcessorStats, Running, StartError, StreamProcessor,
};

const LONG: Duration = Duration::from_secs(60);

fn event(ty: &str) -> Event {
    Event::builder("t", ty).build().unwrap()
}

fn types(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.ty().to_owned()).collect()
}

fn batching(size: usize) -> BatchingConfig {
    BatchingConfig::default()
        .size(size)
        .interval(LONG)
        .retry_delay(Duration::ZERO)
}

#[test]
fn batches_come_in_order_full_or_when_it_is_time_or_at_the_end() {
    let (batches, received) = mpsc::channel();
    let send = move |batch: &[Event]| batches.send(types(batch)).map_err(|_| "gone".into());
    let stream = BatchingStream::start(batching(2), send.clone());
    (0..5).for_each(|n| stream.add(event(&n.to_string())).unwrap());
    let stats = stream.stop();
    assert_eq!((stats.batches, stats.events, stats.left), (3, 5, 0));
    assert_eq!(
        stream.add(event("late")),
        Err(AddError::Stopped),
        "and not held for ever"
    );
    assert_eq!(
        received.try_iter().collect::<Vec<_>>(),
        [vec!["0", "1"], vec!["2", "3"], vec!["4"]]
    );
    let timed = BatchingStream::start(batching(100).interval(Duration::from_millis(1)), send);
    timed.add(event("a")).unwrap();
    assert_eq!(
        received.recv_timeout(LONG).unwrap(),
        ["a"],
        "time is a reason too"
    );
}

/// Weakness 9: a handler error lost its batch; another exception class ended the timer loop silently.
#[test]
fn weakness_9_a_batch_that_fails_is_tried_again_then_handed_to_the_policy() {
    let lost = Arc::new(Mutex::new(Vec::new()));
    let letters = lost.clone();
    let policy = ErrorPolicy::dead_letter(move |event, failure| {
        letters
            .lock()
            .unwrap()
            .push((event.ty().to_owned(), failure.clone()));
    });
    let mut tries = 0;
    let handled = Arc::new(Mutex::new(Vec::new()));
    let done = handled.clone();
    let stream = BatchingStream::start(batching(2).policy(policy).retries(2), move |batch| {
        tries += 1;
        match (batch[0].ty(), tries) {
            ("0", 1) => Err("the first try".into()),
            ("2", _) => panic!("a test panics here on purpose"),
            _ => {
                done.lock().unwrap().extend(types(batch));
                Ok(())
            }
        }
    });
    (0..6).for_each(|n| stream.add(event(&n.to_string())).unwrap());
    let stats = stream.stop();
    assert_eq!((stats.batches, stats.failed, stats.retries), (2, 2, 3));
    assert_eq!(*handled.lock().unwrap(), ["0", "1", "4", "5"]);
    let panic = Failure::Panic("a test panics here on purpose".into());
    assert_eq!(
        *lost.lock().unwrap(),
        [("2".to_owned(), panic.clone()), ("3".to_owned(), panic)]
    );
}

#[test]
fn a_policy_that_stops_says_what_is_left() {
    let config = batching(2).policy(ErrorPolicy::Stop).retries(0);
    let stream = BatchingStream::start(config, |_| Err("no".into()));
    let added = (0..100)
        .map_while(|n| stream.add(event(&n.to_string())).ok())
        .count() as u64;
    let stats = stream.stop();
    assert!(added >= 2);
    assert_eq!((stats.failed + stats.left, stats.failed), (added, 2));
    assert_eq!(stream.add(event("late")), Err(AddError::Stopped));
}

#[test]
fn adding_waits_for_room_and_then_gives_up() {
    let (release, held) = mpsc::channel::<()>();
    let config = batching(1).waiting(1).add_timeout(Duration::ZERO);
    let stream = BatchingStream::start(config, move |_| {
        let _ = held.recv();
        Ok(())
    });
    let full = (0..3).map(|_| stream.add(event("t"))).find(Result::is_err);
    assert_eq!(
        full,
        Some(Err(AddError::Full)),
        "one is being handled, one waits"
    );
    drop(release);
    assert_eq!(stream.stop().left, 0);
}

fn numbered(n: usize) -> Event {
    Event::builder("n", &format!("k{}", n % 3))
        .json(&n.to_string())
        .build()
        .unwrap()
}

fn number(event: EventRef<'_>) -> usize {
    str::from_utf8(event.data()).unwrap().parse().unwrap()
}

fn with_number(event: EventRef<'_>, n: usize) -> Result<Event, HandlerError> {
    let built = EventBuilder::new()
        .copy_from(event)
        .json(&n.to_string())
        .build();
    built.map_err(|error| HandlerError(error.to_string()))
}

fn numbers(stream: &InMemoryStream) -> Vec<usize> {
    stream
        .recent(10_000)
        .iter()
        .map(|event| number(event.as_ref()))
        .collect()
}

fn sum(events: &[Event]) -> Result<Option<Event>, HandlerError> {
    let total = events.iter().map(|event| number(event.as_ref())).sum();
    with_number(events[0].as_ref(), total).map(Some)
}

fn hub_with(count: usize) -> Hub {
    let hub = Hub::new();
    (0..count).for_each(|n| _ = hub.publish(numbered(n)).unwrap());
    hub
}

fn all() -> Subscription {
    Subscription::all().start(StartFrom::Beginning)
}

/// Weakness 7: a task per event, kept by nobody: order was lost, errors vanished.
#[test]
fn weakness_7_a_pipeline_keeps_order_and_tells_errors() {
    let hub = hub_with(2_000);
    let (one, two) = (
        Arc::new(InMemoryStream::with_capacity(10_000).unwrap()),
        Arc::new(InMemoryStream::new()),
    );
    let lost = Arc::new(Mutex::new(Vec::new()));
    let letters = lost.clone();
    let running = StreamProcessor::new()
        .filter(|event| number(event).is_multiple_of(2))
        .map(|event| match number(event) {
            10 => Err("ten".into()),
            20 => panic!("a test panics here on purpose"),
            n => with_number(event, n + 1),
        })
        .filter_map(|event| Ok((number(event) != 1).then(|| event.to_event())))
        .flat_map(|event| Ok(vec![event.to_event(), event.to_event()]))
        .sink(one.clone())
        .sink(two.clone())
        .policy(ErrorPolicy::dead_letter(move |event, _| {
            letters.lock().unwrap().push(number(event.as_ref()))
        }))
        .start(&hub, all())
        .unwrap();
    let stats: ProcessorStats = running.stop(LONG);
    let expected: Vec<usize> = (1..1_000)
        .filter(|n| ![5, 10].contains(n))
        .flat_map(|n| [2 * n + 1; 2])
        .collect();
    assert_eq!(numbers(&one), expected);
    assert_eq!(numbers(&two), expected[expected.len() - 1_000..]);
    assert_eq!(*lost.lock().unwrap(), [10, 20]);
    assert_eq!(
        (stats.taken, stats.failed, stats.missed, stats.left),
        (2_000, 2, 0, 0)
    );
    assert_eq!(stats.sent, expected.len() as u64);
}

#[test]
fn windows_fold_by_number_and_by_key() {
    let hub = hub_with(10);
    let (plain, keyed) = (
        Arc::new(InMemoryStream::new()),
        Arc::new(InMemoryStream::new()),
    );
    let by_number = StreamProcessor::new()
        .window_count(4, sum)
        .sink(plain.clone());
    by_number.start(&hub, all()).unwrap().stop(LONG);
    assert_eq!(numbers(&plain), [6, 22, 17], "the end closes what is open");
    let by_key = StreamProcessor::new()
        .key_by(|event| event.ty().to_owned())
        .window_count(2, sum)
        .sink(keyed.clone());
    by_key.start(&hub, all()).unwrap().stop(LONG);
    assert_eq!(numbers(&keyed), expected_by_key());
}

/// Pairs of each key in the order in which they were full, then what is left in the order in which it began.
fn expected_by_key() -> Vec<usize> {
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut done = Vec::new();
    for n in 0..10 {
        match open.iter().position(|(key, _)| *key == n % 3) {
            Some(at) => done.push(open.remove(at).1[0] + n),
            None => open.push((n % 3, vec![n])),
        }
    }
    done.extend(open.into_iter().map(|(_, values)| values[0]));
    done
}

#[test]
fn windows_close_when_it_is_time() {
    let hub = hub_with(3);
    let (sent, received) = mpsc::channel();
    struct Send(Mutex<mpsc::Sender<usize>>);
    impl EventSink for Send {
        fn accept(&self, event: EventRef<'_>) -> Result<(), HandlerError> {
            self.0
                .lock()
                .unwrap()
                .send(number(event))
                .map_err(|_| "gone".into())
        }
    }
    let running = StreamProcessor::new()
        .window_time(Duration::from_millis(1), sum)
        .sink(Send(Mutex::new(sent)))
        .start(&hub, all())
        .unwrap();
    let mut total = 0;
    while total < 3 {
        total += received.recv_timeout(LONG).unwrap();
    }
    hub.publish(numbered(7)).unwrap();
    assert_eq!(
        received.recv_timeout(LONG),
        Ok(7),
        "a sleeping pipeline wakes"
    );
    drop(running);
}

#[test]
fn a_pipeline_stops_at_an_error_if_told_so_and_needs_a_sink() {
    let hub = hub_with(100);
    let none = StreamProcessor::new().filter(|_| true).start(&hub, all());
    assert_eq!(none.unwrap_err(), StartError::NoSink);
    let out = Arc::new(InMemoryStream::new());
    let running = StreamProcessor::new()
        .map(|event| {
            if number(event) == 7 {
                Err("seven".into())
            } else {
                Ok(event.to_event())
            }
        })
        .sink(out.clone())
        .policy(ErrorPolicy::Stop)
        .start(&hub, all())
        .unwrap();
    let stats = running.stop(LONG);
    assert_eq!(
        (stats.taken, stats.sent, stats.failed, stats.left),
        (8, 7, 1, 92)
    );
}

/// A worker that had just found nothing took a stop for one from before what had been published meanwhile.
#[test]
fn what_is_published_before_a_stop_is_worked_off_though_the_worker_has_just_looked() {
    let hub = Hub::new();
    let (running, own) = (Arc::new(Mutex::new(None::<Running>)), hub.clone());
    let (to_stop, sink) = (running.clone(), InMemoryStream::new());
    // Asked while the worker looks: what comes now is for its next look.
    let asked = move |asked: EventRef<'_>| {
        if asked.ty() == "last" {
            return true;
        }
        own.publish(event("last")).unwrap();
        let running = to_stop.lock().unwrap().take().unwrap();
        running.stop(LONG);
        false
    };
    let (done, all_done) = mpsc::channel();
    let send = move |_: EventRef<'_>| done.send(()).map_err(|_| "gone".into());
    sink.subscribe("*", send).unwrap();
    let pipeline = StreamProcessor::new().sink(sink);
    let all = Subscription::all().filter_fn(asked);
    *running.lock().unwrap() = Some(pipeline.start(&hub, all).unwrap());
    hub.publish(event("not wanted")).unwrap();
    all_done.recv_timeout(LONG).expect("the last one");
}
