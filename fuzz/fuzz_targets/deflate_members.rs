//! Members of a shared deflate log: whatever is published, and whoever joins, misses or is sent something
//! of its own, each can inflate what the rules let it take.
#![no_main]

use std::time::{Duration, Instant};

use eventring::wire::deflate::{Block, Chain, Digest, Independent, bound, gzip};
use flate2::{Decompress, FlushDecompress};
use libfuzzer_sys::fuzz_target;

const MEMBERS: usize = 4;

struct Member {
    inflater: Decompress,
    aligned: bool,
    digest: Digest,
    plain: Vec<u8>,
    stream: Vec<u8>,
}

impl Member {
    fn take(&mut self, block: &[u8], plain: &[u8]) {
        let mut out = Vec::with_capacity(plain.len() + 64);
        let done = self
            .inflater
            .decompress_vec(block, &mut out, FlushDecompress::Sync);
        assert!(done.is_ok());
        assert_eq!(out, plain, "what came is what was meant");
        self.stream.extend_from_slice(block);
        self.plain.extend_from_slice(plain);
    }
}

fuzz_target!(|data: &[u8]| {
    let (mut chain, mut independent) = (Chain::default(), Independent::default());
    let mut now = Instant::now();
    // What the chain came to, before each event and after it.
    let mut log = Digest::default();
    let mut members: Vec<Member> = (0..MEMBERS)
        .map(|_| Member {
            inflater: Decompress::new(false),
            aligned: false,
            digest: Digest::default(),
            plain: Vec::new(),
            stream: gzip::HEAD.to_vec(),
        })
        .collect();
    let mut rest = data;
    while let [step, len, tail @ ..] = rest {
        let len = (*len as usize * 5).min(tail.len());
        let (plain, tail) = tail.split_at(len);
        rest = tail;
        let member = &mut members[*step as usize % MEMBERS];
        match step / 4 % 4 {
            0 if !plain.is_empty() => {
                let mut block = Vec::new();
                gzip::stored(plain, &mut block);
                member.take(&block, plain);
                member.digest.update(plain);
                member.aligned = false;
            }
            1 => member.take(&gzip::HEARTBEAT, b""),
            2 => now += Duration::from_millis(u64::from(*step) * 8),
            _ if !plain.is_empty() => {
                let wanted = members.iter().any(|member| !member.aligned);
                let (mut linked, mut apart) = (Vec::new(), Vec::new());
                let kind = chain.encode(plain, wanted, now, &mut linked);
                independent.encode(plain, &mut apart);
                assert!(linked.len() <= bound(plain.len()) && apart.len() <= bound(plain.len()));
                let before = log;
                log.update(plain);
                for (i, member) in members.iter_mut().enumerate() {
                    if step / 16 == 1 + i as u8 {
                        // It misses this one: a jump.
                        member.aligned = false;
                        continue;
                    }
                    member.aligned |= kind == Block::Keyframe;
                    let block = if member.aligned { &linked } else { &apart };
                    member.take(block, plain);
                    member.digest.extend(before, log);
                }
            }
            _ => {}
        }
    }
    for mut member in members {
        gzip::end(member.digest, &mut member.stream);
        let mut whole = Vec::new();
        let mut strict = flate2::bufread::GzDecoder::new(&member.stream[..]);
        assert!(std::io::Read::read_to_end(&mut strict, &mut whole).is_ok());
        assert_eq!(whole, member.plain);
    }
});
