//! The messages of a server to a client, whatever the protocol.

/// One message of the server.
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
    /// Events will not come, and the server cannot know which.
    Reset,
}
