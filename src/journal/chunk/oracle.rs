//! Chunks against a list of events: what the tests beside and the fuzz target `chunk` ask of them.

use std::ops::Range;

use super::{
    Checksums, Chunk, ChunkBuilder, ChunkHeader, Deflater, Frame, Frames, Inflater, Numbers,
};
use crate::event::EventRef;

/// An event as the model keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) offset: u64,
    pub(super) recorded: i64,
    pub(super) rest: u32,
    pub(super) version: Option<u64>,
    pub(super) topic: u64,
    pub(super) record: Vec<u8>,
}

impl Kept {
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame {
            offset: self.offset,
            recorded: self.recorded,
            rest: self.rest,
            version: self.version,
            record: &self.record,
        }
    }
}

/// A chunk's bytes, owned.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) header: ChunkHeader,
    pub(super) topics: Vec<u8>,
    pub(super) crc: Checksums,
    pub(super) body: Vec<u8>,
}

/// Writes a chunk of events, of which there is one at least, and checks that all of them come back, from each offset on.
pub(super) fn write(prev: u64, events: &[Kept]) -> Written {
    let mut builder = ChunkBuilder::default();
    builder.start(prev);
    for event in events {
        builder.push(event.frame());
        builder.topic(event.topic);
    }
    let chunk = builder.finish();
    let written = Written {
        header: chunk.header,
        topics: chunk.topics.to_vec(),
        crc: chunk.crc,
        body: chunk.body.to_vec(),
    };
    let Written { header, body, .. } = &written;
    let crc = Checksums::from_number(written.crc.to_number());
    assert_eq!(crc, written.crc);
    assert!(header.is_whole(&written.topics, body.len(), crc.header));
    assert_eq!(header.count as usize, events.len());
    let all: Vec<_> = Frames::new(*header, body).collect();
    let expected: Vec<_> = events.iter().map(|event| Ok(event.frame())).collect();
    assert_eq!(all, expected);
    let at_once: Vec<_> = Frames::of_body(*header, body, crc.body).collect();
    assert_eq!(at_once, expected);
    for (at, event) in events.iter().enumerate() {
        for from in [event.offset, event.offset.saturating_sub(1)] {
            let at = if from < event.offset && at > 0 && events[at - 1].offset == from {
                at - 1
            } else {
                at
            };
            let rest: Vec<_> = Frames::starting_at(*header, body, from).collect();
            assert_eq!(rest, expected[at..]);
        }
    }
    let mut topics: Vec<u64> = events.iter().map(|event| event.topic).collect();
    topics.sort_unstable();
    topics.dedup();
    assert!(Numbers::new(&written.topics).eq(topics.iter().copied()));
    for wanted in topics.iter().map(|topic| topic.wrapping_add(1)) {
        let has = Numbers::new(&written.topics).has_any(&[wanted]);
        assert_eq!(has, topics.contains(&wanted));
    }
    written
}

/// Writes the same chunk deflated, and checks that the same comes back; `None`: it is not worth it.
pub(super) fn deflate(prev: u64, events: &[Kept]) -> Option<Written> {
    let plain = write(prev, events);
    let mut builder = ChunkBuilder::default();
    builder.start(prev);
    for event in events {
        builder.push(event.frame());
        builder.topic(event.topic);
    }
    let mut deflater = Deflater::default();
    let chunk = builder.finish_deflated(&mut deflater)?;
    let Chunk {
        header,
        topics,
        crc,
        body,
    } = chunk;
    assert!(body.len() < plain.body.len());
    assert_eq!(header.inflated as usize, plain.body.len());
    assert!(header.is_whole(topics, body.len(), crc.header));
    assert_eq!((topics, crc.body), (&plain.topics[..], plain.crc.body));
    let mut inflater = Inflater::default();
    assert_eq!(inflater.frames(&header, body), plain.body);
    for event in events.iter().step_by(7) {
        let range = event.offset..event.offset + 1;
        let mut part = Vec::new();
        inflater.inflate(&header, body, range.end, &mut part);
        let found = Frames::starting_at(header, &part, range.start).next();
        assert_eq!(found, Some(Ok(event.frame())));
        let behind = Frames::starting_at(header, &part, range.start).nth(1);
        assert!(behind.is_none_or(|behind| behind.is_ok()));
    }
    Some(Written {
        header,
        topics: topics.to_vec(),
        crc,
        body: body.to_vec(),
    })
}

