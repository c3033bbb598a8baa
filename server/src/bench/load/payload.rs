//! The payload of an event: the run it belongs to, its sequence, and when it was due.

use std::hash::{BuildHasher, RandomState};

/// Bytes in front of everything else.
const MAGIC: &[u8] = b"eb1 ";
const RUN_ID: usize = 16;
const NUMBER: usize = 20;
/// Bytes before the filling.
const LEN: usize = MAGIC.len() + RUN_ID + 1 + NUMBER + 1 + NUMBER + 1;

/// The payloads of one run; events of others on the same topic are not ours to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunId([u8; RUN_ID]);

/// The numbers in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    /// From 0.
    pub(crate) sequence: u64,
    /// Nanoseconds since the start of the run.
    pub(crate) due: u64,
}

impl RunId {
    /// A run that publishes nothing.
    pub(crate) const NONE: RunId = RunId([0; RUN_ID]);

    /// A name that no other run has.
    pub(crate) fn new() -> RunId {
        let text = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        let mut run = [b'0'; RUN_ID];
        run.copy_from_slice(&text.as_bytes()[..RUN_ID]);
        RunId(run)
    }

    /// Appends a payload of `size` bytes, which is at least 64.
    pub(crate) fn write(&self, payload: Payload, size: usize, out: &mut Vec<u8>) {
        let end = out.len() + size;
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.0);
        // Of fixed width, so that a payload has its size whatever the numbers are.
        for number in [payload.sequence, payload.due] {
            out.push(b' ');
            digits(number, out);
        }
        // Filled up to the size; a reader stops before it.
        out.push(b' ');
        out.resize(end, b'.');
    }

    /// Reads a payload; `None` for one that is not of this run.
    pub(crate) fn read(&self, payload: &str) -> Option<Payload> {
        let rest = payload
            .as_bytes()
            .get(..LEN)?
            .strip_prefix(MAGIC)?
            .strip_prefix(&self.0)?;
        let number = |at: usize| {
            std::str::from_utf8(&rest[at..at + NUMBER])
                .ok()?
                .parse()
                .ok()
        };
        Some(Payload {
            sequence: number(1)?,
            due: number(NUMBER + 2)?,
        })
    }
}

fn digits(mut number: u64, out: &mut Vec<u8>) {
    let mut text = [b'0'; NUMBER];
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_come_back_and_only_to_their_run() {
        let (run, other) = (RunId([b'a'; RUN_ID]), RunId([b'b'; RUN_ID]));
        for (sequence, size) in [(0, 64), (u64::MAX, 65), (123_456, 4096)] {
            let due = sequence / 3;
            let payload = Payload { sequence, due };
            let mut bytes = Vec::new();
            run.write(payload, size, &mut bytes);
            assert_eq!(bytes.len(), size);
            let text = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(run.read(&text), Some(payload));
            assert_eq!(other.read(&text), None);
        }
        for strange in ["", "eb1 ", "é", &"x".repeat(100)] {
            assert_eq!(run.read(strange), None);
        }
    }
}
