//! The fan-out as its owner drives it, with streams whose clients take what they like and when they like.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::deadline::after;
use crate::fanout::oracle::client::Client;
use crate::fanout::oracle::elsewhere::Elsewhere;
use crate::fanout::oracle::events::{
    self, Event, Events, FIRST, Forms, HEARTBEAT, KEYS, LAST, PRIVATE, TOPICS, frame,
};
use crate::fanout::{
    ClassId, ClassSpec, Fanout, FanoutLimits, FormId, Member, Reader, Readers, Shared, SlowOptions,
    SlowPolicy, Step, StreamStart, StreamState,
};
use crate::outbox::Outbox;

/// Streams; more than make a class have a window log.
const STREAMS: usize = 14;
/// Bytes of each log: a lap is some forty events.
const LOG_BYTES: usize = 16 << 10;
/// Bytes of frames that may be kept half sent: so few that some streams are cut.
const HALF_SENT: usize = 3000;
/// Events that a stream may begin ahead of the newest one.
const AHEAD: u64 = 4;
const POLICIES: [SlowPolicy; 4] = [
    SlowPolicy::CatchUp,
    SlowPolicy::Gap,
    SlowPolicy::Latest,
    SlowPolicy::Disconnect,
];

/// One stream and its client.
struct Stream {
    reader: Reader,
    state: StreamState<usize>,
    out: Outbox,
    /// `None`: there is no stream.
    client: Option<Client>,
    /// The fan-out said that it has to go.
    cut: bool,
    /// The stream begins ahead of the logs, and was not woken yet.
    early: bool,
}

struct Streams(Vec<Stream>);

impl Readers<usize> for Streams {
    fn count(&self) -> u32 {
        self.0.len() as u32
    }

    fn get(&mut self, number: u32) -> Option<Member<'_, usize>> {
        let stream = &mut self.0[number as usize];
        stream.client.is_some().then_some(Member {
            number,
            reader: &mut stream.reader,
            state: &mut stream.state,
            out: &mut stream.out,
        })
    }

    fn wake(&mut self, number: u32) {
        self.0[number as usize].early = false;
    }

    fn cut(&mut self, number: u32) {
        self.0[number as usize].cut = true;
    }
}

/// Does what `input` says to a fan-out and its streams: events of random sizes and topics, in laps; clients that take a
/// part of what they are given; jumps; policies; history that comes at once or later; private frames and heartbeats in between. Each client judges what it
/// gets by the plain list of events. The first byte picks the classes; three bytes are an operation each.
///
/// # Panics
///
/// Where a client misses an event that it was not told about, gets one twice, out of order, torn or not meant for it, or
/// where a figure is wrong.
pub fn delivery(input: &[u8]) {
    let Some((first, operations)) = input.split_first() else {
        return;
    };
    let mut owner = Owner::new(*first);
    for operation in operations.as_chunks::<3>().0 {
        owner.run(*operation);
        owner.end_those_that_are_cut();
    }
    owner.finish();
}

/// Whoever drives a fan-out.
struct Owner {
    fanout: Fanout<usize, Forms>,
    shared: Arc<Shared>,
    streams: Streams,
    events: Events,
    /// History that comes later.
    elsewhere: Elsewhere,
    /// The open classes.
    classes: Vec<(ClassId, usize)>,
    now: Instant,
    second: u32,
}

impl Owner {
    fn new(first: u8) -> Self {
        let shared = Shared::new(1);
        let limits = FanoutLimits {
            frame_log_bytes: LOG_BYTES,
            private_bytes: 4 << 10,
            half_sent_bytes: HALF_SENT,
            ..FanoutLimits::default()
        };
        let stream = || Stream {
            reader: Reader::default(),
            state: StreamState::default(),
            out: Outbox::default(),
            client: None,
            cut: false,
            early: false,
        };
        let mut owner = Self {
            fanout: Fanout::new(limits, &shared, 0, 1),
            shared,
            streams: Streams((0..STREAMS).map(|_| stream()).collect()),
            events: Events::default(),
            elsewhere: Elsewhere::new(STREAMS),
            classes: Vec::new(),
            now: Instant::now(),
            second: 0,
        };
        owner.begin_turn(0);
        for number in 0..STREAMS {
            // Most are alike, so that classes are large enough to share a window.
            let (key, form) = match number % 7 {
                0 => (1, 0),
                1 => (usize::from(first) % KEYS, 1),
                _ => (usize::from(first >> 2) % KEYS, usize::from(first >> 4) % 3),
            };
            owner.open(number, key, form, 0, 1);
        }
        owner
    }

