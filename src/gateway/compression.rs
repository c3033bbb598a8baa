//! Which streams are compressed.

use super::problem::Problem;
use crate::wire::http::{Coding, Head};

/// Whether streams are compressed for clients that accept it.
///
/// An event is compressed once for all readers with the same filter. What two tenants publish may then
/// meet in one window: who can publish into a stream and see the length of what others get, encrypted
/// or not, learns whether it repeats what he published. Where that matters, turn it off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// No: all streams are sent as they are.
    Off,
    /// With gzip, for clients whose `Accept-Encoding` has it, and over WebSocket for those that offer
    /// permessage-deflate.
    #[default]
    Gzip,
}

impl Compression {
    /// The coding for the stream that `head` asks for.
    // RFC 9110, 15.5.7: 406 where no representation is acceptable.
    pub(super) fn choose(self, head: &Head) -> Result<Coding, Problem> {
        let offered: &[Coding] = match self {
            Self::Off => &[Coding::Identity],
            Self::Gzip => &[Coding::Gzip, Coding::Identity],
        };
        Coding::choose(head, offered).ok_or_else(|| {
            let detail = match self {
                Self::Off => "accept-encoding: streams come as identity",
                Self::Gzip => "accept-encoding: streams come as identity or gzip",
            };
            Problem::new(406, detail).field("accept-encoding")
        })
    }
}
