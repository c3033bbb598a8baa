//! Properties that hold for any input: the fuzz targets and the property tests call these.

mod naive;

use super::{
    ClientHandshake, Deflate, DeflatePolicy, Handshake, HandshakePolicy, Inflate, MessageDecoder,
    MessageKind, MessageLimits, MessageStep, Peer, Scratch, Violation, accept,
};
use crate::wire::http;

pub use naive::naive;

/// Small bounds, so that short inputs reach them.
pub const LIMITS: MessageLimits = MessageLimits {
    frame_bytes: 300,
    message_bytes: 400,
    fragments: 5,
};

/// An item of the decoder, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// A message.
    Message(MessageKind, Vec<u8>),
    /// A ping.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// A close, with its code and reason.
    Close(Option<(u16, String)>),
    /// The end of it all.
    Failed(Violation),
}

impl Got {
    fn of(item: MessageStep<'_>) -> Option<Self> {
        Some(match item {
            MessageStep::NeedMore => return None,
            MessageStep::Message(kind, data) => Self::Message(kind, data.to_vec()),
            MessageStep::Ping(data) => Self::Ping(data.to_vec()),
            MessageStep::Pong(data) => Self::Pong(data.to_vec()),
            MessageStep::Close(frame) => {
                Self::Close(frame.map(|frame| (frame.code.0, frame.reason.to_owned())))
            }
        })
    }

    /// Returns whether nothing may be read after it.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Close(_) | Self::Failed(_))
    }
}

/// Everything that a decoder says about `pieces`.
pub fn decoded<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    (peer, inflate, limits): (Peer, Inflate, MessageLimits),
) -> Vec<Got> {
    let mut scratch = Scratch::new();
    let mut decoder = MessageDecoder::new(peer, inflate, limits);
    let mut all = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut used = 0;
        loop {
            let got = match decoder.decode(&mut piece[used..], &mut scratch) {
                Ok((taken, item)) => {
                    used += taken;
                    Got::of(item)
                }
                Err(violation) => Some(Got::Failed(violation)),
            };
            let Some(got) = got else {
                assert_eq!(used, piece.len(), "all is taken before more is asked for");
                break;
            };
            let last = got.is_last();
            all.push(got);
            if last {
                return all;
            }
        }
    }
    decoder.end(&mut scratch);
    all
}

/// The pieces of `input`, cut as the bytes of `cuts` say.
fn pieces<'a>(input: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut rest = input;
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, after) = rest.split_at(usize::from(*cut).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// Checks one input in several cuts against the naive decoder.
fn check(input: &[u8], cuts: &[u8], settings: (Peer, Inflate, MessageLimits)) {
    let whole = decoded([input], settings);
    let bytes = decoded(input.chunks(1), settings);
    let some = decoded(pieces(input, cuts), settings);
    let plain = naive(input, settings);
    assert!(same(&whole, &plain), "{whole:?}\nnaive: {plain:?}");
    assert!(same(&whole, &some), "{whole:?}\ncut at {cuts:?}: {some:?}");
    assert!(same(&whole, &bytes), "{whole:?}\nbyte by byte: {bytes:?}");
}

/// Returns whether both say the same. Where several things are wrong with one message, which of them shows
/// first depends on the cut; that something is wrong does not.
fn same(a: &[Got], b: &[Got]) -> bool {
    let failed = |got: Option<&Got>| matches!(got, Some(Got::Failed(_)));
    let both = failed(a.last()) && failed(b.last());
    a == b || (both && a[..a.len() - 1] == b[..b.len() - 1])
}

/// Any bytes as the frames of a client or server. The first bytes say which, and how it is cut.
pub fn any_frames(input: &[u8]) {
    let [way, a, b, c, rest @ ..] = input else {
        return;
    };
    let peer = if way & 1 == 0 {
        Peer::Client
    } else {
        Peer::Server
    };
    check(rest, &[*a, *b, *c], (peer, Inflate::No, LIMITS));
}

/// Any bytes as a recipe of messages, well formed or nearly: what is read is what was meant.
pub fn any_messages(input: &[u8]) {
    let [way, a, b, c, recipe @ ..] = input else {
        return;
    };
    let inflate = match way % 3 {
        0 => Inflate::No,
        1 => Inflate::EachMessage,
        _ => Inflate::LookingBack,
    };
    let bytes = naive::frames_of(recipe, inflate);
    check(&bytes, &[*a, *b, *c], (Peer::Client, inflate, LIMITS));
}

/// Any bytes as a handshake: never a panic, and a 101 only to what asks for it.
pub fn any_handshake(input: &[u8]) {
    let mut decoder = http::RequestDecoder::new(http::HttpLimits::default());
    let Ok((_, http::Step::Head(head))) = decoder.decode(input) else {
        return;
    };
    for (bits, looking_back) in [(8, false), (15, true)] {
        let policy = HandshakePolicy {
            protocols: &["a", "eventring"],
            deflate: Some(DeflatePolicy {
                server_window_bits: bits,
                looking_back,
            }),
        };
        let done = match Handshake::read(&head, &policy) {
            Ok(done) => done,
            Err(error) => {
                assert!((400..500).contains(&error.status()), "{error}");
                continue;
            }
        };
        assert_eq!((head.method(), head.version()), ("GET", 11));
        if let Some(Deflate {
            server_window_bits: Some(agreed),
            ..
        }) = done.deflate
        {
            assert!((bits..=15).contains(&agreed));
        }
        let mut out = Vec::new();
        done.write_response(&mut out);
        let mut client = http::ResponseDecoder::new(http::HttpLimits::default());
        let answer = client.decode(&out).expect("a response of ours");
        let http::Step::Head(answer) = answer.1 else {
            panic!("a whole head")
        };
        assert_eq!(answer.status(), 101);
    }
}

/// Any bytes as the answer to a handshake: never a panic, and a connection only by a 101 that answers
/// the key and agrees to what was offered. The first byte says what was offered, and whether the
/// rest is a whole answer or some fields for one that is right so far.
pub fn any_answer(input: &[u8]) {
    const KEY: [u8; 16] = *b"sixteen bytes...";
    let [how, rest @ ..] = input else { return };
    let (deflate, whole) = (how & 1 != 0, how & 2 == 0);
    let protocols: &[&str] = if how & 4 == 0 {
        &[]
    } else {
        &["a", "eventring"]
    };
    let handshake = ClientHandshake::new(KEY)
        .protocols(protocols)
        .deflate(deflate);
    let right = accept(handshake.key().as_bytes());
    let begun = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {right}\r\n"
    );
    let answer = if whole {
        rest.to_vec()
    } else {
        [begun.as_bytes(), rest, b"\r\n\r\n"].concat()
    };
    let mut decoder = http::ResponseDecoder::new(http::HttpLimits::default());
    let Ok((_, http::Step::Head(head))) = decoder.decode(&answer) else {
        return;
    };
    let Ok(agreed) = handshake.read(&head) else {
        return;
    };
    assert_eq!(head.status(), 101);
    let answered = head.header("sec-websocket-accept");
    assert_eq!(answered, Some(right.as_bytes()));
    assert!(deflate || agreed.deflate.is_none());
    let protocol = agreed.protocol.as_deref();
    assert!(protocol.is_none_or(|protocol| protocols.contains(&protocol)));
}
