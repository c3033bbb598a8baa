//! Slow clients: what happens to who falls behind, step by step, and why nobody else notices.
//!
//! An event is encoded once for all streams of one form, into a **frame log**. A connection is a place in
//! that log, so a slow one costs a number, not a queue. It goes down these steps, and comes back up when
//! it reads again:
//!
//! | step | where its next bytes are | bound | beyond it |
//! | --- | --- | --- | --- |
//! | 1 | in the kernel | `notsent_lowat`, 16 KiB unsent | nothing more is written to it |
//! | 2 | in the frame log, shared by all | `frame_log_bytes`, 4 MiB | it is served from the ring |
//! | 3 | in the ring, encoded for it alone, `private_bytes` (64 KiB) at a time | `capacity` 65,536 events, `ring_bytes` 64 MiB | it gets a `gap` with the number, and goes on with the oldest that is kept |
//! | - | it takes no byte at all | `write_timeout`, 30 s | it is cut, and can resume |
//!
//! **A client that stops inside a frame** still gets the rest of that frame: when the log comes round to
//! overwrite it, the frame is saved, once for all who are inside it. All saved frames together may take
//! `half_sent_bytes`, 16 MiB; beyond that the connection is cut. Half an event is never followed by
//! another one: clients drop what the cut leaves, and resume before it.
//!
//! Nothing is lost silently on this way: a stream either has every event of its filter, or a `gap` where
//! some are missing, or it ends and can be resumed.
//!
//! # Other ways down
//!
//! Step 3 is what streams get that ask for nothing. They may want something else, by `slow=` in the
//! address, and say how far behind is too far, by `buffer=`, in bytes of frames (else: when the frame log
//! has come round):
//!
//! | `slow` | too far behind |
//! | --- | --- |
//! | `catch-up` | everything that is kept, however late |
//! | `gap` | a `gap` with the range and its number, then what is new |
//! | `latest` | the newest event of each topic, in order of position, a `gap` with the number that was left out, then what is new |
//! | `disconnect` | a `disconnect` event with the reason and `retry:`, then the end; the client resumes from where it was |
//!
//! A client that takes nothing at all is cut at `write_timeout` whatever it asked for. `latest` looks up the
//! events in the ring: one of a topic so quiet that the ring has dropped it is announced as gone.
//!
//! # Who is gone without a word
//!
//! A peer that loses its network says nothing. A stream with heartbeats notices at the `write_timeout` (30 s) after
//! the first one that is not acknowledged. Without heartbeats (`heartbeat=0`) nothing is sent to a quiet
//! stream; then the kernel asks after 30 s of silence whether the peer is there, again after 10 s, and the
//! connection ends 40 s after the last sign of it, with a longer `write_timeout` at the first question
//! after that. A WebSocket is asked with a ping after 20 s, and has 20 s to answer.
//!
//! # What this means for others
//!
//! * A publisher never waits for a reader. A slow subscriber in process is told
//!   [`Gap`](crate::hub::Gap) the same way.
//! * A slow connection does not delay a fast one: each turn of the reactor gives every connection a
//!   bounded amount.
//! * Memory does not grow with the number of slow clients, but for step 3 and the saved frames, which
//!   have the bounds above.
//!
//! # Choosing the numbers
//!
//! What a client may miss without a gap is `capacity` events or `ring_bytes`, whatever is less: at 1,000
//! events a second the default keeps about a minute. Size it for the longest absence that should go
//! unnoticed: a reload, a tunnel, a restart of the proxy.
//!
//! ```
//! use eventring::{Hub, ServerConfig};
//! use std::time::Duration;
//!
//! // Ten minutes of 1,000 small events a second; who takes nothing for ten seconds is cut.
//! let hub = Hub::builder().capacity(600_000).ring_bytes(256 << 20).build()?;
//! let config = ServerConfig::default().write_timeout(Duration::from_secs(10));
//! # Ok::<(), eventring::hub::HubError>(())
//! ```
//!
//! [`ServerStats`](crate::gateway::ServerStats) counts the streams that fell behind and those that were cut.