    fn run(&mut self, [kind, a, b]: [u8; 3]) {
        let rest = usize::from(kind >> 3);
        let number = usize::from(a) % STREAMS;
        match kind % 8 {
            0..=2 => {
                let count = if rest < 4 { 48 } else { 1 + rest % 4 };
                if b == 78 {
                    return self.overtake(count, usize::from(a));
                }
                for n in 0..count {
                    let len = (usize::from(a) * 3 + n * 17) % 700;
                    // Now and then one that no log takes.
                    let len = if b == 77 { 6000 } else { len };
                    self.publish((usize::from(b) + n * rest) as u8 % TOPICS, len);
                }
            }
            3 | 4 => {
                let take = if b < 100 {
                    usize::from(b) * 5
                } else {
                    usize::MAX
                };
                self.visit(number, 100 + rest as u64 * 500, take);
            }
            5 if rest < 16 => self.round(usize::from(a) * 30),
            5 => self.begin_turn(u64::from(b)),
            6 if rest < 8 => {
                let from = u64::from(a) * 256 + u64::from(b);
                let from = 1 + from % (self.events.end() + AHEAD);
                let form = rest % 3;
                self.close(number);
                self.open(number, rest % KEYS, form, rest, from);
            }
            6 if rest < 16 => self.end(number),
            6 => self.send_private(number, usize::from(b)),
            _ if rest < 16 => self.look(number),
            _ => self.come(number, usize::from(b) * 9),
        }
    }

    fn begin_turn(&mut self, ms: u64) {
        self.now = after(self.now, Duration::from_millis(ms));
        self.second += (ms / 100) as u32;
        self.fanout.begin_turn(self.now, self.second);
        self.fanout.release(false);
    }

    fn open(&mut self, number: usize, key: usize, form: usize, policy: usize, from: u64) {
        let mut first = Vec::new();
        frame(&mut first, FIRST, from, 0, 5);
        let stream = &mut self.streams.0[number];
        stream.client = Some(Client::new(key, from, form == 2));
        let member = self.streams.get(number as u32).expect("it was opened");
        let joined = self.fanout.start(
            member,
            StreamStart {
                class: ClassSpec {
                    key,
                    form: FormId::new(form as u8),
                    everything: key == 0,
                    hold: Duration::from_millis(if key == 2 { 20 } else { 0 }),
                },
                first,
                from,
                slow_options: SlowOptions {
                    slow: POLICIES[policy % 4],
                    lag_bytes: if policy.is_multiple_of(3) { 2000 } else { 0 },
                },
            },
        );
        if joined.opened {
            self.classes.push((joined.class, key));
        }
    }

    fn close(&mut self, number: usize) {
        if let Some(closed) = self.fanout.leave(&mut self.streams, number as u32) {
            self.classes.retain(|(id, _)| *id != closed.id);
        }
        let stream = &mut self.streams.0[number];
        stream.client = None;
        stream.cut = false;
        stream.early = false;
        self.elsewhere.forget(number);
        stream.out.clear();
        stream.state = StreamState::default();
    }

    fn end_those_that_are_cut(&mut self) {
        for number in 0..STREAMS {
            if self.streams.0[number].cut {
                self.close(number);
            }
        }
    }

    fn publish(&mut self, topic: u8, len: usize) {
        let offset = self.events.publish(Event { topic, len });
        let classes = self.classes.iter();
        let ids: Vec<ClassId> = classes
            .filter(|(_, key)| events::takes(*key, topic))
            .map(|(id, _)| *id)
            .collect();
        let mut frames = self.fanout.frames(&mut self.streams);
        if topic + 1 == TOPICS {
            // Not for those who take everything.
            frames.list_frames();
        }
        let events = &self.events;
        frames.append(offset, &ids, |_, oversize, out| {
            events.write(offset, oversize, out);
        });
        frames.set_fed(offset + 1);
        self.end_those_that_are_cut();
        let early = self.streams.0.iter().filter(|stream| stream.early);
        for stream in early {
            assert!(stream.reader.cursor() > self.fanout.fed(), "was not woken");
        }
    }

    /// Publishes events that the logs never get, since they come too fast.
    fn overtake(&mut self, count: usize, len: usize) {
        for n in 0..count {
            let topic = n as u8 % TOPICS;
            self.events.publish(Event { topic, len });
        }
        let mut frames = self.fanout.frames(&mut self.streams);
        frames.skip_to(self.events.end());
        self.end_those_that_are_cut();
        let live = self.streams.0.iter().find(|one| one.reader.is_live());
        assert!(live.is_none(), "a log has not what comes next");
    }

    /// Visits everybody who has news, each client taking so much.
    fn round(&mut self, take: usize) {
        self.fanout.release(false);
        while let Some(number) = self.fanout.next_visit() {
            if self.streams.0[number as usize].reader.is_live() {
                self.visit(number as usize, 4000, take);
            }
        }
    }

