//! The phase of a connection, and its flags.

/// The phase of a connection: its protocol and the source of its next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Phase {
    /// The slot is free.
    Free,
    /// Requests come in, answers go out.
    Request,
    /// A stream, also of a WebSocket: the service says what comes next.
    Stream,
    /// A stream of ticks, one a second, all of it private.
    Watch {
        /// Each tick is one chunk, and a last chunk ends them.
        chunked: bool,
    },
    /// A WebSocket without a subscription.
    Socket,
    /// A WebSocket whose close frame is out; the peer's is awaited.
    CloseSent,
    /// The last private bytes go out, then FIN.
    Closing,
    /// FIN is sent; what the peer still sends is read and dropped.
    Drain,
}

const _: () = assert!(size_of::<Phase>() == 1);

/// The flags of a connection: the state of its socket, and the queues that it is in.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::net) struct Flags(u8);

impl Flags {
    /// The socket took no more; its writable edge will come.
    pub(in crate::net) const BLOCKED: u8 = 1;
    /// The connection is in the ready queue.
    pub(in crate::net) const READY: u8 = 2;
    /// The socket may hold bytes that nobody read.
    pub(in crate::net) const UNREAD: u8 = 4;
    /// The peer has closed its direction.
    pub(in crate::net) const EOF: u8 = 8;
    /// The connection's next answer waits for its offset.
    pub(in crate::net) const PARKED: u8 = 16;
    /// A WebSocket has input that waits until its answers have left.
    pub(in crate::net) const HELD: u8 = 32;

    pub(in crate::net) fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    pub(in crate::net) fn set(&mut self, flag: u8) {
        self.0 |= flag;
    }

    pub(in crate::net) fn clear(&mut self, flag: u8) {
        self.0 &= !flag;
    }
}
