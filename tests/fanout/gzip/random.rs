//! Members that join, stall, fall behind, are cut, resume, ping and hear heartbeats at random: each got
//! exactly its events, or was told of the gap, and its whole stream satisfies a strict gzip reader.

use eventring::event::Filter;
use eventring::hub::Hub;
use proptest::prelude::*;

use super::client::Client;
use super::stage::Stage;

const TOPICS: [&str; 4] = ["a.x", "a.y", "b.x", "b.y.z"];
const FILTERS: [&str; 4] = [">", "a.*", "*.x", "b.y.z"];

#[derive(Clone, Debug)]
enum Step {
    /// A member joins live or at the beginning, with chunked framing, with Brotli if that is built in, or
    /// as a WebSocket, which may refuse messages that look back.
    Join { filter: usize, kind: u8 },
    /// Several events of one size.
    Publish { topic: usize, count: u8, bytes: u16 },
    /// A member reads some bytes.
    Read {
        member: prop::sample::Index,
        bytes: u16,
    },
    /// All members read what is there.
    ReadAll,
    /// Time passes: heartbeats, keyframes on demand.
    Pass { millis: u16 },
    /// A member pings, if it is a WebSocket: the answer stands between its events.
    Ping { member: prop::sample::Index },
    /// A member closes its connection and comes back with its last id.
    Resume { member: prop::sample::Index },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..FILTERS.len(), 0_u8..20).prop_map(|(filter, kind)| Step::Join { filter, kind }),
        8 => (0..TOPICS.len(), 1_u8..12, prop_oneof![4 => 0_u16..300, 1 => 0_u16..12_000])
            .prop_map(|(topic, count, bytes)| Step::Publish { topic, count, bytes }),
        6 => (any::<prop::sample::Index>(), 1_u16..20_000)
            .prop_map(|(member, bytes)| Step::Read { member, bytes }),
        3 => Just(Step::ReadAll),
        2 => (0_u16..17_000).prop_map(|millis| Step::Pass { millis }),
        2 => any::<prop::sample::Index>().prop_map(|member| Step::Ping { member }),
        1 => any::<prop::sample::Index>().prop_map(|member| Step::Resume { member }),
    ]
}

struct Member {
    filter: usize,
    /// The first offset that it wants.
    from: u64,
    query: String,
    client: Client,
    /// Pings sent on this connection.
    pings: usize,
    /// When it was made.
    since: u64,
}

/// The least time after which a WebSocket that answers nothing is cut: a silence, then an unanswered ping.
const PATIENCE_MS: u64 = 40_000;

/// Text that names its number in every part, and is not the same all over.
fn text(number: u64, bytes: usize) -> String {
    let mut state = number;
    let mut text = format!("<{number}>");
    while text.len() < bytes {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        text.push_str(&format!("{:x}<{number}>", state >> 48));
    }
    text
}

struct Run {
    stage: Stage,
    published: Vec<(&'static str, usize)>,
    members: Vec<Member>,
}

impl Run {
    fn new(capacity: usize) -> Self {
        let hub = Hub::builder().capacity(capacity).build().unwrap();
        let stage = Stage::new(hub, |config| {
            config.frame_log_bytes = 64 << 10;
            config.send_buffer = Some(4096);
            config.write_timeout = std::time::Duration::from_secs(100_000);
            #[cfg(feature = "brotli")]
            {
                config.compression = eventring::gateway::Compression::Brotli;
            }
        });
        Self {
            stage,
            published: Vec::new(),
            members: Vec::new(),
        }
    }

    /// Connects; `socket`: as a WebSocket, which may refuse messages that look back.
    fn join(&mut self, query: &str, id: &str, socket: Option<bool>) -> (u64, Client) {
        let mut client = match socket {
            None => {
                let coding = if query.contains("&cb=br") {
                    "br"
                } else {
                    "gzip"
                };
                let headers = format!("Accept-Encoding: {coding}\r\nLast-Event-ID: {id}\r\n");
                self.stage.connect(query, &headers, 4096)
            }
            Some(apart) => {
                let last = match id {
                    "" => String::new(),
                    id => format!("&last-event-id={id}"),
                };
                let query = format!("{query}{last}");
                Client::open_socket(self.stage.address(), &query, apart, 4096)
            }
        };
        // The server knows it when its head is here.
        self.stage
            .until(&mut [&mut client], |c| c[0].field(":status").is_some());
        (self.published.len() as u64 + 1, client)
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Join { filter, kind } => {
                let from = if kind & 1 == 0 { "now" } else { "beginning" };
                let framing = if kind & 2 == 0 { "close" } else { "chunked" };
                let socket = (kind & 4 != 0).then_some(kind & 8 != 0);
                // A WebSocket has no framing to choose; `cb` is for the caches that are not there.
                let framing = match (socket, kind & 16) {
                    (Some(_), _) => String::new(),
                    (None, 0) => format!("&framing={framing}"),
                    (None, _) => format!("&framing={framing}&cb=br"),
                };
                let query = format!("topic={}&from={from}{framing}", FILTERS[*filter]);
                let (live, client) = self.join(&query, "", socket);
                let from = match kind & 1 {
                    0 => live,
                    _ => self.stage.hub.earliest(),
                };
                let query = format!("topic={}{framing}", FILTERS[*filter]);
                self.members.push(Member {
                    filter: *filter,
                    from,
                    query,
                    client,
                    pings: 0,
                    since: self.stage.millis(),
                });
            }
            Step::Publish {
                topic,
                count,
                bytes,
            } => {
                for _ in 0..*count {
                    let number = self.published.len() as u64 + 1;
                    self.published.push((TOPICS[*topic], *bytes as usize));
                    let text = text(number, *bytes as usize);
                    assert_eq!(self.stage.publish(TOPICS[*topic], &text), number);
                }
                self.stage.turn();
            }
            Step::Read { member, bytes } => {
                if !self.members.is_empty() {
                    let member = member.index(self.members.len());
                    self.members[member].client.read(*bytes as usize);
                    self.stage.turn();
                }
            }
            Step::ReadAll => {
                for member in &mut self.members {
                    member.client.read(64 << 10);
                }
                self.stage.turn();
            }
            Step::Pass { millis } => self.stage.pass(u64::from(*millis)),
            Step::Ping { member } => {
                if self.members.is_empty() {
                    return;
                }
                let at = member.index(self.members.len());
                let member = &mut self.members[at];
                if member.client.messages.is_some() {
                    member.client.ping();
                    member.pings += 1;
                    self.stage.turn();
                }
            }
            Step::Resume { member } => {
                if !self.members.is_empty() {
                    self.resume(member.index(self.members.len()));
                }
            }
        }
    }

