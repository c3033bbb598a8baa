//! Chunks against lists of events; every byte of them flipped.

use std::ops::Range;

use proptest::prelude::*;

use super::deflate::INFLATED_MAX;
use super::oracle::{self, Kept, Written};
use super::{ChunkBuilder, ChunkHeader, Frame, Frames, Inflater, varint};
use crate::event::{Event, EventRef};

fn events() -> impl Strategy<Value = Vec<Kept>> {
    let one = (
        1..5_u64,
        0..3_i64,
        any::<Option<u64>>(),
        any::<u32>(),
        0..9_u64,
        prop::collection::vec(any::<u8>(), 0..80),
    );
    let start = (1..u64::from(u32::MAX), any::<i32>());
    (start, prop::collection::vec(one, 1..20)).prop_map(|((first, time), steps)| {
        let (mut offset, mut recorded) = (first, i64::from(time));
        let mut events = Vec::new();
        for (gap, later, version, rest, topic, record) in steps {
            (offset, recorded) = (offset + gap, recorded + later);
            events.push(Kept {
                offset,
                recorded,
                rest,
                version,
                topic,
                record,
            });
        }
        events
    })
}

/// All headers that differ from one in one bit.
fn flipped(header: ChunkHeader) -> Vec<ChunkHeader> {
    let mut all = Vec::new();
    for field in 0..6 {
        for bit in 0..64 {
            let mut numbers = [
                header.first,
                header.last,
                header.prev,
                header.sizes() as u64,
                header.recorded_first as u64,
                header.recorded_last as u64,
            ];
            numbers[field] ^= 1_u64 << bit;
            let [first, last, prev, sizes, recorded_first, recorded_last] = numbers;
            let mut header = ChunkHeader {
                first,
                last,
                prev,
                recorded_first: recorded_first as i64,
                recorded_last: recorded_last as i64,
                ..header
            };
            header.set_sizes(sizes as i64);
            all.push(header);
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_put_in_comes_out(events in events()) {
        oracle::write(events[0].offset - 1, &events);
    }

    #[test]
    fn every_flipped_bit_is_found(events in events(), bit in 0..8) {
        let whole = oracle::write(0, &events);
        let Written { header, topics, crc, body } = &whole;
        for header in flipped(*header) {
            prop_assert!(!header.is_whole(topics, body.len(), crc.header));
        }
        for at in 0..topics.len() {
            let mut topics = topics.clone();
            topics[at] ^= 1_u8 << bit;
            prop_assert!(!header.is_whole(&topics, body.len(), crc.header));
        }
        prop_assert!(!header.is_whole(topics, body.len() + 1, crc.header));
        let good = oracle::read(*header, body);
        let middle = header.first + (header.last - header.first) / 2;
        for at in 0..body.len() {
            let mut damaged = body.clone();
            damaged[at] ^= 1_u8 << bit;
            let found = oracle::read(*header, &damaged);
            let at_once: Vec<_> = Frames::of_body(*header, &damaged, crc.body).collect();
            prop_assert_eq!(&at_once, &found);
            for range in [header.first..header.last, header.last..header.last + 1, middle..middle + 2] {
                let part = Frames::part(header, &damaged, &range);
                prop_assert_eq!(inside(*header, part, &range), inside(*header, &damaged, &range));
            }
            // Said once, and everything that is handed out is as it was.
            prop_assert_eq!(found.iter().filter(|step| step.is_err()).count(), 1);
            for frame in found.iter().filter(|step| step.is_ok()) {
                prop_assert!(good.contains(frame));
            }
            // Where the length leads on, the others are there.
            if is_beside_lengths(body, at) {
                prop_assert_eq!(found.len(), good.len());
            }
        }
    }

    /// A chunk that was rewritten covers what it covered, whatever is left of it.
    #[test]
    fn what_was_taken_out_is_not_missing(events in events(), kept in any::<u32>(), bit in 0..8) {
        let whole = oracle::write(0, &events);
        let mut builder = ChunkBuilder::default();
        builder.start(whole.header.prev);
        builder.cover_from(whole.header.first, whole.header.recorded_first);
        let kept: Vec<_> = Frames::new(whole.header, &whole.body)
            .map(|frame| frame.unwrap())
            .enumerate()
            .filter(|(at, _)| kept & 1 << (at % 32) != 0)
            .map(|(_, frame)| frame)
            .collect();
        kept.iter().for_each(|frame| builder.push(*frame));
        builder.cover_to(whole.header.last, whole.header.recorded_last);
        let chunk = builder.finish();
        prop_assert_eq!(chunk.header, ChunkHeader { count: kept.len() as u32, ..whole.header });
        prop_assert!(chunk.header.is_whole(chunk.topics, chunk.body.len(), chunk.crc.header));
        let expected: Vec<_> = kept.iter().copied().map(Ok).collect();
        let at_once: Vec<_> = Frames::of_body(chunk.header, chunk.body, chunk.crc.body).collect();
        prop_assert_eq!(&at_once, &expected);
        for from in whole.header.first..=whole.header.last.min(whole.header.first + 200) {
            let found: Vec<_> = Frames::starting_at(chunk.header, chunk.body, from).collect();
            let at = kept.partition_point(|frame| frame.offset < from);
            prop_assert_eq!(&found[..], &expected[at..]);
        }
        for at in 0..chunk.body.len() {
            let mut damaged = chunk.body.to_vec();
            damaged[at] ^= 1_u8 << bit;
            let found = oracle::read(chunk.header, &damaged);
            prop_assert_eq!(found.iter().filter(|step| step.is_err()).count(), 1);
            for frame in found.iter().flatten() {
                prop_assert!(kept.contains(frame));
            }
        }
        // A body of which the last frames have vanished is not one of fewer.
        if kept.last().is_some_and(|frame| frame.offset == chunk.header.last) {
            return Ok(());
        }
        let less = ChunkHeader { count: kept.len() as u32 + 1, ..chunk.header };
        prop_assert!(Frames::new(less, chunk.body).any(|step| step.is_err()));
    }

    #[test]
    fn deflated_chunks_come_back_and_damage_hands_out_nothing_else(
        events in events(),
        times in 2..20_u64,
        bit in 0..8,
    ) {
        // The same again and again: worth it.
        let bytes = events.last().unwrap().offset - events[0].offset + 1;
        let again = |time: u64| {
            let mut events = events.clone();
            for event in &mut events {
                event.offset += time * bytes;
                event.recorded += time as i64 * 100;
            }
            events
        };
        let events: Vec<Kept> = (0..times).flat_map(again).collect();
        let Some(Written { header, topics, crc, body }) = oracle::deflate(0, &events) else {
            return Ok(());
        };
        for header in flipped(header) {
            prop_assert!(!header.is_whole(&topics, body.len(), crc.header));
        }
        let mut inflater = Inflater::default();
        for at in (0..body.len()).step_by(3) {
            let mut damaged = body.clone();
            damaged[at] ^= 1_u8 << bit;
            let frames = inflater.frames(&header, &damaged);
            prop_assert!(frames.len() <= header.inflated as usize);
            let found = oracle::read(header, frames);
            // A bit may be one that says nothing: then all of it is there.
            let whole = found.iter().flatten().count();
            prop_assert_eq!(whole == events.len(), found.iter().all(Result::is_ok));
            let mut events = events.iter();
            for frame in found.iter().flatten() {
                prop_assert!(events.any(|event| event.frame() == *frame));
            }
        }
        for cut in (0..body.len() / 2).step_by(5) {
            let frames = inflater.frames(&header, &body[..cut]);
            // The last bits say that it ends: without them all of it may be there.
            let is_all = frames.len() == header.inflated as usize;
            prop_assert!(is_all || oracle::read(header, frames).iter().any(Result::is_err));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        oracle::check(&bytes);
    }

    #[test]
    fn numbers_come_back(number in any::<u64>(), cut in 0..10_usize) {
        let mut bytes = Vec::new();
        varint::put(number, &mut bytes);
        prop_assert_eq!(varint::take(&mut &bytes[..]), Some(number));
        if cut < bytes.len() {
            prop_assert_eq!(varint::take(&mut &bytes[..cut]), None);
        }
    }
}

/// Reads a range of a body, as far as it is asked for.
fn inside<'a>(
    header: ChunkHeader,
    body: &'a [u8],
    range: &Range<u64>,
) -> Vec<Result<Frame<'a>, Range<u64>>> {
    let steps = Frames::starting_at(header, body, range.start).map(|step| match step {
        Err(missing) => Err(missing.start..missing.end.min(range.end)),
        frame => frame,
    });
    let is_inside = |step: &Result<Frame<'_>, Range<u64>>| match step {
        Ok(frame) => frame.offset < range.end,
        Err(missing) => !missing.is_empty(),
    };
    steps.take_while(is_inside).collect()
}

