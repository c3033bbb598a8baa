//! What a server says to a client, whatever the protocol.

/// One thing that it says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// The head of the answer is as it should be; what follows is the stream.
    Opened,
    /// An event with this payload.
    Event(&'a str),
    /// An event whose payload is no text: not ours.
    Binary,
    /// So many events will not come.
    Gap(u64),
    /// What will not come is not known.
    Reset,
}
