//! Guarantees: what holds, and what does not.
//!
//! | question | answer |
//! | --- | --- |
//! | In which order do events arrive? | In that of publishing: one order for all topics, the same for every reader. A stream with a filter sees its part of it. |
//! | What does `Ok` from a publish mean? | The event has its position, and every reader can see it. Not that anybody has received it. With a journal it is as safe as its [durability](super::operate::journal) says; without, it is in memory. |
//! | What does 200 to a `POST` mean? | The same. |
//! | And no answer? | It is published whole or not at all; which, the publisher does not know. |
//! | Does a `POST` that is sent again publish twice? | It may: there is no deduplication yet. |
//! | Are batches atomic? | Yes: contiguous, visible at one moment, or refused whole. `?atomic=false` gives that up, line by line. |
//! | Does a stream deliver at most or at least once? | Each event once, in order, as long as the client resumes with its last id within what is kept. Where that does not reach, a `gap` says so. |
//! | And a client that forgets its id? | Starts anew: at most once. |
//! | What does a client see of an event whose bytes were cut? | Nothing; it comes whole after resuming. |
//! | Can events be lost silently? | No: each loss is a `gap`, a `reset`, or [`Gap`](crate::hub::Gap). Connections that end are for the client to open again. |
//! | Is the number in a gap exact? | For readers of everything, yes. Behind a filter it is an upper bound, and `exact` is false. |
//! | Do events survive the process? | With a journal, and `eventring serve` keeps one: [`journal`](super::operate::journal). A hub in memory has a new epoch after a restart, and old ids get a `reset`. |
//! | Does a slow reader delay a publisher or other readers? | No. |
//! | Is there redelivery, acknowledgement, a dead letter? | No: there are no groups yet. Who reads keeps its own position. |
//! | Are offsets dense? | Yes, from 1, within one epoch. |
//! | Does the clock matter? | Not for order. Deadlines use the monotonic clock. |
//! | What does bad input do? | It is refused with the field, the line or the byte, and has no effect. |
//!
//! # How it is checked
//!
//! The ring by loom at a bounded number of preemptions and against a plain deque; parsers by fuzzing, cut
//! at every byte, and frame logs against one that keeps everything; streams by clients that stall, are cut
//! and come back at random, and by a network that cuts, delays, resets and stalls (`tests/gateway/chaos`), judged by
//! a record of what was published; over a link with delay and loss beside readers that stall
//! (`server/tests/wan`); and with clients and proxies that others wrote (`server/tests/real_clients`).
