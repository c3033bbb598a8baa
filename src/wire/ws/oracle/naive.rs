//! A dumb decoder that judges the clever one, and recipes for nearly well-formed input.

use flate2::{Compress, Compression, FlushCompress};

use super::Got;
use crate::wire::ws::message::Inflater;
use crate::wire::ws::{Inflate, MessageKind, MessageLimits, Opcode, Peer, Violation, masked_frame};

/// Something is wrong; what, the clever decoder says.
const FAILED: Got = Got::Failed(Violation::Deflate);

/// A message that is open.
struct Open {
    kind: MessageKind,
    compressed: bool,
    wire_bytes: u64,
    data: Vec<u8>,
    fragments: u32,
}

/// Reads the whole `input`, from its start with nothing kept but what was joined.
pub fn naive(input: &[u8], (peer, inflate, limits): (Peer, Inflate, MessageLimits)) -> Vec<Got> {
    let mut all = Vec::new();
    let mut open: Option<Open> = None;
    let mut inflater = Inflater::new();
    let mut rest = input;
    loop {
        let Some((header, after)) = header(rest) else {
            return all;
        };
        let Ok((first, masked, len, mask)) = header else {
            all.push(FAILED);
            return all;
        };
        let (fin, rsv1, opcode) = (first & 0x80 != 0, first & 0x40 != 0, first & 0xf);
        let starts = opcode == 1 || opcode == 2;
        let wrong = masked != (peer == Peer::Client)
            || (rsv1 && (!starts || inflate == Inflate::No))
            || (opcode < 8 && len > limits.frame_bytes as u64)
            || (starts && open.is_some())
            || (opcode == 0 && open.is_none());
        if wrong {
            all.push(FAILED);
            return all;
        }
        let there = len.min(after.len() as u64) as usize;
        let whole = there as u64 == len;
        let payload: Vec<u8> = after[..there]
            .iter()
            .zip(mask.iter().cycle())
            .map(|(b, m)| b ^ m)
            .collect();
        rest = &after[there..];
        if opcode >= 8 {
            if !whole {
                return all;
            }
            all.push(control(opcode, payload));
            if all.last().is_some_and(Got::is_last) {
                return all;
            }
            continue;
        }
        let kind = if opcode == 1 {
            MessageKind::Text
        } else {
            MessageKind::Binary
        };
        let message = open.get_or_insert_with(|| Open::new(kind, rsv1));
        message.fragments += 1;
        message.wire_bytes += len;
        let over = message.wire_bytes > limits.message_bytes as u64;
        let ends = whole && fin;
        if over
            || message.fragments > limits.fragments
            || !message.push(&payload, ends, &mut inflater, &limits)
        {
            all.push(FAILED);
            return all;
        }
        if ends {
            all.push(Got::Message(
                message.kind,
                std::mem::take(&mut message.data),
            ));
            open = None;
            if inflate != Inflate::LookingBack {
                inflater.reset();
            }
        }
        if !whole {
            return all;
        }
    }
}

type Header = Result<(u8, bool, u64, [u8; 4]), ()>;

/// The header at the start of `input` and what follows it; `None`: it is not all there.
fn header(input: &[u8]) -> Option<(Header, &[u8])> {
    let first = *input.first()?;
    let known = matches!(first & 0xf, 0..=2 | 8..=10);
    if first & 0x30 != 0 || !known || (first & 0x88 == 0x08) {
        return Some((Err(()), input));
    }
    let second = *input.get(1)?;
    let short = u64::from(second & 0x7f);
    if first & 8 != 0 && short > 125 {
        return Some((Err(()), input));
    }
    let bytes = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if short == 127 && *input.get(2)? & 0x80 != 0 {
        return Some((Err(()), input));
    }
    let long = input.get(2..2 + bytes)?;
    let number = long
        .iter()
        .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    let len = if bytes == 0 { short } else { number };
    if (bytes == 2 && len < 126) || (bytes == 8 && len < 0x1_0000) {
        return Some((Err(()), input));
    }
    let rest = &input[2 + bytes..];
    if second & 0x80 == 0 {
        return Some((Ok((first, false, len, [0; 4])), rest));
    }
    let mask = *rest.first_chunk::<4>()?;
    Some((Ok((first, true, len, mask)), &rest[4..]))
}

