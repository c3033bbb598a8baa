//! WebSocket compression (RFC 7692) against an echo: offers and their answers, the examples of the RFC, and
//! messages with each set of parameters.

use std::net::SocketAddr;
use std::time::Duration;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use super::super::table;
use super::exchange::{Exchange, Feed};
use super::frames::{self, Frame};
use super::ws::{End, LAST, LAST_PONG, behind_head, handshake, server};

/// RFC 7692: what is agreed on for an offer.
#[test]
fn offers_of_compression_get_their_answers() {
    let server = server();
    for case in table::read("ws_cases.json")["offers"]
        .as_array()
        .expect("cases")
    {
        let offer = case["offer"].as_str().expect("an offer");
        for path in ["/echo", "/whole"] {
            let hello = handshake(server.addr(), path, offer);
            let feed = Feed::cut(vec![&hello, LAST], Duration::ZERO);
            let exchange = Exchange::run(server.addr(), &feed, |exchange| {
                exchange.input.ends_with(LAST_PONG)
            });
            let (head, _) = behind_head(&exchange.input).expect("an answer");
            assert_eq!(extension(&head), case[path].as_str(), "{offer} to {path}");
        }
    }
}

fn extension(head: &str) -> Option<&str> {
    let mut lines = head.lines();
    lines.find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "))
}

/// RFC 7692, 7.2.3: the examples, then messages of many sizes and kinds with each set of parameters, whole
/// and in fragments.
#[test]
fn compressed_messages_come_back() {
    let server = server();
    let table = table::read("ws_cases.json");
    for case in table["compressed"].as_array().expect("cases") {
        let name = case["name"].as_str().expect("a name");
        let sent = frames::bytes(case["send"].as_str().expect("a notation"));
        let wanted = case["messages"].as_array().expect("messages").iter();
        let wanted: Vec<Vec<u8>> = wanted.map(|text| table::text(text).into_bytes()).collect();
        let mut talk = Talk::begin(server.addr(), "/whole", "permessage-deflate");
        talk.sent = sent;
        let (messages, end) = talk.end();
        assert_eq!((messages, end), (wanted, End::wanted(case)), "{name}");
    }
    for case in table["offers"].as_array().expect("cases") {
        let offer = case["offer"].as_str().expect("an offer");
        for path in ["/echo", "/whole"] {
            if case[path].is_null() {
                continue;
            }
            for fragment in [usize::MAX, 256] {
                let mut talk = Talk::begin(server.addr(), path, offer);
                let messages: Vec<Vec<u8>> = messages().collect();
                for message in &messages {
                    talk.message(message, fragment);
                }
                let (echoes, end) = talk.end();
                assert!(echoes == messages, "{offer} to {path} by {fragment}");
                assert_eq!(end, End::Open);
            }
        }
    }
}

/// Binary messages: nothing, a byte, what repeats, what does not, and JSON; each twice.
fn messages() -> impl Iterator<Item = Vec<u8>> {
    let mut word = 1_u32;
    let noise: Vec<u8> = (0..40_000)
        .map(|_| {
            word ^= word << 13;
            word ^= word >> 17;
            word ^= word << 5;
            word as u8
        })
        .collect();
    let json = |n: usize| format!(r#"{{"id":{n},"name":"an event","values":[1,2,{n}]}}"#);
    let document: String = (0..2000).map(json).collect();
    let kinds = [
        Vec::new(),
        b"a".to_vec(),
        b"a".repeat(70_000),
        noise,
        json(7).into_bytes(),
        document.into_bytes(),
    ];
    kinds
        .into_iter()
        .flat_map(|message| [message.clone(), message])
}

/// A client that compresses by the parameters that were agreed on, without a line of the server's own code.
struct Talk {
    server: SocketAddr,
    hello: Vec<u8>,
    sent: Vec<u8>,
    /// The compressor; `true`: it forgets each message.
    deflate: Compress,
    forgets: bool,
    /// The server forgets its own messages.
    server_forgets: bool,
}

impl Talk {
    fn begin(server: SocketAddr, path: &str, offer: &str) -> Self {
        let hello = handshake(server, path, offer);
        let exchange = Exchange::run(server, &Feed::whole(&hello), |exchange| {
            behind_head(&exchange.input).is_some()
        });
        let (head, _) = behind_head(&exchange.input).expect("an answer");
        let agreed = extension(&head).expect("an extension");
        let parameters: Vec<&str> = agreed.split(';').map(str::trim).collect();
        let bits = parameters.iter();
        let mut bits = bits.filter_map(|one| one.strip_prefix("client_max_window_bits="));
        let bits = bits
            .next()
            .map_or(15, |bits| bits.parse().expect("a number"));
        Self {
            server,
            hello,
            sent: Vec::new(),
            deflate: Compress::new_with_window_bits(Compression::new(6), false, bits),
            forgets: parameters.contains(&"client_no_context_takeover"),
            server_forgets: parameters.contains(&"server_no_context_takeover"),
        }
    }

    /// Sends a message in fragments of so many bytes.
    fn message(&mut self, message: &[u8], fragment: usize) {
        if self.forgets {
            self.deflate.reset();
        }
        let mut packed = Vec::with_capacity(message.len() + 1024);
        let done = self
            .deflate
            .compress_vec(message, &mut packed, FlushCompress::Sync);
        done.expect("it is compressed");
        assert!(packed.len() < packed.capacity(), "there was room");
        // RFC 7692, 7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end."
        match packed.len().checked_sub(4) {
            Some(length) => packed.truncate(length),
            // zlib does not flush twice for nothing. RFC 7692, 7.2.3.6: an empty block says nothing, too.
            None => packed = vec![0],
        }
        let count = packed.len().div_ceil(fragment).max(1);
        for (at, piece) in packed.chunks(fragment).enumerate() {
            let first = if at == 0 { 0x42 } else { 0x00 };
            let fin = if at + 1 == count { 0x80 } else { 0x00 };
            frames::masked(&mut self.sent, first | fin, piece);
        }
    }

    /// The messages that came, inflated, and the end.
    fn end(self) -> (Vec<Vec<u8>>, End) {
        let pieces = vec![&self.hello[..], &self.sent, LAST];
        let feed = Feed::cut(pieces, Duration::ZERO);
        let exchange = Exchange::run(self.server, &feed, |exchange| {
            exchange.input.ends_with(LAST_PONG)
        });
        let (_, mut said) = behind_head(&exchange.input).expect("an answer");
        let (mut messages, mut end) = (Vec::new(), End::Open);
        let mut inflate = Decompress::new(false);
        while let Some(Frame { first, payload }) = frames::next(&mut said) {
            match first {
                0x88 => end = End::of(payload),
                0x8a => {}
                0x81 | 0x82 => messages.push(payload.to_vec()),
                0xc1 | 0xc2 => messages.push(self.inflated(&mut inflate, payload.to_vec())),
                // An echo has no need of fragments.
                _ => panic!("{first:#x}"),
            }
        }
        (messages, end)
    }

    fn inflated(&self, inflate: &mut Decompress, mut packed: Vec<u8>) -> Vec<u8> {
        if self.server_forgets {
            inflate.reset(false);
        }
        packed.extend_from_slice(&[0, 0, 0xff, 0xff]);
        let mut message = Vec::with_capacity(1 << 20);
        let done = inflate.decompress_vec(&packed, &mut message, FlushDecompress::Sync);
        done.expect("it inflates");
        message
    }
}