    /// Gives a stream what it can get, as its owner would, whose socket takes `take` bytes.
    fn visit(&mut self, number: usize, mut budget: u64, mut take: usize) {
        loop {
            let Self {
                streams,
                fanout,
                events,
                elsewhere,
                ..
            } = self;
            let stream = &mut streams.0[number];
            let Some(client) = &mut stream.client else {
                return;
            };
            while !stream.out.is_empty() {
                let pending = stream.out.pending();
                let n = pending.len().min(take);
                client.take(&pending[..n], events);
                stream.out.advance(n);
                take -= n;
                if n == 0 {
                    return;
                }
            }
            stream.out.clear();
            if budget == 0 {
                return;
            }
            let member = Member {
                number: number as u32,
                reader: &mut stream.reader,
                state: &mut stream.state,
                out: &mut stream.out,
            };
            let step = fanout.prepare(member, &mut budget, |part, out| {
                elsewhere.history(events, &part, out)
            });
            match step {
                Step::Send => {
                    let bytes = fanout.next(&stream.reader, budget);
                    assert!(!bytes.is_empty() && bytes.len() as u64 <= budget);
                    let n = bytes.len().min(take);
                    client.take(&bytes[..n], events);
                    fanout.sent(&mut stream.reader, &mut stream.state, n);
                    (take, budget) = (take - n, budget - n as u64);
                    if take == 0 {
                        return;
                    }
                }
                Step::Again => {}
                Step::Wait => {
                    client.misses_nothing_before(fanout.fed(), events);
                    assert!(client.is_between_frames());
                    assert_eq!(fanout.lag(&stream.reader), 0);
                    return;
                }
                Step::NextTurn => return,
                Step::Soon => {
                    stream.early = true;
                    return;
                }
                Step::Later => {
                    assert!(!stream.reader.is_live(), "a log is read at once");
                    return;
                }
                Step::TooSlow => return self.end(number),
                Step::Cut => return self.close(number),
            }
        }
    }

    /// Brings a stream the history that it waits for, and visits it as its owner would.
    fn come(&mut self, number: usize, take: usize) {
        if self.elsewhere.come(number) {
            self.visit(number, 4000, take);
        }
    }

    /// Sends a stream a frame of its own, between two others.
    fn send_private(&mut self, number: usize, len: usize) {
        let Some(member) = self.streams.get(number as u32) else {
            return;
        };
        if !self.fanout.make_way(member) {
            return self.close(number);
        }
        let Some(client) = &mut self.streams.0[number].client else {
            return;
        };
        client.private_sent += 1;
        let mut plain = Vec::new();
        frame(&mut plain, PRIVATE, client.private_sent, 0, len);
        if let Some(member) = self.streams.get(number as u32) {
            self.fanout.write_private(member, &plain);
        }
    }

    /// Looks at a stream that was silent for long.
    fn look(&mut self, number: usize) {
        self.fanout.begin_sweep();
        let stream = &mut self.streams.0[number];
        let Some(client) = &mut stream.client else {
            return;
        };
        let member = Member {
            number: number as u32,
            reader: &mut stream.reader,
            state: &mut stream.state,
            out: &mut stream.out,
        };
        let heartbeat = self.fanout.look(member, false, true, |_, fed, out| {
            frame(out, HEARTBEAT, fed, 0, 3);
        });
        client.take(heartbeat, &self.events);
        self.fanout.end_sweep();
    }

    /// Ends a stream with its last words, whose client takes all that is left.
    fn end(&mut self, number: usize) {
        let Some(member) = self.streams.get(number as u32) else {
            return;
        };
        if !self.fanout.detach(member) {
            return self.close(number);
        }
        let mut plain = Vec::new();
        frame(&mut plain, LAST, 1, 0, 9);
        if let Some(member) = self.streams.get(number as u32) {
            self.fanout.write_last(member, &plain);
        }
        let stream = &mut self.streams.0[number];
        if let Some(client) = &mut stream.client {
            while !stream.out.is_empty() {
                let pending = stream.out.pending();
                let n = pending.len();
                client.take(pending, &self.events);
                stream.out.advance(n);
            }
            client.finish();
        }
        self.close(number);
    }

    /// Everybody takes everything; then nobody misses anything, and nothing is kept.
    fn finish(&mut self) {
        for n in 0..AHEAD {
            self.publish(n as u8 % TOPICS, 20);
        }
        for _ in 0..200 {
            self.begin_turn(100);
            for number in 0..STREAMS {
                self.elsewhere.come(number);
                self.visit(number, 1 << 20, usize::MAX);
            }
        }
        self.round(usize::MAX);
        for number in 0..STREAMS {
            let stream = &self.streams.0[number];
            let Some(client) = &stream.client else {
                continue;
            };
            client.misses_nothing_before(self.fanout.fed(), &self.events);
            client.finish();
            assert!(self.fanout.is_caught_up(&stream.reader));
            assert_eq!(stream.state.delivered(), client.events);
        }
        let open = self.streams.0.iter().filter(|s| s.client.is_some()).count();
        assert_eq!(self.shared.stats().streams, open as u64);
        assert_eq!(self.shared.half_sent(), 0, "all rests were given back");
        for number in 0..STREAMS {
            self.close(number);
        }
        assert!(self.classes.is_empty(), "closed with their last members");
        assert_eq!(self.shared.stats().chains, 0);
    }
}