    /// Has member `at` come back with its last id.
    fn resume(&mut self, at: usize) {
        self.check(at);
        let query = self.members[at].query.clone();
        let socket = self.members[at].client.messages.as_ref();
        let socket = socket.map(|messages| messages.is_apart());
        let id = self.members[at].client.last_id().to_owned();
        let Some((_, offset)) = id.rsplit_once('-') else {
            return;
        };
        let from = offset.parse::<u64>().unwrap() + 1;
        let (_, client) = self.join(&query, &id, socket);
        self.members[at].client = client;
        self.members[at].from = from;
        self.members[at].pings = 0;
        self.members[at].since = self.stage.millis();
    }

    /// Compares what member `at` has with what was published: a prefix of its events, with gaps told.
    /// Returns the first offset that it has not.
    fn check(&self, at: usize) -> u64 {
        let member = &self.members[at];
        let filter = Filter::parse([FILTERS[member.filter]]).unwrap();
        let wants = |offset: u64| filter.matches(self.published[offset as usize - 1].0);
        let mut next = member.from;
        for seen in &member.client.seen {
            if seen.event == "gap" {
                assert!(seen.offset() + 1 > next, "a gap backwards: {seen:?}");
                next = seen.offset() + 1;
                continue;
            }
            while next < seen.offset() {
                assert!(
                    !wants(next),
                    "member {at} misses {next}, has {}",
                    seen.offset()
                );
                next += 1;
            }
            assert_eq!(seen.offset(), next, "member {at} has it twice");
            let bytes = self.published[next as usize - 1].1;
            assert_eq!(seen.data, text(next, bytes), "member {at}, event {next}");
            next += 1;
        }
        next
    }

    fn finish(mut self) {
        for at in 0..self.members.len() {
            // Who answered no ping for so long was cut, perhaps, with events on their way.
            let open = self.stage.millis() - self.members[at].since;
            if open >= PATIENCE_MS && self.members[at].client.messages.is_some() {
                self.resume(at);
            }
        }
        let pings: Vec<usize> = self.members.iter().map(|member| member.pings).collect();
        let mut clients: Vec<_> = self.members.iter_mut().map(|m| &mut m.client).collect();
        // A ping that comes when the server has said that it closes is answered by nobody.
        self.stage.until(&mut clients, |clients| {
            let pongs = clients.iter().map(|client| client.messages.as_ref());
            pongs
                .zip(&pings)
                .all(|(messages, pings)| messages.is_none_or(|m| m.pongs == *pings))
        });
        self.stage.stop(&mut clients);
        for at in 0..self.members.len() {
            let next = self.check(at);
            let member = &self.members[at];
            let filter = Filter::parse([FILTERS[member.filter]]).unwrap();
            for (topic, _) in
                &self.published[next.min(self.published.len() as u64 + 1) as usize - 1..]
            {
                assert!(
                    !filter.matches(topic),
                    "member {at} misses an event after {next}"
                );
            }
            assert_eq!(member.client.strictly(), member.client.plain);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_members_get_exactly_their_events(
        joins in proptest::collection::vec(0..FILTERS.len(), 0..16),
        everything in 0_usize..16,
        sockets in 0_usize..16,
        capacity in prop_oneof![Just(40_usize), Just(4096)],
        steps in proptest::collection::vec(step(), 0..150),
    ) {
        let mut run = Run::new(capacity);
        for filter in joins.into_iter().chain(std::iter::repeat_n(0, everything)) {
            run.take(&Step::Join { filter, kind: 0 });
        }
        for _ in 0..sockets {
            run.take(&Step::Join { filter: 0, kind: 4 });
        }
        for step in &steps {
            run.take(step);
        }
        run.finish();
    }
}
