//! Rules of messages, and the properties that the fuzzers check, on random input.

use proptest::prelude::*;

use super::oracle::{Got, any_answer, any_frames, any_handshake, any_messages, decoded};
use super::*;

const BIG: MessageLimits = MessageLimits {
    frame_bytes: 100_000,
    message_bytes: 100_000,
    fragments: 1000,
};

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    masked_frame(&mut out, Opcode::Binary, payload, [9, 8, 7, 6]);
    out[0] = first;
    out
}

fn read(frames: &[Vec<u8>], inflate: Inflate) -> Vec<Got> {
    decoded([&frames.concat()[..]], (Peer::Client, inflate, BIG))
}

fn text(text: &str) -> Got {
    Got::Message(MessageKind::Text, text.as_bytes().to_vec())
}

#[test]
fn control_frames_come_out_between_fragments() {
    let frames = [
        masked(0x01, b"Hel"),
        masked(0x89, b"1"),
        masked(0x00, b""),
        masked(0x8a, b""),
        masked(0x80, b"lo"),
        masked(0x88, b"\x03\xe8bye"),
        masked(0x81, b"after the close"),
    ];
    let want = [
        Got::Ping(b"1".to_vec()),
        Got::Pong(Vec::new()),
        text("Hello"),
        Got::Close(Some((1000, "bye".to_owned()))),
    ];
    assert_eq!(read(&frames, Inflate::No), want);
}

#[test]
fn each_violation_has_its_name_and_code() {
    use Violation as V;
    let table: [(Vec<Vec<u8>>, Violation, u16); 12] = [
        (vec![b"\x81\x02hi".to_vec()], V::NotMasked, 1002),
        (vec![masked(0xc1, b"hi")], V::ReservedBits { bits: 4 }, 1002),
        (vec![masked(0x80, b"hi")], V::NothingToContinue, 1002),
        (
            vec![masked(0x01, b"hi"), masked(0x81, b"ho")],
            V::MessageNotEnded,
            1002,
        ),
        (vec![masked(0x88, b"x")], V::CloseLength, 1002),
        (
            vec![masked(0x88, b"\x03\xed")],
            V::CloseCode { code: 1005 },
            1002,
        ),
        (vec![masked(0x88, b"\x03\xe8\xff")], V::Utf8 { at: 0 }, 1007),
        (vec![masked(0x81, b"ok\xff")], V::Utf8 { at: 2 }, 1007),
        (
            vec![masked(0x01, b"ok\xe2"), masked(0x80, b"\x82")],
            V::Utf8 { at: 2 },
            1007,
        ),
        (
            vec![b"\x82\xff\x00\x00\x00\x00\x00\x01\x86\xa1mask".to_vec()],
            V::FrameTooLarge {
                len: 100_001,
                limit: 100_000,
            },
            1009,
        ),
        (
            vec![masked(0x02, &[0; 60_000]), masked(0x80, &[0; 60_000])],
            V::MessageTooLarge { limit: 100_000 },
            1009,
        ),
        (
            std::iter::once(masked(0x02, b""))
                .chain(vec![masked(0x00, b""); 1000])
                .collect(),
            V::TooManyFragments { limit: 1000 },
            1009,
        ),
    ];
    for (frames, violation, code) in table {
        assert_eq!(read(&frames, Inflate::No), [Got::Failed(violation)]);
        assert_eq!(violation.close_code(), CloseCode(code), "{violation}");
    }
}

#[test]
fn wrong_text_fails_before_the_frame_has_ended() {
    let mut frame = masked(0x81, b"kosme \xf4\x90 and more");
    frame.truncate(6 + 8);
    let got = decoded(frame.chunks(1), (Peer::Client, Inflate::No, BIG));
    assert_eq!(got, [Got::Failed(Violation::Utf8 { at: 6 })]);
}

// RFC 7692, 7.2.3: the examples.
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";

