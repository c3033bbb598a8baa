//! Compression: what readers save, what it costs, and when to turn it off.
//!
//! A browser's stream is compressed with gzip: browsers say that they accept it, and inflate as bytes come.
//! So is that of any other client that accepts gzip **and asks for it**, with `?compression=gzip`; `curl` does
//! both with `--compressed`. The answer says `Content-Encoding: gzip` and `Vary`. Qualities count:
//! `gzip;q=0.1, identity;q=0.2` is answered plain, and a client that accepts neither gets 406 (RFC 9110,
//! 12.5.3). `eventring serve --compression off`, or
//! [`ServerConfig::compression`](crate::gateway::ServerConfig), turns it off.
//!
//! ```sh
//! curl -N --compressed 'http://127.0.0.1:8080/api/v1/events/stream?compression=gzip'
//! ```
//!
//! Why not all who accept it: Ruby's `Net::HTTP`, Python's `sseclient`, Mono and others say so by themselves, and
//! inflate in blocks, so that a small event is there when the next ones have come. A single small event is not
//! even shorter in gzip. If your clients are known to inflate as bytes come, `--compression-for all`
//! ([`CompressionFor`](crate::gateway::CompressionFor)) compresses for all of them; an endpoint has the option
//! `compression_for`. A browser is known by `Sec-Fetch-Mode`, which it sends over https and to loopback; over
//! plain http to elsewhere its page asks by parameter.
//!
//! # Once for all
//!
//! A compressor per client costs each of them a window and each event a compression. Here an event is
//! compressed for all readers of the same filter and form at once, at most twice, whatever their number:
//!
//! * in a **chain**, where it refers to the events before it: for readers that have all of those. This is
//!   what nearly everybody reads nearly always.
//! * **apart**, where it refers to nothing: for those who have just come, or were sent something of their
//!   own in between. Only while there are any.
//!
//! At a **keyframe**, every 64th event, or after a second when somebody waits for one, the second kind of
//! reader becomes the first. Filters with fewer than eight readers, and those beyond sixteen chains, are
//! served apart always.
//!
//! | the event of the fan-out bench, 202 bytes on the wire | bytes |
//! | --- | --- |
//! | plain | 202 |
//! | in the chain, keyframes included | 28 |
//! | apart, words in it | 140 |
//! | apart, random letters in it | 168 |
//!
//! `compressed_events` and `compressions` in `GET /api/v1/stats` show the ratio for your events.
//!
//! # Brotli
//!
//! `--compression brotli` (in the library, the feature `brotli` and `Compression::Brotli`) also serves those of
//! them that value `br` higher than gzip, or accept nothing else, and who asks with `?compression=brotli`. Nothing of Brotli can be shared: each of these
//! streams has a compressor of its own, 0.7 MiB large, and compresses each event again. So they are
//! bounded, `--brotli-streams`, 64 of them; the next one gets gzip, if it accepts that. Browsers, which say
//! `gzip, deflate, br`, value them alike and get gzip.
//!
//! An endpoint's option `compression` is `off`, `gzip` or `brotli`; a request may ask for less with
//! `?compression=off`.
//!
//! # WebSocket
//!
//! A client that offers `permessage-deflate` (RFC 7692), as browsers do, gets its messages compressed in the
//! same way. What is sent to one client alone, answers and heartbeats, goes as it is: it passes by the
//! client's inflater, so that the client stays in the chain. A client that asks for
//! `server_no_context_takeover` reads apart. An offer that wants a window of less than 15 bits for the
//! server's messages is declined, and the next one tried. History is compressed for each client, in a chain
//! of its own.
//!
//! # As it comes
//!
//! Each event ends at a byte boundary with a flush: a client that inflates as bytes come has it at once.
//! A quiet stream gets an empty block as a heartbeat; if other topics have moved the newest id meanwhile,
//! it gets the id. When the server stops or ends the stream, the gzip stream ends in order, with a CRC
//! and a length that strict readers check. A stream that is cut ends without them.
//!
//! # When to turn it off
//!
//! What several parties publish meets in one window. Who can publish into a stream, and sees how many
//! bytes others get (through TLS even), learns whether his text repeats theirs. Where one may not know
//! what the other says, turn compression off. Events that are compressed already gain nothing.
