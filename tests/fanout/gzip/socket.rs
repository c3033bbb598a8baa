//! The client's half of a WebSocket whose messages are compressed, inflated by somebody else's inflater.

use eventring::wire::ws::{FrameHeader, Opcode};
use flate2::{Decompress, FlushDecompress};
use serde_json::Value;

use super::client::Seen;

/// Messages out of bytes.
pub(crate) struct Messages {
    inflater: Decompress,
    /// Nothing may be kept between messages.
    apart: bool,
    pub(crate) last_id: String,
    /// Bytes of payload as they came, and as they were meant.
    pub(crate) wire_bytes: usize,
    pub(crate) plain_bytes: usize,
    pub(crate) compressed: usize,
    pub(crate) pongs: usize,
    /// Of the server's, not answered yet.
    pub(crate) pings: usize,
    pub(crate) closing: bool,
}

impl Messages {
    pub(crate) fn new(apart: bool) -> Self {
        Self {
            inflater: Decompress::new(false),
            apart,
            last_id: String::new(),
            wire_bytes: 0,
            plain_bytes: 0,
            compressed: 0,
            pongs: 0,
            pings: 0,
            closing: false,
        }
    }

    pub(crate) fn is_apart(&self) -> bool {
        self.apart
    }

    /// Takes whole frames off the front of `input`.
    pub(crate) fn take(&mut self, input: &mut Vec<u8>, seen: &mut Vec<Seen>) {
        while let Some((head, header)) = FrameHeader::decode(input).unwrap() {
            let end = head + header.len as usize;
            if input.len() < end {
                return;
            }
            let payload: Vec<u8> = input[head..end].to_vec();
            input.drain(..end);
            assert!(header.fin && header.mask.is_none());
            match header.opcode {
                Opcode::Text => {
                    self.wire_bytes += payload.len();
                    let plain = if header.rsv1 {
                        self.compressed += 1;
                        self.inflate(payload)
                    } else {
                        payload
                    };
                    self.plain_bytes += plain.len();
                    seen.extend(self.message(&plain));
                }
                Opcode::Pong => self.pongs += 1,
                Opcode::Ping => self.pings += 1,
                Opcode::Close => self.closing = true,
                other => panic!("{other:?}"),
            }
        }
    }

    // RFC 7692, 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload."
    fn inflate(&mut self, mut payload: Vec<u8>) -> Vec<u8> {
        if self.apart {
            self.inflater.reset(false);
        }
        payload.extend_from_slice(&[0, 0, 0xff, 0xff]);
        let mut plain = Vec::with_capacity(1 << 20);
        let begun = self.inflater.total_in();
        self.inflater
            .decompress_vec(&payload, &mut plain, FlushDecompress::Sync)
            .expect("a deflate stream");
        assert_eq!(self.inflater.total_in() - begun, payload.len() as u64);
        plain
    }

    fn message(&mut self, plain: &[u8]) -> Option<Seen> {
        let value: Value = serde_json::from_slice(plain).expect("JSON");
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        if value["id"].is_string() {
            self.last_id = text("id");
        }
        let ty = text("type");
        matches!(ty.as_str(), "event" | "gap" | "reset").then(|| Seen {
            id: text("id"),
            event: ty,
            data: text("data"),
        })
    }
}
