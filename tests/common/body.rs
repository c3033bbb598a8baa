//! Takes the framing off the body of a stream as it comes, strictly: in a stream that is not compressed
//! each chunk holds whole frames.

/// The body of one answer.
pub(crate) struct Body {
    chunked: bool,
    plain: bool,
    /// What came of a chunk that is not whole.
    rest: Vec<u8>,
    /// The last chunk has come.
    #[allow(dead_code, reason = "each test uses its part")]
    pub(crate) complete: bool,
}

impl Body {
    /// The one behind this head.
    pub(crate) fn of(head: &str) -> Self {
        let head = head.to_ascii_lowercase();
        Self {
            chunked: head.contains("\r\ntransfer-encoding: chunked\r\n"),
            plain: !head.contains("\r\ncontent-encoding:"),
            rest: Vec::new(),
            complete: false,
        }
    }

    /// Takes what came, and returns the data of what is whole.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        if !self.chunked {
            return bytes.to_vec();
        }
        self.rest.extend_from_slice(bytes);
        let (mut data, mut at) = (Vec::new(), 0);
        while let Some(end) = self.rest[at..].windows(2).position(|w| w == b"\r\n") {
            assert!(!self.complete, "bytes behind the last chunk");
            let line = std::str::from_utf8(&self.rest[at..at + end]).expect("a size");
            let size = usize::from_str_radix(line, 16).unwrap_or_else(|_| panic!("{line:?}"));
            let start = at + end + 2;
            let Some(chunk) = self.rest.get(start..start + size + 2) else {
                break;
            };
            let chunk = chunk.strip_suffix(b"\r\n").expect("a chunk's end");
            assert!(
                chunk.is_empty() || !self.plain || chunk.ends_with(b"\n\n"),
                "half a frame: {}",
                chunk.escape_ascii()
            );
            self.complete = chunk.is_empty();
            data.extend_from_slice(chunk);
            at = start + size + 2;
        }
        self.rest.drain(..at);
        data
    }
}
