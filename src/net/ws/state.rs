//! What the WebSockets of a reactor share.

use std::collections::VecDeque;

use crate::wire::ws::Scratch;

/// Entries of sockets that no longer inflate, among those that do, before they are swept.
const STALE_MAX: usize = 4096;

/// The buffers and inflaters that all WebSockets of a reactor share, and who has an inflater for how long.
pub(in crate::net) struct WsState {
    /// Sockets that inflate a message which is not whole, each with a ticket, in the order in which they began.
    inflating: VecDeque<(u32, u32)>,
    /// The ticket that was given last.
    last_ticket: u32,
    /// The buffers and inflaters that the decoders of all sockets share.
    scratch: Scratch,
    /// The buffer for the answers of one socket; empty between two sockets, its memory is kept.
    out: Vec<u8>,
}

impl WsState {
    pub(in crate::net) fn new() -> Self {
        Self {
            inflating: VecDeque::new(),
            last_ticket: 0,
            scratch: Scratch::new(),
            out: Vec::new(),
        }
    }

    /// The buffers and inflaters that all decoders share.
    pub(super) fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }

    /// Takes the buffer for the answers of one socket, which is empty.
    pub(super) fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Takes that buffer back, and `keep` bytes of its memory at most.
    pub(super) fn put_out(&mut self, mut out: Vec<u8>, keep: usize) {
        out.clear();
        // One large answer must not size a buffer that stays.
        out.shrink_to(keep);
        self.out = out;
    }

    /// Notes that socket `i` begins to inflate; `inflates` says who still does. Returns its ticket, which is not 0.
    pub(super) fn enter_inflating(&mut self, i: u32, inflates: impl Fn(u32, u32) -> bool) -> u32 {
        if self.inflating.len() >= STALE_MAX {
            self.inflating.retain(|(i, ticket)| inflates(*i, *ticket));
        }
        self.last_ticket = self.last_ticket.wrapping_add(1).max(1);
        self.inflating.push_back((i, self.last_ticket));
        self.last_ticket
    }

    /// Returns, if no further message can be inflated, the socket that began first, with its ticket.
    pub(super) fn take_oldest_if_full(&mut self) -> Option<(u32, u32)> {
        self.scratch.is_full().then(|| self.inflating.pop_front())?
    }
}