/// Reads any bytes as a chunk: offsets rise and stay inside, what is handed out and what is missing are apart.
pub(super) fn read(header: ChunkHeader, body: &[u8]) -> Vec<Result<Frame<'_>, Range<u64>>> {
    let mut next = header.first;
    let mut found = Vec::new();
    for step in Frames::new(header, body) {
        let range = match &step {
            Ok(frame) => frame.offset..frame.offset + 1,
            Err(missing) => missing.clone(),
        };
        assert!(range.start >= next && range.end > range.start && range.end <= header.last + 1);
        next = range.end;
        if let Ok(frame) = &step
            && let Some(event) = EventRef::stored(frame.record)
        {
            let _ = (event.topic(), event.data());
        }
        found.push(step);
    }
    found
}

/// Reads any bytes as a header and a body, and as a list of topics; and damages a chunk at places that the bytes say.
pub fn check(input: &[u8]) {
    let _ = Numbers::new(input).count();
    let _ = Numbers::new(input).has_any(&[0, 7, u64::MAX]);
    let (head, body) = input.split_at(input.len().min(8));
    let number = |at: usize| u64::from(head.get(at).copied().unwrap_or(0));
    let first = 1 + number(0);
    let header = ChunkHeader {
        first,
        last: first + number(1),
        prev: number(2).min(first - 1),
        count: number(3) as u32,
        inflated: 0,
        recorded_first: number(4) as i64 - 100,
        recorded_last: number(5) as i64,
    };
    read(header, body);
    for from in [0, first, header.last, u64::MAX] {
        let _ = Frames::starting_at(header, body, from).count();
        let part = Frames::part(&header, body, &(from..header.last));
        let _ = Frames::starting_at(header, part, from).count();
    }
    let events: Vec<Kept> = (0..1 + number(6) % 8)
        .map(|n| Kept {
            offset: first + n * (1 + number(7) % 3),
            recorded: number(4) as i64 + n as i64,
            rest: (n % 3) as u32,
            version: (n % 2 == 0).then_some(n),
            topic: number(3) % 5 + n % 3,
            record: body
                .iter()
                .copied()
                .cycle()
                .take(20 * n as usize % 64)
                .collect(),
        })
        .collect();
    // Whatever they would inflate to, it is no more than was said.
    let inflated = ChunkHeader {
        inflated: 1 + 16 * number(7) as u32,
        ..header
    };
    let mut inflater = Inflater::default();
    let frames = inflater.frames(&inflated, body);
    assert!(frames.len() <= inflated.inflated as usize);
    read(inflated, frames);
    if let Some(mut whole) = deflate(first - 1, &events) {
        for pair in body.chunks_exact(2) {
            let at = usize::from(pair[0]) % whole.body.len();
            whole.body[at] ^= pair[1];
        }
        let frames = inflater.frames(&whole.header, &whole.body);
        for frame in read(whole.header, frames).into_iter().flatten() {
            assert!(events.iter().any(|event| event.frame() == frame));
        }
    }
    let whole = write(first - 1, &events);
    let mut damaged = whole.body.clone();
    for pair in body.chunks_exact(2) {
        let at = usize::from(pair[0]) % damaged.len();
        damaged[at] ^= pair[1];
    }
    // Nothing is handed out that was not put in.
    for frame in read(whole.header, &damaged).into_iter().flatten() {
        assert!(events.iter().any(|event| event.frame() == frame));
    }
}
