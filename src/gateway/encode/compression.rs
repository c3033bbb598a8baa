//! Which streams are compressed, and how.

use crate::gateway::http::problem::Problem;
use crate::wire::http::{Coding, Head};

/// The clients whose event streams are compressed, of those that accept it.
///
/// Libraries say that they accept gzip and inflate it in blocks: Ruby's `Net::HTTP`, Python's `sseclient` and
/// Mono have a small event when enough others have come, whatever the server. Browsers inflate as bytes come.
/// Who asks by parameter (`?compression=gzip`) has it anyway, and so has who accepts nothing else. Messages of a
/// WebSocket are inflated one by one, and always compressed for those who offer it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompressionFor {
    /// Those of browsers, which say so: they send `Sec-Fetch-Mode`, over https and to loopback.
    #[default]
    Browsers,
    /// All.
    All,
}

impl CompressionFor {
    /// All that there are, by the names that they have in bodies and settings.
    const NAMES: [(&str, Self); 2] = [("browsers", Self::Browsers), ("all", Self::All)];

    /// The name in bodies and settings.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, known)| *known == self);
        found.map_or("", |(name, _)| name)
    }

    /// The one of a name.
    ///
    /// ```
    /// use eventring::gateway::CompressionFor;
    ///
    /// assert_eq!(CompressionFor::parse("all"), Some(CompressionFor::All));
    /// assert_eq!(CompressionFor::parse("none"), None);
    /// ```
    pub fn parse(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, who)| *who)
    }

    /// The names that there are, for who gave another one.
    pub(in crate::gateway) const EXPECTED: &str = "compression_for is browsers or all";

    /// Returns whether the client of `head` is one of them.
    fn has(self, head: &Head) -> bool {
        self == Self::All || head.header("sec-fetch-mode").is_some()
    }

    /// Returns the fields of requests that answers differ by, where any are compressed.
    pub(in crate::gateway) fn vary(self) -> &'static str {
        match self {
            Self::Browsers => "Accept-Encoding, Sec-Fetch-Mode",
            Self::All => "Accept-Encoding",
        }
    }
}

/// The compression of streams for clients that accept it.
///
/// An event is compressed once for all readers with the same filter. What two tenants publish may then
/// meet in one window: who can publish into a stream and see the length of what others get, encrypted
/// or not, learns whether it repeats what he published. Where that matters, turn it off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// None: all streams are sent as they are.
    Off,
    /// With gzip, for clients whose `Accept-Encoding` has it (see [`CompressionFor`]), and over WebSocket for
    /// those that offer permessage-deflate.
    #[default]
    Gzip,
    /// As [`Gzip`](Self::Gzip), and with Brotli for clients that value it higher, or accept nothing else: up
    /// to [`ServerConfig::brotli_streams`](crate::gateway::ServerConfig::brotli_streams), since each has a compressor of its own.
    /// A build without the feature `brotli` refuses it where a server is [bound](crate::gateway::Server::bind).
    Brotli,
}

impl Compression {
    /// All that there are, by the names that they have in addresses, bodies and settings.
    const NAMES: [(&str, Self); 3] = [
        ("off", Self::Off),
        ("gzip", Self::Gzip),
        ("brotli", Self::Brotli),
    ];

    /// The name in addresses, bodies and settings.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, known)| *known == self);
        found.map_or("", |(name, _)| name)
    }

    /// The one of a name.
    ///
    /// ```
    /// use eventring::gateway::Compression;
    ///
    /// assert_eq!(Compression::parse("off"), Some(Compression::Off));
    /// assert_eq!(Compression::parse("zip"), None);
    /// ```
    pub fn parse(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, compression)| *compression)
    }

    /// The feature without which this build cannot do it; `None`: it can.
    pub(in crate::gateway) fn lacks(self) -> Option<&'static str> {
        (self == Self::Brotli && !cfg!(feature = "brotli")).then_some("brotli")
    }

    /// The one of a name that this build can do: clients are told of no other.
    pub(in crate::gateway) fn parse_built(name: &str) -> Option<Self> {
        Self::parse(name).filter(|compression| compression.lacks().is_none())
    }

    /// Lists the names that this build can do, for who gave another one.
    pub(in crate::gateway) fn expected() -> String {
        let built = Self::NAMES.iter().filter(|(_, one)| one.lacks().is_none());
        let names: Vec<&str> = built.map(|(name, _)| *name).collect();
        format!("compression is {}", names.join(", "))
    }

    /// The coding for the stream that `head` asks for, compressed `only_for` those unless nothing else is
    /// accepted; `brotli`: there is room for one more of that.
    // RFC 9110, 15.5.7: 406 where no representation is acceptable.
    pub(in crate::gateway) fn choose(
        self,
        only_for: CompressionFor,
        head: &Head,
        brotli: bool,
    ) -> Result<Coding, Problem> {
        // In the order in which equal wishes are served: gzip is shared by all readers of a class, Brotli is one
        // reader's own, so it goes first only where a client values it higher.
        let offered: &[Coding] = match self {
            Self::Off => &[Coding::Identity],
            Self::Brotli if brotli => &[Coding::Gzip, Coding::Brotli, Coding::Identity],
            _ => &[Coding::Gzip, Coding::Identity],
        };
        // Who accepts nothing but compressed bytes gets them all the same: 406 would help nobody.
        if !only_for.has(head)
            && let Some(plain) = Coding::choose(head, &[Coding::Identity])
        {
            return Ok(plain);
        }
        Coding::choose(head, offered).ok_or_else(|| {
            let names: Vec<&str> = offered.iter().map(|coding| coding.name()).collect();
            let detail = format!("accept-encoding: streams come as {}", names.join(", "));
            Problem::new(406, detail).field("accept-encoding")
        })
    }
}
