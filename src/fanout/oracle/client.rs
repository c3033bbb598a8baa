//! Who receives a stream's bytes, and judges them by the plain list of events.

use std::collections::VecDeque;

use flate2::{Decompress, FlushDecompress, Status};

use crate::fanout::oracle::events::{
    self, EVENT, Events, FIRST, GAP, HEAD, HEARTBEAT, LAST, LATEST, OVERSIZE, PRIVATE, byte_of,
};
use crate::wire::deflate::{Digest, gzip};

/// The receiving end of one stream.
pub(super) struct Client {
    /// The class that it is in.
    key: usize,
    /// The first offset that it has not got and was not told about.
    next: u64,
    /// Events that it gets before anything else: the newest of each topic.
    latest: VecDeque<u64>,
    /// Events that it got.
    pub(super) events: u64,
    /// Private frames that it was sent and got.
    pub(super) private_sent: u64,
    private_got: u64,
    first: bool,
    ended: bool,
    /// Plain bytes that are no whole frame yet.
    plain: Vec<u8>,
    inflater: Option<Inflater>,
}

impl Client {
    pub(super) fn new(key: usize, from: u64, gzip: bool) -> Self {
        Self {
            key,
            next: from,
            latest: VecDeque::new(),
            events: 0,
            private_sent: 0,
            private_got: 0,
            first: false,
            ended: false,
            plain: Vec::new(),
            inflater: gzip.then(Inflater::new),
        }
    }

    /// Takes bytes as they come from the stream, cut anywhere.
    pub(super) fn take(&mut self, bytes: &[u8], events: &Events) {
        match &mut self.inflater {
            None => self.plain.extend_from_slice(bytes),
            Some(inflater) => inflater.take(bytes, &mut self.plain),
        }
        let mut at = 0;
        while let Some(head) = self.plain.get(at..at + HEAD) {
            let text = usize::from(u16::from_le_bytes([head[1], head[2]]));
            let offset = |at: usize| {
                let bytes = head[at..at + 4].try_into().unwrap();
                u64::from(u32::from_le_bytes(bytes))
            };
            let (kind, from, to) = (head[0], offset(3), offset(7));
            let Some(text) = self.plain.get(at + HEAD..at + HEAD + text) else {
                break;
            };
            let right = (0..text.len()).all(|at| text[at] == byte_of(from, at));
            assert!(right, "the text of a frame");
            at += HEAD + text.len();
            let len = text.len();
            self.frame(kind, from, to, len, events);
        }
        self.plain.drain(..at);
    }

    fn frame(&mut self, kind: u8, from: u64, to: u64, len: usize, events: &Events) {
        assert!(!self.ended, "nothing follows the last words");
        assert_eq!(self.first, kind != FIRST, "the first frame comes first");
        match kind {
            FIRST => self.first = true,
            EVENT | OVERSIZE => {
                let event = events.get(from).expect("it was published");
                assert!(events::takes(self.key, event.topic), "not for this class");
                assert!(kind == OVERSIZE || event.len == len);
                self.events += 1;
                match self.latest.pop_front() {
                    Some(latest) => assert_eq!(from, latest),
                    None => {
                        self.misses_nothing_before(from, events);
                        self.next = from + 1;
                    }
                }
            }
            GAP => {
                self.misses_nothing_before(from, events);
                self.next = to;
            }
            LATEST => {
                self.misses_nothing_before(from, events);
                self.latest = events.latest(self.key, from..to).into();
                self.next = to;
            }
            PRIVATE => {
                self.private_got += 1;
                assert_eq!(
                    self.private_got, from,
                    "in the order in which they were sent"
                );
            }
            HEARTBEAT => {
                self.misses_nothing_before(from, events);
                self.next = self.next.max(from);
            }
            LAST => self.ended = true,
            other => panic!("a frame begins with {other}"),
        }
    }

    /// Judges that it has everything before `offset`, and nothing behind it.
    pub(super) fn misses_nothing_before(&self, offset: u64, events: &Events) {
        assert!(self.latest.is_empty());
        assert!(offset >= self.next, "{offset} after {}", self.next);
        let missed = events.wanted(self.key, self.next..offset).next();
        assert_eq!(missed, None, "missed before {offset}");
    }

    /// Nothing of a frame is on its way.
    pub(super) fn is_between_frames(&self) -> bool {
        self.plain.is_empty()
    }

    /// Everything has come; a compressed stream that was ended has its trailer.
    pub(super) fn finish(&self) {
        assert!(self.is_between_frames());
        assert_eq!(self.private_got, self.private_sent);
        if let Some(inflater) = &self.inflater {
            inflater.finish(self.ended);
        }
    }
}

/// A gzip stream, inflated as it comes.
struct Inflater {
    inflate: Decompress,
    /// Bytes of the head that have come.
    head: usize,
    sum: Digest,
    done: bool,
    trailer: Vec<u8>,
}

impl Inflater {
    fn new() -> Self {
        Self {
            inflate: Decompress::new(false),
            head: 0,
            sum: Digest::default(),
            done: false,
            trailer: Vec::new(),
        }
    }

    fn take(&mut self, mut bytes: &[u8], plain: &mut Vec<u8>) {
        let head = (gzip::HEAD.len() - self.head).min(bytes.len());
        assert_eq!(bytes[..head], gzip::HEAD[self.head..self.head + head]);
        self.head += head;
        bytes = &bytes[head..];
        let before = plain.len();
        while !self.done && !bytes.is_empty() {
            plain.reserve(4096);
            let read = self.inflate.total_in();
            let flush = FlushDecompress::Sync;
            let status = self.inflate.decompress_vec(bytes, plain, flush).unwrap();
            let read = (self.inflate.total_in() - read) as usize;
            bytes = &bytes[read..];
            self.done = status == Status::StreamEnd;
            if read == 0 && status == Status::BufError {
                break;
            }
        }
        self.sum.update(&plain[before..]);
        self.trailer.extend_from_slice(bytes);
    }

    fn finish(&self, ended: bool) {
        assert_eq!(self.done, ended);
        if ended {
            let sum = [
                self.sum.crc.to_le_bytes(),
                (self.sum.len as u32).to_le_bytes(),
            ];
            assert_eq!(self.trailer, sum.as_flattened(), "the trailer");
        }
    }
}