fn control(opcode: u8, payload: Vec<u8>) -> Got {
    match (opcode, payload.as_slice()) {
        (9, _) => Got::Ping(payload),
        (10, _) => Got::Pong(payload),
        (_, []) => Got::Close(None),
        (_, [_]) => FAILED,
        (_, [a, b, reason @ ..]) => {
            let code = u16::from(*a) << 8 | u16::from(*b);
            let known = (1000..=1014).contains(&code) && !(1004..=1006).contains(&code);
            let reason = String::from_utf8(reason.to_vec());
            match reason {
                Ok(reason) if known || (3000..5000).contains(&code) => {
                    Got::Close(Some((code, reason)))
                }
                _ => FAILED,
            }
        }
    }
}

impl Open {
    fn new(kind: MessageKind, compressed: bool) -> Self {
        Self {
            kind,
            compressed,
            wire_bytes: 0,
            data: Vec::new(),
            fragments: 0,
        }
    }

    /// Adds the payload of a frame; `false`: the message is wrong.
    fn push(
        &mut self,
        payload: &[u8],
        ends: bool,
        inflater: &mut Inflater,
        limits: &MessageLimits,
    ) -> bool {
        let limit = limits.message_bytes;
        if !self.compressed {
            self.data.extend_from_slice(payload);
        } else if inflater.push(payload, &mut self.data, limit).is_err()
            || (ends && inflater.finish(&mut self.data, limit).is_err())
        {
            return false;
        }
        match std::str::from_utf8(&self.data) {
            _ if self.kind == MessageKind::Binary => true,
            Ok(_) => true,
            Err(error) => error.error_len().is_none() && !ends,
        }
    }
}

/// The frames of a client that a recipe stands for: each step takes a byte for what and one for how
/// much.
pub(super) fn frames_of(recipe: &[u8], inflate: Inflate) -> Vec<u8> {
    let mut out = Vec::new();
    let mut deflater = Compress::new(Compression::fast(), false);
    let mut rest = recipe;
    while let [what, much, after @ ..] = rest {
        let (payload, after) = after.split_at(usize::from(*much).min(after.len()));
        rest = after;
        let kind = if what & 8 == 0 {
            Opcode::Text
        } else {
            Opcode::Binary
        };
        let mask = [*what, *much, 0x5a, 0xa5];
        match what % 8 {
            0 | 1 => masked_frame(&mut out, kind, payload, mask),
            2 => masked_frame(
                &mut out,
                Opcode::Ping,
                &payload[..payload.len().min(125)],
                mask,
            ),
            3 => fragments(&mut out, (kind, payload), false, mask),
            4 | 5 => {
                let packed = packed(&mut deflater, payload);
                fragments(&mut out, (kind, &packed), true, mask);
                if inflate != Inflate::LookingBack {
                    deflater.reset();
                }
            }
            6 => fragments(&mut out, (kind, payload), true, mask),
            _ => masked_frame(
                &mut out,
                Opcode::Close,
                &payload[..payload.len().min(125)],
                mask,
            ),
        }
    }
    out
}

fn packed(deflater: &mut Compress, payload: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(payload.len() * 2 + 64);
    let done = deflater.compress_vec(payload, &mut packed, FlushCompress::Sync);
    done.expect("room was made for all of it");
    packed.truncate(packed.len().saturating_sub(4));
    packed
}

/// Two fragments of one message.
fn fragments(out: &mut Vec<u8>, (kind, payload): (Opcode, &[u8]), rsv1: bool, mask: [u8; 4]) {
    let (first, second) = payload.split_at(payload.len() / 2);
    let start = out.len();
    masked_frame(out, kind, first, mask);
    out[start] = out[start] & 0x7f | u8::from(rsv1) << 6;
    masked_frame(out, Opcode::Continuation, second, mask);
}
