//! WebSocket frames and messages: the same whatever the cut, and the verdict of another implementation.

use std::io::{self, Read, Write};

use eventring::wire::http::{Head, HttpLimits, RequestDecoder, ResponseDecoder, Step};
use eventring::wire::ws::{
    Agreed, ClientHandshake, CloseCode, CloseFrame, ControlRate, Handshake, HandshakeError,
    HandshakePolicy, Inflate, MessageDecoder, MessageKind, MessageLimits, MessageStep, Opcode,
    Peer, Scratch, Violation, apply_mask, close_frame, masked_frame,
};
use proptest::prelude::*;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

fn limits() -> MessageLimits {
    MessageLimits::default()
        .frame_bytes(1000)
        .message_bytes(1500)
        .fragments(100)
}

/// What one implementation says about an input.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close,
    Failed,
}

/// Reads from a slice as much at a time as `cuts` say, and lets what is written vanish.
struct Pieces<'a> {
    rest: &'a [u8],
    cuts: Vec<usize>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = self.cuts.pop().unwrap_or(usize::MAX);
        let n = n.min(self.rest.len()).min(buffer.len()).max(1);
        let (piece, rest) = self.rest.split_at(n);
        buffer[..n].copy_from_slice(piece);
        self.rest = rest;
        Ok(n)
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn oracle(input: &[u8], cuts: Vec<usize>) -> Vec<Said> {
    let config = WebSocketConfig::default()
        .max_frame_size(Some(limits().frame_bytes))
        .max_message_size(Some(limits().message_bytes));
    let pieces = Pieces { rest: input, cuts };
    let mut socket = WebSocket::from_raw_socket(pieces, Role::Server, Some(config));
    let mut said = Vec::new();
    loop {
        said.push(match socket.read() {
            Ok(Message::Text(text)) => Said::Text(text.as_bytes().to_vec()),
            Ok(Message::Binary(data)) => Said::Binary(data.to_vec()),
            Ok(Message::Ping(data)) => Said::Ping(data.to_vec()),
            Ok(Message::Pong(data)) => Said::Pong(data.to_vec()),
            Ok(Message::Close(_)) => {
                said.push(Said::Close);
                return said;
            }
            Ok(Message::Frame(frame)) => unreachable!("{frame:?} is never read"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return said,
            Err(_) => {
                said.push(Said::Failed);
                return said;
            }
        });
    }
}

fn ours(input: &[u8], cuts: &[usize]) -> (Vec<Said>, Option<Violation>) {
    let mut scratch = Scratch::new();
    let mut decoder = MessageDecoder::new(Peer::Client, Inflate::No, limits());
    let mut said = Vec::new();
    let mut rest = input;
    let mut cuts = cuts.iter().copied();
    while !rest.is_empty() {
        let n = cuts.next().unwrap_or(usize::MAX).clamp(1, rest.len());
        let mut piece = rest[..n].to_vec();
        rest = &rest[n..];
        let mut used = 0;
        loop {
            match decoder.decode(&mut piece[used..], &mut scratch) {
                Err(violation) => {
                    said.push(Said::Failed);
                    return (said, Some(violation));
                }
                Ok((_, MessageStep::NeedMore)) => break,
                Ok((taken, item)) => {
                    used += taken;
                    said.push(match item {
                        MessageStep::Message(MessageKind::Text, data) => Said::Text(data.to_vec()),
                        MessageStep::Message(MessageKind::Binary, data) => {
                            Said::Binary(data.to_vec())
                        }
                        MessageStep::Ping(data) => Said::Ping(data.to_vec()),
                        MessageStep::Pong(data) => Said::Pong(data.to_vec()),
                        _ => Said::Close,
                    });
                    if said.last() == Some(&Said::Close) {
                        return (said, None);
                    }
                }
            }
        }
    }
    (said, None)
}

/// Frames that are mostly in order: (first byte, payload, length form, whether masked).
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![
        8 => Just(1u8), 4 => Just(2), 6 => Just(0), 3 => Just(9), 2 => Just(10), 1 => Just(8), 1 => 0u8..16,
    ];
    let payload = prop_oneof![
        4 => "[a-zé😀]{0,40}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..140),
        1 => prop::collection::vec(Just(b'x'), 900..1100),
    ];
    let first = (
        opcode,
        prop::bool::weighted(0.7),
        prop_oneof![20 => Just(0u8), 1 => 0u8..8],
    )
        .prop_map(|(opcode, fin, rsv)| u8::from(fin) << 7 | rsv << 4 | opcode);
    let frame =
        (first, payload, prop::bool::weighted(0.98)).prop_map(|(first, payload, masked)| {
            let mask = [3, 1, 4, 159];
            let mut out = Vec::new();
            masked_frame(&mut out, Opcode::Binary, &payload, mask);
            out[0] = first;
            if !masked {
                let start = out.len() - payload.len();
                apply_mask(&mut out[start..], mask);
                out[1] &= 0x7f;
                out.drain(start - 4..start);
            }
            out
        });
    prop::collection::vec(frame, 0..12).prop_map(|frames| frames.concat())
}