#[test]
fn the_examples_of_the_rfc_inflate() {
    let fragments = [masked(0x41, &HELLO[..3]), masked(0x80, &HELLO[3..])];
    assert_eq!(read(&fragments, Inflate::EachMessage), [text("Hello")]);
    let again = [masked(0xc1, HELLO), masked(0xc1, b"\xf2\x00\x11\x00\x00")];
    assert_eq!(
        read(&again, Inflate::LookingBack),
        [text("Hello"), text("Hello")]
    );
    let window_is_gone = read(&again, Inflate::EachMessage);
    assert_eq!(
        window_is_gone,
        [text("Hello"), Got::Failed(Violation::Deflate)]
    );
    let stored = masked(0xc1, b"\x00\x05\x00\xfa\xffHello\x00");
    assert_eq!(read(&[stored], Inflate::EachMessage), [text("Hello")]);
    let last_block = masked(0xc1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00");
    assert_eq!(read(&[last_block], Inflate::EachMessage), [text("Hello")]);
    let two_blocks = masked(
        0xc1,
        b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
    );
    assert_eq!(read(&[two_blocks], Inflate::EachMessage), [text("Hello")]);
}

#[test]
fn a_window_outlives_plain_messages_between() {
    let frames = [
        masked(0xc1, HELLO),
        masked(0x01, b"plain "),
        masked(0x80, b"text"),
        masked(0xc1, b"\xf2\x00\x11\x00\x00"),
    ];
    let want = [text("Hello"), text("plain text"), text("Hello")];
    assert_eq!(read(&frames, Inflate::LookingBack), want);
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let mut packed = Vec::with_capacity(100_000);
    let mut deflater = flate2::Compress::new(flate2::Compression::best(), false);
    let zeros = vec![0; 10 << 20];
    deflater
        .compress_vec(&zeros, &mut packed, flate2::FlushCompress::Sync)
        .unwrap();
    assert!(packed.len() < 20_000);
    let got = read(&[masked(0xc2, &packed)], Inflate::EachMessage);
    assert_eq!(
        got,
        [Got::Failed(Violation::MessageTooLarge { limit: 100_000 })]
    );
}

#[test]
fn half_inflated_messages_are_bounded_over_all_connections() {
    let mut scratch = Scratch::new();
    let mut half = masked(0x41, &HELLO[..3]);
    let mut decoders = Vec::new();
    let refused = loop {
        let mut decoder = MessageDecoder::new(Peer::Client, Inflate::EachMessage, BIG);
        let mut bytes = half.clone();
        match decoder.decode(&mut bytes, &mut scratch) {
            Ok(_) => decoders.push(decoder),
            Err(violation) => break violation,
        }
    };
    assert_eq!(refused, Violation::TooManyInflating);
    assert_eq!(refused.close_code(), CloseCode::TRY_AGAIN);
    decoders.pop().unwrap().end(&mut scratch);
    let mut next = MessageDecoder::new(Peer::Client, Inflate::EachMessage, BIG);
    assert!(next.decode(&mut half, &mut scratch).is_ok());
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(
        size_of::<MessageDecoder>() <= 144,
        "{} bytes",
        size_of::<MessageDecoder>()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn bytes_are_read_as_by_the_dumb_decoder(input in prop::collection::vec(any::<u8>(), 0..100)) {
        any_frames(&input);
    }

    #[test]
    fn recipes_are_read_as_by_the_dumb_decoder(input in prop::collection::vec(any::<u8>(), 0..400)) {
        any_messages(&input);
    }

    #[test]
    fn a_handshake_of_any_fields_is_answered_or_refused(
        method in prop_oneof![4 => Just("GET"), 1 => Just("POST")],
        version in prop_oneof![5 => Just("13"), 1 => Just("8"), 1 => Just("13x")],
        key in prop_oneof![4 => Just("dGhlIHNhbXBsZSBub25jZQ=="), 1 => Just("short")],
        extensions in "(permessage-deflate|x|[;=, \"]|client_max_window_bits|15|8|server_max_window_bits){0,8}",
        protocols in "[ae, ]{0,5}",
    ) {
        let request = format!(
            "{method} / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: x, upgrade\r\n\
             Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: {key}\r\n\
             Sec-WebSocket-Extensions: {extensions}\r\nSec-WebSocket-Protocol: {protocols}\r\n\r\n",
        );
        any_handshake(request.as_bytes());
    }

    #[test]
    fn an_answer_of_any_fields_is_taken_or_refused(
        offered in 0..8u8,
        fields in "(Sec-WebSocket-Extensions: |Sec-WebSocket-Protocol: |permessage-deflate|; |server_|client_|\
                   no_context_takeover|max_window_bits|=9|=|eventring|a|, |\r\n|Upgrade: x\r\n){0,9}",
    ) {
        any_answer(&[&[offered], fields.as_bytes()].concat());
    }
}