/// Returns whether a byte of a body is not one of a frame's length.
fn is_beside_lengths(body: &[u8], at: usize) -> bool {
    let mut start = 0;
    loop {
        let length = u32::from_le_bytes(body[start..start + 4].try_into().unwrap()) as usize;
        let end = start + 8 + length;
        if at < end {
            return at >= start + 4;
        }
        start = end;
    }
}

#[test]
fn a_number_of_more_than_64_bits_is_none() {
    let mut bytes = [0xff; 10];
    bytes[9] = 2;
    assert_eq!(varint::take(&mut &bytes[..]), None);
    assert_eq!(varint::take(&mut &[0x80; 11][..]), None);
}

/// A few bytes of a file may say that they are any number of others: no more is inflated than the row may have.
#[test]
fn a_body_that_inflates_without_end_is_cut_off() {
    let zeros = vec![0; 4 * INFLATED_MAX];
    let mut bomb = Vec::with_capacity(zeros.len());
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    let finish = flate2::FlushCompress::Finish;
    deflate.compress_vec(&zeros, &mut bomb, finish).unwrap();
    assert!(bomb.len() < zeros.len() / 500);
    let mut header = ChunkHeader {
        first: 1,
        last: 9,
        count: 9,
        inflated: u32::MAX,
        ..ChunkHeader::default()
    };
    assert!(!header.is_whole(&[], bomb.len(), header.crc(&[], bomb.len())));
    let mut inflater = Inflater::default();
    assert_eq!(inflater.frames(&header, &bomb).len(), INFLATED_MAX);
    header.inflated = 100;
    assert_eq!(inflater.frames(&header, &bomb).len(), 100);
    assert!(header.is_whole(&[], bomb.len(), header.crc(&[], bomb.len())));
}

#[test]
fn a_record_is_viewed_without_reading_all_of_it() {
    let event = Event::builder("orders.eu", "t")
        .json("{\"a\":1}")
        .build()
        .unwrap();
    let kept = Kept {
        offset: 7,
        recorded: 5,
        rest: 0,
        version: None,
        topic: 1,
        record: event.record().to_vec(),
    };
    let written = oracle::write(3, &[kept]);
    let mut frames = Frames::new(written.header, &written.body);
    let frame = frames.next().unwrap().unwrap();
    let seen = EventRef::stored(frame.record).unwrap();
    assert_eq!(seen, event.as_ref());
    assert_eq!(seen.topic_hash(), event.topic_hash());
    for cut in 0..frame.record.len() {
        assert!(EventRef::stored(&frame.record[..cut]).is_none());
    }
    assert_eq!(frames.next(), None);
}