/// Where both may differ: tungstenite looks at the mask after the whole frame, at text after the whole
/// message, takes any close payload, and takes lengths in any form.
fn agree(input: &[u8], cuts: Vec<usize>) {
    let (mine, violation) = ours(input, &cuts);
    let theirs = oracle(input, cuts);
    match violation {
        Some(Violation::LengthForm { .. } | Violation::LengthSign) => {}
        // Fails while it arrives; the oracle may wait for the rest, or hand out what stands before it.
        Some(_) => {
            let before = &mine[..mine.len() - 1];
            assert!(
                theirs.len() >= before.len() && theirs[..before.len()] == *before,
                "{violation:?}\n{mine:?}\n{theirs:?}"
            );
            let next = theirs.get(before.len());
            let waits = matches!(
                next,
                None | Some(Said::Failed | Said::Ping(_) | Said::Pong(_) | Said::Close)
            );
            assert!(waits, "{violation:?} is taken for {next:?}");
        }
        None => assert_eq!(mine, theirs),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn frames_have_the_verdict_of_tungstenite(input in frames(), cuts in prop::collection::vec(1usize..40, 0..20)) {
        agree(&input, cuts);
    }

    #[test]
    fn any_bytes_have_the_verdict_of_tungstenite(input in prop::collection::vec(any::<u8>(), 0..60)) {
        agree(&input, Vec::new());
    }

    #[test]
    fn a_message_is_the_same_however_it_is_cut(input in frames()) {
        let whole = ours(&input, &[]);
        prop_assert_eq!(&ours(&input, &vec![1; input.len()]).0, &whole.0);
    }
}

/// The head of a client's request for a WebSocket, with these field lines.
fn request(fields: &[u8]) -> Head {
    let text = [b"GET / HTTP/1.1\r\nHost: a\r\n", fields, b"\r\n"].concat();
    match RequestDecoder::new(HttpLimits::default()).decode(&text) {
        Ok((_, Step::Head(head))) => head,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_and_a_server_agree_on_a_protocol() {
    let client = ClientHandshake::new([7; 16]).protocols(&["b", "a"]);
    let mut fields = Vec::new();
    client.write_fields(&mut fields);
    let policy = HandshakePolicy::default().protocols(&["a"]);
    let server = Handshake::read(&request(&fields), &policy).unwrap();
    let mut answer = Vec::new();
    server.write_response(&mut answer);
    let mut decoder = ResponseDecoder::new(HttpLimits::default());
    let (_, Step::Head(head)) = decoder.decode(&answer).unwrap() else {
        panic!("a head is there")
    };
    let agreed: Agreed = client.read(&head).unwrap();
    assert_eq!(agreed.protocol.as_deref(), Some("a"));
    let refused = Handshake::read(&request(b"Upgrade: websocket\r\n"), &policy);
    assert!(
        matches!(refused, Err(HandshakeError::NoUpgrade)),
        "{refused:?}"
    );
}

#[test]
fn a_close_says_why_and_a_flood_of_pings_is_one() {
    let mut bytes = Vec::new();
    close_frame(&mut bytes, CloseCode::GOING_AWAY, "restart");
    let mut decoder = MessageDecoder::new(Peer::Server, Inflate::No, limits());
    let (_, step) = decoder.decode(&mut bytes, &mut Scratch::new()).unwrap();
    let MessageStep::Close(Some(CloseFrame { code, reason })) = step else {
        panic!("{step:?}")
    };
    assert_eq!((code, reason), (CloseCode::GOING_AWAY, "restart"));
    let mut rate = ControlRate::default();
    assert!(rate.count(1, 2).is_ok() && rate.count(1, 2).is_ok());
    assert_eq!(
        rate.count(1, 2),
        Err(Violation::TooManyControls { limit: 2 })
    );
    assert!(rate.count(2, 2).is_ok(), "a second later");
}
