//! Members that join, stall, fall behind, are cut, resume and hear heartbeats at random: each got exactly
//! its events, or was told of the gap, and its whole stream satisfies a strict gzip reader.

use eventring::event::Filter;
use eventring::hub::Hub;
use proptest::prelude::*;

use super::client::Client;
use super::stage::Stage;

const TOPICS: [&str; 4] = ["a.x", "a.y", "b.x", "b.y.z"];
const FILTERS: [&str; 4] = [">", "a.*", "*.x", "b.y.z"];

#[derive(Clone, Debug)]
enum Step {
    /// A member joins live, at the beginning, or with chunked framing.
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
    /// A member closes its connection and comes back with its last id.
    Resume { member: prop::sample::Index },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..FILTERS.len(), 0_u8..4).prop_map(|(filter, kind)| Step::Join { filter, kind }),
        8 => (0..TOPICS.len(), 1_u8..12, prop_oneof![4 => 0_u16..300, 1 => 0_u16..12_000])
            .prop_map(|(topic, count, bytes)| Step::Publish { topic, count, bytes }),
        6 => (any::<prop::sample::Index>(), 1_u16..20_000)
            .prop_map(|(member, bytes)| Step::Read { member, bytes }),
        3 => Just(Step::ReadAll),
        2 => (0_u16..17_000).prop_map(|millis| Step::Pass { millis }),
        1 => any::<prop::sample::Index>().prop_map(|member| Step::Resume { member }),
    ]
}

struct Member {
    filter: usize,
    /// The first offset that it wants.
    from: u64,
    query: String,
    client: Client,
}

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
        });
        Self {
            stage,
            published: Vec::new(),
            members: Vec::new(),
        }
    }

    fn join(&mut self, filter: usize, query: String, id: &str) -> (u64, Client) {
        let headers = format!("Accept-Encoding: gzip\r\nLast-Event-ID: {id}\r\n");
        let mut client = self.stage.connect(&query, &headers, 4096);
        let _ = filter;
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
                let query = format!("topic={}&from={from}&framing={framing}", FILTERS[*filter]);
                let (live, client) = self.join(*filter, query, "");
                let from = match kind & 1 {
                    0 => live,
                    _ => self.stage.hub.earliest(),
                };
                let query = format!("topic={}&framing={framing}", FILTERS[*filter]);
                self.members.push(Member {
                    filter: *filter,
                    from,
                    query,
                    client,
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
            Step::Resume { member } => {
                if self.members.is_empty() {
                    return;
                }
                let at = member.index(self.members.len());
                self.check(at);
                let (filter, query) = (self.members[at].filter, self.members[at].query.clone());
                let id = self.members[at].client.last_id().to_owned();
                let Some((_, offset)) = id.rsplit_once('-') else {
                    return;
                };
                let from = offset.parse::<u64>().unwrap() + 1;
                let (_, client) = self.join(filter, query, &id);
                self.members[at].client = client;
                self.members[at].from = from;
            }
        }
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
        let mut clients: Vec<_> = self.members.iter_mut().map(|m| &mut m.client).collect();
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
        capacity in prop_oneof![Just(40_usize), Just(4096)],
        steps in proptest::collection::vec(step(), 0..150),
    ) {
        let mut run = Run::new(capacity);
        for filter in joins.into_iter().chain(std::iter::repeat_n(0, everything)) {
            run.take(&Step::Join { filter, kind: 0 });
        }
        for step in &steps {
            run.take(step);
        }
        run.finish();
    }
}
