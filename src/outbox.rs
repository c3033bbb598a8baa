//! Bytes that wait for one connection alone: the rest of a frame that others share, then its own.

use std::sync::Arc;

/// Bytes that are counted somewhere for as long as anybody has them.
pub(crate) type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Bytes that wait for one connection. At rest it has no memory.
#[derive(Default)]
pub(crate) struct Outbox(Option<Box<Waiting>>);

#[derive(Default)]
struct Waiting {
    /// The rest of a frame that was half sent, and how much of it is.
    shared: Option<(SharedBytes, usize)>,
    bytes: Vec<u8>,
    /// The number of `bytes` that are sent.
    sent: usize,
}

impl Outbox {
    /// Returns the number of bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |waiting| {
            let shared = waiting.shared.as_ref();
            let shared = shared.map_or(0, |(bytes, sent)| (**bytes).as_ref().len() - sent);
            shared + waiting.bytes.len() - waiting.sent
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        // Asked for each delivery, where there mostly is nothing.
        self.0.is_none() || self.len() == 0
    }

    /// Returns the bytes to be sent next; empty: everything is sent.
    pub(crate) fn pending(&self) -> &[u8] {
        match &self.0 {
            None => &[],
            Some(waiting) => match &waiting.shared {
                Some((bytes, sent)) => &(**bytes).as_ref()[*sent..],
                None => &waiting.bytes[waiting.sent..],
            },
        }
    }

    /// Notes that `n` bytes of [`pending`](Self::pending) are sent.
    pub(crate) fn advance(&mut self, n: usize) {
        let Some(waiting) = &mut self.0 else { return };
        match &mut waiting.shared {
            Some((bytes, sent)) => {
                *sent += n;
                if *sent == (**bytes).as_ref().len() {
                    waiting.shared = None;
                }
            }
            None => waiting.sent += n,
        }
    }

    /// The bytes at the end, to append to. They leave behind all that waits.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        let waiting = self.0.get_or_insert_default();
        if waiting.sent == waiting.bytes.len() {
            // All of it is sent: the memory serves again.
            waiting.bytes.clear();
            waiting.sent = 0;
        }
        &mut waiting.bytes
    }

    /// Puts in front of what waits, which is nothing of the same stream, a frame of which `sent` bytes are sent.
    pub(crate) fn hold(&mut self, frame: SharedBytes, sent: usize) {
        self.0.get_or_insert_default().shared = Some((frame, sent));
    }

    /// Forgets what waits, and its memory.
    pub(crate) fn clear(&mut self) {
        if self.0.is_some() {
            self.0 = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_rest_leaves_before_what_is_its_own() {
        let mut out = Outbox::default();
        assert!(out.is_empty() && out.pending().is_empty());
        out.bytes().extend_from_slice(b"own");
        let frame: SharedBytes = Arc::new(b"shared".to_vec());
        out.hold(frame.clone(), 2);
        assert_eq!((out.pending(), out.len()), (&b"ared"[..], 7));
        out.advance(3);
        assert_eq!(out.pending(), b"d");
        out.advance(1);
        assert_eq!(
            Arc::strong_count(&frame),
            1,
            "it is given back when it is sent"
        );
        assert_eq!(out.pending(), b"own");
        out.advance(2);
        out.bytes().extend_from_slice(b"more");
        assert_eq!(out.pending(), b"nmore");
        out.advance(5);
        out.bytes().extend_from_slice(b"again");
        assert_eq!((out.pending(), out.len()), (&b"again"[..], 5));
        out.clear();
        assert!(out.is_empty());
    }
}
