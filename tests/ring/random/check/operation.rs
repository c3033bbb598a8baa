//! The operations on a ring, read from bytes.

/// Bytes of an operation in the input.
pub(super) const BYTES: usize = 3;

/// The end of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    /// The batch is whole.
    Whole,
    /// Its iterator has only so many.
    Short(usize),
    /// Its iterator or closure panics after so many.
    Panics(usize),
}

/// The way in which a slot is filled in place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fill {
    Set,
    /// An older value stays, if there is one.
    Reuse,
    PanicsBefore,
    PanicsAfter,
}

/// The fate of a value or a batch that was lent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Dropped,
    Forgotten,
    /// So many of it are consumed.
    Committed(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Publish,
    PublishWith(Fill),
    Batch(usize, End),
    BatchWith(usize, End),
    /// So far beyond the oldest; panics at that value.
    Trim(u64, Option<usize>),
    Subscribe {
        gated: bool,
        back: Option<u64>,
    },
    Unsubscribe(usize),
    Copy(usize),
    Receive(usize, Fate),
    Peek(usize),
    /// Which reader, how many at most, at which run or value it panics.
    Drain(usize, usize, Option<usize>),
    ReadWhile(usize, usize, Option<usize>),
    /// Has a reader hold a batch while so many operations are done.
    Hold(usize, usize, Fate),
    Seek(usize, u64),
    GroupAdd {
        gated: bool,
        back: u64,
    },
    GroupRemove {
        gated: bool,
        at: usize,
    },
    GroupDrain {
        gated: bool,
        max: usize,
    },
    /// Another publisher comes, or one goes.
    Publishers,
    Close,
}

/// An operation, and at which drop within it a value panics; 0: at none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) bomb: u32,
}

impl Operation {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let (x, y) = (usize::from(bytes[1]), usize::from(bytes[2]));
        let at = x % 8;
        let sometimes = |n: usize| (y % 3 == 0).then_some(n);
        let end = match y % 5 {
            0 => End::Short(y / 5),
            1 | 2 => End::Panics(y / 5),
            _ => End::Whole,
        };
        let fate = match y % 4 {
            0 => Fate::Dropped,
            1 => Fate::Forgotten,
            _ => Fate::Committed(y / 4),
        };
        let fill = match y % 6 {
            0 => Fill::PanicsBefore,
            1 => Fill::PanicsAfter,
            2 => Fill::Reuse,
            _ => Fill::Set,
        };
        let kind = match bytes[0] % 32 {
            0..=4 => Kind::Publish,
            5 | 6 => Kind::PublishWith(fill),
            7..=10 => Kind::Batch(x, end),
            11 | 12 => Kind::BatchWith(x, end),
            13 => Kind::Trim(x as u64, sometimes(y / 3)),
            14 | 15 => Kind::Subscribe {
                gated: x % 2 == 0,
                back: (y > 0).then(|| y as u64 - 1),
            },
            16 => Kind::Unsubscribe(at),
            17 => Kind::Copy(at),
            18 | 19 => Kind::Receive(at, fate),
            20 => Kind::Peek(at),
            21..=23 => Kind::Drain(at, x / 8 * 8, sometimes(y / 64)),
            24 => Kind::ReadWhile(at, x / 8 * 4, sometimes(y)),
            25 | 26 => Kind::Hold(at, x / 8, fate),
            27 => Kind::Seek(at, y as u64),
            28 => Kind::GroupAdd {
                gated: x % 2 == 0,
                back: y as u64,
            },
            29 => Kind::GroupDrain {
                gated: x % 2 == 0,
                max: if y == 0 { usize::MAX } else { y },
            },
            30 if x % 4 != 0 => Kind::GroupRemove {
                gated: x % 2 == 0,
                at: y,
            },
            30 => Kind::Publishers,
            // Now and then, and not in every input.
            _ if x == 7 => Kind::Close,
            _ => Kind::Publish,
        };
        let bomb = match bytes[0] / 32 {
            n @ 5..=7 => u32::from(n) - 4,
            _ => 0,
        };
        Self { kind, bomb }
    }
}
