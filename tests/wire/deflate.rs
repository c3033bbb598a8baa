//! Blocks made once give each reader its own bytes back, as long as it may take them; and what they
//! cost.

use std::time::{Duration, Instant};

use eventring::wire::deflate::{
    Block, Chain, DEMAND_INTERVAL, Digest, Independent, KEYFRAME_EVENTS, TAIL, bound, gzip,
    without_tail,
};
use flate2::{Decompress, FlushDecompress};
use proptest::prelude::*;

/// Somebody else's reading of the bytes: zlib's raw inflate.
struct Inflater(Decompress);

impl Inflater {
    fn new() -> Self {
        Self(Decompress::new(false))
    }

    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 << 20);
        let begun = self.0.total_in();
        self.0
            .decompress_vec(bytes, &mut out, FlushDecompress::Sync)
            .unwrap();
        assert_eq!(self.0.total_in() - begun, bytes.len() as u64);
        out
    }
}

/// The event of the fan-out bench (`--compressible`): a counter, a clock and words that stay, 202
/// bytes in all.
fn bench_event(n: u64) -> Vec<u8> {
    const WORDS: [&str; 10] = [
        "price", "order", "update", "symbol", "volume", "quote", "trade", "level", "depth",
        "stream",
    ];
    let mut state = 7_u64;
    let mut payload = String::new();
    while payload.len() < 132 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        payload.push_str(WORDS[(state >> 33) as usize % WORDS.len()]);
        payload.push('-');
    }
    payload.truncate(132);
    let clock = 1_234_567_890_123_u64 + n * 10_000_417;
    let frame = format!(
        "id: 3x9k2m7q4v8nd-{:07}\ndata: @@S{n:010}T{clock:020}@@{payload}\n\n",
        n + 1
    );
    assert_eq!(frame.len(), 202);
    frame.into_bytes()
}

#[test]
fn a_member_of_a_chain_costs_a_seventh_and_a_joiner_less_than_the_event() {
    let (mut chain, mut independent) = (Chain::default(), Independent::default());
    let now = Instant::now();
    let (mut linked, mut apart) = (0, 0);
    let mut out = Vec::new();
    let events = u64::from(KEYFRAME_EVENTS) * 20;
    for n in 0..events {
        out.clear();
        chain.encode(&bench_event(n), false, now, &mut out);
        linked += out.len();
        out.clear();
        independent.encode(&bench_event(n), &mut out);
        apart = apart.max(out.len());
    }
    let each = linked as f64 / events as f64;
    assert!(each <= 45.0, "{each}");
    assert!(apart <= 160, "{apart}");
}

#[test]
fn keyframes_come_each_so_many_blocks_and_on_demand_at_most_so_often() {
    let (mut chain, mut now) = (Chain::default(), Instant::now());
    let mut next = |wanted, now| chain.encode(b"event", wanted, now, &mut Vec::new());
    for round in 0..3 {
        assert_eq!(next(false, now), Block::Keyframe, "{round}");
        for _ in 1..KEYFRAME_EVENTS {
            assert_eq!(next(false, now), Block::Linked);
        }
    }
    assert_eq!(next(true, now), Block::Keyframe);
    now += DEMAND_INTERVAL - Duration::from_nanos(1);
    assert_eq!(next(true, now), Block::Linked);
    now += Duration::from_nanos(1);
    assert_eq!(next(false, now), Block::Linked);
    assert_eq!(next(true, now), Block::Keyframe);
    assert_eq!(next(true, now), Block::Linked);
}

#[test]
fn a_foreign_byte_in_a_chain_goes_wrong_without_an_error() {
    // Why a member that was sent something of its own leaves the chain.
    let (mut chain, now) = (Chain::default(), Instant::now());
    let text = b"a text that is long enough to be referred to";
    let mut reader = Inflater::new();
    let mut block = Vec::new();
    chain.encode(text, false, now, &mut block);
    assert_eq!(reader.take(&block), text);
    let mut private = Vec::new();
    gzip::stored(b"!", &mut private);
    assert_eq!(reader.take(&private), b"!");
    block.clear();
    assert_eq!(chain.encode(text, false, now, &mut block), Block::Linked);
    assert_ne!(reader.take(&block), text);
}

#[test]
fn a_heartbeat_says_nothing_and_breaks_no_chain() {
    let (mut chain, now) = (Chain::default(), Instant::now());
    let mut reader = Inflater::new();
    for n in 0..10 {
        let (event, mut block) = (bench_event(n), Vec::new());
        chain.encode(&event, false, now, &mut block);
        assert_eq!(reader.take(&block), event);
        assert_eq!(reader.take(&gzip::HEARTBEAT), b"");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any bytes, in blocks of any size: both kinds give them back block by block, within the bound,
    /// and whole gzip streams of them satisfy a strict reader.
    #[test]
    fn blocks_give_back_what_went_in(
        events in proptest::collection::vec(
            (0_u8..4, 1_usize..40_000, any::<u64>()), 1..30),
    ) {
        let (mut chain, mut independent) = (Chain::default(), Independent::default());
        let now = Instant::now();
        let (mut aligned, mut loose) = (Inflater::new(), Inflater::new());
        let mut stream = gzip::HEAD.to_vec();
        let (mut digest, mut all) = (Digest::default(), Vec::new());
        for (kind, len, seed) in events {
            let mut state = seed | 1;
            let plain: Vec<u8> = (0..len).map(|i| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                match kind {
                    0 => (state >> 56) as u8,
                    1 => b'x',
                    2 => b'a' + (state >> 60) as u8,
                    _ => (i / 7) as u8,
                }
            }).collect();
            let mut block = Vec::new();
            chain.encode(&plain, false, now, &mut block);
            prop_assert!(block.len() <= bound(len));
            prop_assert!(block.ends_with(&TAIL));
            prop_assert_eq!(aligned.take(&block), &plain[..]);
            block.clear();
            independent.encode(&plain, &mut block);
            prop_assert!(block.len() <= bound(len));
            prop_assert_eq!(block.len(), without_tail(&block).len() + 4);
            prop_assert_eq!(loose.take(&block), &plain[..]);
            stream.extend_from_slice(&block);
            gzip::stored(&plain, &mut stream);
            all.extend_from_slice(&plain);
            all.extend_from_slice(&plain);
            digest.update(&plain);
            digest.update(&plain);
        }
        gzip::end(digest, &mut stream);
        let mut got = Vec::new();
        let mut strict = flate2::read::GzDecoder::new(&stream[..]);
        std::io::Read::read_to_end(&mut strict, &mut got).unwrap();
        prop_assert_eq!(got, all);
    }
}
